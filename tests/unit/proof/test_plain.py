"""Whatever the fast way calls equal, the careful way calls equal too, as the same document."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import examples
from tests.unit.mapping.build import FORM, SUBMISSION, answer, uid
from tests.unit.proof.test_submissions import BOXES, LABELS, MAPS, NOWHERE, RED, the_proofs
from transfer.page_answers import PageAnswers
from transfer.proof import document, stored
from transfer.proof.plain import Equal, Plain
from transfer.proof.reference import Settings
from transfer.proof.rules import Impossible, storable_document
from transfer.proof.stored import COLUMNS
from transfer.proof.submissions import STRANGER, submission, usable

ID, ACME, WOLF = SUBMISSION, uid(1), uid(3)
NOTE, WHO = uid(200), uid(201)
SUBMITTED, DRAFT, ON_HOLD, NO_STATUS = uid(901), uid(902), uid(903), uid(999)
NIGHT = datetime(2024, 3, 2, tzinfo=UTC)
DAY = datetime.fromisoformat("2024-03-01 10:20:30.123400")
TO_COME = datetime.fromisoformat("2098-01-01")
UTC_ZONE, YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")
# Id, FormTypeId, FormSubmissionStatusId, LookupCode, CreatedOn, LastUpdatedOn, OrganizationId.
ROW = (ID, FORM, SUBMITTED, "A-1", DAY, DAY + timedelta(hours=1), None)
ANSWERS = [
    answer(1, NOTE, "text \U0001f600"),
    answer(2, WHO, None, uid(301)),
    answer(3, BOXES, None, uid(301)),
    answer(4, BOXES, "", uid(302)),
]


def the_reference(zone: ZoneInfo = UTC_ZONE) -> Any:
    known = the_proofs()
    known.settings = Settings("night", NIGHT, zone)
    known.statuses = {SUBMITTED: "Submitted", DRAFT: "DRAFT", ON_HOLD: "On Hold"}
    known.organizations = {ACME: "Acme", WOLF: "Wolf"}
    known.owner = lambda form: known.forms[form][1] if form in known.forms else None
    return known


def the_names(known: Any) -> dict[str, str]:
    """v3's names of the form's fields: name → id."""
    return {field.name: key for key, field in known.of_form[FORM].items()}


def made(row: Sequence[Any], answers: list[Any], known: Any) -> dict[str, Any] | None:
    """What v3 has to hold, the careful way; None: nothing. Numbers are not looked into."""
    try:
        one = submission(row, answers, known)
    except Impossible:
        return None
    if not usable(one["submission_number"]):
        one["metadata"]["legacy_number"] = one["submission_number"]
        one["submission_number"] = f"V2-{ID[:8]}"
    return storable_document(one)  # type: ignore[no-any-return]  # a dict in, a dict out


def as_row(one: dict[str, Any], known: Any) -> dict[str, Any]:
    """A document as a row of v3, as text."""
    own = known.of_form[FORM]

    def by_name(answers: dict[str, Any]) -> dict[str, Any]:
        return {
            own[k].name if k in own else k.removeprefix(STRANGER): v for k, v in answers.items()
        }

    metadata = dict(one["metadata"])
    if one["choices"]:
        metadata["choices"] = by_name(one["choices"])
    texts = {"data": by_name(one["data"]), "metadata": metadata}
    return one | {key: orjson.dumps(value).decode() for key, value in texts.items()}


def fast(row: Sequence[Any], answers: list[Any], there: dict[str, Any], known: Any) -> list[Equal]:
    """What the fast way has to say of one submission."""
    names = the_names(known)
    plain = Plain(known, SimpleNamespace(names=lambda _form: names))  # type: ignore[arg-type]  # all it asks v3
    found = tuple(there[column] for column in COLUMNS["submissions"])
    return list(plain.equal([row], PageAnswers([row[0]], answers), {found[0]: found}))


def is_equal(
    row: Sequence[Any], answers: list[Any], there: dict[str, Any], known: Any
) -> tuple[bool, bytes]:
    """What the careful way has to say of it, and the document it makes."""
    one = made(row, answers, known)
    if one is None:
        return False, b""
    (held,) = stored.documents(
        "submissions", [tuple(there[column] for column in COLUMNS["submissions"])]
    ).values()
    ours = document.encode(one)
    return ours == document.encode(stored.submission(held, the_names(known))), ours


texts = st.sampled_from([None, "", "text", "Red", "\x00", "a\ud800", 'q"\\\n', "é", 5, b"b"])
drawn_answers = st.lists(
    st.tuples(
        st.sampled_from([NOTE, WHO, BOXES, BOXES, uid(203), uid(204), uid(205), NOWHERE]),
        texts,
        st.sampled_from([None, *MAPS, RED, uid(999)]),
    ),
    max_size=6,
).map(lambda drawn: [answer(number, *one) for number, one in enumerate(drawn, 1)])
times = st.sampled_from(
    [DAY, DAY.replace(microsecond=0), datetime.fromisoformat("2024-03-10 02:30"), TO_COME,
     datetime.fromisoformat("0002-01-01"), DAY.replace(tzinfo=UTC), "2024", None]
)  # fmt: skip
rows = st.tuples(
    st.just(ID),
    st.sampled_from([FORM, FORM, FORM, uid(77)]),
    st.sampled_from([SUBMITTED, DRAFT, ON_HOLD, NO_STATUS]),
    st.sampled_from(["A-1", "", None, "x" * 51, "a\x00", 5]),
    times,
    times,
    st.sampled_from([None, ACME, WOLF, uid(88), "x"]),
)
TAMPERED: dict[str, list[Any]] = {
    "id": [uid(501)],
    "organization_id": [WOLF, uid(88), None],
    "form_id": [uid(77)],
    "submission_number": ["A-2", "a-1", "", "V2-00000501", None],
    "status": ["draft", "approved", None],
    "data": ["{}", "null", "[]", '{"note": "text"}', '{"note": 5}', "{", None],
    "metadata": [
        "{}", '{"migration_batch": "day"}', '{"migration_batch": "night", "note": null}',
        '{"migration_batch": "night", "legacy_number": "A-1"}', "null", None,
    ],
    "created_at": ["2024-03-01 10:20:30.123401+00", "infinity", None],
    "updated_at": ["2024-03-01 10:20:30.1234+00", None],
    "deleted_at": ["2024-03-01 10:20:30.1234+00"],
    "submitted_at": ["2024-03-01 10:20:30+00", None],
}  # fmt: skip


@examples(600, 20_000)
@given(rows, drawn_answers, rows, drawn_answers, st.sampled_from([UTC_ZONE, YORK]), st.data())
def test_equal_only_what_the_careful_way_finds_equal(
    row: Any, answers: Any, other: Any, others: Any, zone: ZoneInfo, drawn: st.DataObject
) -> None:
    """Both sides are drawn, and v3's is made of v2's, or of another's, and tampered with."""
    known = the_reference(zone)
    of_another = drawn.draw(st.sampled_from([(row, answers), (row, others), (other, answers)]))
    one = made(*of_another, known)
    if one is None:
        return
    there = as_row(one, known)
    for column in drawn.draw(st.lists(st.sampled_from(list(TAMPERED)), max_size=1)):
        there[column] = drawn.draw(st.sampled_from(TAMPERED[column]))
    same, ours = is_equal(row, answers, there, known)

    for found in fast(row, answers, there, known):
        assert same
        assert found.document == ours
        assert found.answers == len(answers)


