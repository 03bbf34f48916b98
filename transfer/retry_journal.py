"""The books of a retry: what becomes of recorded errors, in the transaction of their rows (R2)."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from transfer.batch import BatchResult, MappedBatch, TableState
from transfer.detail import encode_detail
from transfer.journal import (
    DETAILS_AT_ONCE,
    DatabaseJournal,
    Pending,
    save_counts,
    store_findings,
)
from transfer.ledger import Ledger, without_zeros
from transfer.mapping.codes import Severity
from transfer.mapping.findings import Finding
from transfer.mapping.text import clean
from transfer.open_errors import OpenError
from transfer.target import Connection

_CLOSE = """
    UPDATE migration_errors
       SET resolved_at = clock_timestamp(),
           attempts = attempts + 1,
           error_message = CASE WHEN id = ANY(%(gone)s)
                                THEN error_message || ' (tried again: v2 has it no more)'
                                ELSE error_message END
     WHERE id = ANY(%(closed)s)
"""
_TRIED = "UPDATE migration_errors SET attempts = attempts + 1 WHERE id = ANY(%s)"
# The fault, and the record behind it, may be others by now; it stays the record's one error.
_STILL = """
    UPDATE migration_errors AS error
       SET code = now.code,
           column_name = now.column_name,
           error_message = now.error_message,
           error_detail = now.error_detail::jsonb,
           attempts = error.attempts + 1
      FROM unnest(%(id)s::int[], %(code)s::text[], %(column_name)s::text[],
                  %(error_message)b::text[], %(error_detail)b::text[])
           AS now (id, code, column_name, error_message, error_detail)
     WHERE error.id = now.id
"""


@dataclass(slots=True)
class RetriedBatch(MappedBatch):
    """Records tried again, with the errors recorded about them.

    ``gone`` are the ids of those errors whose record v2 has no more, ``answers_gone`` how many
    answers v2 has no more, of records there are and of others. ``not_settled`` are errors about
    which nothing new can be told: v2 does not find the record by such an Id, or it belongs to an
    organization that is not in the run; they stay.
    """

    errors: list[OpenError] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    answers_gone: int = 0
    not_settled: list[OpenError] = field(default_factory=list)


@dataclass(slots=True)
class Settled:
    """Ids of errors that a try closed, and of the gone ones among them."""

    closed: set[int]
    gone: set[int]


class RetryJournal(DatabaseJournal):
    """The books in v3 while errors are tried again; ``settled`` tells about the last batch."""

    settled = Settled(set(), set())

    def record(self, writer: Connection, batch: MappedBatch, result: BatchResult) -> None:
        """See Journal.record."""
        if not isinstance(batch, RetriedBatch):
            raise TypeError("a retry loads what was recorded")
        step = batch.step
        after = self.states[step.table].copy()
        _take_back(after, batch.errors, step.v2_table)
        again = defaultdict[tuple[str, str], list[Finding]](list)
        for finding in result.findings:
            if finding.code.info.severity is Severity.ERROR:
                again[finding.v2_table, finding.record_id].append(finding)
        still = [
            (error.id, again[error.v2_table, error.record_id].pop(0))
            for error in batch.errors
            if again[error.v2_table, error.record_id]
        ]
        closed = {error.id for error in batch.errors} - {error_id for error_id, _ in still}
        writer.execute(_CLOSE, {"closed": list(closed), "gone": list(batch.gone)})
        writer.execute(_TRIED, ([error.id for error in batch.not_settled],))
        if still:
            _keep(writer, still)
        told = {id(finding) for _, finding in still}
        new = [finding for finding in result.findings if id(finding) not in told]
        store_findings(writer, self.migration, step, self.storable(after, new))
        after.add(result)
        after.records.gone += sum(
            error.id in batch.gone and error.v2_table == step.v2_table for error in batch.errors
        )
        after.answers.gone += batch.answers_gone
        if after.total is not None and after.status == "completed":
            after.total = after.records.read
        save_counts(writer, self.migration, after)
        self._pending = Pending(batch, result, after)
        self.settled = Settled(closed, batch.gone)


def _keep(writer: Connection, still: list[tuple[int, Finding]]) -> None:
    """Note what is wrong with the records now; a statement a few megabytes long at a time."""
    rows: list[tuple[int, str, str, str, str | None]] = []
    size = 0
    for error_id, finding in still:
        detail = encode_detail(finding.detail)
        rows.append((error_id, finding.code.value, finding.column, clean(finding.message), detail))
        size += len(detail or "")
        if size >= DETAILS_AT_ONCE or error_id == still[-1][0]:
            names = ("id", "code", "column_name", "error_message", "error_detail")
            columns = (list(column) for column in zip(*rows, strict=True))
            writer.execute(_STILL, dict(zip(names, columns, strict=True)))
            rows, size = [], 0


def _take_back(state: TableState, errors: list[OpenError], v2_table: str) -> None:
    """Forget that these failed, and that they were read."""
    records, answers = Ledger(), Ledger()
    for error in errors:
        if error.v2_table == v2_table:
            records.read += 1
            records.failed[error.code] += 1
        own = error.answers if error.v2_table == v2_table else 1
        answers.read += own
        answers.failed[error.code] += own
    state.records.take_back(records)
    state.answers.take_back(answers)
    codes = Counter(error.code for error in errors)
    state.findings = without_zeros(state.findings, codes)
