"""COPY into v3: one transaction a batch, with its errors and its checkpoint (R2).

A batch normally goes in with one COPY. Where PostgreSQL refuses a row, the batch is taken back
to a savepoint, the rows before the refused one go in, the row is tried alone and set aside, and
the rest follows: a refused row costs about one more COPY of the rows before it. What is looked
at only once all rows are in, a foreign key, names no row but the value that leads nowhere; the
rows with that value are set aside at once.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from transfer.batch import BatchResult, MappedBatch, Refusal, SourceRecord
from transfer.copytext import copy_line
from transfer.exceptions import RunError
from transfer.journal import Journal
from transfer.ledger import Ledger
from transfer.mapping.answers import TABLE as ANSWER_TABLE
from transfer.mapping.codes import Code, Severity
from transfer.mapping.findings import Finding
from transfer.mapping.record_detail import detail, submission_detail
from transfer.plan import Step
from transfer.records import is_id
from transfer.target import Connection, Target, first_line

# After a refusal the next COPY takes about as many rows as went in before it, so that a batch
# full of refusals does not send its tail again and again; never fewer than this.
SMALLEST_COPY = 16
# Where in a COPY an error is: line and column. Lines of context may stand before it: those of
# the JSON parser have a "line" of their own. The words are in the server's language.
_COPY_CONTEXT = re.compile(r"^COPY \w+, \S+ (\d+)(?:, \S+ (\w+))?", re.MULTILINE)
# The key a foreign key's refusal names, in whatever language: (column)=(value).
_KEY = re.compile(r"\((\w+)\)=\(([^)]*)\)")
# What the commonest refusals are about; any other is REFUSED_BY_POSTGRESQL.
CODE_OF_STATE = {"22001": Code.VALUE_TOO_LONG, "23505": Code.VALUE_TAKEN}


def copy_statement(table: sql.Identifier, columns: Sequence[str]) -> sql.Composed:
    """The COPY that takes such lines."""
    return sql.SQL("COPY {table} ({columns}) FROM STDIN").format(
        table=table, columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )


def is_refusal(error: psycopg.Error) -> bool:
    """Whether the error is about a row, not about the connection, the rights or the schema."""
    # Class 54 (a value over one of PostgreSQL's limits) is an OperationalError to psycopg.
    return isinstance(error, psycopg.IntegrityError | psycopg.DataError) or (
        error.sqlstate or ""
    ).startswith("54")


def _line_of(error: psycopg.Error, copied: int) -> int | None:
    """The 0-based line PostgreSQL names in a COPY error's context, None where it names none."""
    found = _COPY_CONTEXT.search(error.diag.context or "")
    if found and 1 <= int(found.group(1)) <= copied:
        return int(found.group(1)) - 1
    return None


class BatchCopy:
    """One COPY statement, and how to go on when it is refused.

    ``copied`` counts the rows the server says it took.

    Args:
        connection: with a transaction open.
        table: what to COPY into.
        columns: the columns of each line, in order.
    """

    def __init__(
        self, connection: Connection, table: sql.Identifier, columns: Sequence[str]
    ) -> None:
        self._connection = connection
        self._statement = copy_statement(table, columns)
        self._columns = tuple(columns)
        self.copied = 0

    def whole(self, lines: Sequence[bytes]) -> psycopg.Error | None:
        """COPY all the lines in; where v3 refuses one of them none is in, and why comes back."""
        if not lines:
            return None
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                with cursor.copy(self._statement) as copy:
                    copy.write(b"".join(lines))
                self.copied += cursor.rowcount
        except psycopg.Error as error:
            if self._connection.closed or not is_refusal(error):
                raise
            return error
        return None

    def rest(self, lines: Sequence[bytes], error: psycopg.Error | None) -> Iterator[Refusal]:
        """COPY the lines in; yield each one v3 refuses, in order.

        Args:
            lines: such as ``copy_line`` makes.
            error: why ``whole`` did not take these very lines; None where it was not asked.
        """
        suspects = self._suspects(lines, error) if error else set()
        if not suspects:
            yield from self._in_parts(lines, error)
            return
        others = [place for place in range(len(lines)) if place not in suspects]
        found = [
            refusal._replace(place=others[refusal.place])
            for refusal in self._in_parts([lines[place] for place in others], None)
        ]
        for place in suspects:
            alone = self.whole(lines[place : place + 1])
            if alone is not None:
                found.append(_refusal(place, alone))
        yield from sorted(found)

    def _in_parts(self, lines: Sequence[bytes], error: psycopg.Error | None) -> Iterator[Refusal]:
        start, step = 0, len(lines)
        while start < len(lines):
            end = min(start + max(step, 1), len(lines))
            error = error or self.whole(lines[start:end])
            if error is None:
                start, step = end, step * 2
                continue
            at = _line_of(error, end - start)
            if at is None:
                if end - start > 1:
                    step, error = (end - start) // 2, None
                    continue
                at = 0
            if at:
                # The rows before the refused one; one of them may be refused now only if the
                # line was not the culprit, and then it is found in its turn.
                for refusal in self._in_parts(lines[start : start + at], None):
                    yield refusal._replace(place=refusal.place + start)
            error = self.whole(lines[start + at : start + at + 1])
            if error is not None:
                yield _refusal(start + at, error)
            start, step, error = start + at + 1, max(SMALLEST_COPY, 2 * at), None

    def _suspects(self, lines: Sequence[bytes], error: psycopg.Error) -> set[int]:
        """The lines that hold the value a foreign key's refusal names."""
        if not isinstance(error, psycopg.errors.ForeignKeyViolation):
            return set()
        found = _KEY.search(error.diag.message_detail or "")
        if found is None or found.group(1) not in self._columns:
            return set()
        column, value = self._columns.index(found.group(1)), found.group(2).encode()
        return {n for n, line in enumerate(lines) if line.split(b"\t")[column] == value}


