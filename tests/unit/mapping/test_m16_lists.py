import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import (
    SUBMISSION,
    answer,
    checkbox,
    choice,
    codes,
    context,
    data,
    field,
    mapped,
    mapping_file,
    metadata,
    reference,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger
from transfer.mapping.layout import form_fields

COLOURS, NOTE = uid(200), uid(201)
RED, GREEN, BLUE = uid(301), uid(302), uid(303)
MAPS = [
    choice(301, COLOURS, 401, "Red", sort_order=3),
    choice(302, COLOURS, 402, "Green", sort_order=1),
    choice(303, COLOURS, 403, "Blue", sort_order=2),
]


@pytest.fixture
def ref():
    return reference(checkbox(200, "Colours"), field(201, "Note"), maps=MAPS)


def test_m16_a_checkbox_with_choices_is_a_list_even_of_one(ref):
    outcome = mapped(ref, answer(1, COLOURS, None, RED))

    assert data(outcome) == {"Colours": ["Red"]}
    assert outcome.findings == []
    assert outcome.answers == AnswerLedger(migrated=1)


def test_m16_its_choices_come_in_their_order_then_the_rest_by_answer_id(ref):
    ref.add_choice(uid(409), "Of another field")

    outcome = mapped(
        ref,
        answer(6, COLOURS, "typed late"),
        answer(5, COLOURS, None, uid(409)),
        answer(4, COLOURS, "typed beside", GREEN),
        answer(3, COLOURS, None, None),
        answer(2, COLOURS, None, RED),
        answer(1, COLOURS, "", BLUE),
    )

    assert data(outcome) == {
        "Colours": ["Blue", "Red", None, "typed beside", "Of another field", "typed late"]
    }
    assert metadata(outcome) == {"choices": {"Colours": ["Green"]}}
    assert outcome.findings == []
    assert outcome.answers == AnswerLedger(merged=5, choices=1)


def test_m16_a_choice_ticked_twice_is_there_twice(ref):
    outcome = mapped(ref, answer(1, COLOURS, None, RED), answer(2, COLOURS, None, uid(401)))

    assert data(outcome) == {"Colours": ["Red", "Red"]}


def test_m16_a_choice_mapped_twice_has_its_first_place(ref):
    again = choice(304, COLOURS, 402, "Green", sort_order=9)

    (layout,) = form_fields([checkbox(200, "Colours")], [*MAPS, again], context())

    assert layout.order == {uid(402): 0, uid(403): 1, uid(401): 2}


def test_m16_without_ids_the_rest_is_ordered_by_value_null_last(ref):
    outcome = mapped(
        ref,
        answer(None, COLOURS, None, None),
        answer(None, COLOURS, "b"),
        answer(None, COLOURS, "B"),
        answer(None, COLOURS, None, RED),
    )

    assert data(outcome) == {"Colours": ["Red", "B", "b", None]}


def test_m16_a_checkbox_without_choices_is_an_ordinary_field():
    lost = choice(301, COLOURS, 401, None, choice_exists=False)

    for maps in ([], [lost]):
        ref = reference(checkbox(200, "Colours"), maps=maps)
        assert data(mapped(ref, answer(1, COLOURS, "yes"))) == {"Colours": "yes"}


def test_m16_a_type_the_mapping_file_makes_a_checkbox_is_one():
    rows = [field(200, "Colours", type_name="MultiTick")]
    ctx = context(mapping=mapping_file(field_types={"multitick": "checkbox"}))

    (without,) = form_fields(rows, MAPS, context())
    (with_file,) = form_fields(rows, MAPS, ctx)

    assert (without.is_list, without.order) == (False, None)
    assert (with_file.is_list, with_file.order) == (True, {uid(402): 0, uid(403): 1, uid(401): 2})


def test_m16_any_other_field_answered_more_than_once_becomes_a_list_by_answer_id(ref):
    outcome = mapped(ref, answer(3, NOTE, "c"), answer(1, NOTE, None), answer(2, NOTE, None, RED))

    assert data(outcome) == {"Note": [None, "Red", "c"]}
    (warning,) = outcome.findings
    assert (warning.code, warning.v2_table, warning.record_id) == (
        Code.ANSWERS_MERGED,
        "FormSubmission",
        SUBMISSION,
    )
    assert "'Note'" in warning.message
    assert outcome.answers == AnswerLedger(merged=3)


def test_m16_without_ids_it_is_a_list_by_value(ref):
    outcome = mapped(
        ref, answer(None, NOTE, None), answer(None, NOTE, "b"), answer(None, NOTE, "a")
    )

    assert data(outcome) == {"Note": ["a", "b", None]}


def test_m16_choices_beside_text_are_listed_by_answer_id(ref):
    outcome = mapped(
        ref,
        answer(3, NOTE, "x", BLUE),
        answer(1, NOTE, "z", RED),
        answer(2, NOTE, "y"),
    )

    assert data(outcome) == {"Note": ["z", "y", "x"]}
    assert metadata(outcome) == {"choices": {"Note": ["Red", "Blue"]}}


def test_m16_an_answer_set_aside_does_not_make_a_list(ref):
    outcome = mapped(ref, answer(1, NOTE, "kept"), answer(2, NOTE, None, uid(999)))

    assert data(outcome) == {"Note": "kept"}
    assert codes(outcome) == [Code.ANSWER_CHOICE_UNKNOWN]
    assert outcome.answers == AnswerLedger(migrated=1, unmapped=1)


answers = st.lists(
    st.tuples(
        st.sampled_from([COLOURS, NOTE]),
        st.sampled_from([None, "", "a", "b"]),
        st.sampled_from([None, RED, GREEN, uid(403), uid(999)]),
    ),
    max_size=8,
)


@PROPERTY
@given(answers, st.booleans(), st.data())
def test_m16_the_order_in_which_answers_are_read_does_not_matter(drawn, with_ids, draw):
    ref = reference(checkbox(200, "Colours"), field(201, "Note"), maps=MAPS)
    rows = [answer(n if with_ids else None, *row) for n, row in enumerate(drawn)]

    one = mapped(ref, *rows)
    other = mapped(ref, *draw.draw(st.permutations(rows)))

    assert data(one) == data(other)
    assert metadata(one) == metadata(other)
    assert one.answers == other.answers
