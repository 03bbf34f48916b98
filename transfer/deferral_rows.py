"""Rows that a deferred check finds wrong, out of v3 again: they end as in a load that checks.

Such a row is not in v3; an error with its v2 record says why; the ledgers count it so; and
nothing is left of the warnings about a row that is not there (R1).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from transfer import extract, reread
from transfer.batch import Refusal, SourceRecord, TableState
from transfer.deferral_warnings import Warned
from transfer.exceptions import TargetError
from transfer.journal import CHECKPOINT, save_counts, store_findings
from transfer.ledger import CHOICES, UNMAPPED, Ledger, without_zeros
from transfer.load import refused_finding
from transfer.mapping.findings import AnswerLedger
from transfer.mapping.record_detail import answer_key
from transfer.plan import Step
from transfer.progress import read_migrations
from transfer.rollback_graph import read_graph
from transfer.source import Source
from transfer.target import Connection, Target, first_line

# Rows a transaction: as many as v2 is asked for at once.
ROWS_AT_ONCE = reread.AT_ONCE
# That the migration wrote a row is asked so that no index serves it: for each few ids the planner
# might read all of its rows by the one that there is (Doomed.written_whatever_index).
_REMOVE = sql.SQL(
    "DELETE FROM {table}"
    " WHERE id = ANY(%s::uuid[]) AND metadata->'migration_batch' = to_jsonb(%s::text)"
    " RETURNING id::text, to_jsonb({table})"
)
# Who adds a row that refers to one of these waits from here on, or is seen.
_HOLD = sql.SQL(
    "SELECT count(*) FROM"
    " (SELECT FROM {table} WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE) AS held"
)
_REFERRED = sql.SQL(
    "SELECT EXISTS (SELECT FROM {table} AS t JOIN {child} AS c ON {matches}"
    " WHERE t.id = ANY(%(ids)s::uuid[])"
    " AND t.metadata->'migration_batch' = to_jsonb(%(migration)s::text){other})"
)
_FORGET_WARNINGS = """
    DELETE FROM migration_errors
     WHERE migration_name = %s AND table_name = %s AND severity = 'warning'
       AND resolved_at IS NULL AND record_id = ANY(%s)
 RETURNING code
"""
_STORED_WARNINGS = """
    SELECT code, count(*)
      FROM migration_errors
     WHERE migration_name = %s AND table_name = %s AND severity = 'warning'
       AND resolved_at IS NULL AND code = ANY(%s)
     GROUP BY code
