"""Verifications as tests ask for them: a report's JSON document, and what the books keep."""

from collections.abc import Callable
from typing import Any

from tests.runs import Quiet, query
from transfer.batch import TableState
from transfer.verify import VerifyOptions, verify

# What differs between two verifications of the same by its nature.
OF_ITS_RUN = ("verified_at", "seconds", "resumed", "resumed_from", "compared_before")


class Pulled(BaseException):
    """The plug of the process: nothing of the program gets to catch it."""


def proved(
    name: str | None = None, observer: Quiet | None = None, **options: Any
) -> dict[str, Any]:
    """Verify; the report's JSON document."""
    return verify(VerifyOptions(name, **options), observer).as_json()


def core(document: dict[str, Any]) -> dict[str, Any]:
    """A report without what differs between two of the same."""
    return {key: value for key, value in document.items() if key not in OF_ITS_RUN}


def failing(document: dict[str, Any]) -> dict[str, str]:
    """The failed checks and their notes."""
    return {
        check["name"]: check["note"] for check in document["checks"] if check["status"] == "FAILED"
    }


def table(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A table's line."""
    (found,) = [one for one in document["tables"] if one["table"] == name]
    return dict(found)


def after_batches(number: int, act: Callable[[], None]) -> Quiet:
    """An observer that acts once, after so many batches."""
    left = [number]

    def count(_state: TableState) -> None:
        left[0] -= 1
        if left[0] == 0:
            act()

    return Quiet(count)


def pull() -> None:
    """End the process as kill -9 does."""
    raise Pulled


def verifications() -> list[tuple[Any, ...]]:
    """Status and sample of every verification, in their order."""
    return query("SELECT status, sample FROM migration_verifications ORDER BY id")


def kept() -> list[tuple[Any, ...]]:
    """Every difference kept: what it is about, and whether it is closed."""
    return query(
        "SELECT table_name, record_id, kind, column_name, v2_value, v3_value,"
        " resolved_at IS NOT NULL FROM migration_differences ORDER BY table_name, record_id, place"
    )
