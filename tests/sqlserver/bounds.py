"""Whether a statement reads a bounded part of v2: what keeps the import's load and memory small.

Bounded is: TOP; a range of the table's own leading key with an upper end; so many of its keys; a
count. A condition inside an EXISTS bounds nothing, and neither does one on any other column.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sqlserver.peer import Statement

MOST_ROWS = 100_000  # of TOP
MOST_KEYS = 1_000  # of a list; SQL Server takes 2,100 parameters in all
# By which a table's rows are found; whatever is not named here, renamed tables too, has its Id.
KEYS = {
    "FormSubmissionMetaData": ("Id", "FormSubmissionId"),
    "Field": ("Id", "FormTypeId"),
    "FieldSetting": ("Id", "FieldId"),
    "Field_Choice_Map": ("Id", "FieldId"),
}
# What forms are made of does not grow with v2's life: a range of it may be open above, or be what
# belongs to no form.
SMALL = ("Field", "FieldSetting", "Field_Choice_Map")

_VALUE = r"\(?(?:@P\d+|%s|CAST\((?:@P\d+|%s) AS \w+(?:\(\d+\))?\))\)?"
_CLAUSE = re.compile(r"\b(SELECT|FROM|WHERE|GROUP BY|HAVING|ORDER BY|OPTION)\b", re.IGNORECASE)
_TABLE = re.compile(
    r"\s*(?:(\[[^\]]*\]|\w+)\.)?(\[(?:[^\]]|\]\])*\]|\w+)(?:\s+(?:AS\s+)?\[?\w+\]?)?\s*\Z"
)
_AGGREGATE = re.compile(r"(COUNT|COUNT_BIG|SUM|MIN|MAX)\(\)(\s+AS\s+.+)?\Z", re.IGNORECASE)


def _flat(sql: str) -> str:
    """The statement with blanks in the place of what is in parentheses, brackets and quotes."""
    out, depth, closing = [], 0, ""
    for char in sql:
        inside = bool(depth or closing)
        if closing:
            closing = "" if char == closing else closing
            inside = bool(depth or closing)
        elif char in "['":
            closing = {"[": "]", "'": "'"}[char]
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            inside = bool(depth)
        out.append(" " if inside else char)
    return "".join(out)


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between the separators that stand in no parentheses."""
    flat, parts, at = _flat(text), [], 0
    for found in re.finditer(separator, flat, re.IGNORECASE):
        parts.append(text[at : found.start()].strip())
        at = found.end()
    return [*parts, text[at:].strip()]


def _clauses(sql: str) -> dict[str, str]:
    """The outermost SELECT's clauses by their first words."""
    found = list(_CLAUSE.finditer(_flat(sql)))
    ends = [one.start() for one in found[1:]] + [len(sql)][: len(found)]
    return {
        one.group(1).upper(): sql[one.end() : end].strip()
        for one, end in zip(found, ends, strict=True)
    }


def _bare(name: str) -> str:
    return name.strip().rpartition(".")[2].strip("[]")


def is_bounded(sql: str) -> bool:
    """Whether it asks nothing of v2's tables, or so many rows, a range of keys, or a count."""
    clauses = _clauses(sql)
    if not clauses.get("FROM") or not clauses.get("SELECT"):
        return not re.search(r"\bFROM\b", sql, re.IGNORECASE)
    if _of_catalog(sql):
        return True
    top = re.match(r"(?:DISTINCT\s+)?TOP\s*\(?(\d+)", clauses["SELECT"], re.IGNORECASE)
    if top:
        return int(top.group(1)) <= MOST_ROWS
    if _is_count(clauses):
        return True
    table = _TABLE.match(clauses["FROM"])
    if table is None:  # a join, or a table of its own making
        return False
    return _bounds(clauses.get("WHERE", ""), _bare(table.group(2)))


def _of_catalog(sql: str) -> bool:
    tables = re.findall(r"\b(?:FROM|JOIN)\s+([\[\]\w]+\.|\(|)", sql, re.IGNORECASE)
    return all(one.strip("[].").lower() in ("sys", "information_schema") for one in tables)


def _is_count(clauses: dict[str, str]) -> bool:
    """Whether a row is made of many: of all, or of those of a form or an organization."""
    grouped = {_bare(name) for name in _split(clauses.get("GROUP BY", ""), ",") if name}
    if grouped & {"Id", "FormSubmissionId"}:
        return False
    items = _split(clauses["SELECT"], ",")
    aggregates = [bool(_AGGREGATE.match(re.sub(r"\(\s*\)", "()", _flat(one)))) for one in items]
    names = [_bare(re.split(r"\s+AS\s+", one, flags=re.IGNORECASE)[0]) for one in items]
    rest = [name for name, made in zip(names, aggregates, strict=True) if not made]
    return any(aggregates) and set(rest) <= grouped


def _bounds(condition: str, table: str) -> bool:
    """Whether a condition leaves a bounded part of the table."""
    condition = condition.strip()
    while condition.startswith("(") and not _flat(condition)[1:-1].strip():
        condition = condition[1:-1].strip()
    for separator, together in ((r"\bOR\b", all), (r"\bAND\b", any)):
        parts = _split(condition, separator)
        if len(parts) > 1:
            return together(_bounds(part, table) for part in parts)
    return any(_bounds_key(condition, key) for key in KEYS.get(table, ("Id",))) or (
        table in SMALL and _bounds_small(condition, table)
    )


def _bounds_key(condition: str, key: str) -> bool:
    column = rf"(?:\[[^\]]+\]\.|\w+\.)?\[{key}\]"
    if re.fullmatch(rf"{column} (?:<=|<|=) {_VALUE}", condition):
        return True
    listed = re.fullmatch(rf"{column} IN \(({_VALUE}(?:, {_VALUE})*)\)", condition)
    return listed is not None and listed.group(1).count(",") < MOST_KEYS


def _bounds_small(condition: str, table: str) -> bool:
    """The same, of what forms are made of."""
    parent = KEYS[table][1]
    column = rf"(?:\[[^\]]+\]\.|\w+\.)?\[{parent}\]"
    if re.fullmatch(rf"{column} (?:> {_VALUE}|IS NULL)", condition):
        return True
    inner = re.fullmatch(r"EXISTS\s*\((.*)\)", condition, re.DOTALL)
    if inner is None or table == "Field":
        return False
    clauses = _clauses(inner.group(1))  # of fields in a range of forms
    of = _TABLE.match(clauses.get("FROM", ""))
    return of is not None and _bare(of.group(2)) == "Field" and _bounds(clauses["WHERE"], "Field")


def unbounded(statements: "Iterable[Statement]") -> list[str]:
    """The statements that read a table from end to end."""
    return [one.sql for one in statements if not is_bounded(one.sql)]
