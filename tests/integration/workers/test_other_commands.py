"""What the other commands make of a migration that was killed in the middle of its ranges."""

import json
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.runs import TABLES, Quiet, empty_v3, query, rich_v2, run, snapshot
from tests.v2 import V2
from transfer.batch import TableState
from transfer.models import MigrationProgress

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """As SIGKILL: nothing is tidied up."""


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)


@pytest.fixture
def killed(v2: V2) -> dict[str, int]:
    """Kill an import that has some of its ranges; what the books count of them, by status."""

    def strike(state: TableState) -> None:
        if state.table == "submissions" and state.processed >= 6:
            raise Killed

    with pytest.raises(Killed):
        run(Quiet(strike), name="night", batch_size=1, workers=2)
    rows = query(
        "SELECT status, count(*) FROM migration_progress WHERE partition > 0 GROUP BY status"
    )
    assert dict(rows).keys() == {"completed", "in_progress"}
    return dict(rows)


def said(*arguments: str) -> str:
    out = StringIO()
    with suppress(SystemExit):
        call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def in_v3() -> int:
    ((count,),) = query("SELECT count(*) FROM submissions")
    return int(count)


def test_status_tells_the_sum_of_the_ranges(killed: dict[str, int]) -> None:
    (migration,) = json.loads(said("status_v2", "--json"))["migrations"]

    submissions = migration["tables"][-1]
    assert submissions["table"] == "submissions"
    assert submissions["status"] == "in_progress"
    assert submissions["total"] == 18
    assert submissions["processed"] == in_v3() >= 6
    ranges = sum(killed.values())
    text = said("status_v2")
    assert f"{killed['completed']} of {ranges} ranges" in text
    assert "To go on: import_v2 --name night" in text


def test_verify_says_it_is_unfinished_and_counts_each_record_once(killed: object) -> None:
    text = said("verify_v2", "--name", "night")

    assert "is in_progress, not completed" in text
    assert f"the run migrated {in_v3():,}, and v3 holds" not in text


def test_retry_leaves_its_errors_and_folds_the_books(killed: object) -> None:
    text = said("retry_v2", "--name", "night")

    assert "submissions: not moved to the end yet, so its errors wait" in text
    assert query(
        "SELECT partition = 0, sum(processed_records) FROM migration_progress"
        " WHERE table_name = 'submissions' GROUP BY 1 ORDER BY 1"
    ) == [(False, 0), (True, in_v3())]
    assert run(name="night", workers=1).outcome == "finished"


def test_rollback_removes_all_and_it_can_begin_anew(killed: object) -> None:
    said("rollback_v2", "night", "--no-input")

    assert [query(f"SELECT count(*) FROM {table}") for table in TABLES] == [[(0,)]] * 4
    assert query("SELECT partition, status FROM migration_progress GROUP BY 1, 2") == [
        (0, "rolled_back")
    ]
    assert query("SELECT max(partition) FROM migration_errors") == [(0,)]
    assert run(name="night", batch_size=1, workers=3).outcome == "finished"
    again = snapshot(*TABLES, "migration_progress", "migration_assignments")
    empty_v3()
    run(name="night", batch_size=1, workers=1)
    assert snapshot(*TABLES, "migration_progress", "migration_assignments") == again


def test_no_other_migration_begins_unnamed_and_none_is_completed_over_ranges(
    killed: object,
) -> None:
    with pytest.raises(Exception, match="ranges of it are left"):
        query(
            "UPDATE migration_progress SET status = 'completed', total_records ="
            " processed_records + failed_records WHERE table_name = 'submissions'"
            " AND partition = 0"
        )
    assert run(workers=2).migration == "night"


def test_the_admin_shows_one_row_a_table_with_the_sum(
    killed: dict[str, int], admin_client: Client
) -> None:
    listed = admin_client.get(reverse("admin:transfer_migrationprogress_changelist"))
    assert listed.context["cl"].result_count == 4
    assert f"{in_v3()} of 18" in listed.content.decode()

    row = MigrationProgress.objects.get(table_name="submissions", partition=0)
    page = admin_client.get(
        reverse("admin:transfer_migrationprogress_change", args=[row.pk])
    ).content.decode()
    assert page.count("<td>completed</td>") == killed["completed"]
    assert f">{in_v3()}</div>" in page
