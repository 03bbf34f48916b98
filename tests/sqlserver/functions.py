"""What T-SQL has and pysqlbridge has not: functions, COLLATE; casts register here.

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
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pysqlbridge import predicate
from pysqlbridge.predicate import (
    CAST_TYPES,
    CONTEXT_FUNCTIONS,
    FUNCTION_KINDS,
    FUNCTIONS,
    Narrow,
)

from tests.sqlserver import catalog_views
from tests.sqlserver.values import Exact, Guid, weighty

if TYPE_CHECKING:
    from tests.sqlserver.peer import Peer

About = dict[str, Any]  # what pysqlbridge knows of the connection; "peer" is the Peer
TEXT_TYPES = {name for name, kind in CAST_TYPES.items() if kind is str}

CASTS: dict[str, Callable[[Any, int | None, int | None], object]] = {}


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
        CASTS[name] = made
        return made

    return register


def units(text: str) -> str:
    """Text as its UTF-16 code units, a character each: what SQL Server counts and compares."""
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, struct.unpack(f"<{len(data) // 2}H", data)))


def as_bytes(value: object) -> bytes:
    """What a binary of the value begins with, as DATALENGTH counts it."""
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


def tells_case(peer: "Peer") -> bool:
    """Whether the catalog tells upper from lower case, as the database does or by its own."""
    own = str(peer.options.get("catalog_collation_type_desc", "DATABASE_DEFAULT"))
    named = peer.options["collation_name"] if own == "DATABASE_DEFAULT" else own
    return re.search(r"_CS(_|$)|_BIN2?(_|$)", str(named)) is not None


# --- functions -----------------------------------------------------------------------------------


@function("LEN", returns=int)
def _len(value: object) -> int | None:
    return None if value is None else len(units(_text(value).rstrip(" ")))


@function("DATALENGTH", returns=int)
def _datalength(value: object) -> int | None:
    if value is None:
        return None
    return 8 if isinstance(value, datetime) else len(as_bytes(value))


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


@context_function("DB_ID")
def _db_id(_about: About, *_name: object) -> object:
    return catalog_views.DATABASE_ID - 1


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
        if schema == "SYS" and tells_case(about["peer"]):
            return None
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


# --- COLLATE, and LIKE under a binary collation -------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Collate:
    """A value with a collation; only whether it is a binary one is known here.

    One that tells upper from lower case is compared as a binary one, less what weighs nothing.
    """

    operand: Any
    collation: str

    def evaluate(self, row: Mapping[str, object], params: Mapping[str, object]) -> object:
        value = self.operand.evaluate(row, params)
        if not isinstance(value, str):
            return value
        text = str.upper(value) if isinstance(value, Guid) else str(value)
        if self.collation.upper().endswith(("_BIN", "_BIN2")):
            return Exact(text)
        return Exact(weighty(text)) if "_CS_" in self.collation.upper() else text


# Those the product or its tests name, and their like.
_COLLATIONS = re.compile(
    r"(SQL_)?Latin1_General(_CP1|_100)?(_BIN2?|_C[IS]_A[IS](_SC)?(_UTF8)?)\Z"
    r"|(database|catalog)_default\Z",
    re.IGNORECASE,
)
_parse_value = predicate._Parser.parse_value


def _parse_collated(parser: Any) -> object:
    node = _parse_value(parser)
    while (after := parser.peek()) and after.text.upper() == "COLLATE":
        parser.take()
        node = Collate(node, parser.take().text)
        if not _COLLATIONS.match(node.collation):
            said = f"Invalid collation '{node.collation}'."
            raise predicate.PredicateError(said, number=448)
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
