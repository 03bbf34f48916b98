"""Column types of SQL Server: their names in the catalog, and their bytes on the wire (TDS)."""

import re
import struct
import uuid
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from pysqlbridge.tds import rpc
from pysqlbridge.tds.result import (
    Bit as _Bit,
)
from pysqlbridge.tds.result import (
    ColumnType,
    NVarChar,
    as_utf16,
)
from pysqlbridge.tds.result import (
    DateTime as _DateTime,
)
from pysqlbridge.tds.result import (
    Integer as _Integer,
)
from pysqlbridge.tds.result import (
    UniqueIdentifier as _UniqueIdentifier,
)

from tests.sqlserver.values import Guid

TICKS = 10**7  # of 100 ns, in a second
MAX_TEXT = 1 << 30  # characters an nvarchar(max) can hold
_COLLATION = bytes.fromhex("0904d00034")
_INT1, _INTN = 0x30, 0x26
_decode_number = rpc._decode_number


def _of_parameter(raw: bytes, kind: int) -> object:
    """A parameter's number; pysqlbridge reads a tinyint, which has no sign, as if it had one."""
    return raw[0] if kind in (_INT1, _INTN) and len(raw) == 1 else _decode_number(raw, kind)


rpc._decode_number = _of_parameter


class UniqueIdentifier(_UniqueIdentifier):
    """uniqueidentifier; its values are Guids."""

    sql_name: ClassVar[str] = "uniqueidentifier"

    def encode(self, value: object) -> bytes:
        if value is None:
            return b"\0"
        return b"\x10" + (value.wire if isinstance(value, Guid) else uuid.UUID(str(value)).bytes_le)


class Bit(_Bit):
    """bit."""

    sql_name: ClassVar[str] = "bit"


class Integer(_Integer):
    """int, or bigint of 8 bytes."""

    @property
    def sql_name(self) -> str:
        return {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}[self.width]


class Text(NVarChar):
    """nvarchar(n), or nvarchar(max) without a length; half a surrogate pair travels as it is."""

    sql_name: ClassVar[str] = "nvarchar"

    def __init__(self, length: int | None = None) -> None:
        # pysqlbridge counts with the number; what makes a column one of "max" is asked of is_max.
        super().__init__(MAX_TEXT if length is None else length)

    @property
    def is_max(self) -> bool:
        return self.max_chars == MAX_TEXT

    def encode(self, value: object) -> bytes:
        # An empty text has a terminator too; pysqlbridge leaves it out, and the client waits.
        return bytes(12) if self.is_max and value == "" else super().encode(value)


class NarrowText(ColumnType):
    """varchar(n): one byte a character, of Windows' code page 1252."""

    sql_name: ClassVar[str] = "varchar"

    def __init__(self, length: int) -> None:
        self.length = length

    def type_info(self) -> bytes:
        return b"\xa7" + struct.pack("<H", self.length) + _COLLATION

    def encode(self, value: object) -> bytes:
        if value is None:
            return b"\xff\xff"
        data = str(value).encode("cp1252", "replace")
        return struct.pack("<H", len(data)) + data


class LongBinary(ColumnType):
    """varbinary(max)."""

    sql_name: ClassVar[str] = "varbinary"

    def type_info(self) -> bytes:
        return b"\xa5\xff\xff"

    def encode(self, value: object) -> bytes:
        if value is None:
            return b"\xff" * 8
        data = value if isinstance(value, bytes) else as_utf16(str(value))
        if not data:
            return bytes(12)
        return struct.pack("<QI", len(data), len(data)) + data + bytes(4)


class FineTime(datetime):
    """A datetime2 with a seventh digit, which Python's has not."""

    seventh: int


def moment(value: object) -> datetime:
    """A time from the text a SQLite copy has, or as it is.

    Raises:
        ValueError: it is no time.
    """
    if isinstance(value, datetime):
        return value
    if found := re.search(r"\.\d{6}([1-9])\Z", str(value)):
        fine = FineTime.fromisoformat(str(value)[:-1])
        fine.seventh = int(found.group(1))
        return fine
    return datetime.fromisoformat(str(value))


def _clock(at: time, scale: int = 7, seventh: int = 0) -> bytes:
    seconds = (at.hour * 60 + at.minute) * 60 + at.second
    ticks = seconds * TICKS + at.microsecond * 10 + seventh
    return (ticks // 10 ** (7 - scale)).to_bytes(5, "little")


def _day(at: datetime) -> bytes:
    return (at.toordinal() - 1).to_bytes(3, "little")


class DateTime2(ColumnType):
    """datetime2(7)."""

    sql_name: ClassVar[str] = "datetime2"

    def type_info(self) -> bytes:
        return b"\x2a\x07"

    def encode(self, value: object) -> bytes:
        if value is None:
            return b"\0"
        at = moment(value)
        seventh = at.seventh if isinstance(at, FineTime) else 0
        return b"\x08" + _clock(at.time(), seventh=seventh) + _day(at)


class DateTimeOffset(ColumnType):
    """datetimeoffset(7); the wire has the moment in UTC and the offset in minutes."""

    sql_name: ClassVar[str] = "datetimeoffset"

    def type_info(self) -> bytes:
        return b"\x2b\x07"

    def encode(self, value: object) -> bytes:
        if value is None:
            return b"\0"
        at = moment(value)
        offset = at.utcoffset() or timedelta()
        utc = at.replace(tzinfo=None) - offset
        minutes = struct.pack("<h", int(offset.total_seconds() // 60))
        return b"\x0a" + _clock(utc.time()) + _day(utc) + minutes


class DateTime(_DateTime):
    """datetime, of 1/300 s."""

    sql_name: ClassVar[str] = "datetime"

    def encode(self, value: object) -> bytes:
        return super().encode(None if value is None else moment(value))


TIME_TYPES: dict[str, Callable[[], ColumnType]] = {
    "datetime2": DateTime2,
    "datetime": DateTime,
    "datetimeoffset": DateTimeOffset,
}


def sql_name(kind: ColumnType) -> str:
    """What the catalog calls the type."""
    names: Any = {"NVarChar": "nvarchar", "VarBinary": "varbinary", "Float": "float"}
    found: str = getattr(kind, "sql_name", None) or names.get(type(kind).__name__, "int")
    return found


def length(kind: ColumnType) -> int | None:
    """CHARACTER_MAXIMUM_LENGTH: -1 for max, None for what is no text."""
    if isinstance(kind, NVarChar):
        return -1 if kind.is_max or kind.max_chars is None else kind.max_chars
    return kind.length if isinstance(kind, NarrowText) else None
