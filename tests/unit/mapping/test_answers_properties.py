"""What holds for any submission: the fast way equals the rules, and no answer is lost."""

from collections import Counter

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import (
    NEW_YORK,
    OTHER_FORM,
    STARTED,
    SUBMISSION,
    at,
    checkbox,
    choice,
    context,
    data,
    field,
    mapped,
    metadata,
    reference,
    submission,
    uid,
)
from tests.unit.mapping.strategies import any_text, any_time
from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger
from transfer.mapping.layout import form_fields
from transfer.mapping.numbers import Number
from transfer.mapping.plain import PlainSubmissions
from transfer.mapping.submissions import map_submission
from transfer.mapping.text import clean, is_clean
from transfer.page_answers import PageAnswers
from transfer.source_values import Ids

PLAIN = [uid(200), uid(201), uid(202)]
LIST = uid(203)
STRANGERS = [uid(210), uid(211), uid(212), uid(213)]
NOWHERE = uid(999)
CHOICES = {uid(301): "Red", uid(302): "Green\x00", uid(303): "Blue", uid(401): "Red"}


def a_reference():
    maps = [
        choice(301, LIST, 401, "Red", sort_order=2),
        choice(302, LIST, 402, "Green\x00", sort_order=1),
        choice(303, PLAIN[1], 403, "Blue"),
        choice(304, PLAIN[1], 404, None),
        choice(305, PLAIN[1], 405, None, choice_exists=False),
    ]
    ref = reference(
        field(200, "Name"),
        field(201, "Name", type_name="DropDown"),
        field(202, "a\x00b"),
        checkbox(203, "Colours"),
        maps=maps,
        other=[
            field(210, "Name", form_type_id=OTHER_FORM),
            field(211, "Theirs", form_type_id=OTHER_FORM),
            checkbox(212, "Colours", form_type_id=OTHER_FORM),
        ],
    )
    ref.add_fields(form_fields([field(213, "Theirs", form_type_id=uid(19))], [], context()))
    return ref


REF = a_reference()
chosen = st.sampled_from([None, None, *CHOICES, uid(304), uid(305), uid(404), NOWHERE])
one_answer = st.tuples(
    st.sampled_from([*PLAIN, *PLAIN, LIST, *STRANGERS, NOWHERE]), st.none() | any_text, chosen
)


def numbered(rows, *, ids=True):
    return [(SUBMISSION, *row, uid(n) if ids else None) for n, row in enumerate(rows, 1)]


all_answers = st.builds(numbered, st.lists(one_answer, max_size=9), ids=st.booleans())
# Mostly plain ones, a field each, so that the fast way is really taken.
plain_answers = st.lists(
    st.tuples(st.sampled_from([*PLAIN, LIST]), st.none() | st.text("ab", max_size=3), st.none())
    | st.tuples(st.sampled_from([*PLAIN, LIST]), st.sampled_from([None, ""]), chosen),
    max_size=5,
    unique_by=lambda row: row[0],
).map(numbered)


def as_values(outcome):
    """An outcome with its JSON parsed: the order of keys is nothing jsonb keeps."""
    row = outcome.row
    assert row is not None
    parsed = row._replace(data=orjson.loads(row.data), metadata=orjson.loads(row.metadata))
    return outcome.record_id, parsed, Counter(map(repr, outcome.findings)), outcome.answers


