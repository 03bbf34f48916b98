"""A parent that goes while keys are off: its rows end as in a load that checks (R1, R7)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.integration.deferral.common import (
    Whole,
    another_session,
    deferred,
    forget,
    in_submissions,
    indexes,
    normal,
    unsettled,
    whole,
)
from tests.runs import Quiet, documents, errors, query, run, state
from tests.v2 import V2, guid, make_v2
from transfer import deferral_keys
from transfer.deferral_rows import answers_of
from transfer.exceptions import RunStoppedError
from transfer.ledger import Ledger
from transfer.retry import RetryOptions, run_retry
from transfer.verify import count_records

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Return a v2 of two forms: four submissions of one, and then some of the other with answers
    of every kind."""
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{"Name": "Kept"}, {"Name": "Lost"}],
        fields=[{"Name": "who"}, {"Name": "why"}],
        choices=[{}],
        maps=[{}],
        submissions=[{} for _ in range(4)],
    )
    lost = v2.forms[1]["Id"]
    v2.add("fields", {"FormTypeId": lost, "Name": "what"}, {"FormTypeId": lost, "Name": "when"})
    what, when = (field["Id"] for field in v2.fields[2:])
    for code in ("A", "A", None, "B", "C", "D"):
        (row,) = v2.add("submissions", {"FormTypeId": lost, "LookupCode": code})
        own = {"FormSubmissionId": row["Id"]}
        v2.add(
            "answers",
            own | {"FieldId": what, "FreeFormEntry": "one"},
            own | {"FieldId": what, "FreeFormEntry": "two"},  # a list
            own | {"FieldId": when, "FreeFormEntry": "x", "FieldChoiceMapId": guid(8, 1)},
            own | {"FieldId": v2.fields[0]["Id"], "FreeFormEntry": "of the other form"},
            own | {"FieldId": guid(5, 99), "FreeFormEntry": "of no field"},
        )
    return v2


def lose_the_form(v2: V2) -> Callable[[], None]:
    """Delete the second form in v3, as somebody who finds nothing in it may."""
    return lambda: deleted(v2)


def deleted(v2: V2) -> None:
    query("DELETE FROM forms WHERE id = %s", (v2.forms[1]["Id"],))


@pytest.mark.parametrize("size", [4, 3])
def test_r1_orphans_are_the_errors_of_a_normal_load(v2: V2, size: int) -> None:
    if size == 4:  # the form goes between two batches, when v3 has nothing of it yet
        run(in_submissions(lose_the_form(v2)), name="night", batch_size=size)
        want = whole()
        assert len(errors("refused_by_postgresql")) == 6
        forget()
    else:
        want = None

    said = deferred(in_submissions(lose_the_form(v2)), batch_size=size).remarks

    assert any("6 row(s) lost their parent while keys were off" in line for line in said)
    assert len(documents("submissions")) == 4
    assert [error["column_name"] for error in errors()] == ["submissions_form_id_fkey"] * 6
    if want:
        assert whole() == want


def test_r1_back_in_v3_the_form_gets_its_submissions_by_a_retry(v2: V2) -> None:
    undisturbed = normal()
    deferred(in_submissions(lose_the_form(v2)))
    put_back(v2, undisturbed)

    report = run_retry(RetryOptions("night"), Quiet())

    assert (report.closed.total(), report.still) == (6, 0)
    for table in ("organizations", "forms", "submissions"):
        assert whole().rows[table] == undisturbed.rows[table]


def put_back(v2: V2, before: Whole) -> None:
    """Put the form back into v3 as it was."""
    (form,) = [line for line in before.rows["forms"] if v2.forms[1]["Id"] in line]
    started = query("SELECT min(started_at)::text FROM migration_progress")[0][0]
    query(
        "INSERT INTO forms SELECT * FROM jsonb_populate_record(NULL::forms, %s::jsonb)",
        (form.replace("STARTED", started),),
    )


