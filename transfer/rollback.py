"""The rollback service: removes what one migration wrote, and nothing else, or shows what it would.

First a survey (transfer.rollback_survey) says what goes, what stays and what stands in the way;
then, confirmed, the removal goes batch by batch (transfer.rollback_removal). The books are marked
before the first row goes, so that a rollback that was stopped can only be gone on with.
"""

import contextlib
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

import psycopg

from transfer import deferral_rollback, rollback_books
from transfer.exceptions import RunError, RunStoppedError, TargetError, TransferError
from transfer.pipeline import Interruption, Observer
from transfer.plan import TABLES
from transfer.progress import Migration, read_migrations
from transfer.rollback_books import Books
from transfer.rollback_graph import Graph, read_graph
from transfer.rollback_marks import mark_kept
from transfer.rollback_removal import Removal
from transfer.rollback_report import RollbackReport, Survey
from transfer.rollback_survey import Doomed, Surveyor
from transfer.target import TRANSIENT_STATES, Target, describe, first_line, is_lost

DEFAULT_BATCH_SIZE = 1000
# Losses of the connection in a row, with no row removed in between, before it gives up.
FRUITLESS_TRIES = 5

# Shows the preview; returns whether to go on, or raises.
Confirm = Callable[[RollbackReport], bool]


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """Which migration, by its name or by its only organization, and how far to go.

    Args:
        name: the migration's name.
        organization: the organization's Id, where no name is given.
        dry_run: change nothing.
        cascade: rows of the application that refer to what goes go, too.
        include_modified: rows that the application changed go, too.
        batch_size: rows a transaction.
    """

    name: str | None = None
    organization: str | None = None
    dry_run: bool = False
    cascade: bool = False
    include_modified: bool = False
    batch_size: int = DEFAULT_BATCH_SIZE


def run_rollback(options: RollbackOptions, observer: Observer, confirm: Confirm) -> RollbackReport:
    """Roll a migration back, or go on with that; a dry run only looks.

    Args:
        options: what to do.
        observer: who watches.
        confirm: is shown the preview before anything is changed.

    Returns:
        What was done; its outcome is blocked where something stands in the way.

    Raises:
        RunError: there is no such migration, or it was not confirmed.
        RunStoppedError: it had begun and had to stop; what is removed stays removed.
        TransferError: it could not begin.
        KeyboardInterrupt: stopped at once; the message says how to go on.
    """
    target = Target("rollback_v2", exclusive=not options.dry_run)
    with contextlib.closing(target):
        migration = rollback_books.choose(target.writer, options.name, options.organization)
        return _Rollback(options, observer, target, migration).run(confirm)