@PROPERTY
@given(
    all_answers | plain_answers,
    st.builds(
        submission,
        lookup_code=any_text,
        created_on=any_time,
        last_updated_on=st.none() | any_time,
        status_id=st.sampled_from([uid(30), uid(31), uid(39)]),
    ),
    st.none() | st.just(Number("V2-00000064", Code.NUMBER_DUPLICATE)),
    st.sampled_from([context(), context(time_zone=NEW_YORK)]),
)
@example(numbered([]), submission(), None, context())
@example(numbered([(LIST, None, uid(301))]), submission(), None, context())
@example(numbered([(PLAIN[0], "\\u0000", None)]), submission(), None, context())
@example([], submission(last_updated_on=STARTED.replace(tzinfo=None)), None, context())
def test_the_fast_way_is_the_rules(answers, row, number, ctx):
    columns = PageAnswers([row.id], answers)
    plain = PlainSubmissions(REF, ctx)
    slow = map_submission(row, answers, REF, ctx, number)

    fast = map_submission(row, answers, REF, ctx, number, plain.answers(row, columns))
    assert as_values(fast) == as_values(slow)
    if number is None and (fast := plain.outcome(row, columns)) is not None:
        assert as_values(fast) == as_values(slow)


def test_plain_answers_never_reach_the_rules():
    rows = numbered(
        [
            (PLAIN[0], "typed", None),
            (PLAIN[1], None, uid(303)),
            (PLAIN[2], "", uid(404)),
            (LIST, None, uid(301)),
        ]
    )
    plain = PlainSubmissions(REF, context())

    outcome = plain.outcome(submission(), PageAnswers([SUBMISSION], rows))

    assert outcome is not None
    assert data(outcome) == {
        "Name": "typed",
        "Name_2": "Blue",
        "a\ufffdb": None,
        "Colours": ["Red"],
    }


def test_a_list_of_a_fields_choices_is_plain_and_in_their_order():
    ref = reference(
        checkbox(203, "Colours"),
        maps=[
            choice(301, LIST, 401, "Red", sort_order=2),
            choice(302, LIST, 402, "Green", sort_order=1),
        ],
    )
    rows = numbered([(LIST, None, uid(301)), (LIST, "", uid(302))])
    columns = PageAnswers([SUBMISSION], rows)

    outcome = PlainSubmissions(ref, context()).outcome(submission(), columns)

    assert outcome is not None
    assert data(outcome) == {"Colours": ["Green", "Red"]}
    assert outcome.answers == AnswerLedger(merged=2)
    assert as_values(outcome) == as_values(mapped(ref, *rows))


@pytest.mark.parametrize(
    "odd",
    [
        (NOWHERE, "typed", None),
        (STRANGERS[0], "typed", None),
        (PLAIN[0], "typed", uid(303)),
        (PLAIN[0], None, NOWHERE),
        (PLAIN[0], "a\x00b", None),
        (PLAIN[0], "\ud800", None),
        (PLAIN[0], 17, None),
        (PLAIN[1], 0, uid(303)),
        (LIST, 0, uid(301)),
        (17, "typed", None),
        (None, "typed", None),
        (PLAIN[1], None, 17),
        (LIST, "typed", None),
        (LIST, None, uid(303)),
        (LIST, None, uid(305)),
    ],
)
def test_of_an_odd_answer_the_rules_are_asked(odd):
    rows = numbered([(PLAIN[1], "typed", None), odd])
    columns = PageAnswers([SUBMISSION], rows)

    assert PlainSubmissions(REF, context()).outcome(submission(), columns) is None


def test_of_ids_that_are_none_the_rules_are_asked():
    ref = a_reference()
    ref.statuses["stätus"] = "Draft"
    ref.add_choice("wéird", "Red")
    plain = PlainSubmissions(ref, context())
    of_status = submission(status_id="stätus")
    columns = PageAnswers([SUBMISSION], numbered([(PLAIN[1], None, "wéird")]))

    assert plain.outcome(of_status, PageAnswers([SUBMISSION])) is None
    assert plain.outcome(submission(), columns) is None


@pytest.mark.parametrize("of_type", [field, checkbox])
def test_of_a_field_whose_id_is_none_the_rules_are_asked(of_type):
    odd, maps = "wéird", [choice(306, "wéird", 401, "Red")]
    ref = reference(of_type(200, "Odd")._replace(id=odd), maps=maps)
    columns = PageAnswers([SUBMISSION], numbered([(odd, None, uid(306))]))

    assert PlainSubmissions(ref, context()).answers(submission(), columns) is None