@pytest.mark.parametrize("cap", [0, 1, 3])
def test_r1_warnings_that_are_only_counted_go_with_their_rows(
    v2: V2, settings: Settings, cap: int
) -> None:
    """Each row of the lost form has warnings, and few are stored; another process finds them."""
    v2.add("submissions", *({"LookupCode": None, "FormTypeId": v2.forms[0]["Id"]} for _ in "abc"))
    settings.V2_MAX_STORED_WARNINGS = cap
    undisturbed = normal()
    counted = findings(undisturbed)
    assert counted["number_missing"] > 3
    with pytest.raises(MemoryError):
        deferred(in_submissions(lose_the_form(v2), nothing, die))

    deferred()

    (check,) = [one for one in count_records().checks if one.name == "Findings of submissions"]
    assert not check.faults
    put_back(v2, undisturbed)
    assert run_retry(RetryOptions("night"), Quiet()).still == 0
    assert findings(whole()) == counted
    assert not [check for check in count_records().checks if check.faults]


def die() -> None:
    """Let the run die."""
    raise MemoryError


def findings(found: Whole) -> dict[str, int]:
    """What a run counted on its submissions."""
    books = map(json.loads, found.rows["migration_progress"])
    (ledger,) = (row["ledger"] for row in books if row["table_name"] == "submissions")
    counts: dict[str, int] = ledger["findings"]
    return counts


def nothing() -> None:
    """Do nothing after a batch."""


