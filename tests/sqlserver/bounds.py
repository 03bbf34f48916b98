"""Whether a statement reads a bounded part of v2: what keeps the import's load and memory small."""

import re

from tests.sqlserver.peer import Statement

# Tables that grow with v2's life: their ranges need an upper end.
GROWING = ("FormSubmission", "FormSubmissionMetaData")
_CATALOG = re.compile(r"\bFROM\s+(sys|INFORMATION_SCHEMA)\.", re.IGNORECASE)
_TOP = re.compile(r"^\s*SELECT\s+(DISTINCT\s+)?TOP\b", re.IGNORECASE)
_REDUCED = re.compile(r"\b(COUNT|COUNT_BIG|SUM|MIN|MAX)\s*\(|\bGROUP\s+BY\b", re.IGNORECASE)
_UPPER_END = re.compile(r"(<=|=|\bIN)\s*\(?@P\d|\] IS NULL$")
_OPEN_RANGE = re.compile(r">\s*@P\d")


def outside_of_parentheses(sql: str) -> str:
    """The statement with ``()`` in the place of each expression in parentheses."""
    while (less := re.sub(r"\((?=[^()])[^()]*\)", "()", sql)) != sql:
        sql = less
    return sql


def is_bounded(sql: str) -> bool:
    """Whether it asks nothing of v2's tables, or so many rows, a range of keys, or a count."""
    outer = outside_of_parentheses(sql)
    if not re.search(r"\bFROM\b", outer, re.IGNORECASE) or _CATALOG.search(outer):
        return True
    if _TOP.match(outer) or _REDUCED.search(outer) or _UPPER_END.search(sql):
        return True
    table = re.search(r"\bFROM\s+(?:\[\w+\]\.)?\[?(\w+)", outer, re.IGNORECASE)
    return bool(_OPEN_RANGE.search(sql)) and bool(table) and table.group(1) not in GROWING


def unbounded(statements: list[Statement]) -> list[str]:
    """The statements that read a table from end to end."""
    return [one.sql for one in statements if not is_bounded(one.sql)]
