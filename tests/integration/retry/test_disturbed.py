"""Retries that die, lose a connection or meet another importer (R2, R7)."""

import os
import signal
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.retry.common import assert_balanced, retry
from tests.runs import (
    TABLES,
    Quiet,
    counted,
    empty_v3,
    errors,
    rich_v2,
    run,
    snapshot,
)
from tests.v2 import V2, guid, make_v2
from transfer.batch import MappedBatch, TableState
from transfer.exceptions import RunError, RunStoppedError
from transfer.journal import DatabaseJournal
from transfer.load import Loader
from transfer.plan import PLAN
from transfer.progress import read_migrations
from transfer.retry_journal import RetriedBatch, RetryJournal
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2025, 1, 22, 20, 0, tzinfo=UTC)


def test_r2_a_retry_that_dies_after_a_page_is_gone_on_with(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2 = rich_v2(v2_path)
    run(name="night")
    title = "UPDATE FormType SET DisplayName = ? WHERE Id = ?"
    v2.execute(title, ("Survey", v2.forms[3]["Id"]))
    run_before = snapshot()
    retry()
    whole = snapshot()
    assert whole != run_before
    empty_v3()
    v2.execute(title, ("x" * 300, v2.forms[3]["Id"]))
    run(name="night")
    v2.execute(title, ("Survey", v2.forms[3]["Id"]))

    def die(_state: TableState) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retry(observer=Quiet(die), size=1)
    assert_balanced()
    retry()

    assert snapshot(*TABLES) == {table: whole[table] for table in TABLES}
    assert_balanced()


def test_r7_v3_that_stays_away_stops_the_retry_with_a_hint(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_v2(v2_path, organizations=[{}], users=[{"Email": None}])
    run(name="night")
    monkeypatch.setattr(
        "transfer.retry_journal._CLOSE", "SELECT 1 FROM nowhere WHERE %(closed)s = %(gone)s"
    )

    with pytest.raises(RunStoppedError, match=r"nowhere.* To go on: retry_v2 --name night$"):
        retry()

    assert_balanced()
    assert [e["attempts"] for e in errors()] == [1]


def two_broken_users(v2_path: Path) -> V2:
    """Two users without an email, imported, and repaired since."""
    v2 = make_v2(v2_path, organizations=[{}], users=[{"Email": None}, {"Email": None}, {}])
    run(name="night", batch_size=1)
    v2.execute("UPDATE User SET Email = Id || '@example.org' WHERE Email IS NULL")
    return v2


@pytest.mark.parametrize("arrived", [True, False])
def test_r2_a_connection_lost_over_a_commit_counts_the_page_once(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    two_broken_users(v2_path)
    real = Loader._load
    broken: list[bool] = []

    def losing(self: Loader, batch: Any) -> Any:
        if broken:
            return real(self, batch)
        broken.append(True)
        if arrived:
            real(self, batch)
            # As the journal is when the answer to the commit never came.
            self._journal.states["users"].become(before)
        self._target.writer.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    before = TableState("users", "")
    committed = RetryJournal.committed

    def remembering(self: RetryJournal, *args: Any) -> None:
        if len(broken) == 1:
            before.become(self.states["users"].copy())
        committed(self, *args)

    monkeypatch.setattr(Loader, "_load", losing)
    monkeypatch.setattr(RetryJournal, "committed", remembering)

    report = retry()

    assert broken
    assert report.closed == {"email_missing": 2}
    assert counted(report.migration, "users") == (3, 3, 0)
    assert {e["attempts"] for e in errors()} == {2}
    assert_balanced()


def test_r6_a_retry_that_hung_while_another_did_its_work_writes_nothing(v2_path: Path) -> None:
    v2 = two_broken_users(v2_path)
    v2.execute("UPDATE User SET Email = NULL WHERE Id = ?", (guid(2, 2),))
    state_before = run_progress()
    journal = RetryJournal("night", NOW, state_before, max_stored_warnings=10)
    hung = RetriedBatch(PLAN[1], 1, state_before["users"].last_key)
    retry()  # another one, which closed the first user's error
    before = snapshot()

    with closing(Target("test")) as target, pytest.raises(RunError, match="moved under this run"):
        Loader(target, journal).load(hung)

    assert snapshot() == before


def test_r6_an_import_that_hung_while_another_did_its_work_writes_nothing(v2_path: Path) -> None:
    """The other one came to the same number of batches, with a batch of another size."""
    make_v2(v2_path, organizations=[{}], users=[{"Email": None}, {}, {}])
    run(name="night", batch_size=1, limit=2)
    states = run_progress()
    users = states["users"]
    assert (users.status, users.batches) == ("in_progress", 1)
    run(name="night", batch_size=2, limit=2)
    before = snapshot()
    journal = DatabaseJournal("night", NOW, states, max_stored_warnings=10)
    batch = MappedBatch(PLAN[1], users.batches + 1, users.last_key)

    with closing(Target("test")) as target, pytest.raises(RunError, match="moved under this run"):
        Loader(target, journal).load(batch)

    assert snapshot() == before


def run_progress() -> dict[str, TableState]:
    with closing(Target("test", exclusive=False)) as target:
        return read_migrations(target.writer, "night")[0].states


def test_r9_ctrl_c_finishes_the_page_in_hand_and_says_so(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_broken_users(v2_path)

    report = retry(observer=Quiet(lambda _state: os.kill(os.getpid(), signal.SIGINT)), size=1)

    assert report.interrupted
    assert report.tried == {"email_missing": 1}
    assert "Interrupted after the page in hand. To go on: retry_v2 --name night" in report.as_text()
    assert_balanced()
    assert retry().tried == {"email_missing": 1}
