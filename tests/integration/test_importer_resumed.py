"""Imports that stop, are killed or lose a connection, and are gone on with (R2, R7)."""

from pathlib import Path
from typing import Any

import pytest

from tests.runs import (
    TABLES,
    Quiet,
    counted,
    empty_v3,
    query,
    rich_v2,
    run,
    snapshot,
    state,
)
from transfer.batch import TableState

pytestmark = pytest.mark.django_db(transaction=True)


def undisturbed(v2_path: Path, size: int) -> dict[str, list[str]]:
    """What a run that nothing stops makes of a v2; v3 is empty again."""
    rich_v2(v2_path)
    run(name="night", batch_size=size)
    whole = snapshot()
    empty_v3()
    return whole


@pytest.mark.parametrize("size", [1, 2, 7])
def test_r2_stopped_at_every_batch_and_resumed_equals_an_undisturbed_run(
    v2_path: Path, size: int
) -> None:
    whole = undisturbed(v2_path, size)

    rounds = 0
    while (report := run(name="night", batch_size=size, limit=size)).outcome == "limited":
        rounds += 1
        assert report.notes == ["Stopped at --limit. To go on: import_v2 --name night"]
        assert rounds < 100

    assert report.outcome == "finished"
    assert rounds >= 30 // size
    assert snapshot() == whole


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("size", [1, 3])
def test_r2_a_run_that_dies_after_each_batch_and_is_started_again_equals_an_undisturbed_run(
    v2_path: Path, size: int
) -> None:
    """Also in the orphans beyond the last submission, and before a table's end is noted."""
    whole = undisturbed(v2_path, size)

    def die(_state: TableState) -> None:
        raise PowerCutError

    deaths = 0
    for _ in range(100):
        try:
            report = run(Quiet(die), name="night", batch_size=size)
        except PowerCutError:
            deaths += 1
        else:
            break

    assert report.outcome == "nothing to do"
    assert deaths >= 30 // size
    assert snapshot() == whole


def test_a_limit_is_of_records_over_all_tables(v2_path: Path) -> None:
    rich_v2(v2_path)

    report = run(name="night", batch_size=1000, limit=10)

    assert report.outcome == "limited"
    assert [counted(report, table)[1:] for table in TABLES] == [(3, 0), (2, 3), (2, 0), (0, 0)]
    assert [state(report, table).status for table in TABLES] == [
        "completed", "completed", "in_progress", "pending",
    ]  # fmt: skip


def test_r7_a_killed_writer_is_got_again_and_the_run_equals_an_undisturbed_one(
    v2_path: Path,
) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=2)
    whole = snapshot()
    empty_v3()
    killed: list[Any] = []

    def kill(_state: TableState) -> None:
        if len(killed) < 4:
            killed.append(
                query(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'pliers import_v2%%' AND state = 'idle'"
                    " AND datname = current_database()"
                )
            )

    report = run(Quiet(kill), name="night", batch_size=2)

    assert sum(found[0][0] for found in killed) >= 4
    assert report.outcome == "finished"
    assert snapshot() == whole