@pytest.mark.parametrize("zone", [UTC_ZONE, YORK], ids=str)
@pytest.mark.parametrize("row", [ROW, (*ROW[:2], DRAFT, *ROW[3:5], None, WOLF)])
def test_what_is_plain_is_found_equal_at_once(row: Any, zone: ZoneInfo) -> None:
    known = the_reference(zone)
    one = made(row, ANSWERS, known)
    assert one is not None

    (found,) = fast(row, ANSWERS, as_row(one, known), known)

    assert found.document == document.encode(one)
    assert (found.id, found.owner, found.form) == (ID, row[6] or ACME, FORM)


@pytest.mark.parametrize(("column", "values"), TAMPERED.items(), ids=TAMPERED)
def test_every_column_tampered_with_is_found_by_both(column: str, values: list[Any]) -> None:
    known = the_reference()
    one = made(ROW, ANSWERS, known)
    assert one is not None
    for value in values:
        there = as_row(one, known) | {column: value}

        assert not is_equal(ROW, ANSWERS, there, known)[0], value
        assert fast(ROW, ANSWERS, there, known) == [], value


CHANGED_ROWS = [
    (1, uid(77)), (2, DRAFT), (2, ON_HOLD), (3, "A-2"), (3, None), (3, ""),
    (4, DAY + timedelta(microseconds=1)), (4, None), (5, DAY), (5, None),
    (5, TO_COME), (6, WOLF), (6, "x"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), CHANGED_ROWS)
