"""How fast v2 is read: a pause after each batch, and so many batches a minute at most."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from transfer.exceptions import ConfigurationError

T = TypeVar("T")

MAX_PAUSE_MS = 3_600_000  # an hour; v2's connection is idle as long
MAX_PER_MINUTE = 6000
PAUSE_RULE = f"takes milliseconds, a whole number from 0 to {MAX_PAUSE_MS} (an hour)"
PER_MINUTE_RULE = f"takes a whole number from 1 to {MAX_PER_MINUTE}"
# A pause is slept in slices, so that Ctrl-C ends it at once: the first one raises nothing (R9),
# and who waits on an Event that a signal's handler sets in the same thread may wait for ever.
SLICE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Pacing:
    """What the user asked for. Changes no row, so it is no part of the fingerprint.

    Args:
        pause_ms: milliseconds between the end of one batch's reading and the next one's start.
        per_minute: batches a minute at most, evenly spaced; None: as many as there are.

    Raises:
        ConfigurationError: a value out of its range.
    """

    pause_ms: int = 0
    per_minute: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.pause_ms <= MAX_PAUSE_MS:
            raise ConfigurationError(f"--pause-ms {PAUSE_RULE}, got {self.pause_ms}")
        if self.per_minute is not None and not 1 <= self.per_minute <= MAX_PER_MINUTE:
            msg = f"--max-batches-per-minute {PER_MINUTE_RULE}, got {self.per_minute}"
            raise ConfigurationError(msg)

    @property
    def limited(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.pause_ms or self.per_minute)


class Pace:
    """Keeps who reads v2 to a pacing. One for all the tables of a run.

    Args:
        pacing: what was asked for.
        is_stopped: whether the user asked the run to stop; then nothing more is read.
        clock: seconds that only go forward.
        sleep: lets seconds pass.
    """

    def __init__(
        self,
        pacing: Pacing,
        is_stopped: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = pacing.pause_ms / 1000
        self._interval = 60 / pacing.per_minute if pacing.per_minute else 0.0
        self._is_stopped = is_stopped
        self._clock = clock
        self._sleep = sleep
        self._due = float("-inf")

    def between(
        self, batches: Iterable[T], before_pause: Callable[[], None] = lambda: None
    ) -> Iterator[T]:
        """The batches, each read when it is due.

        It ends early where the user asks to stop during a pause; who goes through it has to look
        at that himself, and must not take the end for the table's.

        Args:
            batches: reads v2 whenever it is asked for the next one.
            before_pause: called where there is time until the next one is due, and part of it.
        """
        iterator = iter(batches)
        while self._wait(before_pause):
            begun = self._clock()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            finally:
                self._due = max(self._clock() + self._pause, begun + self._interval)
            yield batch

    def _wait(self, before_pause: Callable[[], None]) -> bool:
        """Let the time pass until the next batch is due; False where the user asked to stop."""
        if self._due > self._clock():
            before_pause()
        while (left := self._due - self._clock()) > 0:
            if self._is_stopped():
                return False
            self._sleep(min(left, SLICE_SECONDS))
        return True
