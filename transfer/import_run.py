"""One run of the importer, its databases open, from what it finds to its report."""

import contextlib
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from legacy_v2.fields import SQL_SERVER
from transfer import extract, fitness
from transfer.batch import TableState
from transfer.batch_size import Allowance
from transfer.deferral import Deferral
from transfer.exceptions import RunStoppedError, TransferError
from transfer.journal import DatabaseJournal, DryRunJournal, Journal
from transfer.load import Loader
from transfer.options import AUTO, ImportOptions
from transfer.pipeline import Interruption, Observer, Pipeline, make_work
from transfer.plan import Step
from transfer.progress import Migration, fail_table, open_migration, start_table
from transfer.ranges import fold_all
from transfer.report import MigrationReport, report_of
from transfer.scope import Scope
from transfer.source import Source
from transfer.source_session import BLOCKING, BLOCKING_REMARK, told
from transfer.target import Target
from transfer.team import IN_RANGES, Team
from transfer.uniqueness import mark_decided
from transfer.work import Run, Work
from transfer.workers import SideBySide


def _dealt_with(migration: Migration) -> int:
    return sum(state.processed + state.failed for state in migration.states.values())


@dataclass
class ImportRun:
    """One run with its databases open."""

    options: ImportOptions
    observer: Observer
    source: Source
    target: Target
    team: Team

    def run(self, name: str, fingerprint: dict[str, object], began: float) -> MigrationReport:
        """Move the tables that are not completed, or go on with them.

        Args:
            name: the migration's.
            fingerprint: what it may be resumed with.
            began: when the command did, by time.monotonic().

        Raises:
            TransferError: it could not start, or had to stop; see RunStoppedError.
            KeyboardInterrupt: the user will not wait.
        """
        options = self.options
        self.source.require()
        fitness.check_masks(self.source)
        fitness.check_keys(self.source)
        migration = self._peek(name) if options.dry_run else None
        ctx = options.context(name, migration.started_at if migration else datetime.now(UTC))
        scope = Scope(self.source, ctx, options.organizations)
        scope.check(
            default_organization=options.default_organization,
            target_organizations=self._target_organizations(),
        )
        if migration is None:
            migration = open_migration(
                self.target.writer,
                name,
                options.steps,
                fingerprint,
                None if options.batch_size == AUTO else options.batch_size,
            )
            ctx = options.context(name, migration.started_at)
        journal = self._journal(migration)
        run = Run(self.source, self.target, scope, ctx, journal, extract.lookups(self.source))
        if remark := fitness.slow_answers(self.source):
            self.observer.remark(remark)
        notes = self._note_session(journal)
        before = _dealt_with(migration)
        stop = Interruption()
        self.source.watch(lambda: stop.asked, self.observer.remark)
        allowance = Allowance(options.batch_size, options.limit)
        deferral = self._deferral(name, fingerprint)
        loader = Loader(self.target, journal, deferral.keys_off if deferral else ())
        pipeline = Pipeline(
            run, loader, allowance, options.tolerance, stop, self.observer, options.pacing
        )
        try:
            with stop.listening():
                if deferral:
                    deferral.begin()
                for step in options.steps:
                    state = journal.states[step.table]
                    if state.status == "completed":
                        continue
                    self._move(pipeline, run, step, state, deferral)
                    if stop.asked or allowance.spent:
                        break
        except KeyboardInterrupt:
            go_on = f"To go on: import_v2 --name {shlex.quote(name)}"
            raise KeyboardInterrupt(f"Stopped at once; what was committed stays. {go_on}") from None
        report = self._ended(migration, journal, began, interrupted=stop.asked)
        report.moved = _dealt_with(migration) - before
        report.notes += notes
        if deferral:
            report.notes += deferral.left_open()
        return report

    def _note_session(self, journal: Journal) -> list[str]:
        """Keep with each table what v2's session is like; returns what the report says of it."""
        found = self.source.session()
        for state in journal.states.values():
            if state.status != "completed":
                state.source = found
        if self.source.connection.vendor != SQL_SERVER:
            return []
        if found["isolation"] == BLOCKING:
            self.observer.remark(BLOCKING_REMARK)
        return [f"{told(found)}."]

    def _deferral(self, name: str, fingerprint: dict[str, object]) -> Deferral | None:
        options = self.options
        if options.dry_run:
            if options.defer_constraints:
                self.observer.remark("--defer-constraints: a dry run puts nothing off")
            return None
        return Deferral(
            self.target,
            self.source,
            str(fingerprint["source"]),
            name,
            options.steps,
            options.defer_constraints,
            self.observer.remark,
        )

    def _peek(self, name: str) -> Migration:
        """A dry run's migration: begun now, with nothing behind it, whatever v3 holds."""
        states = {step.table: TableState(step.table, "pending") for step in self.options.steps}
        return Migration(name, datetime.now(UTC), {}, states)

    def _journal(self, migration: Migration) -> Journal:
        if self.options.dry_run:
            return DryRunJournal(migration.name, migration.started_at, migration.states)
        return DatabaseJournal(
            migration.name,
            migration.started_at,
            migration.states,
            max_stored_warnings=self.options.max_stored_warnings,
        )

    def _target_organizations(self) -> set[str]:
        rows = self.target.writer.execute("SELECT id::text FROM organizations")
        return {row[0] for row in rows}

    def _move(
        self,
        pipeline: Pipeline,
        run: Run,
        step: Step,
        state: TableState,
        deferral: Deferral | None,
    ) -> None:
        dry = self.options.dry_run
        try:
            work = make_work(run, step)
            total = work.count()
            if dry:
                state.total = total
            else:
                self.target.retrying(
                    lambda: start_table(self.target.writer, run.journal.migration, state, total)
                )
            if deferral:
                deferral.start(step, state)
            self._fill(pipeline, run, step, state, work, deferral)
        except (TransferError, psycopg.Error) as error:
            message = str(error).splitlines()[0] if str(error) else type(error).__name__
            if not dry:
                with contextlib.suppress(psycopg.Error, TransferError):
                    fail_table(self.target.writer, run.journal.migration, state, message)
                    fold_all(self.target.writer, self.options.max_stored_warnings)
            name = shlex.quote(run.journal.migration)
            hint = f"What was committed stays. To go on: import_v2 --name {name}"
            told = message if dry else f"{message}. {hint}"
            raise RunStoppedError(told, table=step.table) from error

    def _fill(
        self,
        pipeline: Pipeline,
        run: Run,
        step: Step,
        state: TableState,
        work: Work,
        deferral: Deferral | None,
    ) -> None:
        """Prepare a table's work and do it, side by side where that pays."""

        def settle() -> None:
            if deferral:
                deferral.settle(step, state)

        shared = None
        if step.table == IN_RANGES and not self.options.dry_run:
            keys_off = frozenset(deferral.keys_off if deferral else ())
            shared = SideBySide(
                run, step, state, self.options, pipeline, self.observer, self.team, keys_off
            )
            shared.begin()
        if shared is None or not shared.ahead:
            work.prepare()
        if not state.prepared:
            self.target.retrying(lambda: self._decide(work, run, state))
        with pipeline.stop.believed():
            if shared is None or not shared.move():
                pipeline.move(step, state, work, settle)
                return
            if not pipeline.halted:
                pipeline.close(step, state, work, settle)
            self.observer.table_ended(state)

    def _decide(self, work: Work, run: Run, state: TableState) -> None:
        # A dry run's decisions live in the session of the connection that looks them up.
        connection = self.target.reader if self.options.dry_run else self.target.writer
        with connection.transaction():
            work.decide(connection)
            if not self.options.dry_run:
                mark_decided(connection, run.journal.migration, state.table)
        state.prepared = True

    def _ended(
        self, migration: Migration, journal: Journal, began: float, *, interrupted: bool
    ) -> MigrationReport:
        notes = []
        go_on = f"To go on: import_v2 --name {shlex.quote(migration.name)}"
        if isinstance(journal, DryRunJournal):
            outcome = "interrupted" if interrupted else "dry run"
            notes.append("Nothing was written.")
        elif migration.finished:
            outcome = "finished"
        elif interrupted:
            outcome = "interrupted"
            notes.append(f"Stopped after the batch in hand. {go_on}")
        else:
            outcome = "limited"
            notes.append(f"Stopped at --limit. {go_on}")
        report = report_of(migration.name, outcome, migration, began, *notes)
        if isinstance(journal, DryRunJournal):
            report.samples = journal.samples
        report.notes += [
            f"v2 has no {one}: {one.absence}."
            for one in self.source.schema.absent()
            if one.table != "User" or "users" in migration.states
        ]
        return report
