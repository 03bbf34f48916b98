import pytest

from tests.unit.mapping.build import (
    OTHER_FORM,
    SUBMISSION,
    answer,
    checkbox,
    choice,
    codes,
    context,
    data,
    field,
    mapped,
    metadata,
    reference,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger
from transfer.mapping.layout import form_fields
from transfer.mapping.submissions import orphaned_answer

NOTE, THEIRS, THEIR_NOTE, THEIR_LIST = uid(200), uid(210), uid(211), uid(212)
NOWHERE = uid(999)


@pytest.fixture
def ref():
    return reference(
        field(200, "Note"),
        maps=[choice(301, THEIR_LIST, 401, "Red"), choice(302, THEIR_LIST, 402, "Green")],
        other=[
            field(210, "Theirs", form_type_id=OTHER_FORM),
            field(211, "Note", form_type_id=OTHER_FORM),
            checkbox(212, "Colours", form_type_id=OTHER_FORM),
        ],
    )


def test_m17_an_answer_whose_field_exists_nowhere_is_set_aside(ref):
    outcome = mapped(
        ref,
        answer(2, NOWHERE, "b", uid(301)),
        answer(1, NOWHERE, "a\x00"),
        answer(3, NOWHERE, None, uid(998)),
    )

    assert data(outcome) == {}
    assert metadata(outcome) == {
        "unmapped": {
            NOWHERE: [
                {"id": uid(1), "text": "a\ufffd", "choice": None},
                {"id": uid(2), "text": "b", "choice": uid(301), "label": "Red"},
                {"id": uid(3), "text": None, "choice": uid(998)},
            ]
        }
    }
    unknown = [each for each in outcome.findings if each.code is Code.ANSWER_FIELD_UNKNOWN]
    assert [(each.record_id, each.column) for each in unknown] == [
        (uid(2), "FieldId"),
        (uid(1), "FieldId"),
        (uid(3), "FieldId"),
    ]
    assert outcome.answers == AnswerLedger(unmapped=3)


@pytest.mark.parametrize("text", [None, ""])
def test_m17_no_text_and_a_choice_that_exists_nowhere_is_set_aside(ref, text):
    outcome = mapped(ref, answer(1, NOTE, text, NOWHERE))

    assert data(outcome) == {}
    assert metadata(outcome) == {
        "unmapped": {NOTE: [{"id": uid(1), "text": text, "choice": NOWHERE}]}
    }
    (warning,) = outcome.findings
    assert (warning.code, warning.column) == (Code.ANSWER_CHOICE_UNKNOWN, "FieldChoiceMapId")
    assert outcome.answers == AnswerLedger(unmapped=1)


def test_m17_an_answer_to_another_forms_field_goes_under_that_fields_name(ref):
    outcome = mapped(ref, answer(1, THEIRS, "x"), answer(2, NOTE, "y"))

    assert data(outcome) == {"Theirs": "x", "Note": "y"}
    assert metadata(outcome) == {}
    (warning,) = outcome.findings
    assert (warning.code, warning.record_id) == (Code.ANSWER_OTHER_FORM, uid(1))
    assert outcome.answers == AnswerLedger(migrated=2)


def test_m16_m17_another_forms_checkbox_is_a_list_too(ref):
    outcome = mapped(
        ref, answer(1, THEIR_LIST, None, uid(302)), answer(2, THEIR_LIST, None, uid(301))
    )

    assert data(outcome) == {"Colours": ["Red", "Green"]}
    assert codes(outcome) == [Code.ANSWER_OTHER_FORM] * 2


def test_m17_where_the_form_has_a_field_of_that_name_it_is_set_aside(ref):
    outcome = mapped(ref, answer(1, THEIR_NOTE, "theirs", uid(301)))

    assert data(outcome) == {}
    assert metadata(outcome) == {
        "unmapped": {
            THEIR_NOTE: [{"id": uid(1), "text": "theirs", "choice": uid(301), "label": "Red"}]
        }
    }
    assert codes(outcome) == [Code.ANSWER_OTHER_FORM]
    assert outcome.answers == AnswerLedger(unmapped=1)


def test_m17_of_two_other_fields_with_one_name_the_lower_id_has_it(ref):
    ref.add_fields(form_fields([field(213, "Theirs", form_type_id=uid(12))], [], context()))

    outcome = mapped(ref, answer(1, uid(213), "set aside"), answer(2, THEIRS, "kept"))

    assert data(outcome) == {"Theirs": "kept"}
    assert metadata(outcome) == {
        "unmapped": {uid(213): [{"id": uid(1), "text": "set aside", "choice": None}]}
    }


def test_m17_a_field_whose_form_does_not_exist_belongs_to_another_form(ref):
    lost = [field(220, "Lost", form_type_id=uid(19))]
    ref.add_fields(form_fields(lost, [], context(), dangling=True))

    outcome = mapped(ref, answer(1, uid(220), "x"))

    assert data(outcome) == {"Lost": "x"}
    assert codes(outcome) == [Code.ANSWER_OTHER_FORM]


def test_m17_an_answer_to_no_submission_is_an_error_of_its_own():
    row = answer(1, NOTE, "lost\x00", uid(301))

    error = orphaned_answer(row)

    assert (error.code, error.v2_table, error.record_id) == (
        Code.ANSWER_ORPHANED,
        "FormSubmissionMetaData",
        uid(1),
    )
    assert error.column == "FormSubmissionId"
    assert error.detail == {
        "FormSubmissionId": SUBMISSION,
        "FieldId": NOTE,
        "FreeFormEntry": "lost\x00",
        "FieldChoiceMapId": uid(301),
        "Id": uid(1),
    }
