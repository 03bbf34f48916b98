"""A rate by the last moments, and what is told of a table's progress."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import Clock
from transfer.batch import TableState
from transfer.ledger import Ledger
from transfer.rate import (
    MARKS_KEPT,
    WINDOW_SECONDS,
    MovingRate,
    seconds_left,
    share_done,
    told_bytes,
    told_progress,
    told_seconds,
)


def moving(clock: Clock, rate: MovingRate, per_second: int, seconds: int, begin: int = 0) -> int:
    """Let ten batches a second come, so many records in each second; how many there are then."""
    done = begin
    for _ in range(seconds * 10):
        clock.now += 0.1
        done += per_second // 10
        rate.at(done, done * 100)
    return done


def test_before_anything_came_nothing_moves() -> None:
    clock = Clock()
    rate = MovingRate(500, clock=clock)

    assert (rate.records, rate.copied) == (0.0, 0.0)
    clock.now += 5
    assert rate.records == 0.0
    assert rate.idle == 5


def test_what_an_earlier_start_moved_is_no_part_of_the_rate() -> None:
    clock = Clock()
    rate = MovingRate(40_000, 4_000_000, clock)

    clock.now += 2
    rate.at(41_000, 4_500_000)

    assert rate.records == 500
    assert rate.copied == 250_000


def test_it_is_that_of_the_last_moments_not_of_the_whole_run() -> None:
    clock = Clock()
    rate = MovingRate(clock=clock)
    done = moving(clock, rate, 10_000, 60)
    assert rate.records == pytest.approx(10_000, rel=0.02)

    done = moving(clock, rate, 1_000, int(WINDOW_SECONDS) + 1, done)

    assert rate.records == pytest.approx(1_000, rel=0.02)
    assert rate.copied == pytest.approx(100_000, rel=0.02)


def test_in_a_stall_it_falls_and_how_long_it_lasts_is_known() -> None:
    clock = Clock()
    rate = MovingRate(clock=clock)
    moving(clock, rate, 10_000, 60)

    falling = []
    for _ in range(12):
        clock.now += 10
        falling.append(rate.records)

    assert falling == sorted(falling, reverse=True)
    assert falling[0] == pytest.approx(6_667, rel=0.05)
    assert falling[-1] < 200
    assert rate.idle == pytest.approx(120)


def test_batches_of_minutes_have_a_rate_too() -> None:
    clock = Clock()
    rate = MovingRate(clock=clock)

    for number in range(1, 20):
        clock.now += 120
        rate.at(number * 1_200)

    assert rate.records == 10


def test_a_run_of_days_keeps_few_marks() -> None:
    clock = Clock()
    rate = MovingRate(clock=clock)

    moving(clock, rate, 1_000, 600)

    assert len(rate._marks) <= WINDOW_SECONDS / 0.5 + MARKS_KEPT


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10_000)), max_size=50))
def test_it_is_never_below_nothing_nor_above_what_came(batches: list[tuple[float, int]]) -> None:
    clock = Clock()
    rate = MovingRate(clock=clock)
    done = 0
    for seconds, records in batches:
        clock.now += seconds
        done += records
        rate.at(done)

        elapsed = clock.now - rate._marks[0].at
        assert 0 <= rate.records * elapsed <= done + 0.001


@pytest.mark.parametrize(
    ("done", "total", "rate", "left"),
    [
        (0, 100, 10.0, 10.0),
        (100, 100, 10.0, 0.0),
        (120, 100, 10.0, 0.0),  # v2 has grown since it was counted
        (0, 0, 10.0, 0.0),
        (50, 100, 0.0, None),
        (50, 100, None, None),
        (50, None, 10.0, None),
    ],
)
def test_the_time_left_is_told_where_it_can_be(
    done: int, total: int | None, rate: float | None, left: float | None
) -> None:
    assert seconds_left(done, total, rate) == left


@pytest.mark.parametrize(
    ("done", "total", "share"),
    [(0, 100, 0), (999, 1000, 99), (1000, 1000, 100), (1001, 1000, 100), (0, 0, 100)],
)
def test_a_hundred_per_cent_is_all(done: int, total: int, share: int) -> None:
    assert share_done(done, total) == share


def test_seconds_and_bytes_as_a_person_reads_them() -> None:
    assert [told_seconds(n) for n in (0, 8.4, 75, 3_600, 100_000)] == [
        "0:00:00", "0:00:08", "0:01:15", "1:00:00", "27:46:40",
    ]  # fmt: skip
    assert [told_bytes(n) for n in (0, 999, 1_000, 12_345_678, 5_000_000_000, 7e12, 7e15)] == [
        "0 bytes", "999 bytes", "1.0 kB", "12.3 MB", "5.0 GB", "7.0 TB", "7,000.0 TB",
    ]  # fmt: skip


def test_progress_is_one_line_and_leaves_out_what_is_not_known() -> None:
    state = TableState("submissions", "in_progress")
    assert told_progress(state, None) == "0 records"

    state.total = 50_000
    state.records.add(Ledger(12_003, 12_000, failed=Counter(form_unknown=3)))
    state.copied = 12_345_678
    assert told_progress(state, 5_012.4) == (
        "12,003 of 50,000 (24 %), 3 failed, 5,012 a second, 12.3 MB copied, 0:00:08 left"
    )
    assert told_progress(state, 0.0) == "12,003 of 50,000 (24 %), 3 failed, 12.3 MB copied"
