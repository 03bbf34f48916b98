"""What T-SQL has and pysqlbridge has not: functions, casts, COLLATE.

Importing this module teaches pysqlbridge, in this process. To add a function::

    @function("DATALENGTH", returns=int)
    def _datalength(value: object) -> object: ...

    @context_function("DB_NAME")  # one that asks who is connected, and to what
    def _db_name(about: About, *rest: object) -> object:
        return about["peer"].database

    @cast("VARBINARY", bytes)  # what CAST, CONVERT and their TRY_ forms make of a value
    def _to_varbinary(value: object, size: int | None, style: int | None) -> object: ...
"""

import dataclasses
import re
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from pysqlbridge import catalog, predicate, source
from pysqlbridge.predicate import (
    CAST_TYPES,
    CONTEXT_FUNCTIONS,
    FUNCTION_KINDS,
    FUNCTIONS,
    Narrow,
)
from pysqlbridge.tds import rpc
from pysqlbridge.tds.result import Column

from tests.sqlserver import catalog_views, types
from tests.sqlserver.values import Exact, Guid

About = dict[str, Any]  # what pysqlbridge knows of the connection; "peer" is the Peer
TEXT_TYPES = {name for name, kind in CAST_TYPES.items() if kind is str}
SIZE_UNSAID = 30  # of a CAST AS varbinary without a length

_CASTS: dict[str, Callable[[Any, int | None, int | None], object]] = {}


def function(name: str, *, returns: type | None = None) -> Callable[[Any], Any]:
    """Register a function of its arguments' values; ``returns`` types a column of NULLs."""

    def register(made: Any) -> Any:
        FUNCTIONS[name] = made
        if returns is not None:
            FUNCTION_KINDS[name] = returns
        return made

    return register


def context_function(name: str) -> Callable[[Any], Any]:
    """Register a function of the connection (About) and its arguments' values."""

    def register(made: Any) -> Any:
        CONTEXT_FUNCTIONS[name] = made
        return made

    return register


def cast(name: str, kind: type) -> Callable[[Any], Any]:
    """Register a type that values are cast to: a function of the value, the size and the style."""

    def register(made: Any) -> Any:
        CAST_TYPES[name] = kind
        _CASTS[name] = made
        return made

    return register


def units(text: str) -> str:
    """Text as its UTF-16 code units, a character each: what SQL Server counts and compares."""
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, struct.unpack(f"<{len(data) // 2}H", data)))


# --- functions -----------------------------------------------------------------------------------


@function("LEN", returns=int)
def _len(value: object) -> int | None:
    return None if value is None else len(units(_text(value).rstrip(" ")))


@function("DATALENGTH", returns=int)
def _datalength(value: object) -> int | None:
    if value is None:
        return None
    return 8 if isinstance(value, datetime) else len(_bytes(value))


@function("UNICODE", returns=int)
def _unicode(value: object) -> int | None:
    return ord(units(_text(value))[0]) if value else None


def _text(value: object) -> str:
    return str.upper(value) if isinstance(value, Guid) else str(predicate._text(value))


@context_function("SERVERPROPERTY")
def _server_property(about: About, name: str) -> object:
    known: dict[str, object] = about["peer"].properties
    return {key.lower(): value for key, value in known.items()}.get(name.lower())


@context_function("DB_NAME")
def _db_name(about: About, *_rest: object) -> object:
    return about["peer"].database


@context_function("SCHEMA_NAME")
def _schema_name(about: About, *number: object) -> object:
    peer = about["peer"]
    if not number:
        return peer.default_schema
    return next((name for name, known in peer.schema_ids().items() if known == number[0]), None)


@context_function("SCHEMA_ID")
def _schema_id(about: About, *name: str) -> object:
    wanted = (name[0] if name else about["peer"].default_schema).lower()
    return {key.lower(): value for key, value in about["peer"].schema_ids().items()}.get(wanted)


