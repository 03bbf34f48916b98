"""A table moved in ranges of its keys, side by side: the importer's part of it.

The importer cuts the ranges, holds the lock and hands them out; its workers (transfer.worker) move
them. It adds up what they count, and stops them where the run is to stop: when the user says so,
when --limit is spent, when there are too many errors, when one of them cannot go on.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator

from transfer.batch import TableState
from transfer.crew import Crew, Ended, MemberLostError
from transfer.cut import keys_to_cut_at, rows_between
from transfer.exceptions import TransferError
from transfer.options import AUTO, DEFAULT_BATCH_SIZE, ImportOptions
from transfer.pace import Pacing
from transfer.pipeline import Observer, Pipeline
from transfer.plan import Step
from transfer.ranges import cut_anew, fold, read_ranges
from transfer.team import Team
from transfer.work import Run
from transfer.worker import Assignment, Counted, Job, RangeMover, Ready, Said, work_on

# Ranges for each worker: one that is through early takes another, and a range that is harder than
# the others does not hold up the end for long.
RANGES_A_WORKER = 4
# Seconds: how often the importer looks whether it is to stop, and whether it has its lock still.
LOOK_SECONDS = 0.2
LOCK_SECONDS = 1.0
# Batches for each worker that its connections and its start are worth.
BATCHES_WORTH_A_WORKER = 5


def workers_worth(options: ImportOptions, team: int, rows: int) -> int:
    """How many of a team's workers there is work for in so many rows; fewer than 2: none.

    Who asked for a number gets it wherever there is a batch for each; the default is for tables
    where it pays.
    """
    each = _rows_a_batch(options) * (1 if options.workers else BATCHES_WORTH_A_WORKER)
    most = min(team, rows // each)
    return min(most, options.pacing.per_minute or most)


def _rows_a_batch(options: ImportOptions) -> int:
    """By these options, or, where the size is found meanwhile, by default."""
    return DEFAULT_BATCH_SIZE if options.batch_size == AUTO else options.batch_size


class SideBySide:
    """The ranges of one table, in the hands of the team, or of this process alone.

    Args:
        run: the importer's.
        step: the table.
        state: its books, which are kept up to date.
        options: the run's.
        pipeline: the importer's: what it may read, and whether it is to stop.
        observer: who watches.
        team: the workers there are.
        keys_off: see Loader.
    """

    def __init__(
        self,
        run: Run,
        step: Step,
        state: TableState,
        options: ImportOptions,
        pipeline: Pipeline,
        observer: Observer,
        team: Team,
        keys_off: frozenset[str],
    ) -> None:
        self._run = run
        self._step = step
        self._state = state
        self._options = options
        self._allowance = pipeline.allowance
        self._stop = pipeline.stop
        self._observer = observer
        self._team = team
        self._keys_off = keys_off
        self._migration = run.journal.migration
        self._target = run.target
        self._base = state.copy()
        self._base.rate = None
        self._told = set[str]()
        self._ranges = self._target.retrying(
            lambda: read_ranges(self._target.writer, self._migration, step.table)
        )
        self._workers = self._worth()

    @property
    def ahead(self) -> bool:
        """Whether workers are going to do it; this process has nothing to prepare then."""
        return self._workers > 1

    def begin(self) -> None:
        """Have the workers get ready: open their connections, and learn what mapping needs."""
        if not self.ahead:
            return
        for number, pacing in enumerate(shared_pacing(self._options.pacing, self._workers), 1):
            job = Job(
                self._options,
                self._migration,
                self._run.journal.started_at,
                self._step,
                self._keys_off,
                pacing,
                self._team.run_key,
                number,
            )
            self._team.crew.begin(number - 1, work_on, job)

    def move(self) -> bool:
        """Move the table in ranges, but for its end; False where it is to be moved in one.

        Raises:
            TransferError: it cannot go on; what the workers had in hand is finished.
            KeyboardInterrupt: the user will not wait.
        """
        if self.ahead:
            self._cut()
        if not (self.ahead or self._ranges):
            return False
        self._observer.table_started(self._state)
        self._check()
        if self.ahead:
            self._with_workers()
        else:
            self._alone()
        whole = self._target.retrying(
            lambda: fold(
                self._target.writer,
                self._migration,
                self._step.table,
                self._options.max_stored_warnings,
            )
        )
        self._state.become(whole)
        return True

    @property
    def _rows(self) -> int:
        """Records that are left, as far as known."""
        return max((self._state.total or 0) - self._state.processed - self._state.failed, 0)

    def _worth(self) -> int:
        """How many workers there is work for; fewer than 2: none."""
        rows = self._rows
        if (left := self._allowance.left) is not None:
            rows = min(rows, left)
        return workers_worth(self._options, len(self._team.crew), rows)

    def _cut(self) -> None:
        """Cut what is left of the table, where there are fewer ranges than workers."""
        left = [each for each in self._ranges if each.status != "completed"]
        if self._ranges and len(left) >= self._workers:
            return
        source, query = self._run.source, self._run.scope.submission_query()
        there = self._ranges or [self._state]
        # A selection's query may find more than is moved, so it is asked what it finds.
        rows = [
            rows_between(source, query, each.last_key, each.until)
            if each.status != "completed"
            else 0
            for each in there
        ]
        part = max(sum(rows) // (self._workers * RANGES_A_WORKER), _rows_a_batch(self._options))
        pieces = [
            (
                each,
                keys_to_cut_at(source, query, each.last_key, each.until, count, count // part),
            )
            for each, count in zip(there, rows, strict=True)
        ]
        self._ranges = self._target.retrying(
            lambda: cut_anew(self._target.writer, self._migration, self._state, pieces)
        )

    def _alone(self) -> None:
        """Move the ranges that are left one after another, in this process."""
        mover = RangeMover(
            self._run,
            self._step,
            self._options,
            self._allowance,
            self._stop,
            self._options.pacing,
            self._counted,
            self._keys_off,
        )
        mover.prepare()
        for state in self._ranges:
            if self._halted:
                return
            if state.status != "completed":
                mover.move(state)
                self._counted(state)

    @property
    def _halted(self) -> bool:
        return self._stop.asked or self._allowance.spent

    def _with_workers(self) -> None:
        """Have the workers move the ranges, and wait for them."""
        hands = _Hands(self._team.crew, self._workers)
        try:
            with self._stop.finishing():
                self._conduct(hands)
        except BaseException:
            self._team.crew.close(at_once=True)
            raise
        if hands.error:
            raise hands.error

    def _conduct(self, hands: "_Hands") -> None:
        waiting = deque(each for each in self._ranges if each.status != "completed")
        looked = time.monotonic()
        while hands.at_work:
            if self._stop.asked or hands.error:
                hands.stop()
            ends = self._halted or hands.error is not None
            for member in hands.idle():
                share = self._share(hands)
                if waiting and share != 0 and not ends:
                    hands.assign(member, Assignment(waiting.popleft(), share))
                elif ends or (not waiting and (share is None or not hands.busy)):
                    hands.dismiss(member)
            for message in hands.hear(LOOK_SECONDS):
                if isinstance(message, Said):
                    self._say(message.text)
                else:
                    self._heard(message, hands, waiting)
            if time.monotonic() - looked > LOCK_SECONDS:
                looked = time.monotonic()
                hands.attempt(self._look_for_the_lock)

    def _share(self, hands: "_Hands") -> int | None:
        """How many records of --limit's rest the next range may have; None: there is no limit."""
        if (left := self._allowance.left) is None:
            return None
        free = left - sum(one.limit or 0 for one in hands.busy.values())
        return max(free // len(hands.at_work), min(free, 1))

    def _heard(self, counted: Counted, hands: "_Hands", waiting: deque[TableState]) -> None:
        state = counted.state
        self._ranges[state.partition - 1] = state
        if counted.ended:
            assigned = hands.ended(state)
            self._allowance.take(state.records.read - assigned.state.records.read)
            if state.status != "completed":
                waiting.appendleft(state)
        hands.attempt(lambda: self._counted(state))

    def _counted(self, state: TableState) -> None:
        """Add up what is counted, show it, and see that it is not hopeless.

        Raises:
            TooManyErrorsError: it is.
        """
        self._ranges[state.partition - 1] = state
        total = self._base.copy()
        for each in self._ranges:
            total.absorb(each)
        self._state.become(total)
        self._observer.batch_loaded(self._state)
        self._check()

    def _check(self) -> None:
        self._options.tolerance.check(self._state, self._run.journal.states.values())

    def _say(self, text: str) -> None:
        if text not in self._told:  # each worker has lost the same v2
            self._told.add(text)
            self._observer.remark(text)

    def _look_for_the_lock(self) -> None:
        # Nothing else is asked of this connection meanwhile, and the lock goes with it (R6).
        self._target.retrying(lambda: self._target.writer.execute("SELECT"))


class _Hands:
    """The members of a crew that are at work on a table: who does what."""

    def __init__(self, crew: Crew, number: int) -> None:
        self._crew = crew
        self.at_work = set(range(number))  # those that have not ended yet
        self.busy: dict[int, Assignment] = {}
        self._idle: set[int] = set()
        # The first that went wrong.
        self.error: Exception | None = None

    def idle(self) -> list[int]:
        """Members that wait for a range."""
        return sorted(self._idle)

    def assign(self, member: int, assignment: Assignment) -> None:
        """Give a member a range."""
        self._idle.discard(member)
        # What it had counted by then; the worker's own state is another process's.
        self.busy[member] = assignment
        self._attempt_to_say(member, assignment)

    def dismiss(self, member: int) -> None:
        """There is nothing more for a member to do."""
        self._idle.discard(member)
        self._attempt_to_say(member, None)

    def ended(self, state: TableState) -> Assignment:
        """A range is through; what its member was told of it."""
        member = next(m for m, one in self.busy.items() if one.state.partition == state.partition)
        self._idle.add(member)
        return self.busy.pop(member)

    def hear(self, seconds: float) -> Iterator[Counted | Said]:
        """What the members have to tell of their ranges, within so many seconds."""
        try:
            for member, message in self._crew.reports(seconds):
                if isinstance(message, Ready):
                    self._idle.add(member)
                elif isinstance(message, Ended):
                    self._gone(member, message.error)
                else:
                    yield message
        except MemberLostError as error:
            self._gone(error.member, error)

    def stop(self) -> None:
        """Have all of them end with the batch in hand."""
        self._crew.stop()

    def attempt(self, action: Callable[[], None]) -> None:
        """Do something whose failure ends the work of all."""
        try:
            action()
        except TransferError as error:
            self.error = self.error or error

    def _attempt_to_say(self, member: int, message: object) -> None:
        try:
            self._crew.say(member, message)
        except MemberLostError as error:
            self._gone(member, error)

    def _gone(self, member: int, error: Exception | None) -> None:
        self.at_work.discard(member)
        self._idle.discard(member)
        self.busy.pop(member, None)
        self.error = self.error or error


def shared_pacing(pacing: Pacing, number: int) -> list[Pacing]:
    """The pacing of each of so many workers: together they keep to what was asked for."""
    if pacing.per_minute is None:
        return [pacing] * number
    each, more = divmod(pacing.per_minute, number)
    return [Pacing(pacing.pause_ms, each + (place < more)) for place in range(number)]
