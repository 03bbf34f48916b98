"""Sizes, durations and lists as preflight_v2 writes them, and the sum of volumes."""

from datetime import datetime

import pytest

from transfer.preflight.estimates import Estimate, disk_line, time_line
from transfer.preflight.lines import Status, lasting, listed, sized
from transfer.preflight.volumes import Volume, Volumes, _moment


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (1_500_000, "1.5 MB"),
     (2.5e9, "2.5 GB"), (3e15, "3,000.0 TB")],
)  # fmt: skip
def test_sizes(number: float, text: str) -> None:
    assert sized(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (0.4, "1 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min"),
     (7500, "2 h 05 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert lasting(seconds) == text


def test_lists_end_somewhere() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(n) for n in range(12)], 2) == "0, 1 and 10 more"


def test_volumes_are_summed_by_organization_the_largest_first() -> None:
    lines = (
        Volume("1", "One", "f", "Form", 2, 20, 200, "2024-01-02", "2024-02-01"),
        Volume("2", "Two", "f", "Form", 5, 50, 500, "2023-01-02", "2024-01-01"),
        Volume("1", "One", "g", "Gone", 1, 10, 100, None, None),
    )
    made = Volumes(lines, 0, {})

    assert [(whole.organization, whole.form) for whole, _ in made.organizations()] == [
        ("Two", "1 form"),
        ("One", "2 forms"),
    ]
    total = made.total
    assert (total.form, total.submissions, total.answers, total.bytes) == ("2 forms", 8, 80, 800)
    assert (total.first, total.last) == ("2023-01-02", "2024-02-01")
    assert Volumes((), 0, {}).total.first is None


def estimate(*, free: int | None, seconds: float | None = 90.0) -> Estimate:
    """One that needs 1,000,000 bytes."""
    return Estimate(5000, 400_000, 100_000, 500_000, seconds, 60.0, 50, True, free, "/data")


@pytest.mark.parametrize(
    ("free", "status", "said"),
    [
        (999_999, Status.BLOCKED, "/data has 1,000.0 kB free"),
        (1_000_000, Status.WARNING, "/data has 1.0 MB free"),
        (1_500_000, Status.OK, "needs about 1.0 MB: rows 400.0 kB, indexes 100.0 kB"),
        (None, Status.WARNING, "what is free cannot be known: /data"),
    ],
)
def test_disk_has_to_hold_what_is_needed(free: int | None, status: Status, said: str) -> None:
    line = disk_line(estimate(free=free))
    assert line.status is status
    assert said in line.found


def test_the_time_says_what_it_is_made_from() -> None:
    assert time_line(estimate(free=None)).found.startswith(
        "about 1 min 30 s (an estimate from 50 of 5,000 records"
    )
    alone = time_line(estimate(free=None, seconds=None))
    assert alone.status is Status.WARNING
    assert alone.found.startswith("reading and mapping alone: about 1 min 00 s")


def test_first_and_last_are_in_the_order_of_time() -> None:
    """A v2 in PostgreSQL holds years of more than four digits."""
    times = ("12000-01-02 03:04:05.678", datetime(2024, 5, 6, 7, 8, 9, 123))  # noqa: DTZ001 - as v2's
    late, now = (
        Volume("o", "O", "f", "F", 1, first=_moment(time), last=_moment(time)) for time in times
    )

    assert (late.first, now.last) == ("12000-01-02 03:04:05", "2024-05-06 07:08:09")
    assert (late.plus(now).first, late.plus(now).last) == (now.first, late.last)
