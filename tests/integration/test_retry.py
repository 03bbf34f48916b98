"""retry_v2's service: recorded errors tried again (R1, R2)."""

from pathlib import Path
from typing import Any

import pytest

from tests.runs import (
    TABLES,
    Quiet,
    counted,
    documents,
    empty_v3,
    errors,
    query,
    rich_v2,
    run,
    snapshot,
    state,
)
from tests.v2 import V2, guid, make_v2
from transfer import reread
from transfer.batch import TableState
from transfer.exceptions import ResumeRefusedError, RunError, RunStoppedError
from transfer.open_errors import Wanted
from transfer.report import RetryReport
from transfer.retry import RetryOptions, run_retry
from transfer.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)

NOWHERE = guid(4, 77)


def retry(
    *ids: str, name: str | None = None, observer: Quiet | None = None, **wanted: tuple[str, ...]
) -> RetryReport:
    return run_retry(RetryOptions(name, Wanted(ids=ids, **wanted)), observer or Quiet())


def open_errors() -> list[dict[str, Any]]:
    return [e for e in errors() if e["severity"] == "error" and e["resolved_at"] is None]


def assert_balanced(name: str = "night") -> None:
    """The books and both databases agree, whatever is still open."""
    failed = [check.name for check in verify(name).checks if check.status == "FAILED"]
    assert failed == []
    for line in documents("migration_progress"):
        assert line["total_records"] == line["processed_records"] + line["failed_records"]
        assert line["ledger"]["records"]["read"] == line["total_records"]


# What was repaired


