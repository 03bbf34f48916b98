"""The retry service: map and load again what a migration has recorded as errors (R1).

The records are read anew from v2, which somebody has repaired since; or something in v3 has
come that they lacked. What succeeds now closes its error and moves from failed to migrated in
the ledger, in one transaction a page; what does not keeps its error, with one more attempt.
"""

import contextlib
import shlex
import time
from dataclasses import dataclass, field

import psycopg

from transfer import extract, open_errors, reread
from transfer.batch import TableState
from transfer.exceptions import RunError, RunStoppedError, SourceError, TransferError
from transfer.load import Loader
from transfer.open_errors import OpenError, Wanted
from transfer.options import ImportOptions
from transfer.pipeline import Interruption, Observer, make_work
from transfer.plan import Step
from transfer.progress import Migration, check_resumable, read_migrations
from transfer.report import MigrationReport, RetryReport
from transfer.retry_journal import RetriedBatch, RetryJournal
from transfer.scope import Scope
from transfer.source import Source, identity
from transfer.strays import find_homes
from transfer.target import Target
from transfer.work import Run, Work


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """Which errors of which migration; no name: of the only one that has any."""

    name: str | None = None
    wanted: Wanted = field(default_factory=Wanted)


def run_retry(options: RetryOptions, observer: Observer) -> RetryReport:
    """Try the recorded errors again.

    Returns:
        What became of them, and where the migration stands now.

    Raises:
        ResumeRefusedError: a setting that changes rows is not what the migration was begun with.
        RunStoppedError: it had begun and had to stop; what was committed stays.
        TransferError: it could not begin.
    """
    began = time.monotonic()
    with contextlib.closing(Target("retry_v2")) as target:
        migration = _choose(target, options)
        begun = ImportOptions.resumed(migration.fingerprint)
        check_resumable(migration, begun.fingerprint(identity("v2")))
        _check_ids(target, migration, options.wanted)
        counts = open_errors.count(target, migration.name, options.wanted)
        report = RetryReport(_report(migration))
        if counts:
            with contextlib.closing(Source()) as source:
                retry = _Retry(begun, options.wanted, observer, source, target, migration, report)
                retry.run(counts)
        report.migration = _report(migration)
        report.migration.seconds = time.monotonic() - began
        return report


def _report(migration: Migration) -> MigrationReport:
    states = list(migration.states.values())
    return MigrationReport(migration.name, migration.status, migration.started_at, states)


def _choose(target: Target, options: RetryOptions) -> Migration:
    """The migration that is meant.

    Raises:
        RunError: there is none, or more than one.
    """
    known = {one.name: one for one in read_migrations(target.writer)}
    if options.name:
        if options.name not in known:
            names = ", ".join(known) or "none"
            raise RunError(f"no migration is named {options.name!r}; v3 knows: {names}")
        if known[options.name].rolled_back:
            raise RunError(f"{options.name!r} was rolled back; there is nothing of it to retry")
        return known[options.name]
    standing = [one for one in known.values() if not one.rolled_back]
    if not standing:
        raise RunError("no migration to retry; run import_v2")
    failed = [one for one in standing if any(state.errors for state in one.states.values())]
    if len(failed) > 1:
        names = ", ".join(one.name for one in failed)
        raise RunError(f"several migrations have errors: {names}; say which one with --name")
    return failed[0] if failed else standing[-1]


def _check_ids(target: Target, migration: Migration, wanted: Wanted) -> None:
    """Refuse an id of which no error is open: it may be misspelled.

    Raises:
        RunError: names the ids.
    """
    if not wanted.ids:
        return
    if lost := sorted(set(wanted.ids) - open_errors.found_ids(target, migration.name, wanted)):
        msg = f"{migration.name!r} has no such open error of {', '.join(lost)}"
        raise RunError(msg)


@dataclass
class _Retry:
    """One retry with its databases open."""

    begun: ImportOptions
    wanted: Wanted
    observer: Observer
    source: Source
    target: Target
    migration: Migration
    report: RetryReport

    def run(self, counts: dict[str, int]) -> None:
        """Try the errors of each table, parents first: what they lacked may come with it."""
        if missing := self.source.schema.missing():
            raise SourceError(f"{self.source.describe()}: {'; '.join(missing)}")
        migration = self.migration
        ctx = self.begun.context(migration.name, migration.started_at)
        scope = Scope(self.source, ctx, self.begun.organizations)
        journal = RetryJournal(
            migration.name,
            migration.started_at,
            migration.states,
            max_stored_warnings=self.begun.max_stored_warnings,
        )
        run = Run(self.source, self.target, scope, ctx, journal, extract.lookups(self.source))
        stop = Interruption()
        with stop.listening():
            for step in self.begun.steps:
                if step.table in counts and not stop.asked:
                    self._table(step, run, journal, counts[step.table], stop)
        self.report.interrupted = stop.asked

    def _table(
        self, step: Step, run: Run, journal: RetryJournal, count: int, stop: Interruption
    ) -> None:
        seen = TableState(step.table, "in_progress", count)
        self.observer.table_started(seen)
        loader = Loader(self.target, journal)
        pages = open_errors.pages(
            self.target, self.migration.name, self.wanted, table=step.table, size=reread.AT_ONCE
        )
        try:
            work = make_work(run, step)
            work.prepare()
            if step.table == "users":
                self.target.retrying(lambda: self._decide(work))
            with stop.finishing():
                for number, page in enumerate(pages, 1):
                    result = loader.load(self._batch(step, work, journal, page, number))
                    self.report.add(page, journal.settled.closed, journal.settled.gone)
                    seen.add(result)
                    self.observer.batch_loaded(seen)
                    if stop.asked:
                        break
        except (TransferError, psycopg.Error) as error:
            message = str(error).splitlines()[0] if str(error) else type(error).__name__
            hint = f"To go on: retry_v2 --name {shlex.quote(self.migration.name)}"
            msg = f"{message}. What was committed stays. {hint}"
            raise RunStoppedError(msg, table=step.table) from error
        self.observer.table_ended(seen)

    def _decide(self, work: Work) -> None:
        # Whose email is a later one may have changed with the repair, and users are few.
        with self.target.writer.transaction():
            work.decide(self.target.writer)

    def _batch(
        self, step: Step, work: Work, journal: RetryJournal, page: list[OpenError], number: int
    ) -> RetriedBatch:
        own = [error for error in page if error.v2_table == step.v2_table]
        others = [error for error in page if error.v2_table != step.v2_table]
        strays = find_homes(self.source, self.target, self.migration.name, step, others)
        known = {error.id for error in own}
        own += [error for error in strays.homes if error.id not in known]
        mapped = work.again(own)
        there = {outcome.record_id for outcome in mapped.outcomes}
        missing = [error for error in own if error.record_id not in there] + strays.missing
        errors = [error for error in own + others if error.id]
        return RetriedBatch(
            step,
            number,
            journal.states[step.table].last_key,
            mapped.outcomes,
            mapped.read,
            mapped.answers_read + len(strays.findings),
            strays.findings,
            mapped.records,
            errors=[error for error in errors if error.findable or error not in missing],
            gone={error.id for error in missing if error.findable},
            not_found=[error.id for error in missing if error.id and not error.findable],
        )
