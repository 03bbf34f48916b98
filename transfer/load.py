"""Mapped batches into v3: one transaction a batch, with its errors and its checkpoint (R2).

A batch normally goes in with a COPY or a few, and only where v3 refuses some of its rows are
they looked at one by one (transfer.batch_copy), recorded and left out (R7).
"""

from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from transfer.batch import BatchResult, MappedBatch, Refusal, SourceRecord
from transfer.batch_copy import BatchCopy
from transfer.exceptions import RunError
from transfer.journal import Journal
from transfer.ledger import Ledger
from transfer.mapping.answers import TABLE as ANSWER_TABLE
from transfer.mapping.codes import Code, Severity
from transfer.mapping.findings import AnswerLedger, Finding
from transfer.mapping.record_detail import detail, submission_detail
from transfer.plan import Step
from transfer.records import is_id
from transfer.target import Connection, Target, first_line

# Rows a COPY: a refused row costs the rows before it once more, so in a batch of a thousand at
# most a half; a clean batch is not slower for it.
ROWS_A_COPY = 500
# What the commonest refusals are about; any other is REFUSED_BY_POSTGRESQL.
CODE_OF_STATE = {"22001": Code.VALUE_TOO_LONG, "23505": Code.VALUE_TAKEN}
UNIQUE_VIOLATION = "23505"
# Only where it is recorded that the keys have to be proven.
KEYS_OFF = """
    SELECT set_config('session_replication_role', 'replica', true), count(*)
      FROM migration_deferrals
     WHERE migration_name = %s AND table_name = %s AND kind = 'foreign_key' AND settled_at IS NULL
"""


class Loader:
    """Takes mapped batches into v3.

    Args:
        target: the run's connections.
        journal: where errors and checkpoints go.
        keys_off: tables whose foreign keys are not checked while rows come in; they are recorded
            as to be proven (transfer.deferral).
    """

    def __init__(
        self, target: Target, journal: Journal, keys_off: Container[str] = frozenset()
    ) -> None:
        self._target = target
        self._journal = journal
        self._keys_off = keys_off

    def load(self, batch: MappedBatch) -> BatchResult:
        """Load one batch: its rows, its errors and its checkpoint, or nothing of it (R2).

        Raises:
            TargetLostError: v3 went away and stayed away.
            RunError: v3 refused something other than a row, or the batch does not balance.
        """
        return self._target.retrying(lambda: self._load(batch))

    def _load(self, batch: MappedBatch) -> BatchResult:
        writer = self._target.writer
        try:
            with writer.transaction():
                if not self._journal.claim(writer, batch):
                    # The connection broke while the commit was on its way, and it had arrived.
                    return self._journal.landed(batch)
                with self._checking(writer, batch):
                    result = self._copy(writer, batch)
                self._journal.record(writer, batch, result)
        except psycopg.Error as error:
            if writer.closed or isinstance(error, psycopg.OperationalError):
                raise
            msg = f"v3 refused the batch after key {batch.last_key!r}: {first_line(error)}"
            raise RunError(msg, table=batch.step.table) from error
        self._journal.committed(batch, result)
        return result

    @contextmanager
    def _checking(self, writer: Connection, batch: MappedBatch) -> Iterator[None]:
        """Have foreign keys checked while this lasts, or not, as it is for the batch's table.

        They are off for the transaction at most: another backend does not inherit it, and the
        rules of the books are triggers too.

        Raises:
            RunError: another importer has proven the keys in between.
        """
        if batch.step.table not in self._keys_off:
            yield
            return
        row = writer.execute(KEYS_OFF, (self._journal.migration, batch.step.table)).fetchone()
        if not (row and row[1]):
            msg = f"another importer dealt with the foreign keys of {batch.step.table}; start again"
            raise RunError(msg, table=batch.step.table, legacy_key=batch.last_key)
        yield
        writer.execute("SET LOCAL session_replication_role = origin")

    def _copy(self, writer: Connection, batch: MappedBatch) -> BatchResult:
        step = batch.step
        copier = BatchCopy(writer, self._journal.prepare(writer, step), step.columns)
        read = enumerate(zip(batch.outcomes, batch.lines, strict=False))
        kept = [(place, line) for place, (_, line) in read if line is not None]
        # By place, not by id: a copy of v2 made by hand may hold an id twice.
        left: dict[int, Finding | None] = {}
        for start in range(0, len(kept), ROWS_A_COPY):
            part = kept[start : start + ROWS_A_COPY]
            error = None if self._journal.dry else copier.whole([line for _, line in part])
            if self._journal.dry or error:
                mine = {batch.outcomes[n].record_id for n, _ in kept[:start] if n not in left}
                left |= self._rest(writer, copier, batch, part, error, mine)
        refused = {place: finding for place, finding in left.items() if finding is not None}
        present = len(left) - len(refused)
        result = _sum_up(batch, refused, copier.copied + present)
        result.copied = sum(len(line) for place, line in kept if place not in left)
        for what, ledger in (("records", result.records), ("answers", result.answers)):
            if not ledger.balanced:
                msg = (
                    f"batch {batch.number} of {step.table}, up to key {batch.last_key!r}, does not "
                    f"balance, and nothing of it is kept; its {what}: {ledger.sentence()}"
                )
                raise RunError(msg, table=step.table, legacy_key=batch.last_key)
        return result

    def _rest(
        self,
        writer: Connection,
        copier: BatchCopy,
        batch: MappedBatch,
        part: list[tuple[int, bytes]],
        error: psycopg.Error | None,
        mine: set[str],
    ) -> dict[int, Finding | None]:
        """COPY rows that v3 did not take whole.

        Args:
            writer: with the batch's transaction open.
            copier: into the step's table.
            batch: the batch.
            part: some of its rows, each with its place in the batch.
            error: why v3 did not take them; None where it was not asked.
            mine: ids of the batch's rows that are in v3 already.

        Returns:
            Those that did not go in, by place: why, or None for a row that was there before.
        """
        ids = {place: batch.outcomes[place].record_id for place, _ in part}
        left: dict[int, Finding | None] = {}
        looked_up = error is None or error.sqlstate == UNIQUE_VIOLATION
        if looked_up:
            left |= self._there(writer, batch, ids, mine)
        rest = [row for row in part if row[0] not in left]
        told = error if len(rest) == len(part) else None
        clashes: dict[int, str] = {}
        for refusal in copier.rest([line for _, line in rest], told):
            place = rest[refusal.place][0]
            record = batch.records.get(ids[place])
            left[place] = refused_finding(batch.step, ids[place], refusal, record)
            if refusal.sqlstate == UNIQUE_VIOLATION and not looked_up:
                clashes[place] = ids[place]
        mine |= {ids[place] for place, _ in rest if place not in left}
        # An id may be taken behind a row that was refused for something else, and PostgreSQL may
        # have looked at another unique key of the row first.
        return left | self._there(writer, batch, clashes, mine)

    def _there(
        self, writer: Connection, batch: MappedBatch, ids: dict[int, str], mine: set[str]
    ) -> dict[int, Finding | None]:
        """Those of the rows whose ids v3 holds: None for the migration's own, else an error (M1).

        A row whose id another row of the batch has is left out: it is not the one in v3.
        """
        # What is no id is in no table, and refused when it is copied.
        known = sorted({one for one in ids.values() if is_id(one)} - mine)
        if not known:
            return {}
        query = sql.SQL(
            "SELECT id::text, coalesce(metadata->>'migration_batch' = %s, false) "
            "FROM {table} WHERE id = ANY(%s::uuid[])"
        ).format(table=sql.Identifier(batch.step.table))
        rows = writer.execute(query, (self._journal.migration, known)).fetchall()
        there: dict[str, bool] = dict(rows)
        found: dict[int, Finding | None] = {}
        for place, record_id in ids.items():
            if record_id in mine or record_id not in there:
                continue
            found[place] = None if there[record_id] else _taken(batch, record_id)
            mine.add(record_id)
        return found


