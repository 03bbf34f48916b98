"""How many records a batch is read with: a fixed number, or ``auto``, found while batches run.

``auto`` learns from the last batches, as the optimiser of GitLab's batched background migrations
does: there is a time that a batch should take, the measures are smoothed, and a size grows by a
bounded factor. Time is not all that counts here: a batch is held in memory, so its bytes and its
answers bound it too, and they win. A size changes no row, so it is no part of the fingerprint.
"""

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from transfer.batch import MappedBatch
from transfer.options import AUTO, BatchSize
from transfer.page_answers import ANSWERS_AT_ONCE
from transfer.rate import MovingRate

# Records of the first batch: nobody knows yet what one holds, and it may be twenty megabytes.
FIRST_SIZE = 1
# Records at most, however small they are: with more a run is no faster, and each takes some 13 kB
# of memory while it is on its way (16,000 submissions of two answers took 200 MB, 5,000 took 80).
LARGEST_SIZE = 5_000
# Records that time alone makes no batch smaller than: a batch costs something however small it is.
SMALLEST_BY_TIME = 100
# Seconds: long beside what a commit and a few round trips take, and short for who waits after
# Ctrl-C, and for v2's writers where they wait for readers.
TARGET_SECONDS = 1.0
# Where a batch costs much however small it is (a v2 without an index on its answers is read whole
# for each), it is to take so many times that: smaller ones would only be more of the same.
TIMES_THE_SHORTEST = 10
# Batches that are looked at. Of their times the median counts, so that one that waited for a
# server changes nothing; of what they hold the most.
REMEMBERED = 7
# A size grows to so many times what was tried already, at most: v2's rows need not be alike.
MAX_GROWTH = 4
# It stays where another would not be so many times better: no point in going to and fro.
WORTH_A_CHANGE = 1.25
# Bytes of COPY text a batch should hold. It is in memory several times over: as read, as mapped
# and as sent, with the next one beside it.
BYTES_AT_ONCE = 8_000_000
# Answers a batch should hold; the extraction would cut one with more in two (R5).
MOST_ANSWERS = ANSWERS_AT_ONCE * 4 // 5


class Fitting:
    """The size for a table's next batch, by what the last ones held and took."""

    def __init__(self) -> None:
        self.size = FIRST_SIZE
        self._records: deque[int] = deque(maxlen=REMEMBERED)
        self._room: deque[float] = deque(maxlen=REMEMBERED)  # records that there is room for
        self._times: deque[tuple[int, float]] = deque(maxlen=REMEMBERED)
        self._shortest = math.inf

    def held(self, records: int, held_bytes: int, answers: int) -> None:
        """Learn from a batch that was read; one without records (orphans) tells nothing."""
        if records:
            bounds = ((BYTES_AT_ONCE, held_bytes), (MOST_ANSWERS, answers))
            self._room.append(
                min((most * records / held for most, held in bounds if held), default=math.inf)
            )
            self._records.append(records)
            self._decide()

    def took(self, records: int, seconds: float) -> None:
        """Learn from a batch that is through.

        Args:
            records: how many it had.
            seconds: of the slower of its two stages (reading and mapping; loading). The stages of
                two batches overlap, so a run is as fast as the slower one. No pause is in it.
        """
        if records:
            self._times.append((records, seconds))
            self._shortest = min(self._shortest, seconds)
            self._decide()

    def _decide(self) -> None:
        room = min(self._room, default=math.inf)
        wanted = min(max(self._by_time(), SMALLEST_BY_TIME), room, LARGEST_SIZE)
        if room < self.size or wanted * WORTH_A_CHANGE < self.size:
            self.size = max(int(wanted), 1)
        elif wanted > self.size * WORTH_A_CHANGE:
            tried = max(self._records, default=0)
            self.size = max(self.size, min(int(wanted), tried * MAX_GROWTH))

    def _by_time(self) -> float:
        if not self._times:
            return self.size
        # What the shortest took is the most that a batch costs however small it is.
        each = statistics.median(
            (seconds - self._shortest) / records for records, seconds in self._times
        )
        target = max(TARGET_SECONDS, TIMES_THE_SHORTEST * self._shortest)
        return (target - self._shortest) / each if each > 0 else math.inf


class Allowance:
    """How many records the next batch is to have: by the batch size, and --limit's rest.

    It keeps the time of the batches, so each can be told how fast the run is.

    Args:
        asked: the batch size.
        limit: records the run may read in all; None: every one.
        clock: seconds that only go forward.
    """

    def __init__(
        self, asked: BatchSize, limit: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._asked = asked
        self._fitting = Fitting()
        self._left = limit
        self._clock = clock
        self._rate: MovingRate | None = None
        self._moved = 0

    @property
    def size(self) -> int:
        """The batch size in hand."""
        return self._fitting.size if self._asked == AUTO else self._asked

    @property
    def left(self) -> int | None:
        """How many records may still be read; None: every one."""
        return self._left

    def grant(self, records: int | None) -> None:
        """Let so many records be read from here on; None: every one."""
        self._left = records

    @property
    def spent(self) -> bool:
        """Nothing more may be read."""
        return self._left == 0

    def begin(self) -> None:
        """Take another table in hand: its records are unlike the last one's."""
        self._fitting = Fitting()
        self._rate = None

    def next(self) -> int:
        """How many records the next batch is to have."""
        return self.size if self._left is None else min(self.size, self._left)

    def take(self, records: int) -> None:
        """Records were read."""
        if self._left is not None:
            self._left = max(self._left - records, 0)

    def timed(self, batches: Iterable[MappedBatch]) -> Iterator[MappedBatch]:
        """The batches, each with the size it was read with and the seconds that took."""
        iterator = iter(batches)
        self._rate = self._rate or MovingRate(self._moved, clock=self._clock)
        while True:
            begun = self._clock()
            batch = next(iterator, None)
            if batch is None:
                return
            batch.seconds = self._clock() - begun
            batch.size = self.size
            if self._asked == AUTO:
                self._fitting.held(batch.looked_at, batch.line_bytes, batch.answers_read)
            yield batch

    @contextmanager
    def timing(self, batch: MappedBatch) -> Iterator[None]:
        """While this lasts the batch is loaded; its seconds are those of the slower stage then."""
        begun = self._clock()
        if self._rate and not batch.closing:
            batch.rate = round(self._rate.records, 1) or None
        yield
        batch.seconds = max(batch.seconds, self._clock() - begun)

    def took(self, batch: MappedBatch) -> None:
        """A batch is through: the size of the next ones may follow from it."""
        self._moved += len(batch.outcomes)
        if self._rate:
            self._rate.at(self._moved)
        if self._asked == AUTO:
            self._fitting.took(batch.looked_at, batch.seconds)
