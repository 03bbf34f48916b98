"""Recorded errors tried again: what was repaired, and what still fails (R1)."""

from pathlib import Path

import pytest

from tests.integration.retry.common import NOWHERE, assert_balanced, open_errors, retry
from tests.runs import (
    TABLES,
    counted,
    empty_v3,
    errors,
    query,
    rich_v2,
    run,
    snapshot,
    state,
)
from tests.v2 import guid, make_v2
from transfer.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)


# What was repaired


@pytest.mark.parametrize("at_once", [1, 2, 200])
def test_r1_a_v2_that_was_repaired_ends_as_if_it_had_never_been_broken(
    v2_path: Path, at_once: int
) -> None:
    """Users without email, a form PostgreSQL refuses with its submissions, unknown forms, …"""
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
    report = retry(size=at_once)

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


@pytest.mark.parametrize("odd", ["x" * 300, "ÄÖ", " pad "])
def test_r1_a_record_that_cannot_be_asked_for_is_not_taken_for_gone(
    v2_path: Path, odd: str
) -> None:
    """Only a copy made by hand has such an Id; v3 can never have it."""
    v2 = make_v2(v2_path, organizations=[{}], users=[{"Id": odd}])
    run(name="night")

    for attempts in (2, 3):
        report = retry()

        assert (report.still, report.gone.total()) == (1, 0)
        (error,) = open_errors()
        assert error["attempts"] == attempts
        assert error["error_detail"]["Id"].lower() == odd.lower()
    v2.execute("UPDATE User SET Id = ?", (guid(2, 1),))
    retry()
    assert len(open_errors()) == 1


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
