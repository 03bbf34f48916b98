"""A load that was cut off is rolled back without v2, and what it left off is put right (R7)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connections

from tests.integration.deferral.common import (
    another_session,
    deferred,
    forget,
    in_submissions,
    indexes,
    unsettled,
)
from tests.integration.rollback.common import rollback
from tests.runs import Quiet, query, rich_v2, run
from tests.v2 import make_v2

pytestmark = pytest.mark.django_db(transaction=True)


def die() -> None:
    """Let the run die."""
    raise MemoryError


def cut_off(v2_path: Path, *actions: Callable[[], object], **options: object) -> None:
    """Die among the submissions; v2 is gone then."""
    with pytest.raises(MemoryError):
        deferred(in_submissions(*actions, die), **options)
    connections["v2"].close()
    v2_path.unlink()
    assert unsettled()


def rows() -> list[int]:
    return [query(f"SELECT count(*) FROM {table}")[0][0] for table in ("forms", "submissions")]


def test_r7_indexes_are_built_and_keys_proven_on_the_way(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    before = indexes()
    lose = [lambda: query("DELETE FROM forms WHERE id = %s", (v2.forms[1]["Id"],)), lambda: None]
    cut_off(v2_path, *lose)
    orphans = "SELECT count(*) > 0 FROM submissions WHERE form_id NOT IN (SELECT id FROM forms)"
    assert query(orphans) == [(True,)]
    observer = Quiet()

    assert rollback("night", observer=observer).outcome == "finished"

    assert "submissions: 3 index(es) built again that 'night' left dropped" in observer.remarks
    assert rows() == [0, 0]
    assert indexes() == before
    assert unsettled() == []


def with_an_index_that_refuses_all(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{"Name": "who"}],
        submissions=[{} for _ in range(5)],
    )
    for row in v2.submissions:
        v2.add("answers", {"FormSubmissionId": row["Id"], "FreeFormEntry": "no number"})
    query("CREATE INDEX app_index ON submissions (((data->>'who')::int))")


def test_an_index_that_refuses_a_row_is_built_when_the_row_is_gone(v2_path: Path) -> None:
    with_an_index_that_refuses_all(v2_path)
    before = indexes()
    cut_off(v2_path)
    observer = Quiet()

    assert rollback("night", observer=observer).outcome == "finished"

    assert any("app_index" in line and "stays open" in line for line in observer.remarks)
    assert indexes() == before
    assert unsettled() == []


def test_an_index_waits_for_whoever_may_still_see_rows_that_are_gone(v2_path: Path) -> None:
    with_an_index_that_refuses_all(v2_path)
    before = indexes()
    cut_off(v2_path)
    with another_session() as application:

        class Waiting(Quiet):
            def remark(self, text: str) -> None:
                super().remark(text)
                if "waiting for" in text:
                    application.execute("COMMIT")

        observer = Waiting()
        backend = application.info.backend_pid
        application.execute("SET application_name = 'pg_dump'")
        application.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        application.execute("SELECT FROM forms")

        assert rollback("night", observer=observer).outcome == "finished"

    (waited,) = [line for line in observer.remarks if "waiting for" in line]
    assert waited.startswith("submissions: waiting for who still sees rows that are gone: ")
    assert f"pg_dump (backend {backend}, in its transaction since " in waited
    assert indexes() == before
    assert unsettled() == []


def test_a_dry_run_looks_and_says_what_is_off(v2_path: Path) -> None:
    rich_v2(v2_path)
    cut_off(v2_path)
    before = rows(), indexes(), unsettled()

    report = rollback("night", dry_run=True)

    assert report.outcome == "dry run"
    assert report.survey.going == sum(
        query(f"SELECT count(*) FROM {table}")[0][0]
        for table in ("organizations", "users", "forms", "submissions")
    )
    (said,) = [note for note in report.notes if note.startswith("The load of 'night' left ")]
    assert "3 index(es) dropped" in said
    assert (rows(), indexes(), unsettled()) == before


def test_another_migration_s_keys_wait_for_its_own_import(v2_path: Path) -> None:
    """Its indexes are built: they are missing to the rollback, too."""
    v2 = rich_v2(v2_path)
    one, two = (row["Id"] for row in v2.organizations[:2])
    before = indexes()
    run(name="two", organizations=[two])
    cut_off(v2_path, organizations=[one])

    assert rollback("two").outcome == "finished"

    assert indexes() == before
    assert {(name, kind) for name, _, kind, _ in unsettled()} == {("night", "foreign_key")}
    forget()