def test_of_a_field_that_is_there_twice_the_rules_are_asked():
    ref = a_reference()
    ref.add_fields(form_fields([field(200, "Other", form_type_id=OTHER_FORM)], [], context()))
    rows = numbered([(PLAIN[0], "typed", None)])

    outcome = PlainSubmissions(ref, context()).outcome(
        submission(), PageAnswers([SUBMISSION], rows)
    )

    assert outcome is None


def test_what_is_unknown_is_not_kept_for_ever():
    makers = [Ids() for _ in range(5)]
    plain = PlainSubmissions(REF, context(), makers)
    for n in range(0, 70_000, 1000):
        rows = [(SUBMISSION, PLAIN[1], None, f"choice {i}", None) for i in range(n, n + 1000)]
        assert plain.answers(submission(), PageAnswers([SUBMISSION], rows)) is None

    assert max(map(len, makers)) <= Ids.MOST
    assert len(plain._labels) <= 10_100


@pytest.mark.parametrize(
    "twice", [[(PLAIN[0], "a", None)] * 2, [(LIST, None, uid(301))] * 2], ids=["text", "choice"]
)
def test_of_one_answer_twice_the_rules_are_asked(twice):
    columns = PageAnswers([SUBMISSION], numbered(twice))

    assert PlainSubmissions(REF, context()).outcome(submission(), columns) is None


def all_values(document):
    """Every value of data, lists taken apart."""
    for value in document.values():
        yield from value if isinstance(value, list) else [value]


def all_strings(document):
    """Every string of a JSON document, keys too."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from all_strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from all_strings(value)


@PROPERTY
@given(st.lists(one_answer, max_size=9))
def test_every_answer_is_found_exactly_once(drawn):
    # Each text is made unique by its answer's number, so that finding one means finding it.
    rows = numbered(
        [(f, f"{n}:{text}" if text else text, c) for n, (f, text, c) in enumerate(drawn)]
    )

    outcome = mapped(REF, *rows)

    found = Counter(all_values(data(outcome)))
    unmapped = metadata(outcome).get("unmapped", {})
    set_aside = {entry["id"]: entry for entries in unmapped.values() for entry in entries}
    assert sum(map(len, unmapped.values())) == len(set_aside)
    expected = Counter()
    beside = 0
    alone = Counter()  # kept answers without a choice beside their text, by field
    kept = Counter()
    for _, field_id, raw, picked, answer_id in rows:
        text = None if raw is None else clean(raw)
        if answer_id in set_aside:
            entry = set_aside[answer_id]
            assert entry in unmapped[field_id]
            assert (entry["text"], entry["choice"]) == (text, picked)
            continue
        assert field_id != NOWHERE
        kept[field_id] += 1
        if text and picked is not None:
            beside += 1
        else:
            alone[field_id] += 1
        label = CHOICES.get(picked)
        expected[text if text or picked is None else label and clean(label)] += 1
    assert found == expected
    assert sum(map(len, metadata(outcome).get("choices", {}).values())) == beside
    merged = sum(count for field_id, count in alone.items() if kept[field_id] > 1)
    assert outcome.answers == AnswerLedger(
        migrated=alone.total() - merged, merged=merged, choices=beside, unmapped=len(set_aside)
    )
    assert outcome.answers.read == len(rows)


@PROPERTY
@given(all_answers)
def test_what_is_written_can_be_stored_and_messages_are_short(answers):
    outcome = mapped(REF, *answers, last_updated_on=at("2024-03-02T00:00:00"))

    assert outcome.row is not None
    for document in (outcome.row.data, outcome.row.metadata):
        assert all(map(is_clean, all_strings(orjson.loads(document))))
    for finding in outcome.findings:
        assert len(finding.message) <= 200
        assert finding.message.isprintable()
