"""One worker of a run: a process that moves ranges of a table, each when it is told to.

It has connections of its own and the pipeline that a run without workers has. What it has counted
is in its ranges' checkpoints; what it tells its parent (transfer.workers) is for whoever watches.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from transfer import extract
from transfer.batch import TableState
from transfer.batch_size import Allowance
from transfer.crew import Line
from transfer.exceptions import SourceLostError
from transfer.journal import DatabaseJournal
from transfer.load import Loader
from transfer.options import ImportOptions
from transfer.pace import Pacing
from transfer.pipeline import Interruption, Pipeline, Unwatched
from transfer.plan import Step
from transfer.scope import Scope
from transfer.source import Source
from transfer.target import WorkerTarget
from transfer.tolerance import Tolerance
from transfer.work import Run
from transfer.work_submissions import SubmissionsWork

# Seconds between two reports of a range's counts: nobody watches more closely.
REPORT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker has to know of its run.

    Args:
        options: the run's.
        migration: its name.
        started_at: when it began.
        step: the table.
        keys_off: tables whose foreign keys are not checked while rows come in.
        pacing: how fast this worker may read v2.
        run_key: see WorkerTarget.
        number: of the worker, from 1.
    """

    options: ImportOptions
    migration: str
    started_at: datetime
    step: Step
    keys_off: frozenset[str]
    pacing: Pacing
    run_key: int
    number: int


class Assignment(NamedTuple):
    """A range to be moved, and how many records may be read for it; None: all it has."""

    state: TableState
    limit: int | None


class Ready(NamedTuple):
    """The worker has its connections and waits for a range."""


class Counted(NamedTuple):
    """How far a range is; ``ended``: the worker is through with it, and waits for the next."""

    state: TableState
    ended: bool = False


class Said(NamedTuple):
    """Something the user should know."""

    text: str


class ToldToStop(Interruption):
    """Whether the parent told its workers to stop, or is gone."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    @property
    def asked(self) -> bool:
        """No batch is to be begun any more."""
        return self._line.stopped


class Reporter(Unwatched):
    """Tells how far a range is: not each batch, but each that brought an error."""

    def __init__(
        self, tell: Callable[[TableState], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._due = 0.0
        self._errors = 0

    def batch_loaded(self, state: TableState) -> None:
        """See Observer."""
        errors = state.errors
        if self._clock() >= self._due or errors != self._errors:
            self._tell(state)
            self._due, self._errors = self._clock() + REPORT_SECONDS, errors


class RangeMover:
    """Moves ranges of a table, one after another, with one pipeline.

    Args:
        run: its journal is of no use here: a range has books of its own.
        step: the table.
        options: the run's.
        allowance: how many records may be read.
        stop: whether the run is to stop.
        pacing: how fast v2 may be read.
        tell: is told how far the range in hand is.
        keys_off: see Loader.
    """

    def __init__(
        self,
        run: Run,
        step: Step,
        options: ImportOptions,
        allowance: Allowance,
        stop: Interruption,
        pacing: Pacing,
        tell: Callable[[TableState], None],
        keys_off: frozenset[str],
    ) -> None:
        self._step = step
        self._journal = DatabaseJournal(
            run.journal.migration,
            run.journal.started_at,
            {},
            max_stored_warnings=options.max_stored_warnings,
        )
        own = replace(run, journal=self._journal)
        self._work = SubmissionsWork(own, step)
        loader = Loader(run.target, self._journal, keys_off)
        self._pipeline = Pipeline(own, loader, allowance, Tolerance(), stop, Reporter(tell), pacing)

    def prepare(self) -> None:
        """Learn what mapping the batches needs."""
        self._work.prepare()

    def move(self, state: TableState) -> None:
        """Move a range until its end, or until the run is to stop.

        Raises:
            TransferError: it cannot go on.
        """
        self._journal.states = {self._step.table: state}
        self._pipeline.move_range(self._step, state, self._work)


def work_on(line: Line, job: Job) -> None:
    """Move ranges as they are assigned, until there are no more: what a member of a crew does.

    Raises:
        TransferError: it cannot go on.
    """
    options = job.options
    purpose = f"import_v2 worker {job.number}"
    try:
        with (
            contextlib.closing(WorkerTarget(purpose, job.run_key, lambda: line.stopped)) as target,
            contextlib.closing(Source()) as source,
        ):
            source.watch(lambda: line.stopped, lambda text: line.send(Said(text)))
            ctx = options.context(job.migration, job.started_at)
            scope = Scope(source, ctx, options.organizations)
            journal = DatabaseJournal(
                job.migration,
                job.started_at,
                {},
                max_stored_warnings=options.max_stored_warnings,
            )
            run = Run(source, target, scope, ctx, journal, extract.lookups(source))
            allowance = Allowance(options.batch_size, None)
            mover = RangeMover(
                run,
                job.step,
                options,
                allowance,
                ToldToStop(line),
                job.pacing,
                lambda state: line.send(Counted(state)),
                job.keys_off,
            )
            mover.prepare()
            line.send(Ready())
            while (assigned := line.receive()) is not None:
                allowance.grant(assigned.limit)
                mover.move(assigned.state)
                line.send(Counted(assigned.state, ended=True))
    except SourceLostError:
        # Nobody who was told to stop waits for a v2 that is gone.
        if not line.stopped:
            raise