def test_every_value_of_v2_changed_since_is_found_by_both(place: int, value: Any) -> None:
    known = the_reference()
    one = made(ROW, ANSWERS, known)
    assert one is not None
    row = (*ROW[:place], value, *ROW[place + 1 :])

    assert not is_equal(row, ANSWERS, as_row(one, known), known)[0]
    assert fast(row, ANSWERS, as_row(one, known), known) == []


@pytest.mark.parametrize(
    "answers",
    [
        ANSWERS[1:],
        ANSWERS[:3],
        [*ANSWERS, answer(5, uid(203), None)],
        [*ANSWERS, answer(5, NOTE, "text")],
        [*ANSWERS, answer(5, NOWHERE, "text")],
        [*ANSWERS, answer(5, BOXES, None, uid(301))],
        [*ANSWERS, answer(5, BOXES, "text")],
        [answer(1, NOTE, "text"), *ANSWERS[1:]],
        [answer(1, NOTE, None), *ANSWERS[1:]],
        [answer(1, NOTE, "text \U0001f600", uid(301)), *ANSWERS[1:]],
        [ANSWERS[0], answer(2, WHO, None, uid(302)), *ANSWERS[2:]],
        [ANSWERS[0], answer(2, WHO, None, uid(999)), *ANSWERS[2:]],
        [*ANSWERS[:2], answer(3, BOXES, None, uid(303)), ANSWERS[3]],
    ],
)
def test_every_answer_of_v2_changed_since_is_found_by_both(answers: list[Any]) -> None:
    known = the_reference()
    one = made(ROW, ANSWERS, known)
    assert one is not None

    assert not is_equal(ROW, answers, as_row(one, known), known)[0]
    assert fast(ROW, answers, as_row(one, known), known) == []


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"note": WHO, "who": NOTE, "boxes": BOXES},
        {"note": NOTE, "other": NOTE, "who": WHO, "boxes": BOXES},
    ],
    ids=["none", "swapped", "twice"],
)
def test_a_form_whose_fields_v3_names_otherwise_has_no_plain_submissions(
    names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = the_reference()
    one = made(ROW, ANSWERS, known)
    assert one is not None
    there = as_row(one, known)
    monkeypatch.setattr("tests.unit.proof.test_plain.the_names", lambda _known: names)

    assert fast(ROW, ANSWERS, there, known) == []


def test_a_choice_that_no_list_of_choices_has_is_no_label() -> None:
    """A map's row whose choice is gone hides no choice of the same Id."""
    known = the_reference()
    known.choice_of_map = MAPS | {RED: uid(999)}
    known.labels = dict(LABELS)
    answers = [answer(1, WHO, None, RED)]
    there = as_row(made(ROW, ANSWERS, known) or {}, known) | {"data": '{"who": "Red"}'}

    assert not is_equal(ROW, answers, there, known)[0]
    assert fast(ROW, answers, there, known) == []
