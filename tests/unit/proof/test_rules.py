"""The rules about single values, written a second time, say what transfer.mapping's say."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.strategies import any_text, any_time
from transfer.mapping.text import clean
from transfer.mapping.times import to_utc
from transfer.proof.rules import (
    Impossible,
    as_stored,
    flag,
    identifier,
    instant,
    integer,
    moment,
    optional_text,
    storable,
    storable_document,
    text,
)

ZONES = ("UTC", "Etc/UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Monrovia")
any_zone = st.sampled_from(ZONES).map(ZoneInfo)
BERLIN = ZoneInfo("Europe/Berlin")


@PROPERTY
@given(any_text, any_text)
def test_m04_text_is_cleaned_as_the_mapping_cleans_it(one: str, other: str) -> None:
    assert storable(one + other) == clean(one + other)
    assert storable(storable(one)) == storable(one)


@PROPERTY
@given(st.recursive(any_text | st.none() | st.integers(), st.lists))
def test_m04_every_text_of_a_document_is_cleaned(value: object) -> None:
    def cleaned(one: object) -> object:
        if isinstance(one, list):
            return [cleaned(each) for each in one]
        return clean(one) if isinstance(one, str) else one

    assert storable_document({"a": value, "b\x00": {"c": value}}) == {
        "a": cleaned(value),
        "b\ufffd": {"c": cleaned(value)},
    }


@PROPERTY
@given(any_time, any_zone)
def test_m03_a_time_is_read_as_the_mapping_reads_it(time: datetime, zone: ZoneInfo) -> None:
    assert instant(time, "CreatedOn", zone) == to_utc(time, zone)[0]
    told = time.replace(fold=1)
    assert instant(told, "CreatedOn", zone) == to_utc(told, zone)[0]


@PROPERTY
@given(any_time)
def test_a_time_is_written_with_no_digit_that_postgresql_leaves_out(time: datetime) -> None:
    written = as_stored(time.replace(tzinfo=UTC))

    assert datetime.fromisoformat(f"{written}:00") == time.replace(tzinfo=UTC)
    assert not ("." in written and written.removesuffix("+00").endswith("0"))


@pytest.mark.parametrize(
    ("v2", "zone", "v3"),
    [
        ("2024-03-01T10:20:30.120000", "UTC", "2024-03-01 10:20:30.12+00"),
        ("2024-03-01T10:20:00", "UTC", "2024-03-01 10:20:00+00"),
        ("0099-03-01T10:20:00", "UTC", "0099-03-01 10:20:00+00"),
        # No such time in spring, twice such a time in autumn: the first reading, each.
        ("2024-03-31T02:30:00", "Europe/Berlin", "2024-03-31 01:30:00+00"),
        ("2024-10-27T02:30:00", "Europe/Berlin", "2024-10-27 00:30:00+00"),
        # Pushed out of the years there are: read as UTC.
        ("0001-01-01T00:00:00", "Asia/Tokyo", "0001-01-01 00:00:00+00"),
        ("9999-12-31T23:59:59", "America/New_York", "9999-12-31 23:59:59+00"),
    ],
)
def test_m03_times_as_postgresql_writes_them(v2: str, zone: str, v3: str) -> None:
    assert moment(datetime.fromisoformat(v2), "CreatedOn", ZoneInfo(zone)) == v3


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (text, None),
        (text, b"bytes"),
        (optional_text, 1),
        (identifier, None),
        (identifier, 7),
        (identifier, "\u0660" * 36),
        (flag, 1),
        (flag, None),
        (flag, "true"),
        (integer, True),
        (integer, 1.0),
        (integer, 2**31),
        (integer, -(2**31) - 1),
        (integer, "1"),
    ],
)
def test_a_value_of_a_wrong_type_is_impossible_and_the_column_named(rule, value) -> None:
    with pytest.raises(Impossible, match="Name is "):
        rule(value, "Name")


@pytest.mark.parametrize("value", [None, "2024-03-01", datetime(2024, 3, 1, tzinfo=UTC), 5])
def test_what_is_no_time_without_a_zone_is_impossible(value: object) -> None:
    with pytest.raises(Impossible, match="CreatedOn is no time"):
        moment(value, "CreatedOn", BERLIN)


def test_values_that_may_be() -> None:
    assert optional_text(None, "Name") is None
    assert integer(None, "SortOrder") is None
    assert integer(2**31 - 1, "SortOrder") == 2**31 - 1
    assert (flag(True, "Required"), flag(False, "Required")) == (True, False)
