"""Where a run writes down what it did.

A real one in migration_progress and migration_errors, a dry one in memory and temporary tables.
Both keep the same books through the same calls, so a dry run reports what a run would.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import orjson
from psycopg import sql

from transfer.batch import BatchResult, MappedBatch, TableState
from transfer.detail import encode_detail
from transfer.exceptions import RunError
from transfer.mapping.codes import Severity
from transfer.mapping.findings import Finding
from transfer.mapping.text import clean
from transfer.plan import Step
from transfer.target import FINDINGS_KEY, Connection

# Errors a dry run keeps to show; it counts them all.
DRY_RUN_SAMPLES = 20
MAX_RECORD_ID = 255  # migration_errors.record_id varchar(255); what is no id may be longer
CHECKPOINT = """
    SELECT status, last_key, ledger
      FROM migration_progress
     WHERE migration_name = %s AND table_name = %s AND partition = %s
       FOR UPDATE
"""
# Long texts go in binary (%b): to quote a thousand documents as an array's text takes a quarter of
# a second.
STORE_FINDINGS = """
    INSERT INTO migration_errors (
           migration_name, table_name, v2_table, record_id, code, column_name, occurrence,
           severity, error_message, error_detail, partition)
    SELECT %(migration)s, %(table)s, v2_table, record_id, code, column_name, occurrence,
           severity, error_message, error_detail::jsonb,
           CASE WHEN severity = 'warning' OR v2_table <> %(own)s THEN %(partition)s ELSE 0 END
      FROM unnest(%(v2_table)s::text[], %(record_id)s::text[], %(code)s::text[],
                  %(column_name)s::text[], %(occurrence)s::int[], %(severity)s::text[],
                  %(error_message)b::text[], %(error_detail)b::text[])
           WITH ORDINALITY AS found (v2_table, record_id, code, column_name, occurrence, severity,
                                     error_message, error_detail, place)
     ORDER BY place
        ON CONFLICT (migration_name, table_name, v2_table, record_id, code, column_name, occurrence)
           WHERE resolved_at IS NULL
        DO UPDATE SET attempts = migration_errors.attempts + 1,
                      error_message = excluded.error_message
"""
# The open faults of some records, with the records behind them.
STORED_FAULTS = """
    SELECT stored.v2_table, stored.record_id, stored.code, stored.column_name, stored.occurrence,
           stored.error_detail
      FROM migration_errors AS stored
     WHERE stored.migration_name = %(migration)s
       AND stored.table_name = %(table)s
       AND stored.record_id = ANY(%(record_ids)s)
       AND stored.resolved_at IS NULL
     ORDER BY stored.occurrence
"""
# What one statement stores at most: findings, and characters of their details (one may be longer).
FINDINGS_AT_ONCE = 1000
DETAILS_AT_ONCE = 4_000_000


class Journal(Protocol):
    """The books of one migration."""

    migration: str
    started_at: datetime
    states: dict[str, TableState]
    dry: bool

    def prepare(self, writer: Connection, step: Step, /) -> sql.Identifier:
        """The table to COPY the step's rows into."""

    def claim(self, writer: Connection, batch: MappedBatch, /) -> bool:
        """Lock the checkpoint for this batch; False where the batch is in v3 already.

        Raises:
            RunError: the checkpoint is not where this run left it.
        """

    def record(self, writer: Connection, batch: MappedBatch, result: BatchResult) -> None:
        """Write the batch's errors and checkpoint, in the open transaction (R2)."""

    def committed(self, batch: MappedBatch, result: BatchResult) -> None:
        """Take note that the transaction is through."""

    def landed(self, batch: MappedBatch) -> BatchResult:
        """What a batch added that committed just before its connection broke."""


class Pending(NamedTuple):
    """A batch whose transaction is written, and the books as they are once it is committed."""

    batch: MappedBatch
    result: BatchResult
    after: TableState


def _checkpoint(state: TableState) -> tuple[Any, ...]:
    return state.status, state.last_key, state.ledger()