def _sum_up(batch: MappedBatch, refused: dict[int, Finding], in_v3: int) -> BatchResult:
    """The batch's ledgers: what was read, against what the server took and what was found."""
    result = BatchResult(
        Ledger(batch.read, in_v3), Ledger(batch.answers_read), findings=list(batch.loose)
    )
    records, answers = result.records, result.answers
    for finding in batch.loose:
        if finding.v2_table == ANSWER_TABLE:
            answers.failed[finding.code.value] += 1
    kept: Counter[AnswerLedger] = Counter()
    for place, outcome in enumerate(batch.outcomes):
        # What the mapping remarked on a row that is not there would only mislead.
        own = [refused[place]] if place in refused else outcome.findings
        result.findings.extend(own)
        if outcome.row is not None and place not in refused:
            kept[outcome.answers] += 1
            continue
        # An outcome with neither a row nor an error leaves the ledger unbalanced.
        errors = [f.code.value for f in own if f.code.info.severity is Severity.ERROR][:1]
        records.failed.update(errors)
        answers.failed.update(dict.fromkeys(errors, outcome.answers.read))
    for of_one, submissions in kept.items():
        answers.add_answers(of_one, submissions)
    return result


def _taken(batch: MappedBatch, record_id: str) -> Finding:
    message = f"v3's {batch.step.table} holds a row with this id that came from elsewhere"
    return _finding(
        batch.step, record_id, Code.ID_TAKEN, message, "id", batch.records.get(record_id)
    )


def refused_finding(
    step: Step, record_id: str, refusal: Refusal, record: SourceRecord | None
) -> Finding:
    """The error about a row that v3 refused; None for the record where it is not known."""
    message = f"PostgreSQL refused the row ({refusal.sqlstate}): {refusal.message}"
    code = CODE_OF_STATE.get(refusal.sqlstate, Code.REFUSED_BY_POSTGRESQL)
    return _finding(step, record_id, code, message, refusal.column, record)


def _finding(
    step: Step, record_id: str, code: Code, message: str, column: str, record: SourceRecord | None
) -> Finding:
    return Finding(
        code=code,
        v2_table=step.v2_table,
        record_id=record_id,
        message=message,
        column=column,
        detail=_detail(step.v2_table, record) if record else None,
    )


def _detail(v2_table: str, record: SourceRecord) -> dict[str, Any]:
    row, answers = record
    return submission_detail(row, answers) if answers is not None else detail(v2_table, row)
