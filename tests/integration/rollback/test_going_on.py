"""Rollbacks that are stopped, lose their connection, or have v3 change under them."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories import SubmissionFactory, UserFactory
from tests.integration.proof.proving import Pulled, pull
from tests.integration.rollback.common import (
    ALL,
    NONE,
    books,
    first,
    rollback,
    rows_of,
    two_tenants,
)
from tests.runs import Quiet, query, run
from transfer.batch import TableState
from transfer.exceptions import ResumeRefusedError, RunStoppedError
from transfer.rollback_survey import Surveyor
from transfer.status import read_status

pytestmark = pytest.mark.django_db(transaction=True)


def once(action: Callable[[], object], table: str = "submissions") -> Quiet:
    """An observer that does something after the first batch of a table."""
    waiting = [action]

    def after(state: TableState) -> None:
        if waiting and state.table == table:
            waiting.pop()()

    return Quiet(after)


def test_r9_ctrl_c_finishes_the_batch_and_says_how_to_go_on(v2_path: Path) -> None:
    v2 = two_tenants(v2_path)

    report = rollback(
        "one",
        observer=once(lambda: os.kill(os.getpid(), signal.SIGINT)),
        cascade=True,
        include_modified=True,
    )

    assert report.outcome == "interrupted"
    assert report.notes == [
        "Stopped after the batch in hand. To go on: rollback_v2 one --cascade --include-modified"
    ]
    assert rows_of("one") == ALL | {"submissions": 1}
    assert not any(note["finished"] for _, note in books().values())
    (status,) = read_status("one")
    assert status.outcome == "rolled_back"
    assert "Rolled back in part" in status.as_text()
    assert "To go on: rollback_v2 one" in status.as_text()
    with pytest.raises(ResumeRefusedError, match="First: rollback_v2 one"):
        run(name="one", organizations=[v2.organizations[0]["Id"]])
    with pytest.raises(ResumeRefusedError, match="First: rollback_v2 one"):
        run()  # whatever it would be called, the rest would be in its way

    done = rollback("one")

    assert (done.outcome, done.removed) == ("finished", 6)
    assert done.note is not None
    assert done.note.removed == ALL
    assert rows_of("one") == NONE
    assert "To go on" not in read_status("one")[0].as_text()


def test_ended_after_any_batch_rows_and_books_agree_and_it_goes_on(v2_path: Path) -> None:
    """Nothing of the program gets to catch what ends it."""
    two_tenants(v2_path)
    left = []
    for _ in range(5):
        with pytest.raises(Pulled):
            rollback("one", observer=Quiet(lambda _state: pull()))
        left.append(rows_of("one"))
        removed = {table: note["removed"] for table, (_, note) in books().items()}
        assert removed == {table: ALL[table] - rows for table, rows in left[-1].items()}
        assert not any(note["finished"] for _, note in books().values())

    assert [sum(rows.values()) for rows in left] == [6, 5, 3, 1, 0]
    assert rollback("one").outcome == "finished"
    assert all(note["finished"] for _, note in books().values())


def test_r7_a_lost_connection_is_opened_again_and_the_rest_goes(v2_path: Path) -> None:
    two_tenants(v2_path)

    def cut() -> None:
        query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE starts_with(application_name, 'pliers rollback_v2')"
        )

    report = rollback("one", observer=once(cut))

    assert (report.outcome, report.removed) == ("finished", 9)
    assert rows_of("one") == NONE
    assert {table: note["removed"] for table, (_, note) in books().items()} == ALL


def test_what_is_changed_while_it_is_at_work_is_kept(v2_path: Path) -> None:
    two_tenants(v2_path)

    def change() -> None:
        query("UPDATE submissions SET status = 'approved' WHERE id = %s", [first("submissions")])

    report = rollback("one", observer=once(change))

    assert (report.outcome, report.survey.kept) == ("finished", 3)
    assert rows_of("one") == {"organizations": 1, "users": 0, "forms": 1, "submissions": 1}


def test_what_is_added_while_it_is_at_work_blocks_the_rest(v2_path: Path) -> None:
    two_tenants(v2_path)

    report = rollback(
        "one",
        observer=once(lambda: UserFactory(organization_id=first("organizations"))),
    )

    assert report.outcome == "blocked"
    assert "Rows were added while it was at work" in report.as_text()
    assert rows_of("one") == NONE | {"organizations": 1}
    assert not any(note["finished"] for _, note in books().values())


def test_what_is_added_while_it_is_at_work_goes_too_with_cascade(v2_path: Path) -> None:
    two_tenants(v2_path)

    def add() -> None:
        SubmissionFactory(form_id=first("forms"), organization_id=first("organizations"))

    report = rollback("one", observer=once(add), cascade=True)

    assert report.outcome == "finished"
    assert report.note is not None
    assert dict(report.note.cascaded) == {"submissions": 1}
    assert rows_of("one") == NONE


def test_what_v3_refuses_stops_it_with_one_line(v2_path: Path) -> None:
    two_tenants(v2_path)
    query(
        "CREATE FUNCTION keep_forms() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'forms are kept'; END $$;"
        "CREATE TRIGGER keep_forms BEFORE DELETE ON forms"
        " FOR EACH ROW EXECUTE FUNCTION keep_forms()"
    )
    try:
        with pytest.raises(
            RunStoppedError,
            match=r"^forms are kept\. What is removed stays removed\. To go on: rollback_v2 one$",
        ):
            rollback("one")
        assert rows_of("one") == ALL | {"submissions": 0}
    finally:
        query("DROP FUNCTION keep_forms() CASCADE")
    assert rollback("one").outcome == "finished"


def test_a_target_that_always_drops_the_connection_ends_the_rollback(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_tenants(v2_path)
    real = Surveyor.survey
    calls: list[int] = []

    def survey(self: Surveyor, connection: object) -> object:
        calls.append(1)
        if len(calls) > 1:  # the preview is the first
            connection.close()  # type: ignore[attr-defined]
        return real(self, connection)  # type: ignore[arg-type]

    monkeypatch.setattr(Surveyor, "survey", survey)

    with pytest.raises(RunStoppedError, match=r"What is removed stays removed"):
        rollback("one")
    assert len(calls) == 7
    assert rows_of("one") == ALL


def test_a_key_of_the_applications_that_cascades_takes_nothing_along_unasked(
    v2_path: Path,
) -> None:
    two_tenants(v2_path)
    query("CREATE TABLE share (form uuid REFERENCES forms ON DELETE CASCADE)")
    try:
        report = rollback(
            "one",
            observer=once(lambda: query("INSERT INTO share VALUES (%s)", [first("forms")])),
        )

        assert report.outcome == "blocked"
        assert query("SELECT count(*) FROM share") == [(1,)]
        assert rows_of("one") == NONE | {"organizations": 1, "forms": 1}
    finally:
        query("DROP TABLE share")
