"""verify: rows and answers counted, one too few and one too many."""

from typing import Any

import pytest

from organizations.models import Organization, User
from submissions.models import Submission
from tests.integration.verify.scenario import (
    ANSWERS,
    CREATED,
    MINE,
    NAME,
    STARTED,
    check,
    execute,
    not_passed,
    record_error,
    wrote,
)
from tests.v2 import V2
from transfer.models import MigrationError
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict

LOST = {"form_unknown": 1}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("table", "name"),
    [("users", "Users"), ("submissions", "Submissions")],
)
def test_a_lost_row_fails(migrated: V2, table: str, name: str) -> None:
    execute(f"DELETE FROM {table} WHERE id = (SELECT min(id::text)::uuid FROM {table})")

    found = check(verify(), name)

    assert (found.status, found.difference) == (Verdict.FAILED, 1)
    assert "1 neither in v3 nor recorded as errors" in found.note


def test_a_row_too_many_fails(migrated: V2) -> None:
    User.objects.create(
        organization_id=MINE, email="new@x", metadata={"migration_batch": NAME}, created_at=CREATED
    )

    found = check(verify(), "Users")

    assert (found.status, found.difference) == (Verdict.FAILED, -1)
    assert "1 more in v3, or recorded as errors, than v2 has" in found.note


def test_one_row_in_a_hundred_too_few_fails_where_strategy_would_warn(migrated: V2) -> None:
    v2 = migrated
    v2.add("organizations", *({"Name": f"more {n}"} for n in range(198)))
    Organization.objects.bulk_create(
        Organization(
            id=row["Id"],
            slug=row["Id"],
            name=row["Name"],
            metadata={"migration_batch": NAME},
            created_at=CREATED,
        )
        for row in v2.organizations[2:-1]
    )

    assert check(verify(), "Organizations").status is Verdict.FAILED


def test_r1_a_row_recorded_as_an_error_is_open_and_not_clean(migrated: V2) -> None:
    lost = migrated.submissions[1]["Id"]
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", lost, error_detail={"Id": lost, "answers": [{}]})
    answers = {"migrated": 1, "merged": 2, "set_aside": {"choices": 1}, "failed": LOST}
    wrote("submissions", total=3, failed=LOST, answers=answers)

    report = verify()

    assert not_passed(report) == {"Submissions": "OPEN", "Answers": "OPEN"}
    assert check(report, "Submissions").note == "1 recorded as errors"
    assert (report.errors, report.clean) == (1, False)


@pytest.mark.parametrize(
    "change",
    [{"severity": "warning"}, {"resolved_at": STARTED}, {"migration_name": "another"}],
    ids=["a warning", "resolved", "another migration's"],
)
def test_r1_only_an_unresolved_error_of_the_migration_explains_a_row(
    migrated: V2, change: dict[str, Any]
) -> None:
    lost = migrated.submissions[1]["Id"]
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", lost, error_detail={"Id": lost, "answers": [{}]})
    MigrationError.objects.update(**change)

    assert check(verify(NAME), "Submissions").status is Verdict.FAILED


def test_r1_an_error_without_its_answers_does_not_explain_them(migrated: V2) -> None:
    lost = migrated.submissions[1]["Id"]
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", lost, error_detail=None)
    answers = {"migrated": 1, "merged": 2, "set_aside": {"choices": 1}, "failed": LOST}
    wrote("submissions", total=3, failed=LOST, answers=answers)

    report = verify()

    assert not_passed(report) == {
        "Run of answers": "FAILED",
        "Submissions": "OPEN",
        "Answers": "FAILED",
    }
    note = check(report, "Run of answers").note
    assert "failed by form_unknown: 1 in the ledger, 0 in the open errors" in note


def test_r1_a_row_that_is_in_v3_and_an_error_too_fails(migrated: V2) -> None:
    """Another row is lost, so that the counts balance."""
    kept, lost = (row["Id"] for row in migrated.submissions[1:])
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", kept, error_detail={"Id": kept, "answers": [{}]})

    report = verify()

    assert check(report, "Submissions").status is Verdict.OPEN
    assert check(report, "Submissions both migrated and failed").status is Verdict.FAILED


def test_m17_an_answer_without_submission_is_explained_by_its_error(migrated: V2) -> None:
    """Without Ids two answers share a record_id; both count."""
    gone = "00000000-0000-4000-8000-00000000beef"
    migrated.add("answers", {"FormSubmissionId": gone}, {"FormSubmissionId": gone})
    assert check(verify(), "Answers").status is Verdict.FAILED

    for occurrence in (1, 2):
        record_error(
            "FormSubmissionMetaData",
            f"{gone}/field",
            code="answer_orphaned",
            occurrence=occurrence,
        )
    orphaned = {"answer_orphaned": 2}
    wrote("submissions", total=3, answers=ANSWERS | {"failed": orphaned}, findings=orphaned)

    report = verify()
    assert not_passed(report) == {"Answers": "OPEN"}
    assert report.errors == 2


@pytest.mark.parametrize(
    "data",
    ['{"name": "Ada"}', '{"name": "Ada", "colours": ["red"]}', '{"name": "Ada", "colours": []}'],
)
def test_a_lost_answer_fails(migrated: V2, data: str) -> None:
    execute("UPDATE submissions SET data = %s WHERE id = %s", data, migrated.submissions[0]["Id"])

    assert not_passed(verify()) == {"Answers": "FAILED", "Run of answers": "FAILED"}


def test_a_lost_answer_of_metadata_fails(migrated: V2) -> None:
    execute("UPDATE submissions SET metadata = metadata - 'unmapped'")

    assert not_passed(verify()) == {"Answers": "FAILED", "Run of answers": "FAILED"}


def test_an_answer_too_many_fails(migrated: V2) -> None:
    more = '{"name": ["Ada", "Ada"], "colours": ["red", "blue"]}'
    execute("UPDATE submissions SET data = %s WHERE id = %s", more, migrated.submissions[0]["Id"])

    found = check(verify(), "Answers")

    assert (found.status, found.difference) == (Verdict.FAILED, -1)
