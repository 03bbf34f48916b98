"""CAST, CONVERT and their TRY_ forms to the types pysqlbridge does not cast to.

Importing this module teaches pysqlbridge, in this process.
"""

from datetime import UTC, datetime
from typing import Any

from pysqlbridge import catalog, predicate

from tests.sqlserver import types
from tests.sqlserver.functions import CASTS, TEXT_TYPES, as_bytes, cast
from tests.sqlserver.values import Guid

SIZE_UNSAID = 30  # of a CAST AS varbinary without a length


@cast("UNIQUEIDENTIFIER", Guid)
def _to_guid(value: object, _size: int | None, _style: int | None) -> object:
    return Guid.of(value)


@cast("VARBINARY", bytes)
def _to_varbinary(value: object, size: int | None, style: int | None) -> object:
    if style in (1, 2) and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return as_bytes(value)[: SIZE_UNSAID if size is None else size]


@cast("BINARY", bytes)
def _to_binary(value: object, size: int | None, _style: int | None) -> object:
    size = SIZE_UNSAID if size is None else size
    if isinstance(value, int):  # a bigint's sign goes on to the left; an int's would not
        return value.to_bytes(max(size, 8), "big", signed=True)[-size:]
    return as_bytes(value)[:size].ljust(size, b"\0")


@cast("DATETIMEOFFSET", datetime)
def _to_datetimeoffset(value: object, _size: int | None, _style: int | None) -> object:
    at = types.moment(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_cast_to = predicate.cast_to


def _casting(
    value: Any,
    to: str,
    size: int | None = None,
    scale: int | None = None,
    style: int | None = None,
    **how: bool,
) -> object:
    if value is None:
        return None
    if to in CASTS:
        try:
            return CASTS[to](value, size, style)
        except ValueError as error:
            raise predicate.PredicateError(str(error), number=241) from error
    if to in TEXT_TYPES:
        value = _written(value, style, narrow=to in predicate.NARROW_TEXT_TYPES)
    elif to in ("INT", "BIGINT") and isinstance(value, bytes):
        return int.from_bytes(value, "big", signed=len(value) in (4, 8))
    elif to in ("DATETIME", "DATETIME2") and isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return _cast_to(value, to, size, scale, style, **how)


def _written(value: object, style: int | None, *, narrow: bool) -> object:
    """A value as a text of it begins with: ids in upper case, times as datetime2 writes them."""
    match value:
        case Guid():
            return str.upper(value)
        case bytes() if style in (1, 2):
            return ("0x" if style == 1 else "") + value.hex().upper()
        case bytes():
            if narrow:
                return value.decode("cp1252", "replace")
            return value.decode("utf-16-le", "surrogatepass")
        case datetime():
            return value.isoformat(sep="T" if style in (126, 127) else " ", timespec="microseconds")
    return value


predicate.cast_to = _casting
if hasattr(catalog, "cast_to"):
    catalog.cast_to = _casting
