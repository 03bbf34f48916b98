"""A run's progress on a terminal: rate, share done, time left."""

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
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from transfer.batch import TableState


class RateColumn(ProgressColumn):
    """Records a second, over the last moments."""

    def render(self, task: Task) -> Text:
        """The task's speed."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class ConsoleObserver:
    """Draws a bar a table on stderr where that is a terminal, and nothing elsewhere (§7)."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failed]}"),
            console=console,
            disable=not console.is_terminal,
            refresh_per_second=4,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
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
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def table_started(self, state: TableState) -> None:
        """See transfer.pipeline.Observer."""
        done = state.processed + state.failed
        self._task = self._progress.add_task(
            state.table, total=state.total, completed=done, failed=_failed(state)
        )

    def batch_loaded(self, state: TableState) -> None:
        """See transfer.pipeline.Observer."""
        if self._task is not None:
            self._progress.update(
                self._task, completed=state.processed + state.failed, failed=_failed(state)
            )

    def table_ended(self, state: TableState) -> None:
        """See transfer.pipeline.Observer."""
        self.batch_loaded(state)


def _failed(state: TableState) -> str:
    return f"{state.failed:,} failed" if state.failed else ""
