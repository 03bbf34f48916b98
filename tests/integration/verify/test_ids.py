"""verify: v3's rows are v2's records, not only as many."""

from pathlib import Path

import pytest

from organizations.models import User
from submissions.models import Submission
from tests.integration.verify.scenario import (
    LATER,
    check,
    execute,
    not_passed,
    record_error,
    record_run,
    wrote,
)
from tests.v2 import V2, make_v2
from transfer import verify_source
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict

pytestmark = pytest.mark.django_db


def replaced(table: str) -> None:
    """Give a row of the table another id, as a copy of it made anew would have."""
    execute(
        f"UPDATE {table} SET id = gen_random_uuid()"
        f" WHERE id = (SELECT max(id::text)::uuid FROM {table})"
    )


@pytest.mark.parametrize("table", ["users", "submissions"])
def test_r1_a_row_replaced_by_a_copy_under_another_id_fails(migrated: V2, table: str) -> None:
    replaced(table)

    report = verify()

    name = f"{table.capitalize()} under other ids"
    assert not_passed(report) == {name: "FAILED"}
    assert check(report, name).target == 2
    assert check(report, name).note == (
        "1 ids of v2 are neither in v3 nor recorded as errors; "
        "1 ids in v3 are of no record that v2 has"
    )


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_ids_are_compared_over_pages_of_any_size(
    migrated: V2, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(verify_source, "SCAN_SIZE", size)
    assert not_passed(verify()) == {}

    replaced("submissions")

    assert not_passed(verify()) == {"Submissions under other ids": "FAILED"}


def test_ids_in_upper_case_are_the_same_ids(migrated: V2) -> None:
    for table in ("Organization", "User", "FormType", "FormSubmission"):
        migrated.execute(f'UPDATE "{table}" SET "Id" = upper("Id")')

    assert not_passed(verify()) == {}


def test_a_record_that_failed_is_missed_under_no_id(migrated: V2) -> None:
    lost, kept = (row["Id"] for row in migrated.users)
    User.objects.filter(id=lost).delete()
    wrote("users", total=2, failed={"form_unknown": 1})
    record_error("User", kept)
    assert check(verify(), "Users under other ids").status is Verdict.FAILED

    record_error("User", lost)

    assert check(verify(), "Users under other ids").status is Verdict.PASSED


def test_a_record_with_an_id_that_is_none_is_missed_only_if_no_error_has_it(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{"Id": "no id at all"}])
    record_run(tables=["organizations"])
    wrote("organizations", total=1, failed={"form_unknown": 1})
    assert check(verify(), "Organizations under other ids").target == 1

    record_error("Organization", "no id at all")

    assert check(verify(), "Organizations under other ids").target == 0


def test_ids_that_v2_gained_since_are_not_missed(migrated: V2) -> None:
    migrated.add("submissions", {"CreatedOn": LATER})

    assert not_passed(verify()) == {"Submissions": "WARNING"}


def test_a_row_of_another_migration_is_not_in_place_of_the_runs_own(migrated: V2) -> None:
    Submission.objects.filter(id=migrated.submissions[0]["Id"]).update(
        metadata={"migration_batch": "another"}
    )

    assert check(verify(), "Submissions under other ids").target == 1


@pytest.mark.parametrize("table", ["organizations", "users", "forms", "submissions"])
def test_a_row_marked_deleted_fails(migrated: V2, table: str) -> None:
    execute(
        f"UPDATE {table} SET deleted_at = now()"
        f" WHERE id = (SELECT min(id::text)::uuid FROM {table})"
    )

    assert not_passed(verify()) == {f"{table.capitalize()} marked deleted": "FAILED"}
