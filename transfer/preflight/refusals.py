"""What could not be looked at, as a line: who may not read what an import reads is blocked."""

from transfer import fitness
from transfer.exceptions import SourceError
from transfer.preflight.lines import Line, blocked, warning
from transfer.source import Source
from transfer.target import first_line

_DENIED = frozenset({229, 230})  # SQL Server's, for a table and a column
_DENIED_STATE = "42501"  # PostgreSQL's


def could_not(source: Source, area: str, check: str, error: Exception) -> Line:
    """The line for a part of the work that reads what the import reads, and failed."""
    found = f"could not be looked at: {first_line(error)}"
    if isinstance(error, SourceError) and denied(source, error):
        return blocked(area, check, found, "the import would stop there: let the login read it")
    return warning(area, check, found)


def denied(source: Source, error: SourceError) -> bool:
    """Whether v2 refused because the login has not the right to read."""
    cause = error.__cause__
    state = getattr(getattr(cause, "__cause__", None), "sqlstate", None)
    return state == _DENIED_STATE or fitness.number_of(source, error) in _DENIED