@pytest.mark.parametrize("at_once", [1, 2, 200])
def test_r1_a_v2_that_was_repaired_ends_as_if_it_had_never_been_broken(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Users without email, a form PostgreSQL refuses with its submissions, unknown forms, …"""
    monkeypatch.setattr(reread, "AT_ONCE", at_once)
    v2 = rich_v2(v2_path)
    run(name="night")
    assert len({e["code"] for e in open_errors()}) >= 5

    v2.execute("UPDATE User SET Email = 'new@example.org' WHERE Email IS NULL")
    v2.execute("UPDATE User SET Email = Email || '.org' WHERE Email = 'Ann@example.org'")
    v2.execute("UPDATE User SET OrganizationId = ? WHERE Email = 'lost@example.org'", (guid(1, 1),))
    v2.execute("UPDATE FormType SET DisplayName = 'Survey' WHERE Id = ?", (v2.forms[3]["Id"],))
    v2.execute(
        "UPDATE FormSubmission SET FormTypeId = ? WHERE FormTypeId = ?", (guid(4, 1), NOWHERE)
    )
    v2.execute(
        "DELETE FROM FormSubmissionMetaData WHERE FormSubmissionId NOT IN"
        " (SELECT Id FROM FormSubmission)"
    )
    report = retry()

    assert report.still == 0
    assert open_errors() == []
    assert_balanced()
    assert verify("night").clean
    after = snapshot(*TABLES)
    empty_v3()
    run(name="night")
    assert snapshot(*TABLES) == after


def test_a_user_repaired_in_v2_is_in_v3_and_its_error_closed(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], users=[{"Email": None}, {}])
    run(name="night")
    v2.execute("UPDATE User SET Email = 'ann@example.org' WHERE Email IS NULL")

    report = retry()

    assert (report.tried, report.closed) == ({"email_missing": 1}, {"email_missing": 1})
    assert counted(report.migration, "users") == (2, 2, 0)
    assert report.migration.failed == 0
    (error,) = errors()
    assert error["resolved_at"] is not None
    assert error["attempts"] == 2
    assert query("SELECT email FROM users WHERE id = %s", [v2.users[0]["Id"]]) == [
        ("ann@example.org",)
    ]
    assert_balanced()


def test_what_waited_for_a_parent_comes_with_it_in_one_retry(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{"DisplayName": "x" * 300}],
        fields=[{"Name": "who"}],
        submissions=[{}, {}],
        answers=[{"FreeFormEntry": "me"}, {"FreeFormEntry": "me, too"}],
    )
    report = run(name="night")
    assert state(report, "submissions").answers.failed == {"form_unknown": 2}
    v2.execute("UPDATE FormType SET DisplayName = 'short'")

    done = retry()

    assert done.still == 0
    submissions = state(done.migration, "submissions")
    assert (submissions.records.migrated, submissions.records.failed.total()) == (2, 0)
    assert (submissions.answers.migrated, submissions.answers.merged) == (0, 2)
    assert submissions.findings["answers_merged"] == 1
    assert [e["code"] for e in errors() if e["resolved_at"] is None] == ["answers_merged"]
    assert_balanced()


def test_what_came_into_v3_meanwhile_helps_too(v2_path: Path) -> None:
    """One tenant's submission to another's form: moved once the other tenant is."""
    v2 = make_v2(v2_path, organizations=[{}, {}], forms=[{}], submissions=[{}])
    one, two = (row["Id"] for row in v2.organizations)
    v2.execute("UPDATE FormSubmission SET OrganizationId = ?", (two,))
    run(name="second", organizations=[two])
    assert [e["code"] for e in open_errors()] == ["form_unknown"]
    run(name="first", organizations=[one])

    assert retry(name="second").still == 0

    assert query("SELECT metadata->>'migration_batch' FROM submissions") == [("second",)]


# What still fails


def test_what_still_fails_keeps_its_row_with_one_more_attempt(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}], forms=[{}], submissions=[{"FormTypeId": NOWHERE}])
    run(name="night")
    before = {table: snapshot(table) for table in TABLES}

    for attempts in (2, 3):
        report = retry()

        assert (report.still, report.closed.total()) == (1, 0)
        (error,) = errors()
        assert (error["attempts"], error["resolved_at"]) == (attempts, None)
    assert {table: snapshot(table) for table in TABLES} == before
    assert_balanced()


def test_a_record_that_fails_for_another_reason_now_says_so_in_its_row(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path, organizations=[{}], forms=[{}], submissions=[{"FormTypeId": NOWHERE}], fields=[{}],
        answers=[{}],
    )  # fmt: skip
    run(name="night")
    v2.execute(
        "UPDATE FormSubmission SET FormTypeId = ?, OrganizationId = ?", (guid(4, 1), guid(1, 99))
    )

    report = retry()

    (error,) = errors()
    assert (error["code"], error["attempts"]) == ("organization_unknown", 2)
    assert error["column_name"] == "OrganizationId"
    assert error["error_detail"]["OrganizationId"] == guid(1, 99)
    submissions = state(report.migration, "submissions")
    assert submissions.records.failed == {"organization_unknown": 1}
    assert submissions.answers.failed == {"organization_unknown": 1}
    assert submissions.findings == {"organization_unknown": 1}
    assert_balanced()


def test_a_record_v2_has_no_more_is_nothing_to_move(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{"FormTypeId": NOWHERE}, {}],
        answers=[{}, {}, {"FormSubmissionId": guid(10, 2)}],
    )
    run(name="night")
    v2.execute("DELETE FROM FormSubmission WHERE FormTypeId = ?", (NOWHERE,))
    v2.execute("DELETE FROM FormSubmissionMetaData WHERE FormSubmissionId = ?", (guid(10, 1),))

    report = retry()

    assert report.gone == {"form_unknown": 1}
    assert report.still == 0
    (error,) = errors()
    assert error["resolved_at"] is not None
    assert error["error_message"].endswith("(tried again: v2 has it no more)")
    submissions = state(report.migration, "submissions")
    assert (submissions.total, submissions.records.read, submissions.records.gone) == (1, 1, 1)
    assert (submissions.answers.read, submissions.answers.gone) == (1, 2)
    assert_balanced()


def test_m6_an_email_is_judged_anew_by_all_of_v2(v2_path: Path) -> None:
    same = {"Email": "Same@example.org"}
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[same | {"OrganizationId": guid(1, 99)}, same, {"Email": "same@EXAMPLE.org"}],
    )
    v2.execute("UPDATE User SET OrganizationId = ? WHERE Id = ?", (guid(1, 1), guid(2, 1)))
    v2.execute("UPDATE User SET Email = NULL WHERE Id = ?", (guid(2, 1),))
    run(name="night")
    assert {e["record_id"]: e["code"] for e in open_errors()} == {
        guid(2, 1): "email_missing", guid(2, 3): "email_duplicate",
    }  # fmt: skip

    v2.execute("UPDATE User SET Email = 'SAME@example.org' WHERE Id = ?", (guid(2, 1),))
    report = retry()

    # The first is the earlier one now, but v3 has the second already, and two cannot be.
    assert report.still >= 1
    assert guid(2, 3) in {e["record_id"] for e in open_errors()}
    assert_balanced()


# Numbers


def test_m12_a_number_taken_in_v3_meanwhile_gives_way(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"FormTypeId": NOWHERE, "LookupCode": "A"}, {"LookupCode": "B"}],
    )
    run(name="night")
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?, LookupCode = 'B'", (guid(4, 1),))

    assert retry().still == 0

    rows = dict(query("SELECT id::text, submission_number FROM submissions"))
    assert rows[v2.submissions[1]["Id"]] == "B"
    assert rows[v2.submissions[0]["Id"]] == f"V2-{v2.submissions[0]['Id'].replace('-', '')}"
    assert [e["code"] for e in errors() if e["resolved_at"] is None] == ["number_duplicate"]
    assert_balanced()


def test_m12_the_number_decided_for_a_record_stays_its_own(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"LookupCode": "A"}, {"FormTypeId": NOWHERE, "LookupCode": "A"}],
    )
    v2.execute("UPDATE FormSubmission SET OrganizationId = ?", (guid(1, 1),))
    run(name="night")
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (guid(4, 1),))

    assert retry().still == 0

    after = snapshot("submissions")
    empty_v3()
    run(name="night")
    assert snapshot("submissions") == after


def test_m12_two_repaired_records_with_one_code_get_two_numbers(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"FormTypeId": NOWHERE, "LookupCode": code} for code in "AB"],
    )
    run(name="night")
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?, LookupCode = 'C'", (guid(4, 1),))

    assert retry().still == 0

    assert len(set(query("SELECT submission_number FROM submissions"))) == 2


# Answers without a submission


def strays(v2_path: Path, **more: Any) -> V2:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{"Name": "who"}],
        submissions=[{}],
        **more,
    )
    v2.add("answers", *({"FormSubmissionId": guid(10, 50), "FreeFormEntry": t} for t in "abc"))
    return v2


def test_m17_an_answer_still_without_a_submission_stays_an_error(v2_path: Path) -> None:
    strays(v2_path)
    run(name="night")

    report = retry()

    assert report.still == 3
    assert [(e["code"], e["attempts"]) for e in open_errors()] == [("answer_orphaned", 2)] * 3
    assert_balanced()


@pytest.mark.parametrize("omit", [(), ("FormSubmissionMetaData.Id",)])
def test_m17_a_submission_that_was_put_back_takes_its_answers_along(
    v2_path: Path, omit: tuple[str, ...]
) -> None:
    v2 = strays(v2_path, omit=omit)
    run(name="night")
    assert len(open_errors()) == 3
    v2.add("submissions", {"Id": guid(10, 50)})

    report = retry()

    assert report.still == 0
    submissions = state(report.migration, "submissions")
    assert (submissions.total, submissions.records.migrated) == (2, 2)
    assert (submissions.answers.read, submissions.answers.merged) == (3, 3)
    assert query("SELECT data FROM submissions WHERE id = %s", [guid(10, 50)])[0][0] in (
        {"who": ["a", "b", "c"]}, '{"who": ["a", "b", "c"]}',
    )  # fmt: skip
    assert_balanced()


@pytest.mark.parametrize("omit", [(), ("FormSubmissionMetaData.Id",)])
def test_m17_an_answer_v2_has_no_more_is_nothing_to_move(
    v2_path: Path, omit: tuple[str, ...]
) -> None:
    v2 = strays(v2_path, omit=omit)
    run(name="night")
    v2.execute("DELETE FROM FormSubmissionMetaData WHERE FreeFormEntry = 'b'")

    report = retry()

    assert (report.gone, report.still) == ({"answer_orphaned": 1}, 2)
    assert state(report.migration, "submissions").answers.gone == 1
    assert_balanced()


def test_m17_a_submission_put_back_that_fails_takes_its_answers_into_its_own_error(
    v2_path: Path,
) -> None:
    v2 = strays(v2_path)
    run(name="night")
    v2.add("submissions", {"Id": guid(10, 50), "FormTypeId": NOWHERE})

    report = retry()

    (error,) = open_errors()
    assert (error["code"], error["record_id"]) == ("form_unknown", guid(10, 50))
    assert len(error["error_detail"]["answers"]) == 3
    assert state(report.migration, "submissions").answers.failed["form_unknown"] == 3
    assert_balanced()
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (guid(4, 1),))
    assert retry().still == 0
    assert_balanced()


def test_m17_an_answer_moved_to_a_submission_that_failed_goes_with_it(v2_path: Path) -> None:
    v2 = strays(v2_path)
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (NOWHERE,))
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))

    report = retry(codes=("answer_orphaned",))

    (error,) = open_errors()
    assert (error["code"], error["attempts"]) == ("form_unknown", 2)
    assert report.closed == {"answer_orphaned": 3}
    assert_balanced()


def test_m17_an_answer_moved_to_a_migrated_submission_is_left_alone(v2_path: Path) -> None:
    v2 = strays(v2_path)
    run(name="night")
    before = snapshot("submissions")
    v2.execute(
        "UPDATE FormSubmissionMetaData SET FormSubmissionId = ? WHERE FreeFormEntry = 'b'",
        (guid(10, 1),),
    )

    retry()

    assert snapshot("submissions") == before
    assert sum("not for a retry to bring over" in e["error_message"] for e in open_errors()) == 1


# Which errors


def test_only_the_errors_that_are_asked_for_are_tried(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    run(name="night")

    report = retry(codes=("email_missing", "form_unknown"), tables=("users",))
    assert report.tried == {"email_missing": 1}
    one = v2.submissions[11]["Id"]
    assert {e["record_id"] for e in open_errors()} >= {one}
    assert retry(one).tried == {"form_unknown": 1}
    assert [e["attempts"] for e in open_errors() if e["record_id"] == one] == [2]
    assert retry(tables=("organizations",)).tried == {}


def test_an_id_of_which_no_error_is_open_is_refused(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")

    with pytest.raises(RunError, match="no such open error of nobody"):
        retry("nobody")


def test_the_only_migration_with_errors_is_meant(v2_path: Path) -> None:
    with pytest.raises(RunError, match="no migration to retry"):
        retry()
    v2 = make_v2(v2_path, organizations=[{}, {}], users=[{"Email": None}])
    run(name="one", organizations=[v2.organizations[0]["Id"]])
    run(name="two", organizations=[v2.organizations[1]["Id"]])

    assert retry().migration.migration == "one"
    query("UPDATE migration_progress SET ledger = jsonb_set(ledger, '{findings,id_taken}', '1')")
    with pytest.raises(RunError, match=r"several migrations have errors: one, two; .*--name"):
        retry()
    with pytest.raises(RunError, match="no migration is named 'three'; v3 knows: one, two"):
        retry(name="three")
    query("UPDATE migration_progress SET status = 'rolled_back' WHERE migration_name = 'two'")
    with pytest.raises(RunError, match="'two' was rolled back"):
        retry(name="two")


def test_a_setting_that_changes_rows_must_be_what_it_was(v2_path: Path, settings: Any) -> None:
    make_v2(v2_path, organizations=[{}], users=[{"Email": None}])
    run(name="night")
    settings.V2_TIME_ZONE = "Europe/Berlin"

    with pytest.raises(ResumeRefusedError, match="V2_TIME_ZONE was UTC"):
        retry()


def test_an_unfinished_migration_can_be_retried_and_gone_on_with(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    v2.execute("UPDATE User SET Email = 'new@example.org' WHERE Email IS NULL")
    run(name="night", batch_size=2)
    whole = snapshot(*TABLES)
    empty_v3()
    v2.execute("UPDATE User SET Email = NULL WHERE Email = 'new@example.org'")
    run(name="night", batch_size=2, limit=14)
    v2.execute("UPDATE User SET Email = 'new@example.org' WHERE Email IS NULL")

    retry()
    assert "email_missing" not in {e["code"] for e in open_errors()}
    run(name="night", batch_size=2)

    assert snapshot(*TABLES) == whole
    assert_balanced()


# Retries that are disturbed


def test_r2_a_retry_that_dies_after_a_page_is_gone_on_with(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reread, "AT_ONCE", 1)
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
        retry(observer=Quiet(die))
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
