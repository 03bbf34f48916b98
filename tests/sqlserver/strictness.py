"""What a real SQL Server refuses or takes for nothing, and pysqlbridge lets pass.

A product that such a server would refuse, or that would miss a text there, is not to pass with the
peer. Importing this module teaches pysqlbridge, in this process.
"""

import re
from typing import Any

from pysqlbridge import aggregate, catalog, predicate, source, sql, window
from pysqlbridge.sql import SqlError
from pysqlbridge.tds import result

from tests.sqlserver import casts, functions
from tests.sqlserver.values import Exact, Guid, weighty

# After those of casts and functions, whose work is wrapped here.
assert casts.cast
assert functions.FUNCTIONS

GUID_CHARACTERS, UNSAID = 36, 30  # UNSAID: of CAST AS char without a length

# --- characters without weight -------------------------------------------------------------------
# Outside of a binary collation U+0000, half of a surrogate pair and U+FFFD are nothing: a search
# for them finds none, and two texts that differ in them alone are equal.

_collated = predicate.collated


def _weighed(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Exact | Guid):
        value = weighty(value)
    return _collated(value)


for _module in (predicate, aggregate, catalog, window):
    _module.collated = _weighed

_like = predicate.Like.evaluate
_EMPTY_SET = re.compile(r"\[\^?-?\]")  # what is left of a set of characters without weight


def _like_weighed(like: Any, row: Any, params: Any) -> bool | None:
    value, pattern = like.operand.evaluate(row, params), like.pattern.evaluate(row, params)
    if isinstance(value, str) and isinstance(pattern, str):
        exact = isinstance(value, Exact) or isinstance(pattern, Exact)
        if not exact and (weighty(value), weighty(pattern)) != (value, pattern):
            if _EMPTY_SET.search(weighty(pattern)):
                return bool(like.negated)
            less = (predicate.Literal(weighty(one)) for one in (value, pattern))
            like = predicate.Like(*less, like.negated, like.escape)
    found: bool | None = _like(like, row, params)
    return found


predicate.Like.evaluate = _like_weighed
_charindex = predicate.FUNCTIONS["CHARINDEX"]


def _charindex_weighed(needle: Any, hay: Any, *start: Any) -> object:
    if isinstance(needle, Exact) or isinstance(hay, Exact):
        begin = max(int(start[0]) - 1, 0) if start else 0
        return functions.units(str(hay)).find(functions.units(str(needle)), begin) + 1
    pair = (weighty(one) if isinstance(one, str) else one for one in (needle, hay))
    return _charindex(*pair, *start)


predicate.FUNCTIONS["CHARINDEX"] = lambda needle, hay, *start: (
    None if needle is None or hay is None else _charindex_weighed(needle, hay, *start)
)


# --- statements ----------------------------------------------------------------------------------

_parse_select = sql.parse_select
_ORDERED = (
    "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and"
    " common table expressions, unless TOP, OFFSET or FOR XML is also specified."
)


def _parsed(text: str) -> Any:
    made = _parse_select(text)
    derived = [(one, one.derived) for one in (made, *made.joins) if one.derived is not None]
    for of, inner in [*((one.alias or one.table, two) for one, two in derived), *made.ctes]:
        if inner.order_by and inner.top is None and not inner.offset and inner.fetch is None:
            raise SqlError(_ORDERED, number=1033, severity=15)
        for number, item in enumerate(inner.items or (), 1):
            if not item.star and not item.output_name:
                said = f"No column name was specified for column {number} of '{of}'."
                raise SqlError(said, number=8155)
    return made


for _module in (sql, catalog):
    _module.parse_select = _parsed

_tokenize = predicate.tokenize


def _tokens(text: str) -> list[Any]:
    tokens: list[Any] = _tokenize(text)
    if any(token.text == "||" for token in tokens):  # of SQL Server 2025
        raise predicate.PredicateError("Incorrect syntax near '|'.", number=102, severity=15)
    return tokens


predicate.tokenize = _tokens


# --- aggregates and casts ------------------------------------------------------------------------

_aggregated = aggregate._values


def _values(
    table: Any, rows: Any, name: str, kind: str, item: Any = None, params: Any = None
) -> Any:
    column, present = _aggregated(table, rows, name, kind, item, params)
    if kind in ("MIN", "MAX", "SUM", "AVG"):
        bits = isinstance(column.type, result.Bit) or any(isinstance(v, bool) for v in present)
        null = name.upper() == "NULL"
        if bits or null:
            said = f"Operand data type {'NULL' if null else 'bit'} is invalid for {kind.lower()}"
            raise source.SourceError(f"{said} operator.", number=8117)
    return column, present


aggregate._values = _values
_cast_to = predicate.cast_to


def _cast(value: Any, to: str, size: int | None = None, *rest: Any, **how: Any) -> object:
    short = (UNSAID if size is None else size) < GUID_CHARACTERS
    if isinstance(value, Guid) and to in functions.TEXT_TYPES and short:
        said = "Insufficient result space to convert uniqueidentifier value to char."
        raise predicate.PredicateError(said, number=8170)
    return _cast_to(value, to, size, *rest, **how)


for _module in (predicate, catalog):
    if hasattr(_module, "cast_to"):
        _module.cast_to = _cast
