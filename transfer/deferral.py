"""Loading with foreign keys off and secondary indexes dropped: import_v2 --defer-constraints.

What is put off is recorded (migration_deferrals) in the transaction that puts it off, and settled
in the one that puts it right: an index built again, a key proven for every row. A trigger refuses
to complete a table before. So a run may die anywhere: the next one, with the option or without,
finds what is open.

The role that turns triggers off is set for the transaction of a batch alone (transfer.load), so
there is no session to set it again in after a reconnect.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from transfer import deferral_indexes, deferral_keys
from transfer.batch import TableState
from transfer.deferral_indexes import (
    DROP_LOCK_SECONDS,
    DROP_PAUSES,
    Index,
    patiently,
    table_oid,
)
from transfer.deferral_keys import Key
from transfer.deferral_settle import Settlement
from transfer.exceptions import TargetError, TargetLostError
from transfer.fingerprint import differences
from transfer.options import ImportOptions
from transfer.plan import PLAN, Step
from transfer.progress import read_migrations
from transfer.put_off import Open, open_deferrals, told, unsettled
from transfer.rollback_note import KEY as ROLLBACK
from transfer.source import Source
from transfer.target import Connection, Target, first_line

NORMALLY = "everything is loaded normally, with foreign keys checked and indexes in place"
# May the role build again what it drops?
_OWNS = """
    SELECT coalesce(bool_and(pg_has_role(own.relowner, 'USAGE')
                             AND has_schema_privilege(own.relnamespace, 'CREATE')), false)
      FROM pg_class AS own
     WHERE own.oid = ANY(SELECT to_regclass(name)::oid FROM unnest(%s::text[]) AS name)
"""
# What was dropped for this run and is built again stays: little may be left to come in.
_DROPPED_ONCE = """
    SELECT count(*) FROM migration_deferrals
     WHERE migration_name = %s AND table_name = %s AND kind = 'index'
       AND deferred_at >= (SELECT min(started_at) FROM migration_progress
                            WHERE migration_name = %s)
"""
_RECORD = """
    INSERT INTO migration_deferrals (migration_name, table_name, kind, name, definition)
    SELECT %s, %s, %s, name, definition
      FROM unnest(%s::text[], %s::text[]) AS put_off (name, definition)
        ON CONFLICT (migration_name, table_name, name) WHERE settled_at IS NULL
        DO UPDATE SET definition = excluded.definition
"""


def why_not(connection: Connection, tables: Sequence[str]) -> str:
    """Why this role cannot load tables with keys off; empty where it can.

    Only the server knows: besides superusers there are those a SET is granted to, and the masters
    of hosted databases. So it is tried.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        return "the role may not set session_replication_role"
    ((owns,),) = connection.execute(_OWNS, (list(tables),)).fetchall()
    return "" if owns else "the role does not own the tables, and could build no index again"