def test_r1_a_form_s_deletion_that_commits_only_after_the_load_is_waited_for(
    v2: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It found no submission of the form when it looked, and none of the load's was in its way."""
    with another_session() as application:

        def begin_to_delete() -> None:
            application.execute("BEGIN")
            application.execute("DELETE FROM forms WHERE id = %s", (v2.forms[1]["Id"],))

        waited: list[float] = []

        def commit(seconds: float) -> None:
            if not waited:
                assert len(documents("submissions")) == 10
                application.execute("COMMIT")
            waited.append(seconds)

        monkeypatch.setattr(deferral_keys.time, "sleep", commit)
        deferred(in_submissions(begin_to_delete))

    assert waited
    assert len(documents("submissions")) == 4
    assert len(errors("refused_by_postgresql")) == 6


def test_a_writer_that_does_not_end_stops_the_run_and_not_for_good(
    v2: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = normal()
    monkeypatch.setattr(deferral_keys, "WRITERS_SECONDS", 0.0)
    with another_session() as application:

        def write() -> None:
            application.execute("BEGIN")
            application.execute("UPDATE forms SET name = name")

        with pytest.raises(RunStoppedError, match=r"write to forms, organizations do not end"):
            deferred(in_submissions(write))
        assert {kind for _, _, kind, _ in unsettled()} == {"foreign_key"}
        application.execute("ROLLBACK")

    deferred()

    assert whole() == want


def test_an_orphan_in_use_stops_the_run_until_it_is_repaired(v2: V2) -> None:
    query("CREATE TABLE app_notes (submission uuid REFERENCES submissions)")
    try:

        def note() -> None:
            query(
                "INSERT INTO app_notes SELECT id FROM submissions WHERE form_id = %s",
                (v2.forms[1]["Id"],),
            )

        with pytest.raises(RunStoppedError) as stopped:
            deferred(in_submissions(lose_the_form(v2), note))
        assert "submissions_form_id_fkey" in stopped.value.message
        assert "app_notes" in stopped.value.message
        assert "To go on: import_v2 --name night" in stopped.value.message

        query("TRUNCATE app_notes")
        deferred()
    finally:
        query("DROP TABLE app_notes")

    assert len(errors("refused_by_postgresql")) == 6
    assert len(documents("submissions")) == 4


@pytest.mark.parametrize("what", ["CASCADE", "SET NULL"])
def test_r4_what_refers_to_an_orphan_does_not_go_with_it_unsaid(v2: V2, what: str) -> None:
    """The application's own row would be gone, or its column empty, and nobody told."""
    query(f"CREATE TABLE app_notes (submission uuid REFERENCES submissions ON DELETE {what})")
    try:

        def note() -> None:
            query(
                "INSERT INTO app_notes SELECT id FROM submissions WHERE form_id = %s",
                (v2.forms[1]["Id"],),
            )

        with pytest.raises(RunStoppedError, match="rows of app_notes refer to them"):
            deferred(in_submissions(lose_the_form(v2), note))
        assert query("SELECT count(*) > 0, count(*) = count(submission) FROM app_notes") == [
            (True, True)
        ]
        assert query("SELECT status FROM migration_progress WHERE table_name = 'submissions'") == [
            ("failed",)
        ]

        query("TRUNCATE app_notes")
        deferred()
    finally:
        query("DROP TABLE app_notes")

    assert len(errors("refused_by_postgresql")) == 6


def test_r1_orphans_of_a_run_that_died_are_found_without_the_option(v2: V2) -> None:
    """The second half of the load checks its keys; the first did not."""

    def die() -> None:
        raise MemoryError

    waiting = [nothing] * 3
    with pytest.raises(MemoryError):
        deferred(in_submissions(*waiting, lose_the_form(v2), die), batch_size=1)
    assert unsettled()

    report = run(name="night", batch_size=1)

    assert report.outcome == "finished"
    assert sorted(error["code"] for error in errors()) == [
        *["form_unknown"] * 5,
        "refused_by_postgresql",
    ]
    assert "idx_submissions_form" in indexes()
    assert state_of("submissions") == ("completed", 10, 4, 6)


def state_of(table: str) -> tuple[Any, ...]:
    (row,) = query(
        "SELECT status, total_records, processed_records, failed_records"
        " FROM migration_progress WHERE table_name = %s",
        (table,),
    )
    return row


def test_a_key_that_the_application_adds_meanwhile_is_proven_too(v2: V2) -> None:
    """It was never put off, and rows came in without it all the same."""
    query("CREATE TABLE app_forms (id uuid PRIMARY KEY)")
    try:

        def add() -> None:
            query("INSERT INTO app_forms SELECT id FROM forms WHERE id = %s", (v2.forms[0]["Id"],))
            query(
                "ALTER TABLE submissions ADD CONSTRAINT app_form"
                " FOREIGN KEY (form_id) REFERENCES app_forms"
            )

        deferred(in_submissions(add))

        assert {error["column_name"] for error in errors()} == {"app_form"}
        assert len(documents("submissions")) == 4
    finally:
        query("DROP TABLE app_forms CASCADE")


def test_orphans_that_were_there_before_are_said_and_left_alone(v2: V2) -> None:
    """A key that is not valid lets old rows be; a normal load would not look at them either."""
    query("ALTER TABLE submissions DROP CONSTRAINT submissions_form_id_fkey")
    query("INSERT INTO organizations (id, slug, name) VALUES (%s, 'old', 'Old')", (guid(1, 50),))
    query(
        "INSERT INTO submissions (id, organization_id, form_id, submission_number)"
        " VALUES (%s, %s, %s, 'OLD')",
        (guid(10, 500), guid(1, 50), guid(4, 50)),
    )
    query(
        "ALTER TABLE submissions ADD CONSTRAINT submissions_form_id_fkey"
        " FOREIGN KEY (form_id) REFERENCES forms (id) NOT VALID"
    )
    try:
        said = deferred().remarks

        left = "submissions: 1 row(s) that this migration did not write break"
        assert any(line.startswith(left) and guid(10, 500) in line for line in said)
        assert len(documents("submissions")) == 11
        assert unsettled() == []
    finally:
        query("DELETE FROM submissions")
        query("ALTER TABLE submissions VALIDATE CONSTRAINT submissions_form_id_fkey")


def test_where_answers_went_shows_in_the_rows_as_the_ledger_counted_it(v2: V2) -> None:
    """What is taken back with a row is what was counted for it."""
    report = run(name="night")
    counted = state(report, "submissions").answers

    shown = Ledger(counted.failures, failed=counted.failed)
    for row in documents("submissions"):
        shown.read += answers_of(row).read
        shown.add_answers(answers_of(row))

    assert v2.execute("SELECT count(*) FROM FormSubmissionMetaData") == [(counted.read,)]
    assert shown.as_json() == counted.as_json()
    assert (counted.migrated, counted.merged, dict(counted.set_aside)) == (
        6, 12, {"choices": 6, "unmapped": 6},
    )  # fmt: skip
