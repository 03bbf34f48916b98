from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import NEW_YORK, at, utc
from tests.unit.mapping.strategies import any_time
from transfer.mapping.codes import Code
from transfer.mapping.times import to_utc

ZONES = [ZoneInfo(key) for key in ("UTC", "Etc/UTC", "America/New_York", "Asia/Kathmandu")]


@pytest.mark.parametrize(
    ("zone", "v2", "v3", "warning"),
    [
        ("UTC", "2024-03-01T10:20:30.123456", "2024-03-01T10:20:30.123456", None),
        ("America/New_York", "2024-03-01T10:20:30", "2024-03-01T15:20:30", None),
        ("America/New_York", "2024-07-01T10:20:30", "2024-07-01T14:20:30", None),
        ("Asia/Kathmandu", "2024-07-01T00:00:00", "2024-06-30T18:15:00", None),
        # 02:00 to 03:00 did not exist on 10 March, 01:00 to 02:00 came twice on 3 November.
        ("America/New_York", "2024-03-10T01:59:59", "2024-03-10T06:59:59", None),
        ("America/New_York", "2024-03-10T02:30:00", "2024-03-10T07:30:00", "gap"),
        ("America/New_York", "2024-03-10T03:00:00", "2024-03-10T07:00:00", None),
        ("America/New_York", "2024-11-03T00:59:59", "2024-11-03T04:59:59", None),
        ("America/New_York", "2024-11-03T01:30:00", "2024-11-03T05:30:00", "overlap"),
        ("America/New_York", "2024-11-03T02:00:00", "2024-11-03T07:00:00", None),
    ],
)
def test_m03_a_time_is_read_in_the_zone(zone, v2, v3, warning):
    expected = Code.TIME_GAP_OR_OVERLAP if warning else None

    assert to_utc(at(v2), ZoneInfo(zone)) == (utc(v3), expected)


@pytest.mark.parametrize(
    ("zone", "v2"),
    [
        ("Asia/Tokyo", "0001-01-01T00:00:00"),
        ("America/New_York", "9999-12-31T23:59:59.999999"),
    ],
)
def test_m03_a_time_the_zone_pushes_out_of_range_is_utc(zone, v2):
    assert to_utc(at(v2), ZoneInfo(zone)) == (utc(v2), Code.TIME_OUT_OF_RANGE)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_m03_a_time_the_zone_pushes_inwards_is_fine(zone):
    edge = at("9999-12-31T23:59:59" if zone == "Asia/Tokyo" else "0001-01-01T00:00:00")

    assert to_utc(edge, ZoneInfo(zone))[1] is None


def test_m03_the_second_reading_is_taken_only_where_v2_s_own_zone_told_it():
    twice = at("2024-11-03T01:30:00")
    told = datetime.fromisoformat("2024-11-03T06:30:00+00:00").astimezone(NEW_YORK)

    assert told.replace(tzinfo=None) == twice
    assert to_utc(told.replace(tzinfo=None), NEW_YORK) == (told.astimezone(UTC), None)
    assert to_utc(twice, NEW_YORK)[0] == told.astimezone(UTC) - timedelta(hours=1)
    assert to_utc(twice.replace(fold=1), ZoneInfo("UTC"))[0].fold == 0


def test_m03_a_time_with_a_zone_is_no_v2_time():
    with pytest.raises(TypeError, match="without a zone"):
        to_utc(utc("2024-03-01T00:00:00"), ZoneInfo("UTC"))


@PROPERTY
@given(any_time, st.sampled_from(ZONES))
def test_m03_a_time_without_a_warning_reads_back_as_it_was(moment, zone):
    in_utc, warning = to_utc(moment, zone)

    assert in_utc.tzinfo is UTC
    if warning is None:
        assert in_utc.astimezone(zone).replace(tzinfo=None) == moment
    elif warning is Code.TIME_GAP_OR_OVERLAP:
        read_back = in_utc.astimezone(zone).replace(tzinfo=None)
        assert abs(read_back - moment) <= timedelta(days=1)
    else:
        assert in_utc.replace(tzinfo=None) == moment
