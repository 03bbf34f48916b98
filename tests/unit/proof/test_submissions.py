"""M15 to M17 derived a second time: the answers of a submission, in whatever order they come."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY, examples
from tests.unit.mapping.build import (
    FORM,
    OTHER_FORM,
    SUBMISSION,
    answer,
    checkbox,
    choice,
    data,
    field,
    mapped,
    metadata,
    reference,
    uid,
)
from transfer.proof.reference import FieldV2
from transfer.proof.rules import Impossible, storable_document
from transfer.proof.stored import submission as as_rebuilt
from transfer.proof.submissions import rebuild

NOTE, WHO, BOXES, PLAIN, THEIRS, TAKEN, NOWHERE = (uid(number) for number in range(200, 207))
NAMES = {NOTE: "note", WHO: "who", BOXES: "boxes", PLAIN: "plain"}
OTHERS = {THEIRS: "theirs", TAKEN: "note"}
RED, BLUE, GREEN = uid(401), uid(402), uid(403)
LABELS = {RED: "Red", BLUE: "Blue", GREEN: None}
MAPS = {uid(301): RED, uid(302): BLUE, uid(303): GREEN}


def the_proofs() -> Any:
    """What the proof knows of v2: three fields that take one answer, one that is a list."""
    positions = {BLUE: 0, RED: 1, GREEN: 2}
    own = {
        key: FieldV2((key,), FORM, name, positions if key == BOXES else None)
        for key, name in NAMES.items()
    }
    other = {key: FieldV2((key,), OTHER_FORM, name, None) for key, name in OTHERS.items()}
    return SimpleNamespace(
        forms={FORM: ("f", uid(1)), OTHER_FORM: ("o", uid(2))},
        of_form={FORM: own, OTHER_FORM: other},
        fields=own | other,
        labels=LABELS,
        choice_of_map=MAPS,
    )


def the_mappings() -> Any:
    """The same for the mapping."""
    maps = [
        choice(301, BOXES, 401, "Red", sort_order=2),
        choice(302, BOXES, 402, "Blue", sort_order=1),
        choice(303, BOXES, 403, None, sort_order=3),
    ]
    return reference(
        field(200, "note"),
        field(201, "who"),
        checkbox(202, "boxes"),
        field(203, "plain"),
        maps=maps,
        other=[field(204, "theirs", form_type_id=OTHER_FORM),
               field(205, "note", form_type_id=OTHER_FORM)],
    )  # fmt: skip


PROOFS, MAPPINGS = the_proofs(), the_mappings()
answers = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, *OTHERS, NOWHERE]),
        st.sampled_from([None, "", "text", "Red", "\x00"]),
        st.sampled_from([None, *MAPS, RED, uid(999)]),
    ),
    max_size=8,
).map(lambda drawn: [answer(number, *one) for number, one in enumerate(drawn, 1)])


@examples(400, 20_000)
@given(answers)
def test_m15_to_m17_v3_has_what_the_proof_makes_of_the_answers(made: list[Any]) -> None:
    outcome = mapped(MAPPINGS, *made)
    in_v3 = {"data": data(outcome), "metadata": metadata(outcome)}

    found = as_rebuilt(in_v3, {name: key for key, name in NAMES.items()})
    kept = rebuild(made, FORM, PROOFS)

    # Cleaned where it is encoded (M4).
    assert found["data"] == storable_document(kept.values)
    assert found["choices"] == storable_document(kept.choices)
    assert found["metadata"].get("unmapped", {}) == storable_document(kept.unmapped)


@PROPERTY
@given(st.data())
def test_the_order_in_which_answers_are_read_does_not_matter(drawn: st.DataObject) -> None:
    made = drawn.draw(answers)
    shuffled = drawn.draw(st.permutations(made))

    assert rebuild(shuffled, FORM, PROOFS) == rebuild(made, FORM, PROOFS)


@pytest.mark.parametrize(
    "wrong",
    [
        (SUBMISSION, NOTE, 5, None, uid(1)),
        (SUBMISSION, NOTE, b"bytes", None, uid(1)),
        (SUBMISSION, None, "text", None, uid(1)),
    ],
)
def test_an_answer_of_a_wrong_type_makes_its_submission_impossible(wrong: Any) -> None:
    with pytest.raises(Impossible):
        rebuild([wrong], FORM, PROOFS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # A character, the field, the order of a list, a choice for its name, nothing for "".
        ([answer(1, NOTE, "a")], [answer(1, NOTE, "b")]),
        ([answer(1, NOTE, "a")], [answer(1, WHO, "a")]),
        (
            [answer(1, NOTE, "a"), answer(2, NOTE, "b")],
            [answer(1, NOTE, "b"), answer(2, NOTE, "a")],
        ),
        ([answer(1, NOTE, None)], [answer(1, NOTE, "")]),
        ([answer(1, NOTE, None)], []),
        ([answer(1, NOTE, "a")], [answer(1, NOTE, "a"), answer(2, NOTE, "a")]),
        ([answer(1, BOXES, None, uid(301))], [answer(1, BOXES, None, uid(302))]),
        ([answer(1, NOTE, "a", uid(301))], [answer(1, NOTE, "a")]),
        ([answer(1, NOWHERE, "a")], [answer(1, NOWHERE, None)]),
        ([answer(1, THEIRS, "a")], [answer(1, TAKEN, "a")]),
    ],
)
def test_answers_that_differ_are_not_the_same_document(one: list[Any], other: list[Any]) -> None:
    assert rebuild(one, FORM, PROOFS) != rebuild(other, FORM, PROOFS)
