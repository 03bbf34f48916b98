"""How fast v2 is read, on a clock that moves only when somebody sleeps or reads."""

from collections.abc import Iterator

import pytest

from transfer.exceptions import ConfigurationError
from transfer.pace import SLICE_SECONDS, Pace, Pacing


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= SLICE_SECONDS
        self.slept += seconds
        self.now += seconds


def reading(clock: Clock, batches: int, seconds: float) -> Iterator[float]:
    """Batches that take so long to read; each is the time its reading began."""
    for _ in range(batches):
        begun = clock.now
        clock.now += seconds
        yield begun - 100.0


def begun(pacing: Pacing, batches: int = 3, seconds: float = 1.0, work: float = 0.0) -> list[float]:
    clock, found = Clock(), []
    for at in Pace(pacing, clock=clock, sleep=clock.sleep).between(
        reading(clock, batches, seconds)
    ):
        found.append(round(at, 6))
        clock.now += work
    return found


def test_without_limits_nothing_is_slept() -> None:
    assert begun(Pacing()) == [0, 1, 2]


@pytest.mark.parametrize(("batches", "times"), [(0, []), (1, [0]), (2, [0, 3.5])])
def test_the_pause_is_between_batches(batches: int, times: list[float]) -> None:
    assert begun(Pacing(pause_ms=2500), batches) == times


def test_what_is_done_with_a_batch_counts_as_pause() -> None:
    assert begun(Pacing(pause_ms=2500), work=2.0) == [0, 3.5, 7]
    assert begun(Pacing(pause_ms=2500), work=4.0) == [0, 5, 10]


def test_batches_a_minute_are_spaced_evenly() -> None:
    assert begun(Pacing(per_minute=20)) == [0, 3, 6]
    assert begun(Pacing(per_minute=20), seconds=4.0) == [0, 4, 8]  # slower than that anyway


def test_of_both_limits_the_slower_counts() -> None:
    assert begun(Pacing(pause_ms=5000, per_minute=20)) == [0, 6, 12]
    assert begun(Pacing(pause_ms=500, per_minute=20)) == [0, 3, 6]


def test_the_next_table_waits_as_the_next_batch_does() -> None:
    clock = Clock()
    pace = Pace(Pacing(pause_ms=2000), clock=clock, sleep=clock.sleep)
    times = [at for _ in range(2) for at in pace.between(reading(clock, 1, 1.0))]
    # The pause after the first table's batch, and the one after finding that it has no more.
    assert [round(at, 6) for at in times] == [0, 5]


def test_r9_asked_to_stop_in_a_pause_nothing_more_is_slept_or_read() -> None:
    clock = Clock()
    stop_at = 100.0 + 1.0 + 0.25
    pace = Pace(Pacing(pause_ms=3_600_000), lambda: clock.now >= stop_at, clock, clock.sleep)
    assert list(pace.between(reading(clock, 2, 1.0))) == [0]
    assert clock.slept <= 0.25 + SLICE_SECONDS


def test_r9_ctrl_c_in_the_reading_is_not_held_up_by_the_pause() -> None:
    clock = Clock()

    def interrupted() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    batches = Pace(Pacing(pause_ms=1000), clock=clock, sleep=clock.sleep).between(interrupted())
    assert next(batches) == 1
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    assert clock.slept == pytest.approx(1.0)


@pytest.mark.parametrize("pause", [-1, 3_600_001])
def test_a_pause_is_from_nothing_to_an_hour(pause: int) -> None:
    with pytest.raises(ConfigurationError, match=r"--pause-ms takes milliseconds, .* 3600000"):
        Pacing(pause_ms=pause)


@pytest.mark.parametrize("number", [0, -1, 6001])
def test_batches_a_minute_are_one_to_six_thousand(number: int) -> None:
    with pytest.raises(ConfigurationError, match=r"--max-batches-per-minute takes .* 1 to 6000"):
        Pacing(per_minute=number)


def test_the_ends_of_both_ranges_are_taken() -> None:
    assert (Pacing(3_600_000, 1).pause_ms, Pacing(0, 6000).per_minute) == (3_600_000, 6000)
