"""verify: the open errors of a run against its ledger, by code, for records and for answers."""

from typing import Any

import pytest

from submissions.models import Submission
from tests.integration.verify.scenario import STARTED, check, not_passed, record_error, wrote
from tests.v2 import V2
from transfer.models import MigrationError
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict

pytestmark = pytest.mark.django_db

LOST = {"form_unknown": 1}
WITHOUT_SECOND = {"migrated": 1, "merged": 2, "set_aside": {"choices": 1}, "failed": LOST}


def fail_second(v2: V2, answers: Any) -> str:
    """Let the second submission, which has one answer, be an error instead of a row."""
    lost = str(v2.submissions[1]["Id"])
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", lost, error_detail={"Id": lost, "answers": answers})
    wrote("submissions", total=3, failed=LOST, answers=WITHOUT_SECOND)
    return lost


@pytest.mark.parametrize(
    "answers",
    [[{"FieldId": "a"}], {"cut": [{"FieldId": "a"}], "length": 1, "sha256": "…"}],
    ids=["whole", "cut"],
)
def test_r1_a_submission_that_failed_takes_its_answers_with_it(
    migrated: V2, answers: object
) -> None:
    fail_second(migrated, answers)

    report = verify()

    assert not_passed(report) == {"Submissions": "OPEN", "Answers": "OPEN"}
    assert (report.errors, report.clean) == (1, False)


@pytest.mark.parametrize(
    "answers",
    [None, [], [{}, {}], {"cut": [{}], "length": 2}, {"cut": [{}]}, {"cut": [], "length": "1"},
     "text", 1],
    ids=str,
)  # fmt: skip
def test_r1_answers_that_the_error_does_not_hold_are_missed(migrated: V2, answers: object) -> None:
    fail_second(migrated, answers)

    report = verify()

    assert check(report, "Answers").status is Verdict.FAILED
    assert "failed by form_unknown: 1 in the ledger" in check(report, "Run of answers").note


def test_r1_a_deleted_error_row_fails(migrated: V2) -> None:
    fail_second(migrated, [{}])
    MigrationError.objects.all().delete()

    report = verify()

    said = {
        "Run of submissions": "failed by form_unknown: 1 in the ledger, 0 in the open errors",
        "Run of answers": "failed by form_unknown: 1 in the ledger, 0 in the open errors",
        "Findings of submissions": "form_unknown: 1 counted, and 0 open errors stored",
        "Submissions": "1 neither in v3 nor recorded as errors",
        "Answers": "1 neither in v3 nor recorded as errors",
        "Submissions under other ids": "1 ids of v2 are neither in v3 nor recorded",
    }
    assert not_passed(report) == dict.fromkeys(said, "FAILED")
    for name, text in said.items():
        assert text in check(report, name).note


def test_r1_an_error_under_another_code_than_the_ledgers_fails(migrated: V2) -> None:
    fail_second(migrated, [{}])
    MigrationError.objects.update(code="value_taken")

    note = check(verify(), "Run of submissions").note

    assert "failed by form_unknown: 1 in the ledger, 0 in the open errors" in note
    assert "failed by value_taken: 0 in the ledger, 1 in the open errors" in note


@pytest.mark.parametrize("code", ["no_such_code", "text_cleaned"])
def test_r1_a_record_cannot_fail_by_what_is_no_error(migrated: V2, code: str) -> None:
    fail_second(migrated, [{}])
    MigrationError.objects.update(code=code)
    answers = WITHOUT_SECOND | {"failed": {code: 1}}
    wrote("submissions", total=3, failed={code: 1}, answers=answers)

    report = verify()

    for name in ("Run of submissions", "Run of answers"):
        assert f"failed by {code}: 1 by a code that is no error" in check(report, name).note
    assert check(report, "Findings of submissions").status is Verdict.FAILED


def test_r1_an_error_tried_again_and_again_is_one_error(migrated: V2) -> None:
    fail_second(migrated, [{}])
    MigrationError.objects.update(attempts=3)

    assert verify().errors == 1
    assert not_passed(verify()) == {"Submissions": "OPEN", "Answers": "OPEN"}


def test_r1_a_mended_error_is_history_and_the_migration_is_clean(migrated: V2) -> None:
    """What retry_v2 leaves: the row in v3, the error resolved, the counts moved."""
    mended = migrated.submissions[1]["Id"]
    record_error(
        "FormSubmission",
        mended,
        error_detail={"Id": mended, "answers": [{}]},
        attempts=2,
        resolved_at=STARTED,
    )

    report = verify()

    assert not_passed(report) == {}
    assert (report.errors, report.clean) == (0, True)


def test_r1_an_error_withdrawn_for_a_record_that_v2_no_longer_has_is_clean(migrated: V2) -> None:
    lost = fail_second(migrated, [{}])
    migrated.execute('DELETE FROM "FormSubmissionMetaData" WHERE "FormSubmissionId" = ?', [lost])
    migrated.execute('DELETE FROM "FormSubmission" WHERE "Id" = ?', [lost])
    assert check(verify(), "Submissions").status is Verdict.FAILED

    MigrationError.objects.update(resolved_at=STARTED)
    answers = {"migrated": 1, "merged": 2, "set_aside": {"choices": 1}}
    wrote("submissions", total=2, answers=answers)

    assert not_passed(verify()) == {}
