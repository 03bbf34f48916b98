"""extract → mapping → load, overlapped: while one batch is copied in, the next is read and mapped.

One thread reads and maps, one loads; at most one batch waits between them, so memory is bounded
by the batch (R5). The loader's COPY waits on the server most of its time, with the GIL let go.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Protocol

from transfer.batch import MappedBatch, TableState
from transfer.batch_size import Allowance
from transfer.exceptions import SourceLostError
from transfer.load import Loader
from transfer.mapping.findings import Finding
from transfer.pace import Pace, Pacing
from transfer.plan import Step
from transfer.tolerance import Tolerance
from transfer.work import FormsWork, OrganizationsWork, Run, UsersWork, Work
from transfer.work_submissions import SubmissionsWork

WORK: dict[str, type[OrganizationsWork | UsersWork | FormsWork | SubmissionsWork]] = {
    "organizations": OrganizationsWork,
    "users": UsersWork,
    "forms": FormsWork,
    "submissions": SubmissionsWork,
}


class Observer(Protocol):
    """Who watches a run."""

    def remark(self, text: str) -> None:
        """Something the user should know while the run goes on."""

    def table_started(self, state: TableState) -> None:
        """A table is taken in hand; state.total is what v2 has for it."""

    def batch_loaded(self, state: TableState) -> None:
        """One more batch of it is in v3."""

    def table_ended(self, state: TableState) -> None:
        """The table is completed, or the run stops in it."""


class Unwatched:
    """An observer for who does not watch."""

    def remark(self, text: str) -> None:
        """See Observer."""

    def table_started(self, state: TableState) -> None:
        """See Observer."""

    def batch_loaded(self, state: TableState) -> None:
        """See Observer."""

    def table_ended(self, state: TableState) -> None:
        """See Observer."""


class Interruption:
    """Whether the user asked the run to stop (R9)."""

    def __init__(self) -> None:
        # No Event: a second signal inside its set() would wait for the first for ever.
        self._asked = False
        self._in_batches = False
        self.at_once = False  # what was in hand is given up

    @property
    def asked(self) -> bool:
        """A first Ctrl-C or SIGTERM came."""
        return self._asked

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch Ctrl-C and SIGTERM: the first stops after the batch in hand, the second at once.

        Where no batch is in hand (a table is being prepared, for minutes perhaps), the first does.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(_signal: int, _frame: FrameType | None) -> None:
            if self._asked or not self._in_batches:
                self.at_once = True
                raise KeyboardInterrupt
            self._asked = True

        before = {one: signal.signal(one, handle) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            with self.believed():
                yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    @contextmanager
    def believed(self) -> Iterator[None]:
        """Stop where the user said so, though a driver took it for a fault of its own.

        pyodbc swallows what is raised while it waits, and tells of an error without a name.
        """
        try:
            yield
        except Exception as error:
            # Nobody who asked to stop waits for a v2 that is gone.
            if self.at_once or (self.asked and isinstance(error, SourceLostError)):
                raise KeyboardInterrupt from error
            raise

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """While this lasts there are batches in hand, to be finished."""
        self._in_batches = True
        try:
            yield
        finally:
            self._in_batches = False


class Pipeline:
    """Runs the tables of one migration in order, each from its checkpoint on."""

    def __init__(
        self,
        run: Run,
        loader: Loader,
        allowance: Allowance,
        tolerance: Tolerance,
        stop: Interruption,
        observer: Observer,
        pacing: Pacing,
    ) -> None:
        self._run = run
        self._loader = loader
        self._allowance = allowance
        self._tolerance = tolerance
        self._stop = stop
        self._observer = observer
        self._pace = Pace(pacing, lambda: stop.asked)

    @property
    def stop(self) -> Interruption:
        """Whether the user asked the run to stop."""
        return self._stop

    @property
    def allowance(self) -> Allowance:
        """How many records may be read."""
        return self._allowance

    @property
    def halted(self) -> bool:
        """Whether no more batches are to be read."""
        return self._stop.asked or self._allowance.spent

    def move(
        self,
        step: Step,
        state: TableState,
        work: Work,
        before_closing: Callable[[], None] = lambda: None,
    ) -> None:
        """Move one table until its end, or until the run is told to stop.

        Args:
            step: the table.
            state: its books.
            work: reads and maps it.
            before_closing: called once all rows are in, before the table is completed. Whoever
                interrupts it is obeyed at once.

        Raises:
            TooManyErrorsError: the run is hopeless.
            TransferError: it cannot go on.
        """
        self._observer.table_started(state)
        self._check(state)
        self._allowance.begin()
        with self._loading() as executor:
            with self._stop.finishing():
                self._batches(executor, state, work.batches)
            if not self.halted:
                self._close(executor, step, state, work.closing, before_closing)
        self._observer.table_ended(state)

    def move_range(self, step: Step, state: TableState, work: SubmissionsWork) -> None:
        """Move a range of a table's keys until its end, or until the run is told to stop.

        Raises:
            TransferError: it cannot go on.
        """
        with self._loading() as executor:
            with self._stop.finishing():
                self._batches(executor, state, partial(work.batches, until=state.until))
            if not self.halted:
                self._close(executor, step, state, list)

    def close(
        self, step: Step, state: TableState, work: Work, before_closing: Callable[[], None]
    ) -> None:
        """Complete a table whose ranges have all been moved; see ``move``.

        Raises:
            TransferError: it cannot be completed.
        """
        with self._loading() as executor:
            self._close(executor, step, state, work.closing, before_closing)

    @contextmanager
    def _loading(self) -> Iterator[ThreadPoolExecutor]:
        with (
            ThreadPoolExecutor(1, thread_name_prefix="load") as executor,
            self._waiting_for_nothing_when_interrupted(),
        ):
            yield executor

    def _close(
        self,
        executor: ThreadPoolExecutor,
        step: Step,
        state: TableState,
        closing: Callable[[], list[Finding]],
        before_closing: Callable[[], None] = lambda: None,
    ) -> None:
        before_closing()
        with self._stop.finishing():
            last = MappedBatch(step, state.batches + 1, state.last_key, closing=True)
            last.loose = closing()
            self._settle(executor.submit(self._loaded, last), state)

    def _batches(
        self,
        executor: ThreadPoolExecutor,
        state: TableState,
        batches: Callable[[str, Callable[[], int]], Iterator[MappedBatch]],
    ) -> None:
        number = state.batches
        waiting: Future[MappedBatch] | None = None

        def settle() -> None:
            nonlocal waiting
            settling, waiting = waiting, None
            self._settle(settling, state)

        reading = self._allowance.timed(batches(state.last_key, self._allowance.next))
        try:
            # Before a pause the batch on its way in is settled: an hour is long to wait for its
            # error, and its numbers.
            for batch in self._pace.between(reading, before_pause=settle):
                number += 1
                batch.number = number
                self._allowance.take(len(batch.outcomes))
                settle()
                waiting = executor.submit(self._loaded, batch)
                if self.halted:
                    break
        except KeyboardInterrupt:
            waiting = None
            raise
        finally:
            # Whatever stopped the reading, the batch on its way in is finished first.
            self._settle(waiting, state)

    @contextmanager
    def _waiting_for_nothing_when_interrupted(self) -> Iterator[None]:
        # A second Ctrl-C is obeyed at once, also where the server does not answer the loader.
        try:
            yield
        except KeyboardInterrupt:
            self._run.target.abandon()
            raise

    def _loaded(self, batch: MappedBatch) -> MappedBatch:
        with self._allowance.timing(batch):
            self._loader.load(batch)
        return batch

    def _settle(self, waiting: Future[MappedBatch] | None, state: TableState) -> None:
        if waiting is not None:
            self._allowance.took(waiting.result())
            self._observer.batch_loaded(state)
            self._check(state)

    def _check(self, state: TableState) -> None:
        self._tolerance.check(state, self._run.journal.states.values())


def make_work(run: Run, step: Step) -> Work:
    """The work that fills the step's table."""
    return WORK[step.table](run, step)
