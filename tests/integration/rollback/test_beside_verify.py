"""A verification beside a rollback of its migration ends with one line, and leaves nothing."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import transaction

from tests.crashes import wait_until
from tests.integration.proof.proving import after_batches, proved, verifications
from tests.integration.rollback.common import NONE, first, rollback, rows_of, two_tenants
from tests.runs import query
from transfer.exceptions import RunError
from transfer.proof.books import Books

pytestmark = pytest.mark.django_db(databases=["default", "v2"], transaction=True)

LINE = (
    r"^'one' was rolled back while it was being verified: nothing is left to verify, "
    r"and what was found is closed$"
)
OPEN = "SELECT count(*) FROM migration_differences WHERE resolved_at IS NULL"


def tampered(path: Path) -> None:
    """Two tenants, and in the first one's v3 a user whom a verification will name."""
    two_tenants(path)
    query("UPDATE users SET email = 'x' || email WHERE id = %s", [first("users")])


@pytest.mark.parametrize("batches", [1, 4])
def test_one_that_is_at_work_is_told_and_its_differences_are_closed(
    v2_path: Path, batches: int
) -> None:
    tampered(v2_path)
    observer = after_batches(batches, lambda: rollback("one", include_modified=True) and None)

    with pytest.raises(RunError, match=LINE):
        proved("one", observer, batch_size=1)

    assert verifications() == [("abandoned", None)]
    assert query(OPEN) == [(0,)]
    assert rows_of("one") == NONE


@pytest.mark.parametrize("method", ["open", "complete"])
def test_one_that_just_begins_or_ends_is_told_too(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    tampered(v2_path)
    real: Callable[..., Any] = getattr(Books, method)

    def after_rollback(*given: Any, **named: Any) -> Any:
        rollback("one", include_modified=True)
        return real(*given, **named)

    monkeypatch.setattr(Books, method, after_rollback)

    with pytest.raises(RunError, match=LINE):
        proved("one")

    assert all(status == "abandoned" for status, _ in verifications())
    assert query(OPEN) == [(0,)]


def test_what_it_is_just_storing_is_closed_as_well(v2_path: Path) -> None:
    """The rollback waits for the verification's transaction, and then sees what is in it."""
    tampered(v2_path)
    with pytest.raises(KeyboardInterrupt):
        proved("one", after_batches(1, _interrupt), batch_size=1)
    rolling_back = Thread(target=rollback, args=("one",))
    with transaction.atomic():
        query("UPDATE migration_verifications SET state = state")
        query(
            "INSERT INTO migration_differences (migration_name, verification_id, table_name,"
            " v2_table, record_id, kind, place)"
            " SELECT 'one', id, 'users', 'User', 'x', 'different', 'p' FROM migration_verifications"
        )
        rolling_back.start()
        wait_until(
            lambda: query(
                "SELECT 1 FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
        )
    rolling_back.join()

    assert verifications() == [("abandoned", None)]
    assert query(OPEN) == [(0,)]


def _interrupt() -> None:
    raise KeyboardInterrupt