@dataclass
class Deferral:
    """What one run puts off and settles.

    ``keys_off`` are the tables whose keys are off now, for the loader.

    Args:
        target: the run's connections.
        source: the run's v2.
        identity: which v2 that is, as fingerprints name it.
        migration: the run's migration.
        steps: its tables.
        asked: whether to put anything off; what is open is settled all the same.
        remark: tells the user something.
    """

    target: Target
    source: Source
    identity: str
    migration: str
    steps: Sequence[Step]
    asked: bool
    remark: Callable[[str], None]
    keys_off: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """See whether anything can be put off, and settle what other migrations left open.

        What cannot be settled for another is said, and stays open: it is not completed without.
        """
        if self.asked:
            tables = [step.table for step in self.steps]
            reason = self.target.retrying(lambda: why_not(self.target.writer, tables))
            if reason:
                self.asked = False
                self.remark(f"--defer-constraints: {reason}; {NORMALLY}")
        own = {step.table for step in self.steps}
        left = [
            one for one in self._open() if one.migration != self.migration or one.table not in own
        ]
        for migration, table in dict.fromkeys((one.migration, one.table) for one in left):
            step = next((step for step in PLAN if step.table == table), None)
            if step is None:
                continue
            what = told([one for one in left if (one.migration, one.table) == (migration, table)])
            self.remark(f"{migration!r} left {table} with {what}; this is settled first")
            try:
                self._settle(migration, step, own_rows=self._can_take_out(migration, table))
            except TargetLostError:
                raise
            except (TargetError, psycopg.Error) as error:
                self.remark(f"{table}: {first_line(error)}. It stays open for {migration!r}")

    def start(self, step: Step, state: TableState) -> None:
        """Put off what can be for a table that is taken in hand; without that, settle what is open.

        Args:
            step: the table.
            state: its books; where rows are taken out, they tell so afterwards.

        Raises:
            TargetError: what was left open cannot be settled.
        """
        if self.asked:
            reason = self.target.retrying(lambda: self._put_off(step))
            if reason:
                self.remark(f"--defer-constraints: {step.table}: {reason}; it is loaded normally")
            else:
                return
        self.settle(step, state)

    def settle(self, step: Step, state: TableState) -> None:
        """Build the indexes of a table again, and prove its keys; rows that break one are errors.

        Raises:
            TargetError: it cannot be done; the table stays resumable.
        """
        self.keys_off.discard(step.table)
        mine = [
            one
            for one in self._open()
            if (one.migration, one.table) == (self.migration, step.table)
        ]
        if mine and (after := self._settle(self.migration, step, own_rows=True)):
            state.become(after)

    def left_open(self) -> list[str]:
        """A sentence for each table of the migration that is left with something open."""
        return unsettled(self.migration, self._open())

    def _open(self) -> list[Open]:
        return self.target.retrying(lambda: open_deferrals(self.target.writer))

    def _can_take_out(self, migration: str, table: str) -> bool:
        """Whether another migration's records can be mapped again, and its books are its own."""
        found = self.target.read(
            sql.SQL(
                "SELECT FROM migration_progress WHERE migration_name = %s AND table_name = %s"
                " AND partition = 0 AND fingerprint->>'source' = %s AND NOT ledger ? %s"
            ),
            (migration, table, self.identity, ROLLBACK),
        )
        if not found:
            return False
        (begun,) = self.target.retrying(lambda: read_migrations(self.target.writer, migration))
        now = ImportOptions.resumed(begun.fingerprint).fingerprint(self.identity)
        return not differences(begun.fingerprint, now)

    def _put_off(self, step: Step) -> str:
        """Drop the table's indexes and let its keys be off; why not, where that cannot be."""
        try:
            return patiently(
                lambda: self._put_off_once(step), lambda: self.target.writer, DROP_PAUSES
            )
        except psycopg.errors.LockNotAvailable:
            return "it is in use, and its indexes could not be dropped"
        except psycopg.Error as error:
            if self.target.writer.closed or isinstance(error, psycopg.OperationalError):
                raise
            return first_line(error)

    def _put_off_once(self, step: Step) -> str:
        writer, table = self.target.writer, step.table
        with writer.transaction():
            oid = table_oid(writer, table)
            if obstacles := deferral_keys.obstacles(writer, oid):
                return f"it has what would not be done then: {', '.join(obstacles)}"
            keys = deferral_keys.keys_of(writer, oid)
            taken = {key.name for key in keys}
            ((dropped_once,),) = writer.execute(
                _DROPPED_ONCE, (self.migration, table, self.migration)
            ).fetchall()
            if not dropped_once and deferral_indexes.secondary_indexes(writer, oid):
                writer.execute(f"SET LOCAL lock_timeout = '{DROP_LOCK_SECONDS}s'".encode())
                lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")
                writer.execute(lock.format(sql.Identifier(table)))
                found = deferral_indexes.secondary_indexes(writer, oid)
                indexes = [index for index in found if index.name not in taken]
                self._record(writer, table, "index", indexes)
                deferral_indexes.drop(writer, indexes)
            self._record(writer, table, "foreign_key", keys)
        if keys:
            self.keys_off.add(table)
        return ""

    def _record(
        self, writer: Connection, table: str, kind: str, parts: Sequence[Index | Key]
    ) -> None:
        if parts:
            names, definitions = [one.name for one in parts], [one.definition for one in parts]
            writer.execute(_RECORD, (self.migration, table, kind, names, definitions))

    def _settle(self, migration: str, step: Step, *, own_rows: bool) -> TableState | None:
        """Settle all that is open for a migration's table.

        Returns:
            The table's books, where rows were taken out.
        """
        indexes = [
            Index(one.name, one.definition)
            for one in self._open()
            if (one.migration, one.table, one.kind) == (migration, step.table, "index")
        ]
        source = self.source if own_rows else None
        settlement = Settlement(self.target, source, self.remark, migration, step)
        settlement.run(indexes)
        return settlement.state