@context_function("OBJECT_ID")
def _object_id(about: About, name: str, *_kind: object) -> object:
    schema, _, table = name.replace("[", "").replace("]", "").rpartition(".")
    schema = schema.rpartition(".")[2]
    if schema.lower() in ("sys", "information_schema"):
        known = catalog_views.find(about["peer"], table, schema)
        return -1 if known else None  # numbers of the server's own objects are below nought
    found = about["peer"].find(table, schema or None)
    return found.object_id if found else None


@context_function("OBJECT_NAME")
def _object_name(about: About, number: object, *_rest: object) -> object:
    return next((t.name for t in about["peer"].tables if t.object_id == number), None)


@context_function("OBJECT_SCHEMA_NAME")
def _object_schema_name(about: About, number: object, *_rest: object) -> object:
    return next((t.schema for t in about["peer"].tables if t.object_id == number), None)


@context_function("COL_NAME")
def _col_name(about: About, number: object, column: int) -> object:
    table = next((t for t in about["peer"].tables if t.object_id == number), None)
    known = table is not None and 0 < column <= len(table.columns)
    return table.columns[column - 1].name if table is not None and known else None


# --- casts ---------------------------------------------------------------------------------------


@cast("UNIQUEIDENTIFIER", Guid)
def _to_guid(value: object, _size: int | None, _style: int | None) -> object:
    return Guid.of(value)


def _bytes(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case Guid():
            return value.wire
        case Narrow():
            return value.encode("cp1252", "replace")
        case str():
            return value.encode("utf-16-le", "surrogatepass")
        case bool():
            return bytes([value])
        case int():
            return value.to_bytes(4 if -(2**31) <= value < 2**31 else 8, "big", signed=True)
    raise predicate.PredicateError(f"cannot make bytes of {value!r}")


@cast("VARBINARY", bytes)
def _to_varbinary(value: object, size: int | None, style: int | None) -> object:
    if style in (1, 2) and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return _bytes(value)[: SIZE_UNSAID if size is None else size]


@cast("BINARY", bytes)
def _to_binary(value: object, size: int | None, _style: int | None) -> object:
    size = SIZE_UNSAID if size is None else size
    data = _bytes(value)
    return data[-size:].rjust(size, b"\0") if isinstance(value, int) else data[:size].ljust(size)


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
    if to in _CASTS:
        try:
            return _CASTS[to](value, size, style)
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


# --- COLLATE, and LIKE under a binary collation -------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Collate:
    """A value with a collation; only whether it is a binary one is known here."""

    operand: Any
    collation: str

    def evaluate(self, row: Mapping[str, object], params: Mapping[str, object]) -> object:
        value = self.operand.evaluate(row, params)
        if not isinstance(value, str):
            return value
        text = str.upper(value) if isinstance(value, Guid) else str(value)
        binary = self.collation.upper().endswith(("_BIN", "_BIN2", "_CS_AS"))
        return Exact(text) if binary else text


_parse_value = predicate._Parser.parse_value


def _parse_collated(parser: Any) -> object:
    node = _parse_value(parser)
    while (after := parser.peek()) and after.text.upper() == "COLLATE":
        parser.take()
        node = Collate(node, parser.take().text)
    return node


predicate._Parser.parse_value = _parse_collated
_compare = predicate.compare


def _compare_exactly(operator: str, left: Any, right: Any) -> bool:
    # A binary collation on one side is the comparison's.
    if isinstance(left, Exact) and isinstance(right, str):
        right = Exact(right)
    elif isinstance(right, Exact) and isinstance(left, str):
        left = Exact(left)
    found: bool = _compare(operator, left, right)
    return found


predicate.compare = _compare_exactly
_like = predicate.Like.evaluate


def _like_exactly(
    like: Any, row: Mapping[str, object], params: Mapping[str, object]
) -> bool | None:
    value, pattern = like.operand.evaluate(row, params), like.pattern.evaluate(row, params)
    if not isinstance(value, Exact) and not isinstance(pattern, Exact):
        found: bool | None = _like(like, row, params)
        return found
    if value is None or pattern is None:
        return None
    escape = like.escape.evaluate(row, params) if like.escape is not None else None
    body = predicate._like_body(units(str(pattern)), escape)
    matched = re.fullmatch(body, units(str(value)), re.DOTALL) is not None
    return matched is not like.negated


predicate.Like.evaluate = _like_exactly


# --- columns of computed values, and reading a row's column -------------------------------------

source.PYTHON_FOR.update({
    types.UniqueIdentifier: Guid, types.Text: str, types.NarrowText: str, types.Bit: bool,
    types.Integer: int, types.DateTime2: datetime, types.DateTime: datetime,
})  # fmt: skip
source.DECLARED_FOR.update({Guid: types.UniqueIdentifier(), bytes: types.LongBinary()})
_column_of = source.column_of


def _typed(name: str, values: list[object], kind: type | None = None) -> tuple[Column, list[Any]]:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, Guid) for value in present):
        return Column(name, types.UniqueIdentifier()), list(values)
    if present and all(isinstance(value, bytes) for value in present):
        return Column(name, types.LongBinary()), list(values)
    if present and all(isinstance(value, datetime) for value in present):
        zoned = any(value.tzinfo for value in present if isinstance(value, datetime))
        kind_of_time = types.DateTimeOffset() if zoned else types.DateTime2()
        return Column(name, kind_of_time), list(values)
    made: tuple[Column, list[Any]] = _column_of(name, values, kind)
    return made


