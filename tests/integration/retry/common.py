"""What the tests of retry_v2's service share."""

from typing import Any

from tests.runs import Quiet, documents, errors
from tests.v2 import guid
from transfer.open_errors import Wanted
from transfer.report import RetryReport
from transfer.retry import RetryOptions, run_retry
from transfer.verify import count_records as verify

NOWHERE = guid(4, 77)  # a form that v2 does not have


def retry(
    *ids: str,
    name: str | None = None,
    observer: Quiet | None = None,
    size: int = 200,
    **wanted: tuple[str, ...],
) -> RetryReport:
    return run_retry(RetryOptions(name, Wanted(ids=ids, **wanted), size), observer or Quiet())


def open_errors() -> list[dict[str, Any]]:
    return [e for e in errors() if e["severity"] == "error" and e["resolved_at"] is None]


def assert_balanced(name: str = "night") -> None:
    """The books and both databases agree, whatever is still open."""
    failed = [check.name for check in verify(name).checks if check.status == "FAILED"]
    assert failed == []
    for line in documents("migration_progress"):
        assert line["total_records"] == line["processed_records"] + line["failed_records"]
        assert line["ledger"]["records"]["read"] == line["total_records"]
