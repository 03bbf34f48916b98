import pytest

from tests.unit.mapping.build import (
    FORM,
    ORG,
    OTHER_FORM,
    OTHER_ORG,
    SUBMISSION,
    answer,
    field,
    mapped,
    reference,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger
from transfer.mapping.layout import Reference

NOTE = uid(200)


@pytest.fixture
def ref() -> Reference:
    return reference(field(200, "Note"))


def test_m01_m08_a_submission_keeps_its_id_and_goes_where_its_form_is(ref):
    row = mapped(ref).row

    assert row is not None
    assert (row.id, row.form_id, row.organization_id) == (SUBMISSION, FORM, ORG)


def test_m08_a_submissions_own_organization_wins(ref):
    row = mapped(ref, organization_id=OTHER_ORG).row

    assert row is not None
    assert row.organization_id == OTHER_ORG


@pytest.mark.parametrize(
    ("changes", "code", "column"),
    [
        ({"form_type_id": uid(19)}, Code.FORM_UNKNOWN, "FormTypeId"),
        ({"organization_id": uid(9)}, Code.ORGANIZATION_UNKNOWN, "OrganizationId"),
        (
            {"organization_id": uid(9), "form_type_id": uid(19)},
            Code.FORM_UNKNOWN,
            "FormTypeId",
        ),
    ],
)
def test_m18_a_submission_without_a_home_is_an_error_that_holds_it_whole(
    ref, changes, code, column
):
    outcome = mapped(
        ref, answer(1, NOTE, "a\x00"), answer(2, uid(999), "b"), lookup_code="\x00", **changes
    )

    assert outcome.row is None
    (error,) = outcome.findings
    assert (error.code, error.v2_table, error.record_id, error.column) == (
        code,
        "FormSubmission",
        SUBMISSION,
        column,
    )
    assert error.detail is not None
    assert error.detail["LookupCode"] == "\x00"
    assert [each["FreeFormEntry"] for each in error.detail["answers"]] == ["a\x00", "b"]
    assert outcome.answers == AnswerLedger(failed=2)


def test_m18_a_form_that_was_not_migrated_is_as_good_as_none(ref):
    del ref.form_organization[OTHER_FORM]

    outcome = mapped(ref, form_type_id=OTHER_FORM)

    assert outcome.row is None
    assert outcome.findings[0].code is Code.FORM_UNKNOWN
    assert outcome.answers == AnswerLedger()


def test_m18_a_form_added_without_an_organization_was_not_migrated(ref):
    ref.add_form(uid(12), None, [])

    assert mapped(ref, form_type_id=uid(12)).row is None