@dataclass
class _Rollback:
    """One rollback with its database open."""

    options: RollbackOptions
    observer: Observer
    target: Target
    migration: Migration
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        doomed = Doomed(
            self.migration.name, self.migration.started_at, self.options.include_modified
        )
        self.books = Books(self.migration.name)
        self.surveyor = Surveyor(read_graph(self.target.writer), doomed)

    def run(self, confirm: Confirm) -> RollbackReport:
        survey = self.surveyor.survey(self.target.writer)
        report = self._report("preview", survey)
        if self.options.dry_run:
            report.outcome = "dry run"
            report.notes += deferral_rollback.what_is_open(self.target)
            report.notes.append("Nothing was changed.")
            return report
        through = self.migration.rollback is not None and self.migration.rollback.finished
        if through and not survey.going:
            self._settle()
            report.outcome = "nothing to do"
            return report
        if report.blocked:
            report.outcome = "blocked"
            report.notes.append("Nothing was changed.")
            return report
        if not confirm(report):
            raise RunError("not confirmed; nothing was changed")
        return self._remove()

    def _report(self, outcome: str, survey: Survey) -> RollbackReport:
        report = RollbackReport(
            self.migration.name,
            outcome,
            survey,
            self.options.cascade,
            self.options.include_modified,
            self.migration.rollback,
        )
        if survey.others:
            every = self.target.retrying(lambda: read_migrations(self.target.writer))
            report.known = {one.name: one for one in every}
        return report

    def _remove(self) -> RollbackReport:
        stop = Interruption()
        removal = Removal(
            self.target,
            self.surveyor,
            self.books,
            self.options.batch_size,
            stop,
            self.observer,
        )
        started = time.monotonic()
        try:
            with stop.listening(), stop.finishing():
                deferral_rollback.build_indexes(self.target, self.observer.remark)
                self.surveyor.graph = read_graph(self.target.writer)
                self.target.retrying(lambda: self.books.begin(self.target.writer))
                survey = self._steadily(removal, stop)
                if not survey.going:
                    self._settle()
        except KeyboardInterrupt:
            msg = f"Stopped at once; what is removed stays removed. {self._go_on()}"
            raise KeyboardInterrupt(msg) from None
        except (TransferError, psycopg.Error) as error:
            self._stopped(error)
        report = self._ended(survey, stop)
        report.seconds, report.removed = time.monotonic() - started, removal.removed
        return report

    def _settle(self) -> None:
        deferral_rollback.settle_gone(self.target, self.migration.name, self.observer.remark)

    def _steadily(self, removal: Removal, stop: Interruption) -> Survey:
        """Remove until nothing is left; where the connection is lost, look anew and go on (R7)."""
        fruitless = 0
        while True:
            before = removal.removed
            try:
                return self._until_done(removal, stop)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                writer = self.target.writer
                lost = is_lost(error, writer)
                if not lost and getattr(error, "sqlstate", None) not in TRANSIENT_STATES:
                    raise
                fruitless = 0 if removal.removed > before else fruitless + 1
                if fruitless > FRUITLESS_TRIES:
                    raise TargetError(f"{describe()}: {first_line(error)}") from error
                if lost:
                    writer.close()
                self.target.retrying(lambda: self.target.writer.execute("SELECT 1"))

    def _until_done(self, removal: Removal, stop: Interruption) -> Survey:
        """Survey and remove by turns: what changed meanwhile shows in the next survey."""
        cascade = self.options.cascade
        survey = self.surveyor.survey(self.target.writer)
        while survey.going and not survey.blocked(cascade=cascade) and not stop.asked:
            before = removal.removed
            removal.run(survey, cascade=cascade)
            survey = self.surveyor.survey(self.target.writer)
            if survey.going and removal.removed == before and not stop.asked:
                raise TargetError(_stuck(survey, removal.graph))
        # Before it is finished: from then on the migration may begin anew.
        if not survey.going and (not survey.kept or self._mark(stop)):
            kept = {one.table: one.kept for one in survey.tables}
            self.books.finish(self.target.writer, kept)
        return survey

    def _mark(self, stop: Interruption) -> bool:
        graph, doomed = self.surveyor.graph, self.surveyor.doomed
        return mark_kept(self.target, graph, doomed, self.options.batch_size, stop)

    def _ended(self, survey: Survey, stop: Interruption) -> RollbackReport:
        self.migration.rollback = self.target.retrying(lambda: self.books.note(self.target.writer))
        if not self.migration.rolling_back:
            report = self._report("finished", survey)
            report.notes.append(f"Anew: {shlex.join(self._anew())}")
        elif stop.asked:
            report = self._report("interrupted", survey)
            report.notes.append(f"Stopped after the batch in hand. {self._go_on()}")
        else:
            report = self._report("blocked", survey)
            report.notes.append(
                f"Rows were added while it was at work; the rest was removed. {self._go_on()}"
            )
        return report

    def _anew(self) -> list[str]:
        """The call that moves the same once more; with the name alone it would move all of v2."""
        words = ["import_v2", "--name", self.migration.name]
        tables = self.migration.fingerprint.get("tables") or TABLES
        words += ["--tables", *tables] if set(tables) != set(TABLES) else []
        for organization in self.migration.fingerprint.get("organizations") or ():
            words += ["--organization", organization]
        if default := self.migration.fingerprint.get("default_organization"):
            words += ["--default-organization", default]
        return words

    def _go_on(self) -> str:
        words = ["rollback_v2", self.migration.name]
        words += ["--cascade"] if self.options.cascade else []
        words += ["--include-modified"] if self.options.include_modified else []
        return f"To go on: {shlex.join(words)}"

    def _stopped(self, error: Exception) -> NoReturn:
        message = first_line(error)
        raise RunStoppedError(
            f"{message}. What is removed stays removed. {self._go_on()}"
        ) from error


def _stuck(survey: Survey, graph: Graph) -> str:
    left = ", ".join(f"{one.going:,} of {one.table}" for one in survey.tables if one.going)
    circles = ", ".join(f"{one.child.label} ({', '.join(one.columns)})" for one in graph.circles())
    why = f"; rows refer to each other in a circle, set to null one of {circles}" if circles else ""
    return f"rows are left that others refer to: {left}{why}"
