import pytest

from tests.unit.mapping.build import (
    SUBMISSION,
    SUBMITTED,
    codes,
    context,
    mapping_file,
    metadata,
    reference,
    submission,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.submissions import map_submission


def with_status(name, **statuses):
    ref = reference()
    ref.statuses[SUBMITTED] = name
    ctx = context(mapping=mapping_file(statuses=statuses))
    return map_submission(submission(), [], ref, ctx, None)


@pytest.mark.parametrize(
    ("v2", "v3"),
    [
        ("Draft", "draft"),
        ("Submitted", "submitted"),
        ("processing", "processing"),
        ("APPROVED", "approved"),
        ("Rejected", "rejected"),
        ("Completed", "completed"),
        ("Archived", "archived"),
    ],
)
def test_m13_a_status_v3_has_is_kept_whatever_its_case(v2, v3):
    outcome = with_status(v2)

    assert outcome.row is not None
    assert outcome.row.status == v3
    assert metadata(outcome) == {}
    assert outcome.findings == []


@pytest.mark.parametrize("v2", ["On Hold", "", "Draft ", "deleted"])
def test_m13_any_other_status_is_submitted_and_kept_beside(v2):
    outcome = with_status(v2)

    assert outcome.row is not None
    assert outcome.row.status == "submitted"
    assert metadata(outcome) == {"legacy_status": v2}
    (warning,) = outcome.findings
    assert (warning.code, warning.v2_table, warning.record_id, warning.column) == (
        Code.STATUS_UNKNOWN,
        "FormSubmission",
        SUBMISSION,
        "FormSubmissionStatusId",
    )


def test_m13_the_mapping_file_adds_names_and_wins():
    for name, statuses, expected in [
        ("On HOLD", {"on hold": "processing"}, "processing"),
        ("Draft", {"draft": "rejected"}, "rejected"),
    ]:
        outcome = with_status(name, **statuses)

        assert outcome.row is not None
        assert outcome.row.status == expected
        assert metadata(outcome) == {}
        assert outcome.findings == []


def test_m04_m13_a_kept_status_is_cleaned():
    outcome = with_status("On\x00Hold")

    assert metadata(outcome) == {"legacy_status": "On\ufffdHold"}
    assert codes(outcome) == [Code.TEXT_CLEANED, Code.STATUS_UNKNOWN]
    assert outcome.findings[0].column == "FormSubmissionStatus.Name"


def test_m18_a_status_that_does_not_exist_is_submitted():
    outcome = map_submission(submission(status_id=uid(39)), [], reference(), context(), None)

    assert outcome.row is not None
    assert outcome.row.status == "submitted"
    assert metadata(outcome) == {}
    (warning,) = outcome.findings
    assert warning.code is Code.STATUS_WITHOUT_ROW
    assert warning.detail is not None
    assert warning.detail["FormSubmissionStatusId"] == uid(39)
