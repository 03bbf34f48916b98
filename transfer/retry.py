"""The retry service: map and load again what a migration has recorded as errors (R1).

The records are read anew from v2, which somebody has repaired since; or something in v3 has
come that they lacked. What succeeds now closes its error and moves from failed to migrated in
the ledger, in one transaction a page; what does not keeps its error, with one more attempt.
"""

import contextlib
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from django.conf import settings
from psycopg import sql

from transfer import extract, fitness, open_errors, reread
from transfer.batch import TableState
from transfer.exceptions import RunError, RunStoppedError, TransferError
from transfer.load import Loader
from transfer.mapping.answers import TABLE as ANSWER_TABLE
from transfer.mapping.codes import Code
from transfer.mapping.record_detail import answer_key
from transfer.mapping.submissions import orphaned_answer
from transfer.open_errors import OpenError, Wanted
from transfer.options import ImportOptions
from transfer.pace import Pace, Pacing
from transfer.pipeline import Interruption, Observer, make_work
from transfer.plan import Step
from transfer.progress import Migration, check_resumable, read_migrations
from transfer.ranges import fold_all
from transfer.records import V2Answer, is_id
from transfer.report import MigrationReport, RetryReport
from transfer.retry_journal import RetriedBatch, RetryJournal
from transfer.scope import Scope
from transfer.source import Source
from transfer.source_place import identity
from transfer.strays import Stray, Strays, find_homes, waiting
from transfer.target import Target
from transfer.work import Run, Work