class DatabaseJournal:
    """The books in v3, for a real run."""

    dry = False

    def __init__(
        self,
        migration: str,
        started_at: datetime,
        states: dict[str, TableState],
        *,
        max_stored_warnings: int,
    ) -> None:
        self.migration = migration
        self.started_at = started_at
        self.states = states
        self._max_stored_warnings = max_stored_warnings
        self._pending: Pending | None = None

    def prepare(self, _writer: Connection, step: Step, /) -> sql.Identifier:
        """The v3 table itself."""
        return sql.Identifier(step.table)

    def claim(self, writer: Connection, batch: MappedBatch, /) -> bool:
        """See Journal.claim."""
        table = batch.step.table
        state = self.states[table]
        found = writer.execute(CHECKPOINT, (self.migration, table, state.partition)).fetchone()
        if found == _checkpoint(state):
            return True
        # All of it is compared, not the batch's number alone: another importer or a retry that
        # came between while this one hung may have got to the same number.
        pending = self._pending
        if pending and pending.batch is batch and found == _checkpoint(pending.after):
            return False
        status = found[0] if found else "gone"
        msg = (
            f"the checkpoint of {table} moved under this run (it is {status}, and not where batch "
            f"{batch.number} begins): another importer took it over, or v3 lost what it had "
            "confirmed; start again"
        )
        raise RunError(msg, table=table, legacy_key=batch.last_key)

    def record(self, writer: Connection, batch: MappedBatch, result: BatchResult) -> None:
        """See Journal.record."""
        state = self.states[batch.step.table]
        storable = self.storable(state, result.findings)
        store_findings(writer, self.migration, batch.step, storable, state.partition)
        after = state.copy()
        after.advance(batch, result)
        save_counts(writer, self.migration, after)
        if batch.closing:
            after.status = "completed"
            after.total = after.records.read
            after.completed_at = datetime.now(UTC)
            writer.execute(
                """
                UPDATE migration_progress
                   SET status = 'completed', completed_at = clock_timestamp(),
                       total_records = %s
                 WHERE migration_name = %s AND table_name = %s AND partition = %s
                """,
                (after.total, self.migration, batch.step.table, after.partition),
            )
        self._pending = Pending(batch, result, after)

    def committed(self, batch: MappedBatch, result: BatchResult) -> None:  # noqa: ARG002 - signature
        """See Journal.committed."""
        if self._pending is not None:
            self.states[batch.step.table].become(self._pending.after)

    def landed(self, batch: MappedBatch) -> BatchResult:
        """See Journal.landed."""
        if self._pending is None:
            raise RunError(f"batch {batch.number} of {batch.step.table} was never recorded")
        self.committed(batch, self._pending.result)
        return self._pending.result

    def storable(self, state: TableState, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Those that get a row: counted one by one, warnings are stored only up to a bound.

        One unknown status may touch thirty million rows.
        """
        counted = Counter(state.findings)
        for finding in findings:
            counted[finding.code.value] += 1
            if (
                finding.code.info.severity is Severity.ERROR
                or counted[finding.code.value] <= self._max_stored_warnings
            ):
                yield finding


class DryRunJournal:
    """The books in memory: batches go into temporary copies of the v3 tables."""

    dry = True

    def __init__(self, migration: str, started_at: datetime, states: dict[str, TableState]) -> None:
        self.migration = migration
        self.started_at = started_at
        self.states = states
        self.samples: list[Finding] = []
        # What a real run would have put into v3, for the tables that refer to it: id → its
        # organization. Bounded by v2's organizations and forms, not by its submissions.
        self.organizations: set[str] = set()
        self.forms: dict[str, str] = {}

    def prepare(self, writer: Connection, step: Step, /) -> sql.Identifier:
        """An empty temporary copy of the v3 table, with its checks and unique keys."""
        copy = sql.Identifier(f"dry_run_{step.table}")
        table = sql.Identifier(step.table)
        like = (
            "CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {} INCLUDING ALL) ON COMMIT DELETE ROWS"
        )
        writer.execute(sql.SQL(like).format(copy, table))
        return copy

    def claim(self, _writer: Connection, _batch: MappedBatch, /) -> bool:
        """A dry run is alone with its books."""
        return True

    def record(self, writer: Connection, batch: MappedBatch, result: BatchResult) -> None:
        """Nothing is written."""

    def committed(self, batch: MappedBatch, result: BatchResult) -> None:
        """See Journal.committed."""
        state = self.states[batch.step.table]
        state.advance(batch, result)
        if batch.closing:
            state.status = "tried"
            state.total = state.records.read
        errors = [f for f in result.findings if f.code.info.severity is Severity.ERROR]
        self.samples += errors[: DRY_RUN_SAMPLES - len(self.samples)]
        failed = {finding.record_id for finding in errors}
        for outcome in batch.outcomes:
            row: Any = outcome.row
            if row is None or outcome.record_id in failed:
                continue
            if batch.step.table == "organizations":
                self.organizations.add(outcome.record_id)
            elif batch.step.table == "forms":
                self.forms[outcome.record_id] = row.organization_id

    def landed(self, batch: MappedBatch) -> BatchResult:
        """Never called: a dry run's batch is never found claimed."""
        raise RunError(f"batch {batch.number} of a dry run cannot have landed")


def save_counts(writer: Connection, migration: str, state: TableState) -> None:
    """Write what a table or a range counts, and its last key, in the open transaction."""
    writer.execute(
        """
        UPDATE migration_progress
           SET processed_records = %(processed)s,
               failed_records = %(failed)s,
               total_records = CASE status WHEN 'completed' THEN %(read)s ELSE total_records END,
               last_key = %(last_key)s,
               ledger = %(ledger)s::jsonb,
               heartbeat_at = clock_timestamp(),
               batch_size = coalesce(%(batch_size)s, batch_size),
               error_message = CASE status WHEN 'failed' THEN error_message END
         WHERE migration_name = %(name)s AND table_name = %(table)s
           AND partition = %(partition)s
        """,
        {
            "processed": state.processed,
            "failed": state.failed,
            "read": state.records.read,
            "last_key": state.last_key,
            "ledger": orjson.dumps(state.ledger()).decode(),
            "name": migration,
            "table": state.table,
            "partition": state.partition,
            "batch_size": state.batch_size,
        },
    )


def store_findings(
    writer: Connection,
    migration: str,
    step: Step,
    findings: Iterable[Finding],
    partition: int = 0,
) -> None:
    """Write findings into migration_errors, in the open transaction.

    A fault that is there and open, with the same record behind it, is the same row, seen once more.

    Args:
        writer: with the transaction open.
        migration: whose findings.
        step: the table they were found in.
        findings: all that are to be stored.
        partition: the range of the table; 0 where it is moved in one.
    """
    stored = list(findings)
    if not stored:
        return
    occurrences = _Occurrences(writer, migration, step, stored, alone=not partition)
    rows: list[dict[str, Any]] = []
    size = 0
    for finding in stored:
        detail = encode_detail(finding.detail)
        rows.append(
            {
                "v2_table": finding.v2_table,
                "record_id": _record_id(finding),
                "code": finding.code.value,
                "column_name": finding.column,
                "occurrence": occurrences.next(finding, detail),
                "severity": finding.code.info.severity.value,
                "error_message": clean(finding.message),
                "error_detail": detail,
            }
        )
        size += len(detail or "")
        if len(rows) >= FINDINGS_AT_ONCE or size >= DETAILS_AT_ONCE:
            _insert(writer, migration, step, rows, partition)
            rows, size = [], 0
    if rows:
        _insert(writer, migration, step, rows, partition)


def _record_id(finding: Finding) -> str:
    return clean(finding.record_id)[:MAX_RECORD_ID]


class _Occurrences:
    """Which of several each finding is, among those of one record with one fault.

    Records of the step have Ids of their own (transfer.fitness sees to it) and are read once. Of
    what hangs on them a copy made by hand may hold an Id twice, or have none: then what is stored
    already has to be asked for, before anything of this batch is.
    """

    def __init__(
        self,
        writer: Connection,
        migration: str,
        step: Step,
        findings: Sequence[Finding],
        *,
        alone: bool,
    ) -> None:
        self._last: Counter[tuple[str, ...]] = Counter()
        self._same: defaultdict[tuple[str, ...], list[tuple[int, Any]]] = defaultdict(list)
        ids = {_record_id(finding) for finding in findings if finding.v2_table != step.v2_table}
        if not ids:
            return
        if not alone:  # the same Id may be in another range, whose worker asks at this moment
            writer.execute("SELECT pg_advisory_xact_lock(%s)", (FINDINGS_KEY,))
        known = {"migration": migration, "table": step.table, "record_ids": sorted(ids)}
        for *fault, occurrence, detail in writer.execute(STORED_FAULTS, known):
            self._last[tuple(fault)] = occurrence
            self._same[tuple(fault)].append((occurrence, detail))

    def next(self, finding: Finding, detail: str | None) -> int:
        fault = (finding.v2_table, _record_id(finding), finding.code.value, finding.column)
        own = self._same.get(fault)
        if own:
            record = orjson.loads(detail) if detail else None
            for place, (occurrence, stored) in enumerate(own):
                if stored == record:
                    del own[place]
                    return occurrence
        self._last[fault] += 1
        return self._last[fault]


def _insert(
    writer: Connection, migration: str, step: Step, rows: list[dict[str, Any]], partition: int
) -> None:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    known = {
        "migration": migration,
        "table": step.table,
        "own": step.v2_table,
        "partition": partition,
    }
    writer.execute(STORE_FINDINGS, {**known, **columns})
