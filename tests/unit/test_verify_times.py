"""verify's one rule for before and since (R1): what SQLite holds as a time, as text that sorts."""

import re
from datetime import datetime

import pytest

from transfer.verify_times import TIME_SHAPE, _time_text, as_text

DAY = "2026-11-23 00:00:01.000000"


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("2026-11-23 00:00:01", DAY),
        ("2026-11-23T00:00:01", DAY),
        ("2026-11-23x00:00:01Z", DAY),
        ("2026-11-23T00:00:01+02:00", DAY),
        ("20261123T000001", DAY),
        ("2026-11-23 00:00:01,5", "2026-11-23 00:00:01.500000"),
        ("2026-11-23 00:00:01.1234567", "2026-11-23 00:00:01.123456"),
        ("2026-11-23", "2026-11-23 00:00:00.000000"),
        ("2026-11-31 00:00:01", "2026-11-31 00:00:01"),
        ("2026-11-31T00:00:01", "2026-11-31 00:00:01"),
        ("2026-11-31 00:00:01\n", ""),
        ("2026-11-31 00:00:01 or so", ""),
        ("infinity", ""),
        ("", ""),
    ],
)
def test_r1_a_time_is_what_the_reader_makes_of_it(stored: str, text: str) -> None:
    assert _time_text(stored.encode()) == text


def test_r1_text_that_is_none_is_no_time() -> None:
    assert _time_text(b"2026-11-23 00:00:01\xed\xa0\x80") == ""


def test_r1_every_time_the_reader_gives_has_the_shape() -> None:
    for moment in (datetime(1, 1, 1), datetime(2026, 11, 23, 0, 0, 1, 5)):  # noqa: DTZ001 - v2's
        assert re.search(TIME_SHAPE, moment.isoformat(sep=" "))
        assert re.search(TIME_SHAPE, as_text(moment))