ORPHANED = Code.ANSWER_ORPHANED.value
# Tables that others refer to: the error of a record whose parent v3 lacks, and the v2 column.
PARENTS = {
    "organizations": (Code.ORGANIZATION_UNKNOWN, "OrganizationId"),
    "forms": (Code.FORM_UNKNOWN, "FormTypeId"),
}


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """Which errors of which migration; no name: of the only one that has any.

    ``batch_size`` is records a transaction, from 1 to reread.AT_ONCE; ``pacing`` says how
    fast v2 is read.
    """

    name: str | None = None
    wanted: Wanted = field(default_factory=Wanted)
    batch_size: int = reread.AT_ONCE
    pacing: Pacing = field(default_factory=Pacing)


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
        most_warnings = settings.V2_MAX_STORED_WARNINGS
        target.retrying(lambda: fold_all(target.writer, most_warnings))
        migration = _choose(target, options)
        begun = ImportOptions.resumed(migration.fingerprint)
        check_resumable(migration, begun.fingerprint(identity("v2")))
        _check_ids(target, migration, options.wanted)
        counts = open_errors.count(target, migration.name, options.wanted)
        report = RetryReport(_report(migration))
        if counts:
            with contextlib.closing(Source()) as source:
                retry = _Retry(
                    begun,
                    options.wanted,
                    options.batch_size,
                    options.pacing,
                    observer,
                    source,
                    target,
                    migration,
                    report,
                )
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
    at_once: int
    pacing: Pacing
    observer: Observer
    source: Source
    target: Target
    migration: Migration
    report: RetryReport
    everything: bool = True
    # Records tried in this retry: a submission may be tried with an answer of it, and not again.
    tried: set[tuple[str, str]] = field(default_factory=set)

    def run(self, counts: dict[str, int]) -> None:
        """Try the errors of each table, parents first: what they lacked may come with it."""
        self.source.require()
        fitness.check_masks(self.source)
        fitness.check_keys(self.source)
        migration = self.migration
        ctx = self.begun.context(migration.name, migration.started_at)
        scope = Scope(self.source, ctx, self.begun.organizations)
        self.everything = scope.everything
        journal = RetryJournal(
            migration.name,
            migration.started_at,
            migration.states,
            max_stored_warnings=self.begun.max_stored_warnings,
        )
        run = Run(self.source, self.target, scope, ctx, journal, extract.lookups(self.source))
        stop = Interruption()
        pace = Pace(self.pacing, lambda: stop.asked)
        self.source.watch(lambda: stop.asked, self.observer.remark)
        with stop.listening():
            for step in self.begun.steps:
                if stop.asked:
                    break
                parents = self._parents(step, run)
                if not (counts.get(step.table) or parents):
                    continue
                if journal.states[step.table].status != "completed":
                    # What is still to be read must not be read twice, nor lose its number.
                    self.report.notes.append(
                        f"{step.table}: not moved to the end yet, so its errors wait. First: "
                        f"import_v2 --name {shlex.quote(migration.name)}"
                    )
                    continue
                pages = pace.between(self._pages(step, parents))
                self._table(step, run, journal, pages, counts.get(step.table, 0), stop)
        self.report.interrupted = stop.asked

    def _table(
        self,
        step: Step,
        run: Run,
        journal: RetryJournal,
        pages: Iterator[list[OpenError]],
        count: int,
        stop: Interruption,
    ) -> None:
        seen = TableState(step.table, "in_progress", count)
        self.observer.table_started(seen)
        loader = Loader(self.target, journal)
        try:
            work = make_work(run, step)
            work.prepare()
            if step.table == "users":
                self.target.retrying(lambda: self._decide(work))
            with stop.finishing():
                for number, page in enumerate(pages, 1):
                    batch = self._batch(step, work, journal, page, number)
                    result = loader.load(batch)
                    tried = batch.errors + batch.not_settled
                    self.report.add(tried, journal.settled.closed, journal.settled.gone)
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

    def _pages(self, step: Step, parents: list[OpenError]) -> Iterator[list[OpenError]]:
        """What others failed for and v2 may have by now, then the table's own errors."""
        for start in range(0, len(parents), self.at_once):
            yield parents[start : start + self.at_once]
        yield from open_errors.pages(
            self.target, self.migration.name, self.wanted, table=step.table, size=self.at_once
        )

    def _parents(self, step: Step, run: Run) -> list[OpenError]:
        """Organizations or forms that records failed for, and neither v3 nor its errors know.

        v2 did not have them when the migration read the table; somebody has put them back.
        """
        if step.table not in PARENTS:
            return []
        code, column = PARENTS[step.table]
        migration = self.migration.name
        ids = open_errors.named(self.target, migration, self.wanted, code=code, column=column)
        if step.table == "organizations":
            # The organization of a form may stand in the mapping file alone (M8).
            forms = Wanted(codes=(code.value,), tables=("forms",))
            found = open_errors.found_ids(self.target, migration, forms)
            owners = {run.scope.form_organization.get(form) for form in found}
            ids = sorted({*ids, *filter(is_id, owners)})
        query = sql.SQL("SELECT id::text FROM {} WHERE id = ANY(%s::uuid[])")
        there = self.target.read(query.format(sql.Identifier(step.table)), (ids,))
        failed = open_errors.of_records(
            self.target, migration, table=step.table, v2_table=step.v2_table, ids=ids
        )
        known = {row[0] for row in there} | {error.record_id for error in failed}
        return [OpenError(0, step.v2_table, one, "") for one in ids if one not in known]

    def _decide(self, work: Work) -> None:
        # Whose email is a later one may have changed with the repair, and users are few.
        with self.target.writer.transaction():
            work.decide(self.target.writer)

    def _batch(
        self,
        step: Step,
        work: Work,
        journal: RetryJournal,
        page: list[OpenError],
        number: int,
    ) -> RetriedBatch:
        state = journal.states[step.table]
        page = [error for error in page if (error.v2_table, error.record_id) not in self.tried]
        own = [error for error in page if error.v2_table == step.v2_table]
        others = [error for error in page if error.v2_table != step.v2_table]
        strays = self._look_for(step, others)
        known = {error.record_id for error in own}
        own += [home for home in strays.homes if home.record_id not in known]
        self.tried |= {(error.v2_table, error.record_id) for error in own}
        mapped, outside = work.again(own)
        batch = RetriedBatch(
            step,
            number,
            state.last_key,
            mapped.outcomes,
            mapped.read,
            mapped.answers_read,
            mapped.loose,
            mapped.records,
            mapped.lines,
        )
        moved = [answer for _, answers in batch.records.values() for answer in answers or ()]
        self._settle_records(batch, own, outside, moved)
        self._settle_strays(batch, strays, moved, orphans=state.findings[ORPHANED])
        batch.answers_read += len(batch.loose)
        return batch

    def _look_for(self, step: Step, errors: Sequence[OpenError]) -> Strays:
        return find_homes(self.source, self.target, self.migration.name, step, errors)

    def _stray_errors(self, step: Step, keys: Iterable[str]) -> list[OpenError]:
        return open_errors.of_records(
            self.target,
            self.migration.name,
            table=step.table,
            v2_table=ANSWER_TABLE,
            ids=sorted(set(keys)),
        )

    def _settle_records(
        self,
        batch: RetriedBatch,
        errors: list[OpenError],
        outside: set[str],
        moved: list[V2Answer],
    ) -> None:
        """Tell the records that are in the batch, those v2 has no more, and the others apart.

        Answers that were recorded with one and are not with it now are looked for, each.
        """
        there = {outcome.record_id for outcome in batch.outcomes}
        settled = [error for error in errors if error.id and error.record_id in there]
        missing: list[OpenError] = []
        for error in errors:
            if error.id and error.record_id not in there:
                gone = error.findable and error.record_id not in outside
                (missing if gone else batch.not_settled).append(error)
        batch.errors += settled + missing
        batch.gone |= {error.id for error in missing}
        if batch.step.table != "submissions" or not settled + missing:
            return
        # Answers of a submission that is gone may have stayed: then those are without one.
        left = reread.answers_of(self.source, [error.record_id for error in missing])
        told = {error.record_id for error in self._stray_errors(batch.step, map(answer_key, left))}
        left = [answer for answer in left if answer_key(answer) not in told]
        now = Counter(answer[0] for answer in (*moved, *left))
        with_us = {answer_key(answer) for answer in (*moved, *left)}
        lost = {one for error in settled + missing for one in error.answer_ids} - with_us
        pseudo = [OpenError(0, ANSWER_TABLE, one, "") for one in sorted(lost)]
        # A selection knows no answers that are nobody's.
        elsewhere = [
            stray.finding or waiting(stray.answer)
            for stray in self._look_for(batch.step, pseudo).all
            if stray.answer and (self.everything or stray.at_home)
        ]
        left = left if self.everything else []
        batch.loose += [*map(orphaned_answer, left), *elsewhere]
        recorded = sum(error.answers for error in settled + missing)
        own = sum(now[error.record_id] for error in settled)
        kept = own + len(left) + len(elsewhere)
        batch.answers_gone += max(recorded - kept, 0)

    def _settle_strays(
        self, batch: RetriedBatch, strays: Strays, moved: list[V2Answer], *, orphans: int
    ) -> None:
        """Tell answers that come with a submission now, that v2 has no more, and others apart."""
        with_us = Counter(map(answer_key, moved))
        known = {stray.error.id for stray in strays.all}
        every = list(strays.all)
        if with_us and orphans:
            # A submission takes all its answers along, those of errors on other pages, too.
            more = self._stray_errors(batch.step, with_us)
            every += [Stray(error, None) for error in more if error.id not in known]
        for stray in every:
            error = stray.error
            if stray.finding is not None:
                batch.errors.append(error)
                batch.loose.append(stray.finding)
            elif with_us[error.record_id] > 0:
                with_us[error.record_id] -= 1
                batch.errors.append(error)
            elif stray.answer is None and error.findable and error.id in known:
                batch.errors.append(error)
                batch.gone.add(error.id)
                batch.answers_gone += 1
            elif error.id in known:
                batch.not_settled.append(error)
