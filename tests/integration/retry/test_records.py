"""Recorded errors tried again: what was repaired, and what still fails (R1)."""

from pathlib import Path

import pytest
from django.test import override_settings

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
from transfer.mapping.context import parse_mapping_file
from transfer.verify import count_records as verify

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
    retry()

    # The first is the earlier one now, but v3 has the second already, and two cannot be.
    assert {e["record_id"]: e["code"] for e in open_errors()} == {
        guid(2, 1): "email_duplicate", guid(2, 3): "email_duplicate",
    }  # fmt: skip
    assert query("SELECT id::text FROM users") == [(guid(2, 2),)]
    assert_balanced()


def test_m6_an_email_that_v2_has_no_more_and_v3_still_has_is_taken(v2_path: Path) -> None:
    same = {"Email": "Same@example.org"}
    v2 = make_v2(v2_path, organizations=[{}], users=[same, {"Email": "same@example.org"}])
    run(name="night")
    v2.execute("UPDATE User SET Email = 'other@example.org' WHERE Id = ?", (guid(2, 1),))

    assert retry().still == 1

    assert [e["code"] for e in open_errors()] == ["email_duplicate"]


# Organizations that were not selected, tables that are not finished


def test_r1_what_is_in_v2_but_not_in_the_run_any_more_stays_an_error(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}, {}],
        users=[{"Email": None}],
        forms=[{"DisplayName": "x" * 300}],
        fields=[{}],
        submissions=[{}],
        answers=[{}],
    )
    one, two = (row["Id"] for row in v2.organizations)
    run(name="night", organizations=[one])
    before = len(open_errors())
    assert before == 3
    v2.execute("UPDATE User SET OrganizationId = ?, Email = 'a@example.org'", (two,))
    v2.execute("UPDATE FormType SET OrganizationId = ?, DisplayName = 'short'", (two,))

    report = retry()

    assert (report.still, report.gone.total()) == (before, 0)
    assert query("SELECT count(*) FROM users") == [(0,)]
    v2.execute("UPDATE User SET OrganizationId = ?", (one,))
    v2.execute("UPDATE FormType SET OrganizationId = ?", (one,))
    assert retry().still == 0
    assert_balanced()


def test_r1_the_errors_of_a_table_that_is_not_moved_to_its_end_wait(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"FormTypeId": NOWHERE}, {}, {"LookupCode": "C"}],
    )
    run(name="night", batch_size=1, limit=3)
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (guid(4, 1),))
    before = snapshot()

    report = retry()

    assert report.notes == [
        "submissions: not moved to the end yet, so its errors wait. First: import_v2 --name night"
    ]
    assert report.as_text().startswith(report.notes[0])
    assert snapshot() == before
    run(name="night")
    assert retry().still == 0
    assert_balanced()


def test_a_form_and_an_organization_that_were_put_back_come_with_what_lacked_them(
    v2_path: Path,
) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[{"OrganizationId": guid(1, 50)}],
        forms=[{}],
        submissions=[{"FormTypeId": NOWHERE}, {}],
    )
    run(name="night")
    v2.add("organizations", {"Id": guid(1, 50)})
    v2.add("forms", {"Id": NOWHERE})

    report = retry()

    assert report.still == 0
    assert [counted(report.migration, table)[0] for table in TABLES] == [2, 1, 2, 2]
    assert_balanced()
    after = snapshot(*TABLES)
    empty_v3()
    run(name="night")
    assert snapshot(*TABLES) == after


def test_r7_values_of_a_wrong_type_stop_no_retry(v2_path: Path) -> None:
    """Only a copy made by hand can hold them."""
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[{}],
        forms=[{}],
        submissions=[{"LookupCode": "A"}, {"FormTypeId": NOWHERE}],
    )
    v2.execute("UPDATE FormSubmission SET LookupCode = x'3031' WHERE LookupCode = 'A'")
    v2.execute("UPDATE User SET Email = x'3031'")
    run(name="night")
    v2.execute("UPDATE FormSubmission SET FormTypeId = ? WHERE FormTypeId = ?",
               (guid(4, 1), NOWHERE))  # fmt: skip

    report = retry()

    assert report.closed == {"form_unknown": 1}
    assert [e["attempts"] for e in open_errors()] == [2, 2]
    assert_balanced()


def test_m8_an_organization_only_the_mapping_file_names_can_be_put_back(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{"OrganizationId": None}], submissions=[{}])
    mapping = parse_mapping_file(f'[forms]\n"Form1" = "{guid(1, 50)}"\n')
    run(name="night", mapping=mapping)
    assert {e["code"] for e in open_errors()} == {"organization_unknown", "form_unknown"}
    v2.add("organizations", {"Id": guid(1, 50)})
    file = v2_path.with_name("mapping.toml")
    file.write_text(f'[forms]\n"Form1" = "{guid(1, 50)}"\n')

    with override_settings(V2_MAPPING=str(file)):
        report = retry()

    assert report.still == 0
    assert open_errors() == []
