import pytest

from tests.unit.mapping.build import (
    SUBMISSION,
    answer,
    choice,
    codes,
    data,
    field,
    mapped,
    metadata,
    reference,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger

SIZE, NOTE = uid(200), uid(201)
SMALL_MAP, UNNAMED_MAP, LOST_MAP = uid(301), uid(302), uid(303)
SMALL, UNNAMED, NOWHERE = uid(401), uid(402), uid(999)


@pytest.fixture
def ref():
    return reference(
        field(200, "Size", type_name="DropDown"),
        field(201, "Note"),
        maps=[
            choice(301, SIZE, 401, "Small"),
            choice(302, SIZE, 402, None),
            choice(303, SIZE, 403, None, choice_exists=False),
        ],
    )


@pytest.mark.parametrize(
    ("text", "chosen", "value"),
    [
        ("typed", None, "typed"),
        (" ", None, " "),
        ("", None, ""),
        (None, None, None),
        (None, SMALL_MAP, "Small"),
        ("", SMALL_MAP, "Small"),
        (None, SMALL, "Small"),  # no map has this Id: it is a choice's own
        ("", SMALL, "Small"),
        (None, UNNAMED_MAP, None),
        ("", UNNAMED, None),
        *((text, None, text) for text in ("null", "true", "007", "1e5", "NaN", "0", "[]", "{}")),
    ],
)
def test_m15_an_answer_is_its_text_or_else_its_choices_name(ref, text, chosen, value):
    outcome = mapped(ref, answer(1, SIZE, text, chosen))

    assert data(outcome) == {"Size": value}
    assert metadata(outcome) == {}
    assert outcome.findings == []
    assert outcome.answers == AnswerLedger(migrated=1)


@pytest.mark.parametrize(
    ("chosen", "beside"), [(SMALL_MAP, "Small"), (SMALL, "Small"), (UNNAMED_MAP, None)]
)
def test_m15_beside_text_the_choices_name_goes_to_metadata(ref, chosen, beside):
    outcome = mapped(ref, answer(1, SIZE, "typed", chosen))

    assert data(outcome) == {"Size": "typed"}
    assert metadata(outcome) == {"choices": {"Size": [beside]}}
    assert outcome.findings == []
    assert outcome.answers == AnswerLedger(choices=1)


def test_m15_an_answer_counts_once_as_the_first_that_it_is(ref):
    outcome = mapped(
        ref,
        answer(1, SIZE, "typed", SMALL_MAP),
        answer(2, SIZE, "typed again"),
        answer(3, NOTE, "only this"),
        answer(4, NOWHERE, "typed", SMALL_MAP),
    )

    assert data(outcome) == {"Size": ["typed", "typed again"], "Note": "only this"}
    assert outcome.answers == AnswerLedger(migrated=1, merged=1, choices=1, unmapped=1)


@pytest.mark.parametrize("chosen", [LOST_MAP, NOWHERE])
def test_m15_beside_text_the_id_of_a_choice_that_is_nowhere_goes_to_metadata(ref, chosen):
    outcome = mapped(ref, answer(1, SIZE, "typed", chosen))

    assert data(outcome) == {"Size": "typed"}
    assert metadata(outcome) == {"choices": {"Size": [chosen]}}
    (warning,) = outcome.findings
    assert (warning.code, warning.v2_table, warning.record_id, warning.column) == (
        Code.ANSWER_CHOICE_UNKNOWN,
        "FormSubmissionMetaData",
        uid(1),
        "FieldChoiceMapId",
    )
    assert warning.detail == {
        "FormSubmissionId": SUBMISSION,
        "FieldId": SIZE,
        "FreeFormEntry": "typed",
        "FieldChoiceMapId": chosen,
        "Id": uid(1),
    }


def test_m15_a_map_id_that_is_a_choice_id_too_is_the_map(ref):
    ref.add_maps([choice(402, SIZE, 401, "Small")])

    assert data(mapped(ref, answer(1, SIZE, None, UNNAMED))) == {"Size": "Small"}


def test_m15_a_choice_mapped_to_no_field_has_a_name_all_the_same(ref):
    ref.add_choice(uid(409), "Huge\x00")

    assert data(mapped(ref, answer(1, SIZE, None, uid(409)))) == {"Size": "Huge\ufffd"}


def test_m15_a_field_without_an_answer_has_no_key(ref):
    assert data(mapped(ref)) == {}
    assert data(mapped(ref, answer(1, NOTE, "only this"))) == {"Note": "only this"}


def test_m04_m15_an_answer_is_cleaned_and_told_with_its_own_id(ref):
    outcome = mapped(ref, answer(1, NOTE, "fine"), answer(2, SIZE, "a\x00b\ud800"))

    assert data(outcome) == {"Note": "fine", "Size": "a\ufffdb\ufffd"}
    (warning,) = outcome.findings
    assert (warning.code, warning.v2_table, warning.record_id, warning.column) == (
        Code.TEXT_CLEANED,
        "FormSubmissionMetaData",
        uid(2),
        "FreeFormEntry",
    )
    assert warning.detail is not None
    assert warning.detail["FreeFormEntry"] == "a\x00b\ud800"


def test_m04_m15_text_that_only_looks_like_an_escape_is_kept(ref):
    outcome = mapped(ref, answer(1, NOTE, "\\u0000 and \\ud800"))

    assert data(outcome) == {"Note": "\\u0000 and \\ud800"}
    assert outcome.findings == []


def test_m04_m15_text_of_nothing_but_nul_is_text_beside_a_choice(ref):
    outcome = mapped(ref, answer(1, SIZE, "\x00", SMALL_MAP))

    assert data(outcome) == {"Size": "\ufffd"}
    assert metadata(outcome) == {"choices": {"Size": ["Small"]}}
    assert codes(outcome) == [Code.TEXT_CLEANED]


def test_m15_answers_without_ids_are_named_by_submission_and_field(ref):
    outcome = mapped(ref, answer(None, SIZE, "\x00"))

    assert outcome.findings[0].record_id == f"{SUBMISSION}/{SIZE}"


def test_m15_where_maps_have_no_ids_a_choice_is_found_by_its_own(ref):
    ref.add_maps([choice(None, NOTE, 410, "Blue")])

    assert data(mapped(ref, answer(1, NOTE, None, uid(410)))) == {"Note": "Blue"}
    assert None not in ref.choice_of_map
