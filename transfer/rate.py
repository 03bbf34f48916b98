"""How fast a run is at this moment, and how long it will take: by what its last moments moved."""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from transfer.batch import TableState

# Seconds that a rate looks back: long enough to be calm, short enough that a stall shows.
WINDOW_SECONDS = 30.0
# Seconds between two marks: a batch may come a hundred times a second, and needs none of its own.
MARK_SECONDS = 0.5
# Marks that stay however old they are: a batch may take minutes, and there is a rate all the same.
MARKS_KEPT = 3

# Seconds without a heartbeat after which the rate it told is nobody's: the run has stopped, or
# stalls.
STALE_SECONDS = 60.0


class _Mark(NamedTuple):
    at: float
    records: int
    copied: int


class MovingRate:
    """Records and bytes a second over the last ``WINDOW_SECONDS``, or since the beginning.

    Where batches take longer than that it looks back over two of them. While nothing comes it
    falls, so a stall shows.

    Args:
        records: those there were before.
        copied: bytes there were before.
        clock: seconds that only go forward.
    """

    def __init__(
        self, records: int = 0, copied: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._now = _Mark(clock(), records, copied)
        self._marks = deque([self._now])

    def at(self, records: int, copied: int = 0) -> None:
        """There are so many records and bytes in all by now."""
        self._now = _Mark(self._clock(), records, copied)
        if self._now.at - self._marks[-1].at >= MARK_SECONDS:
            self._marks.append(self._now)
            self._forget()

    @property
    def records(self) -> float:
        """Records a second."""
        begin, seconds = self._begin()
        return (self._now.records - begin.records) / seconds if seconds > 0 else 0.0

    @property
    def copied(self) -> float:
        """Bytes a second."""
        begin, seconds = self._begin()
        return (self._now.copied - begin.copied) / seconds if seconds > 0 else 0.0

    @property
    def idle(self) -> float:
        """Seconds since something came last."""
        return self._clock() - self._now.at

    def _begin(self) -> tuple[_Mark, float]:
        self._forget()
        return self._marks[0], self._clock() - self._marks[0].at

    def _forget(self) -> None:
        # The last mark before the window stays: it is the beginning of what is looked at.
        oldest = self._clock() - WINDOW_SECONDS
        while len(self._marks) > MARKS_KEPT and self._marks[1].at <= oldest:
            self._marks.popleft()


def seconds_left(done: int, total: int | None, rate: float | None) -> float | None:
    """Seconds the rest will take at a rate in records a second.

    None where nobody can tell: the total is not known, or nothing moves.
    """
    if total is None or not rate:
        return None
    return max(total - done, 0) / rate


def told_seconds(seconds: float) -> str:
    """Seconds as a clock shows them: 0:00:08, 27:46:40."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def told_bytes(size: float) -> str:
    """Bytes in the largest unit of which there is one (1 MB is a million of them): 12.3 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def told_progress(state: TableState, rate: float | None) -> str:
    """How far a table is, as one line; what is not known is left out.

    Args:
        state: the table.
        rate: records a second; None or 0: not known.
    """
    done = state.processed + state.failed
    parts = [f"{done:,} records"]
    if state.total is not None:
        parts = [f"{done:,} of {state.total:,} ({share_done(done, state.total)} %)"]
    if state.failed:
        parts.append(f"{state.failed:,} failed")
    if rate:
        parts.append(f"{rate:,.0f} a second")
    if state.copied:
        parts.append(f"{told_bytes(state.copied)} copied")
    if (left := seconds_left(done, state.total, rate)) is not None:
        parts.append(f"{told_seconds(left)} left")
    return ", ".join(parts)


def told_running(state: TableState, now: datetime) -> str:
    """How far a table in progress is by its last heartbeat, and when that was.

    A rate that is older than ``STALE_SECONDS`` is forgotten.

    Args:
        state: the table, with a heartbeat.
        now: by the clock that wrote the heartbeat.
    """
    ago = (now - state.heartbeat_at).total_seconds() if state.heartbeat_at else -1.0
    if not 0 <= ago < STALE_SECONDS:
        state.rate = None  # it was that of a run that stopped, or stalls
    when = f"{ago:,.0f} s ago" if ago >= 0 else "in the future: v3's clock was set back"
    return f"{told_progress(state, state.rate)}; last batch {when}"


def share_done(done: int, total: int) -> int:
    """Per cent, rounded down, so that 100 is all; v2 may have grown since it was counted."""
    return min(done * 100 // total, 100) if total else 100