def _refusal(index: int, error: psycopg.Error) -> Refusal:
    diagnosis = error.diag
    message = diagnosis.message_primary or first_line(error)
    column = diagnosis.column_name or diagnosis.constraint_name or _context_column(error)
    return Refusal(index, error.sqlstate or "", message, column)


def _context_column(error: psycopg.Error) -> str:
    found = _COPY_CONTEXT.search(error.diag.context or "")
    return (found.group(2) or "") if found else ""


class Loader:
    """Takes mapped batches into v3.

    Args:
        target: the run's connections.
        journal: where errors and checkpoints go.
    """

    def __init__(self, target: Target, journal: Journal) -> None:
        self._target = target
        self._journal = journal

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
                result = self._copy(writer, batch)
                self._journal.record(writer, batch, result)
        except psycopg.Error as error:
            if writer.closed or isinstance(error, psycopg.OperationalError):
                raise
            msg = f"v3 refused the batch after key {batch.last_key!r}: {first_line(error)}"
            raise RunError(msg, table=batch.step.table) from error
        self._journal.committed(batch, result)
        return result

    def _copy(self, writer: Connection, batch: MappedBatch) -> BatchResult:
        step = batch.step
        copier = BatchCopy(writer, self._journal.prepare(writer, step), step.columns)
        kept = [(n, copy_line(o.row)) for n, o in enumerate(batch.outcomes) if o.row is not None]
        # By place, not by id: a copy of v2 made by hand may hold an id twice.
        refused: dict[int, Finding] = {}
        present = 0
        # A batch normally goes in whole; only where it does not is it looked at row by row.
        error = None if self._journal.dry else copier.whole([line for _, line in kept])
        if self._journal.dry or error:
            there = self._present(writer, step, [batch.outcomes[n].record_id for n, _ in kept])
            rest = []
            for place, line in kept:
                record_id = batch.outcomes[place].record_id
                if record_id not in there:
                    rest.append((place, line))
                elif there[record_id]:
                    present += 1
                    there[record_id] = False  # it is one row, and can be one record's only
                else:
                    refused[place] = _taken(batch, record_id)
            told = error if len(rest) == len(kept) else None
            for refusal in copier.rest([line for _, line in rest], told):
                place = rest[refusal.place][0]
                refused[place] = _refused(batch, batch.outcomes[place].record_id, refusal)
        result = _sum_up(batch, refused, copier.copied + present)
        for what, ledger in (("records", result.records), ("answers", result.answers)):
            if not ledger.balanced:
                msg = (
                    f"batch {batch.number} of {step.table}, up to key {batch.last_key!r}, does not "
                    f"balance, and nothing of it is kept; its {what}: {ledger.sentence()}"
                )
                raise RunError(msg, table=step.table, legacy_key=batch.last_key)
        return result

    def _present(self, writer: Connection, step: Step, ids: list[str]) -> dict[str, bool]:
        """The ids v3 holds already: True for this migration's own, False for one from elsewhere."""
        query = sql.SQL(
            "SELECT id::text, coalesce(metadata->>'migration_batch' = %s, false) "
            "FROM {table} WHERE id = ANY(%s::uuid[])"
        ).format(table=sql.Identifier(step.table))
        # What is no id is in no table, and refused when it is copied.
        known = list(filter(is_id, ids))
        return dict(writer.execute(query, (self._journal.migration, known)).fetchall())


def _sum_up(batch: MappedBatch, refused: dict[int, Finding], in_v3: int) -> BatchResult:
    """The batch's ledgers: what was read, against what the server took and what was found."""
    result = BatchResult(
        Ledger(batch.read, in_v3), Ledger(batch.answers_read), findings=list(batch.loose)
    )
    records, answers = result.records, result.answers
    for finding in batch.loose:
        if finding.v2_table == ANSWER_TABLE:
            answers.failed[finding.code.value] += 1
    for place, outcome in enumerate(batch.outcomes):
        # What the mapping remarked on a row that is not there would only mislead.
        own = [refused[place]] if place in refused else outcome.findings
        result.findings.extend(own)
        if outcome.row is not None and place not in refused:
            answers.add_answers(outcome.answers)
            continue
        # An outcome with neither a row nor an error leaves the ledger unbalanced.
        errors = [f.code.value for f in own if f.code.info.severity is Severity.ERROR][:1]
        records.failed.update(errors)
        answers.failed.update(dict.fromkeys(errors, outcome.answers.read))
    return result


def _taken(batch: MappedBatch, record_id: str) -> Finding:
    message = f"v3's {batch.step.table} holds a row with this id that came from elsewhere"
    return _finding(batch, record_id, Code.ID_TAKEN, message, "id")


def _refused(batch: MappedBatch, record_id: str, refusal: Refusal) -> Finding:
    message = f"PostgreSQL refused the row ({refusal.sqlstate}): {refusal.message}"
    code = CODE_OF_STATE.get(refusal.sqlstate, Code.REFUSED_BY_POSTGRESQL)
    return _finding(batch, record_id, code, message, refusal.column)


def _finding(batch: MappedBatch, record_id: str, code: Code, message: str, column: str) -> Finding:
    record = batch.records.get(record_id)
    return Finding(
        code=code,
        v2_table=batch.step.v2_table,
        record_id=record_id,
        message=message,
        column=column,
        detail=_detail(batch.step.v2_table, record) if record else None,
    )


def _detail(v2_table: str, record: SourceRecord) -> dict[str, Any]:
    row, answers = record
    return submission_detail(row, answers) if answers is not None else detail(v2_table, row)
