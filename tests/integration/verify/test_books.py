"""verify: what v3 holds against what the run wrote down."""

from datetime import UTC, datetime

import pytest

from submissions.models import Submission
from tests.integration.verify.scenario import (
    LATER,
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
from transfer.models import MigrationProgress
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'in_progress'", "is in_progress, not completed; run import_v2 --name rehearsal"),
        (
            "status = 'failed', error_message = 'v2 went away'",
            "is failed, not completed: v2 went away; run import_v2",
        ),
        ("status = 'in_progress', failed_records = 1", "not completed"),
    ],
)
def test_a_table_that_is_not_finished_fails(migrated: V2, change: str, said: str) -> None:
    execute("DELETE FROM migration_progress WHERE table_name = 'forms'")
    MigrationProgress.objects.create(
        migration_name=NAME,
        table_name="forms",
        status="in_progress",
        total_records=2,
        processed_records=2,
        failed_records=0,
        started_at=STARTED,
    )
    execute(f"UPDATE migration_progress SET {change} WHERE table_name = 'forms'")

    report = verify()

    assert not_passed(report) == {"Run of forms": "FAILED"}
    assert said in check(report, "Run of forms").note


def test_r1_books_that_do_not_balance_fail(migrated: V2) -> None:
    execute("ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_accounted_check")
    execute("UPDATE migration_progress SET total_records = 9 WHERE table_name = 'forms'")

    found = check(verify(), "Run of forms")

    assert (found.status, found.source, found.target) == (Verdict.FAILED, 9, 2)
    assert "9 read, 2 migrated or failed" in found.note


def test_a_table_that_was_never_begun_fails(migrated: V2) -> None:
    MigrationProgress.objects.filter(table_name="users").delete()

    assert "not begun" in check(verify(), "Run of users").note


def test_r1_a_row_made_by_a_clock_ahead_and_lost_again_is_not_called_made_since(
    migrated: V2,
) -> None:
    """v2's clock was ahead, so the row that the run moved looks newer than the run."""
    ahead = migrated.submissions[2]["Id"]
    migrated.execute('UPDATE "FormSubmission" SET "CreatedOn" = ? WHERE "Id" = ?', [LATER, ahead])
    Submission.objects.filter(id=ahead).update(
        created_at=datetime.fromisoformat(LATER).replace(tzinfo=UTC)
    )
    assert not_passed(verify()) == {}

    Submission.objects.filter(id=ahead).delete()

    report = verify()
    assert check(report, "Submissions").status is Verdict.WARNING
    assert check(report, "Run of submissions").status is Verdict.FAILED
    assert "the run migrated 3, and v3 holds 2" in check(report, "Run of submissions").note
    assert "metadata.choices: 1 in the ledger, 0 in v3" in check(report, "Run of answers").note


@pytest.mark.parametrize("table", ["organizations", "users", "forms", "submissions"])
def test_r1_a_row_more_or_less_than_the_run_wrote_fails(migrated: V2, table: str) -> None:
    for total in (1, 9):
        wrote(table, total=total)

        assert check(verify(), f"Run of {table}").status is Verdict.FAILED


@pytest.mark.parametrize(("failed", "recorded"), [(0, 1), (1, 0), (1, 2), (2, 1)])
def test_r1_errors_that_are_not_those_of_the_books_fail(
    migrated: V2, failed: int, recorded: int
) -> None:
    wrote("forms", total=2 + failed, failed={"form_unknown": failed} if failed else {})
    for number in range(recorded):
        record_error("FormType", f"form {number}")

    found = check(verify(), "Run of forms")

    assert found.status is Verdict.FAILED
    assert f"{failed} failed in the run, and {recorded} are recorded as errors" in found.note


def test_r1_a_record_fails_once_so_two_errors_of_one_are_one_too_many(migrated: V2) -> None:
    wrote("forms", total=3, failed={"form_unknown": 1})
    record_error("FormType", "form 1")
    assert check(verify(), "Run of forms").status is Verdict.PASSED

    record_error("FormType", "form 1", code="refused_by_postgresql")

    found = check(verify(), "Run of forms")
    assert found.status is Verdict.FAILED
    assert "failed by refused_by_postgresql: 0 in the ledger, 1 in the open errors" in found.note


def test_rows_the_application_made_itself_are_not_the_runs(migrated: V2) -> None:
    Submission.objects.create(
        organization_id=MINE,
        form_id=migrated.forms[0]["Id"],
        submission_number="its own",
        data={"name": "Grace"},
    )

    assert not_passed(verify()) == {}
