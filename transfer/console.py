"""A run's progress on a terminal (rate, share done, time left), or as lines for a log."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from transfer.batch import TableState
from transfer.rate import (
    WINDOW_SECONDS,
    MovingRate,
    seconds_left,
    share_done,
    told_bytes,
    told_progress,
    told_seconds,
)
from transfer.report import plain

# A batch may come a hundred times a second; nobody reads that fast.
DRAWINGS_A_SECOND = 4
# Columns of a terminal that has room for all; others get a short bar, and no bytes.
WIDE = 110


class _Figures:
    """What is known of a table at this moment: its last counts, and how fast it is."""

    def __init__(self, state: TableState, clock: Callable[[], float]) -> None:
        self.state = state
        self.rate = MovingRate(_done(state), state.copied, clock)

    def add(self, state: TableState) -> None:
        """Take note of new counts."""
        self.state = state
        self.rate.at(_done(state), state.copied)

    def told(self, *, finished: bool, wide: bool = True) -> str:
        """Records a second, bytes copied, time left; in a stall the rate falls, and it is said."""
        state, rate = self.state, self.rate
        copied = told_bytes(state.copied) if state.copied and (wide or finished) else ""
        if finished:
            return copied
        stalled = rate.idle >= WINDOW_SECONDS
        left = seconds_left(_done(state), state.total, rate.records)
        parts = (
            f"{rate.records:,.0f}/s" if rate.records else "",
            copied,
            f"no batch for {told_seconds(rate.idle)}" if stalled else "",
            "" if left is None or stalled else f"{told_seconds(left)} left",
        )
        return " ".join(filter(None, parts))


class _FiguresColumn(ProgressColumn):
    """Such figures, as they are when they are drawn."""

    max_refresh = 1 / DRAWINGS_A_SECOND

    def __init__(self, *, wide: bool) -> None:
        super().__init__(Column(no_wrap=True))
        self._wide = wide

    def render(self, task: Task) -> Text:
        """The task's figures."""
        figures: _Figures = task.fields["figures"]
        return Text(figures.told(finished=task.finished, wide=self._wide))


class _ShareColumn(ProgressColumn):
    """Per cent of a table, as everywhere else: 100 is all."""

    def render(self, task: Task) -> Text:
        """The task's share; nothing where the total is not known."""
        known = task.total is not None
        return Text(f"{share_done(int(task.completed), int(task.total or 0)):>3}%" if known else "")


class ConsoleObserver:
    """Draws a bar a table on stderr where that is a terminal, and nothing elsewhere (§7).

    Args:
        console: where to draw.
        log_seconds: print a line so often, too, at most, wherever stderr goes; None: none.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        console: Console | None = None,
        log_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        console = console or Console(stderr=True)
        wide = console.width >= WIDE
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(40 if wide else 8),
            _ShareColumn(),
            MofNCompleteColumn(),
            _FiguresColumn(wide=wide),
            TextColumn("{task.fields[failed]}"),
            console=console,
            disable=not console.is_terminal,
            refresh_per_second=DRAWINGS_A_SECOND,
        )
        self._task: TaskID | None = None
        self._log_seconds = log_seconds
        self._clock = clock
        self._figures: _Figures | None = None
        self._log_at = 0.0

    def __enter__(self) -> Self:
        # Nothing is drawn before the first table: by then all processes are forked, and a thread
        # that draws would be in their way.
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def remark(self, text: str) -> None:
        """See transfer.pipeline.Observer."""
        # What a server says may be in it: nothing of that steers the terminal.
        self._progress.console.print(plain(text), soft_wrap=True)

    def table_started(self, state: TableState) -> None:
        """See transfer.pipeline.Observer."""
        self._progress.start()
        self._figures = _Figures(state, self._clock)
        self._log_at = self._clock() + (self._log_seconds or 0.0)
        self._task = self._progress.add_task(
            state.table,
            total=state.total,
            completed=_done(state),
            failed=_failed(state),
            figures=self._figures,
        )

    def batch_loaded(self, state: TableState) -> None:
        """See transfer.pipeline.Observer."""
        if self._figures is None:
            return
        self._figures.add(state)
        self._update(state)  # draws nothing itself
        now = self._clock()
        if self._log_seconds is not None and now >= self._log_at:
            self._log_at = now + self._log_seconds
            self._log(self._figures)

    def table_ended(self, state: TableState) -> None:
        """See transfer.pipeline.Observer."""
        if self._figures is not None:
            self._figures.add(state)
            self._update(state)
            if self._log_seconds is not None:
                self._log(self._figures)

    def _update(self, state: TableState) -> None:
        if self._task is not None:
            self._progress.update(
                self._task,
                total=state.total,
                completed=_done(state),
                failed=_failed(state),
            )

    def _log(self, figures: _Figures) -> None:
        told = told_progress(figures.state, figures.rate.records)
        self.remark(f"{figures.state.table}: {told}")


def _done(state: TableState) -> int:
    return state.processed + state.failed


def _failed(state: TableState) -> str:
    return f"{state.failed:,} failed" if state.failed else ""
