"""The UUID of a v2 id that is a whole number."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy_v2.ids import FIRST, LAST, number_of, uuid_of, written

NUMBERS = st.integers(FIRST, LAST)


def test_the_documented_example() -> None:
    assert uuid_of(17) == "76326964-0000-8000-8000-000000000011"
    assert uuid_of(0x123456789ABCDEF0) == "76326964-0000-8123-8004-56789abcdef0"
    assert uuid_of(-1) == "76326964-0000-8fff-800f-ffffffffffff"


@given(NUMBERS)
def test_a_number_comes_back_from_its_uuid_in_either_case(number: int) -> None:
    made = uuid_of(number)
    assert number_of(made) == number_of(made.upper()) == number
    assert written(made) == str(number)


@given(NUMBERS)
def test_it_is_a_uuid_of_version_8(number: int) -> None:
    made = uuid.UUID(uuid_of(number))
    assert (made.version, made.variant, str(made)) == (8, uuid.RFC_4122, uuid_of(number))


@given(st.lists(st.integers(0, LAST), min_size=2, max_size=2))
def test_the_uuids_of_positive_numbers_are_in_the_numbers_order(pair: list[int]) -> None:
    assert sorted(pair) == sorted(pair, key=uuid_of)


@given(st.uuids())
def test_another_uuid_is_no_number(other: uuid.UUID) -> None:
    text = str(other)
    if not text.startswith("76326964-0000-8"):
        assert number_of(text) is None
        assert written(text) == text


@pytest.mark.parametrize("number", [FIRST - 1, LAST + 1])
def test_a_number_beyond_64_bits_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="beyond 64 bits"):
        uuid_of(number)
