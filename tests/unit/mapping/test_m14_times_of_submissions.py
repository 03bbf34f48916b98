from datetime import UTC

from tests.unit.mapping.build import (
    DRAFT,
    NEW_YORK,
    STARTED,
    at,
    codes,
    context,
    mapped,
    metadata,
    reference,
    submission,
    utc,
)
from transfer.mapping.codes import Code
from transfer.mapping.submissions import map_submission


def test_m14_a_submission_keeps_its_times_and_was_submitted_when_last_updated():
    outcome = mapped(reference(), last_updated_on=at("2024-03-02T01:02:03"))

    row = outcome.row
    assert row is not None
    assert row.created_at == utc("2024-03-01T10:20:30.123456")
    assert row.updated_at == row.submitted_at == utc("2024-03-02T01:02:03")


def test_m14_a_submission_never_updated_was_submitted_when_created():
    row = mapped(reference(), last_updated_on=None).row

    assert row is not None
    assert row.updated_at == row.submitted_at == row.created_at


def test_m14_a_draft_was_not_submitted():
    row = mapped(reference(), status_id=DRAFT).row

    assert row is not None
    assert (row.status, row.submitted_at) == ("draft", None)
    assert row.updated_at == utc("2024-03-02T00:00:00")


def test_m14_a_time_after_the_start_is_kept_beside():
    start = STARTED.replace(tzinfo=None)

    later = mapped(reference(), last_updated_on=start.replace(microsecond=1))
    same = mapped(reference(), last_updated_on=start)

    assert later.row is not None
    assert later.row.updated_at == start.replace(microsecond=1, tzinfo=UTC)
    assert metadata(later) == {"legacy_updated_at": "2025-01-22T20:00:00.000001+00:00"}
    assert metadata(same) == {}


def test_m03_m14_both_times_are_read_in_the_zone():
    row = submission(
        created_on=at("2024-03-10T02:30:00"), last_updated_on=at("2024-11-03T01:30:00")
    )

    outcome = map_submission(row, [], reference(), context(time_zone=NEW_YORK), None)

    assert outcome.row is not None
    assert outcome.row.created_at == utc("2024-03-10T07:30:00")
    assert outcome.row.updated_at == utc("2024-11-03T05:30:00")
    assert codes(outcome) == [Code.TIME_GAP_OR_OVERLAP] * 2
    assert [finding.column for finding in outcome.findings] == ["CreatedOn", "LastUpdatedOn"]