source.column_of = _typed
# An aggregate over an expression guesses its type from the text of its values; the values say it.
source.infer_column = _typed
for module in (catalog, predicate):
    if hasattr(module, "column_of"):
        module.column_of = _typed
_evaluate_column = predicate.Column.evaluate


def _read_column(column: Any, row: Mapping[str, object], params: Mapping[str, object]) -> object:
    # The usual case without a look at every name of the row.
    if column.qualified is not None and column.qualified in row:
        return row[column.qualified]
    if column.name in row:
        return row[column.name]
    return _evaluate_column(column, row, params)


predicate.Column.evaluate = _read_column
_evaluate_parameter = predicate.ParameterRef.evaluate


def _read_bound(node: Any, row: Mapping[str, object], params: Mapping[str, object]) -> object:
    # Likewise: a list of many parameters would go through all of them for each.
    if node.name in params:
        return params[node.name]
    return _evaluate_parameter(node, row, params)


predicate.ParameterRef.evaluate = _read_bound


# --- parameters: types pysqlbridge does not read ------------------------------------------------

_read_value = rpc._read_value
_WIDTHS = {0x28: 3, 0x29: 5, 0x2A: 8, 0x2B: 10}  # date, time, datetime2, datetimeoffset


def _read_parameter(payload: bytes, at: int, kind: int) -> tuple[object, int]:
    if kind not in _WIDTHS:
        found: tuple[object, int] = _read_value(payload, at, kind)
        return found
    scale = 7
    if kind != 0x28:
        scale = payload[at]
        at += 1
    size = payload[at]
    at += 1
    if not size:
        return None, at
    data = payload[at : at + size]
    at += size
    offset = 0
    if kind == 0x2B:
        offset = struct.unpack("<h", data[-2:])[0]
        data = data[:-2]
    days = int.from_bytes(data[-3:], "little") if kind != 0x29 else 0
    clock = int.from_bytes(data[:-3] if kind != 0x29 else data, "little") if kind != 0x28 else 0
    moment = datetime(1, 1, 1) + timedelta(  # noqa: DTZ001 - SQL Server's times have no zone
        days=days, microseconds=clock * 10 ** (7 - scale) // 10
    )
    if kind == 0x2B:
        zone = timezone(timedelta(minutes=offset))
        return moment.replace(tzinfo=UTC).astimezone(zone), at
    return moment, at


rpc._read_value = _read_parameter
