"""No two documents share a digest, and where two differ is told exactly."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.properties import PROPERTY, examples
from transfer.proof.compared import Compared
from transfer.proof.document import (
    BEFORE,
    LONGEST,
    MODULUS,
    Mismatch,
    compare,
    digest,
    encode,
    excerpts,
)
from transfer.proof.rules import storable_document
from transfer.proof.tally import TableProof

keys = st.text(st.sampled_from('ab[]"\\\x00\ud800\ufffd{},:'), max_size=4)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | keys
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(keys, values, max_size=4)


def plain(value: Any) -> Any:
    """A document so that Python's == tells true from 1, and key order does not matter."""
    match value:
        case dict():
            return {"{}": sorted((key, repr(plain(one))) for key, one in value.items())}
        case list():
            return [plain(one) for one in value]
    return type(value).__name__, value


def same(one: Any, other: Any) -> bool:
    return bool(plain(storable_document(one)) == plain(storable_document(other)))


@PROPERTY
@given(documents, documents)
def test_two_documents_have_one_text_only_if_they_are_the_same(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert (encode(one) == encode(other)) == same(one, other)
    assert (digest(encode(one)) == digest(encode(other))) == same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "bc"}, {"ab": "c"}),
        ({"a": "x", "b": ""}, {"a": "", "b": "x"}),
        ({"a": ["b", "c"]}, {"a": ["bc"]}),
        ({"a": ["b,c"]}, {"a": ["b", "c"]}),
        ({"a": '","b":"'}, {"a": "", "b": ""}),
        ({"a": None}, {}),
        ({"a": None}, {"a": "null"}),
        ({"a": ""}, {"a": None}),
        ({"a": []}, {"a": ""}),
        ({"a": []}, {"a": {}}),
        ({"a": ["x"]}, {"a": "x"}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": "é"}, {"a": "e\u0301"}),
        ({"a": " x"}, {"a": "x"}),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}),
        ({"a": "\\u0000"}, {"a": "\x00"}),
    ],
)
def test_values_that_are_easily_taken_for_each_other(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert encode(one) != encode(other)
    assert digest(encode(one)) != digest(encode(other))
    assert compare(one, other)


@examples(30, 3000)
@given(documents, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(document: dict[str, Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, list):
            return [shuffled(one) for one in value]
        if not isinstance(value, dict):
            return value
        names = list(value)
        random.shuffle(names)
        return {name: shuffled(value[name]) for name in names}

    # Two names that are one in PostgreSQL: then the later wins, and the order matters there too.
    assume("\ufffd" not in json.dumps(storable_document(document), ensure_ascii=False))

    assert encode(shuffled(document)) == encode(document)


@PROPERTY
@given(st.permutations(range(12)), st.sets(st.integers(0, 12)))
def test_a_tables_digest_depends_neither_on_the_records_order_nor_on_the_pages(
    order: list[int], cuts: set[int]
) -> None:
    digests = [digest(encode({"id": number})) for number in range(12)]
    table = TableProof()
    for begin, end in pairwise(sorted({0, *cuts, 12})):
        page = [digests[at] for at in order[begin:end]]
        table.add(Compared(compared=len(page), digest_v2=sum(page), digest_v3=-sum(page)))
        table = TableProof.from_json(json.loads(json.dumps(table.as_json())))  # stopped, gone on

    assert table.digest_v2 == sum(digests) % MODULUS
    assert table.digest_v3 == -sum(digests) % MODULUS
    assert table.counts["compared"] == 12


@PROPERTY
@given(documents, documents)
def test_a_place_is_told_wherever_two_documents_differ_and_only_there(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert bool(compare(one, storable_document(other))) == (not same(one, other))


@PROPERTY
@given(st.data())
def test_exactly_the_places_that_differ_are_told(data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from("abcdefgh")))
    expected = {name: {key: f"{name}{key}" for key in "xyz"} for name in sorted(names)}
    found = {name: dict(inner) for name, inner in expected.items()}
    pairs = [(name, key) for name in sorted(names) for key in "xyz"]
    changed = data.draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    lost = data.draw(st.sets(st.sampled_from(pairs))) - changed if pairs else set()
    for name, key in changed:
        found[name][key] = "other"
    for name, key in lost:
        del found[name][key]
        found[name]["w"] = None  # type: ignore[assignment]  # v3 may hold anything

    told = compare(expected, found)

    assert set(told) == {
        *((f"{name}[{key}]", json.dumps(f"{name}{key}"), '"other"') for name, key in changed),
        *((f"{name}[{key}]", json.dumps(f"{name}{key}"), None) for name, key in lost),
        *((f"{name}[w]", None, "null") for name, _ in lost),
    }
    assert len(told) == len(set(told))


LONG = "x" * 5000


@PROPERTY
@given(st.integers(0, 5000), st.text(max_size=5), st.text(max_size=5), st.text(max_size=500))
def test_excerpts_of_long_values_show_where_they_begin_to_differ(
    at: int, one: str, other: str, rest: str
) -> None:
    assume(one != other)
    before, after = LONG[:at] + one + rest, LONG[:at] + other + rest

    shown = excerpts(before, after)

    assert shown[0] != shown[1]
    for text, kept in zip((before, after), shown, strict=True):
        assert kept is not None
        assert len(kept) <= LONGEST + len("…… (5,510 characters)")
        whole = max(len(before), len(after)) <= LONGEST
        assert kept == text if whole else f"({len(text):,} characters)" in kept or kept == text


def test_an_excerpt_begins_shortly_before_the_difference_in_both() -> None:
    shown = excerpts(f"{LONG}one{LONG}", f"{LONG}two")

    assert shown == (
        f"…{'x' * BEFORE}one{'x' * (LONGEST - BEFORE - 3)}… (10,003 characters)",
        f"…{'x' * BEFORE}two (5,003 characters)",
    )


def test_an_excerpt_of_a_value_that_one_side_lacks_is_its_beginning() -> None:
    assert excerpts(LONG, None) == (f"{'x' * LONGEST}… (5,000 characters)", None)
    assert excerpts(None, "short") == (None, "short")
    assert excerpts("x" * LONGEST, "y") == ("x" * LONGEST, "y")


def test_a_difference_found_again_has_the_same_key_whatever_its_values() -> None:
    one = Mismatch("users", "1", "different", "email", "a", "b")

    assert one.key == one._replace(v2="c", v3=None).key
    assert len({one.key, one._replace(place="status").key, one._replace(kind="x").key}) == 3