"""


class Read(NamedTuple):
    """A v2 record as it is now, and the ids its warnings may stand under."""

    record: SourceRecord
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Removal:
    """Takes rows of one migration's table out again.

    Args:
        target: the run's connections.
        source: the v2 that the rows came from; its records are read anew.
        lookups: v2's small tables.
        migration: whose rows.
        step: the table.
        warned: what was remarked on its rows.
    """

    target: Target
    source: Source
    lookups: extract.Lookups
    migration: str
    step: Step
    warned: Warned

    def take_out(self, refusals: Mapping[str, Refusal]) -> TableState:
        """Take rows out, ROWS_AT_ONCE at most, in one transaction with errors and checkpoint (R2).

        Args:
            refusals: why, by id. One that is not there, or not the migration's, is left alone.

        Returns:
            The table's books afterwards.

        Raises:
            TargetError: rows of other tables refer to one of them, so that it cannot go.
            psycopg.Error: v3 went away; all of it can be done again.
        """
        ids = sorted(refusals)
        read = read_again(self.source, self.lookups, self.step, ids)
        warned = self.warned.of(ids)
        try:
            return self._take_out(ids, refusals, read, warned)
        except psycopg.errors.IntegrityError as error:
            raise self._in_use(ids, refusals, first_line(error)) from error

    def _in_use(self, ids: list[str], refusals: Mapping[str, Refusal], by: str) -> TargetError:
        return TargetError(
            f"rows of {self.step.table} that v3 must not keep are in use and cannot be taken "
            f"out: {by}. Such as {', '.join(ids[:5])}: {refusals[ids[0]].message}. Repair "
            "that in v3",
            table=self.step.table,
        )

    def _take_out(
        self,
        ids: list[str],
        refusals: Mapping[str, Refusal],
        read: Mapping[str, Read],
        warned: Mapping[str, Counter[str]],
    ) -> TableState:
        writer, table = self.target.writer, self.step.table
        with writer.transaction():
            writer.execute(CHECKPOINT, (self.migration, table, 0))
            (migration,) = read_migrations(writer, self.migration)
            state = migration.states[table]
            self._check_unreferred(writer, ids, refusals)
            query = _REMOVE.format(table=sql.Identifier(table))
            removed = writer.execute(query, (ids, self.migration)).fetchall()
            gone = [row[0] for row in removed]
            counted = sum((warned.get(one, Counter()) for one in gone), Counter[str]())
            self._forget_warnings(writer, state, gone, read, counted)
            findings = []
            for row_id, row in removed:
                record = read[row_id].record if row_id in read else None
                finding = refused_finding(self.step, row_id, refusals[row_id], record)
                findings.append(finding)
                _count(state, row, record, finding.code.value)
            store_findings(writer, self.migration, self.step, findings)
            save_counts(writer, self.migration, state)
        return state

    def _check_unreferred(
        self, writer: Connection, ids: list[str], refusals: Mapping[str, Refusal]
    ) -> None:
        """Refuse where rows of any table refer to these, whatever their key does on a deletion.

        It might take rows of the application along, or empty their columns.

        Raises:
            TargetError: names a table and its key.
        """
        graph = read_graph(writer)
        own = next(table for table in graph.migrated if table.name == self.step.table)
        writer.execute(_HOLD.format(table=own.identifier), (ids,))
        for reference in graph.to(own):
            itself = " AND c.id <> ALL(%(ids)s::uuid[])" if reference.child == own else ""
            query = _REFERRED.format(
                table=own.identifier,
                child=reference.child.identifier,
                matches=reference.matches("c", "t"),
                other=sql.SQL(itself),
            )
            known = {"ids": ids, "migration": self.migration}
            if writer.execute(query, known).fetchall() == [(True,)]:
                by = f"rows of {reference.child.label} refer to them ({reference.name})"
                raise self._in_use(ids, refusals, by)

    def _forget_warnings(
        self,
        writer: Connection,
        state: TableState,
        removed: list[str],
        read: Mapping[str, Read],
        counted: Counter[str],
    ) -> None:
        """Take back the warnings about rows that go: those stored, and those only counted."""
        ids = [one for row in removed for one in (read[row].ids if row in read else [row])]
        codes = writer.execute(_FORGET_WARNINGS, (self.migration, self.step.table, ids))
        stored = Counter[str](row[0] for row in codes)
        # v2 may have lost a record since, or say something else of it: what is stored, was counted.
        state.findings = without_zeros(state.findings, counted | stored)
        known = (self.migration, self.step.table, list(stored))
        left: dict[str, int] = dict(writer.execute(_STORED_WARNINGS, known).fetchall())
        for code, number in stored.items():
            if left.get(code, 0) < state.findings[code]:
                state.unstored[code] += number


def _count(state: TableState, row: dict[str, Any], record: SourceRecord | None, code: str) -> None:
    """Count a row that was migrated as one that failed, with its answers as they are now."""
    state.findings[code] += 1
    state.records.take_back(Ledger(1, 1))
    state.records.add(Ledger(1, failed=Counter({code: 1})))
    then = answers_of(row)
    before = Ledger(then.read)
    before.add_answers(then)
    state.answers.take_back(before)
    # The error's record says how many answers failed with it: v2 may have gained or lost some.
    now = len(record[1] or ()) if record else 0
    state.answers.add(Ledger(now, failed=Counter({code: now}) if now else Counter()))
    state.answers.gone += max(then.read - now, 0)


def answers_of(row: Mapping[str, Any]) -> AnswerLedger:
    """Where the answers of a submission went, as its row in v3 shows (M15 to M17).

    A list is several answers or a checkbox field's; anything else is one answer.
    """
    metadata = row["metadata"]
    beside = {name: len(labels) for name, labels in metadata.get(CHOICES, {}).items()}
    unmapped = sum(map(len, metadata.get(UNMAPPED, {}).values()))
    migrated = merged = 0
    for name, value in row.get("data", {}).items():
        size = len(value) if isinstance(value, list) else 1
        alone = size - beside.get(name, 0)
        if size == 1:
            migrated += alone
        else:
            merged += alone
    return AnswerLedger(migrated, merged, sum(beside.values()), unmapped)


def read_again(
    source: Source, lookups: extract.Lookups, step: Step, ids: Sequence[str]
) -> dict[str, Read]:
    """The v2 records of these ids, those there are, at most ROWS_AT_ONCE."""
    if step.table == "submissions":
        batch = reread.submissions(source, ids)
        own = batch.answers
        return {
            row.id: Read((row, own[row.id]), [row.id, *map(answer_key, own[row.id])])
            for row in batch.rows
        }
    if step.table == "forms":
        forms = reread.forms(source, lookups, ids)
        return {row.id: Read((row, None), _form_ids(forms, row.id)) for row in forms.rows}
    rows = (
        reread.users(source, ids).rows
        if step.table == "users"
        else reread.organizations(source, ids).rows
    )
    return {row.id: Read((row, None), [row.id]) for row in rows}


def _form_ids(batch: extract.FormBatch, form: str) -> list[str]:
    """The ids that warnings about a form and its parts are stored under."""
    parts: list[Any] = [
        *batch.fields.get(form, []),
        *batch.settings.get(form, []),
        *batch.maps.get(form, []),
    ]
    return [form, *(str(part.id) for part in parts if part.id is not None)]
