"""verify: a v2 that goes on living after the migration began."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from forms_app.models import Form
from organizations.models import Organization, User
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
    record_run,
    wrote,
)
from tests.v2 import V2, make_v2
from transfer import verify_source
from transfer.accepted import Difference
from transfer.models import MigrationProgress
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict
from transfer.verify_source import Cut

EARLIER = "2025-01-22 21:00:00.000000"

pytestmark = pytest.mark.django_db


def test_r1_what_v2_gained_since_is_named_and_is_no_loss(migrated: V2) -> None:
    migrated.add("submissions", {"CreatedOn": LATER}, {"CreatedOn": LATER})
    migrated.add("answers", {"FormSubmissionId": migrated.submissions[-1]["Id"]})

    report = verify()

    assert not_passed(report) == {"Submissions": "WARNING", "Answers": "WARNING"}
    assert "2 made in v2 since the migration began" in check(report, "Submissions").note
    assert "1 made in v2 since the migration began" in check(report, "Answers").note
    assert report.clean


def test_r1_what_v2_gained_hides_no_older_loss(migrated: V2) -> None:
    migrated.add("submissions", {"CreatedOn": LATER})
    Submission.objects.filter(id=migrated.submissions[0]["Id"]).delete()

    found = check(verify(), "Submissions")

    assert found.status is Verdict.FAILED
    assert "1 neither in v3 nor recorded as errors" in found.note


def test_r1_what_v2_gained_and_the_run_still_read_counts_on_both_sides(migrated: V2) -> None:
    read, failed, _ = migrated.add(
        "submissions", {"CreatedOn": LATER}, {"CreatedOn": LATER}, {"CreatedOn": LATER}
    )
    Submission.objects.create(
        id=read["Id"],
        organization_id=MINE,
        form_id=migrated.forms[0]["Id"],
        submission_number="x",
        data={},
        metadata={"migration_batch": NAME},
        created_at=datetime.fromisoformat(LATER).replace(tzinfo=UTC),
    )
    record_error("FormSubmission", failed["Id"], error_detail=failed | {"answers": []})

    found = check(verify(), "Submissions")

    assert found.status is Verdict.OPEN
    assert found.note == "1 recorded as errors; 1 made in v2 since the migration began (R1)"


def test_more_new_rows_in_v3_than_v2_gained_fail(migrated: V2) -> None:
    User.objects.create(
        organization_id=MINE,
        email="new@x",
        metadata={"migration_batch": NAME},
        created_at=STARTED + timedelta(days=1),
    )
    migrated.execute('DELETE FROM "User" WHERE "Id" = ?', [migrated.users[0]["Id"]])

    assert check(verify(), "Users").status is Verdict.FAILED


def edit(migrated: V2) -> None:
    """Change a submission in v2 after the run: it has one answer more."""
    edited = migrated.submissions[2]["Id"]
    migrated.execute(
        'UPDATE "FormSubmission" SET "LastUpdatedOn" = ? WHERE "Id" = ?', [LATER, edited]
    )
    migrated.add("answers", {"FormSubmissionId": edited})


def test_answers_of_submissions_changed_since_are_named(migrated: V2) -> None:
    edit(migrated)
    found = check(verify(), "Answers")
    assert found.status is Verdict.WARNING
    assert found.accepted == (
        Difference("changed_in_v2_since", "answers", 1, "those submissions have 2 answers in v2"),
    )

    # … but they explain no more than they are, and no answer too many.
    execute("UPDATE submissions SET data = '{}'")
    assert check(verify(), "Answers").status is Verdict.FAILED


def test_answers_of_changed_submissions_do_not_excuse_new_answers_too_many(migrated: V2) -> None:
    edit(migrated)
    Submission.objects.create(
        organization_id=MINE,
        form_id=migrated.forms[0]["Id"],
        submission_number="x",
        data={"name": "nobody"},
        metadata={"migration_batch": NAME},
        created_at=STARTED + timedelta(days=1),
    )

    assert check(verify(), "Answers").status is Verdict.FAILED


def test_m3_the_cut_lies_at_the_same_moment_in_v2s_zone_and_in_v3(migrated: V2) -> None:
    """Begun at 20:00 UTC, 21:00 in Berlin: 20:30 there is before, 21:30 since."""
    MigrationProgress.objects.all().delete()
    record_run(time_zone="Europe/Berlin")
    before, since = "2025-01-22 20:30:00.000000", "2025-01-22 21:30:00.000000"
    own, _ = migrated.add("organizations", {"CreatedOn": before}, {"CreatedOn": since})
    Organization.objects.create(
        id=own["Id"],
        slug="evening",
        name="x",
        metadata={"migration_batch": NAME},
        created_at=datetime(2025, 1, 22, 19, 30, tzinfo=UTC),
    )

    found = check(verify(), "Organizations")

    assert found.note == "1 made in v2 since the migration began (R1)"


def test_m3_the_cut_in_an_overlap_is_the_mappings_first_reading() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    second_half_past_two = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)

    cut = Cut.at(second_half_past_two, berlin)

    assert cut.v2.isoformat() == "2025-10-26T02:30:00"
    assert cut.v3 == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_m3_forms_without_a_time_got_the_start_and_are_older_than_the_cut(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{"CreatedOn": None}])
    home = Organization.objects.create(slug="a", name="a")
    Form.objects.create(
        id=v2.forms[0]["Id"],
        organization=home,
        name="f",
        slug="f",
        definition={"title": "f", "fields": []},
        metadata={"migration_batch": NAME},
        created_at=STARTED,
    )
    record_run(tables=["forms"])
    wrote("forms", total=1)

    assert not_passed(verify()) == {}


def test_answers_of_changed_submissions_do_not_excuse_those_of_others(migrated: V2) -> None:
    edited, untouched = migrated.submissions[0]["Id"], migrated.submissions[2]["Id"]
    migrated.execute(
        'UPDATE "FormSubmission" SET "LastUpdatedOn" = ? WHERE "Id" = ?', [LATER, edited]
    )
    assert not_passed(verify()) == {}

    execute("UPDATE submissions SET data = '{}' WHERE id = %s", untouched)

    assert not_passed(verify()) == {"Answers": "FAILED", "Run of answers": "FAILED"}


@pytest.mark.parametrize(("read", "status"), [(LATER, "FAILED"), (EARLIER, "WARNING")])
def test_a_submission_is_changed_where_v2s_time_is_not_the_one_that_was_read(
    migrated: V2, read: str, status: str
) -> None:
    """A time after the start may be what the run read: v2's clock was ahead, or v2 live."""
    own = migrated.submissions[2]["Id"]
    migrated.execute('UPDATE "FormSubmission" SET "LastUpdatedOn" = ? WHERE "Id" = ?', [LATER, own])
    at = datetime.fromisoformat(read).replace(tzinfo=UTC)
    Submission.objects.filter(id=own).update(
        metadata={"migration_batch": NAME, "legacy_updated_at": at.isoformat()}
    )
    migrated.add("answers", {"FormSubmissionId": own})

    assert check(verify(), "Answers").status.value == status


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_changed_submissions_are_asked_for_in_pages(
    migrated: V2, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(verify_source, "IDS_AT_ONCE", at_once)
    migrated.execute('UPDATE "FormSubmission" SET "LastUpdatedOn" = ?', [LATER])
    for row in migrated.submissions:
        migrated.add("answers", {"FormSubmissionId": row["Id"]})

    (accepted,) = check(verify(), "Answers").accepted

    assert (accepted.name, accepted.count) == ("changed_in_v2_since", 3)
    assert accepted.more == "those submissions have 8 answers in v2"


@pytest.mark.parametrize(
    ("changed", "status"),
    [("2025-01-22T19:59:59", Verdict.FAILED), ("2025-01-22T20:00:01", Verdict.WARNING)],
)
def test_m3_a_change_is_since_by_the_time_that_is_written_however_it_is(
    migrated: V2, changed: str, status: Verdict
) -> None:
    """A "T" is after the blank of the migration's own start, and its hour may be before."""
    own = migrated.submissions[2]["Id"]
    migrated.execute(
        'UPDATE "FormSubmission" SET "LastUpdatedOn" = ? WHERE "Id" = ?', [changed, own]
    )
    migrated.add("answers", {"FormSubmissionId": own})

    assert check(verify(), "Answers").status is status
