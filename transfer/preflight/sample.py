"""The first records of v2, read and mapped as a dry run does, and their size in v3 measured.

Nothing is kept: the rows go into temporary tables with v3's own columns and indexes, whose size
PostgreSQL then tells. Where v3 is not there the size is guessed from the text of the rows.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from legacy_v2 import models as v2
from transfer import extract
from transfer.bare_target import BareTarget
from transfer.batch import BatchResult, MappedBatch, TableState
from transfer.batch_copy import BatchCopy
from transfer.census import Present
from transfer.copytext import copy_line
from transfer.extract_submissions import submissions
from transfer.journal import DryRunJournal
from transfer.ledger import Ledger
from transfer.options import ImportOptions
from transfer.pipeline import make_work
from transfer.plan import PLAN, Step
from transfer.scope import Scope
from transfer.source import Source
from transfer.target import Target
from transfer.work import Run, UsersWork, Work
from transfer.work_submissions import SubmissionsWork

SAMPLE = 3_000  # records of a table: enough for a steady rate, a second or two
PART = 500  # records a batch
# Batches of which none was in the run after all (whose a form is may stand outside v2, M8).
MOST_EMPTY = 40
NAME = "preflight"
# Where v3 cannot be asked: a row's header and columns beside its text, and its index entries.
ROW_OVERHEAD, INDEX_ENTRIES = 60, 250
_SIZES = "SELECT pg_table_size(%(name)s::regclass), pg_indexes_size(%(name)s::regclass)"


@dataclass(slots=True)
class Sample:
    """What the first records of one table came to.

    Attributes:
        table: the v3 table.
        records: v2 records read.
        rows: rows they became.
        answers: answers read with them.
        reading: seconds to read and map them.
        copying: seconds to COPY them; None where v3 was not there.
        table_bytes: of the rows in v3, TOAST among them.
        index_bytes: of their indexes.
        measured: whether v3 told the bytes, and nobody guessed.
        cut_short: whether no more than one part was to be read: each reads all answers.
    """

    table: str
    records: int = 0
    rows: int = 0
    answers: int = 0
    reading: float = 0.0
    copying: float | None = None
    table_bytes: int = 0
    index_bytes: int = 0
    measured: bool = False
    cut_short: bool = False


class NoTarget(Target):
    """A v3 that nobody asks: what a run would look up there is not there."""

    def __init__(self) -> None:
        """Open nothing."""

    def read(
        self,
        query: sql.SQL | sql.Composed,  # noqa: ARG002 - Target's signature
        parameters: Sequence[Any] | Mapping[str, Any] = (),  # noqa: ARG002 - Target's signature
    ) -> list[tuple[Any, ...]]:
        """No rows."""
        return []


def take_sample(
    source: Source,
    scope: Scope,
    options: ImportOptions,
    target: BareTarget | None,
    present: Present,
) -> list[Sample]:
    """Read and map the first records of each table, and put them into temporary tables of v3.

    Args:
        source: v2.
        scope: which of it the run moves.
        options: the run's.
        target: v3 where it is there and migrated.
        present: what v3 holds: rows belong to it, or to what the run itself moves.

    Raises:
        SourceError: v2 refused a query.
        psycopg.Error: v3 did.
    """
    journal = DryRunJournal(
        NAME,
        datetime.now(UTC),
        {step.table: TableState(step.table, "pending") for step in PLAN},
    )
    journal.organizations |= set(present.organizations)
    journal.forms |= present.forms
    ctx = options.context(NAME, journal.started_at)
    run = Run(source, NoTarget(), scope, ctx, journal, extract.lookups(source))
    return [_read(run, step, target) for step in PLAN if step in options.steps]


def _read(run: Run, step: Step, target: BareTarget | None) -> Sample:
    sample = Sample(step.table)
    copier = Copier(target, step) if target else None
    work = make_work(run, step)
    work.prepare()
    # Without an index each part of submissions takes a pass over all answers.
    alone = isinstance(work, SubmissionsWork) and not run.source.schema.answers_indexed
    most_empty = 0 if run.scope.everything or alone else MOST_EMPTY
    sample.cut_short = alone
    empty = 0
    began = time.perf_counter()
    for batch in _batches(run, work, lambda: min(PART, SAMPLE - sample.records)):
        lines = [copy_line(one.row) for one in batch.outcomes if one.row is not None]
        sample.reading += time.perf_counter() - began
        sample.records += batch.read
        sample.answers += batch.answers_read
        sample.rows += len(lines)
        # The tables that refer to this one look for its rows in the journal.
        run.journal.committed(batch, BatchResult(Ledger(batch.read)))
        if copier:
            copier.copy(lines)
        else:
            sample.table_bytes += sum(map(len, lines)) + ROW_OVERHEAD * len(lines)
            sample.index_bytes += INDEX_ENTRIES * len(lines)
        empty += not batch.outcomes
        if alone or sample.records >= SAMPLE or empty > most_empty:
            break
        began = time.perf_counter()
    if copier:
        copier.finish(sample)
    return sample


def _batches(run: Run, work: Work, size: extract.BatchSize) -> Iterator[MappedBatch]:
    """The first batches mapped, without what is decided of emails and numbers before a run."""
    scope = run.scope
    if isinstance(work, UsersWork):
        if run.source.has(v2.User):
            for people in extract.users(run.source, scope.user_query(), size):
                yield work.mapped(people, ())
    elif isinstance(work, SubmissionsWork):
        query, everything = scope.submission_query(), scope.everything
        for batch in submissions(run.source, query, size, everything=everything):
            if not everything:
                owners = {row.id: scope.submission_organization(row) for row in batch.rows}
                batch.pass_over(
                    v2_id for v2_id in owners if not scope.has_organization(owners[v2_id])
                )
            yield work.mapped(batch, {})
    else:
        yield from work.batches("", size)


class Copier:
    """Puts mapped rows into a temporary copy of a v3 table, with its indexes, and measures it."""

    def __init__(self, target: BareTarget, step: Step) -> None:
        self._connection = target.writer
        self._name = f"preflight_{step.table}"
        self._columns = step.columns
        self._seconds = 0.0
        self._connection.execute(
            sql.SQL(
                "CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING INDEXES"
                " INCLUDING STORAGE INCLUDING COMPRESSION)"
            ).format(sql.Identifier(self._name), sql.Identifier(step.table))
        )

    def copy(self, lines: list[bytes]) -> None:
        """COPY the lines in; those that v3 would refuse are left out."""
        began = time.perf_counter()
        with self._connection.transaction():
            copier = BatchCopy(self._connection, sql.Identifier(self._name), self._columns)
            if error := copier.whole(lines):
                for _refusal in copier.rest(lines, error):
                    continue
        self._seconds += time.perf_counter() - began

    def finish(self, sample: Sample) -> None:
        """Measure the table, and drop it."""
        row = self._connection.execute(_SIZES, {"name": f"pg_temp.{self._name}"}).fetchone()
        sample.table_bytes, sample.index_bytes = row or (0, 0)
        sample.copying, sample.measured = self._seconds, True
        self._connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(self._name)))
