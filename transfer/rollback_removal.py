"""A rollback's removal: batch by batch, children first, each batch with its place in the books.

A row goes only when nothing refers to it any more, asked in the very statement that removes it.
So whatever happens between the survey and here (a row changed, a row added), no row is left
without what it refers to, and no foreign key of the application's takes rows along unasked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from psycopg import sql

from transfer.batch import TableState
from transfer.pipeline import Interruption, Observer
from transfer.rollback_books import Books
from transfer.rollback_graph import Graph, Reference, Table
from transfer.rollback_report import Survey
from transfer.rollback_survey import BY_INDEX, Doomed, Surveyor, found, same_row
from transfer.target import Target

CURSOR = "rollback"


@dataclass
class Removal:
    """Removes what a survey found.

    Args:
        target: the run's connections.
        surveyor: who found it, in this connection.
        books: the migration's progress rows.
        batch_size: rows a transaction.
        stop: whether the user asked to stop.
        observer: who watches.
    """

    target: Target
    surveyor: Surveyor
    books: Books
    batch_size: int
    stop: Interruption
    observer: Observer
    removed: int = field(default=0, init=False)

    @property
    def graph(self) -> Graph:
        """The tables and foreign keys."""
        return self.surveyor.graph

    @property
    def doomed(self) -> Doomed:
        """Which rows it is about."""
        return self.surveyor.doomed

    def run(self, survey: Survey, *, cascade: bool) -> None:
        """Go through all tables once, until the end or until the user asks to stop.

        Rows that something still refers to are passed over; the next survey says why.
        """
        own = {one.table: one.rows for one in survey.referring} if cascade else {}
        going = {one.table: one.going for one in survey.tables}
        for table in self.graph.tables:
            state = TableState(table.label, "rolled_back")
            state.total = own.get(table.label, 0) + going.get(table.label, 0)
            if not state.total:
                continue
            self.observer.table_started(state)
            if own.get(table.label):
                self._repeat(table, partial(self._own, table, state))
            if going.get(table.label):
                self._repeat(table, partial(self._migrated, table, state))
            self.observer.table_ended(state)

    def _repeat(self, table: Table, once: Callable[[], int]) -> None:
        """Once; again as long as rows go where rows of a table refer to each other."""
        circular = any(one.child == table for one in self.graph.to(table))
        while once() and circular and not self.stop.asked:
            pass

    def _migrated(self, table: Table, state: TableState) -> int:
        """The migration's rows of a table; how many went.

        One cursor a start: asking the index again for each batch would pass over the entries of
        all rows that are gone already, so that each batch took longer than the one before.
        """
        writer = self.target.writer
        query = sql.SQL("SELECT t.id::text FROM {} AS t WHERE {}{}").format(
            table.identifier, self.doomed.written("t"), self._unchanged(table)
        )
        before = self.removed
        with writer.cursor(CURSOR, withhold=True) as ids:
            with writer.transaction():
                writer.execute(BY_INDEX)
                ids.execute(query, self.doomed.parameters())
            while not self.stop.asked and (rows := ids.fetchmany(self.batch_size)):
                batch = [row[0] for row in rows]
                self._batch(state, partial(self._delete, table, batch))
        return self.removed - before

    def _own(self, table: Table, state: TableState) -> int:
        """The application's rows of a table that refer to what goes; how many went."""
        writer = self.target.writer
        query = sql.SQL("SELECT coalesce(max(n), 0) FROM pg_temp.{}").format(found(table))
        ((last,),) = writer.execute(query).fetchall()
        before = self.removed
        for first in range(0, last, self.batch_size):
            if self.stop.asked:
                break
            self._batch(state, partial(self._delete_own, table, first, first + self.batch_size))
        return self.removed - before

    def _batch(self, state: TableState, delete: Callable[[], int]) -> None:
        with self.target.writer.transaction():
            self.target.writer.execute(BY_INDEX)
            rows = delete()
        self.removed += rows
        state.records.migrated += rows
        self.observer.batch_loaded(state)

    def _unchanged(self, table: Table) -> sql.Composable:
        if self.doomed.include_modified:
            return sql.SQL("")
        return sql.SQL(" AND NOT {}").format(self.doomed.modified(table, "t"))

    def _delete(self, table: Table, ids: list[str]) -> int:
        writer, parameters = self.target.writer, self.doomed.parameters(ids=ids)
        if self.graph.to(table):
            # Who adds a row that refers to one of these waits from here on, or is seen below.
            writer.execute(
                sql.SQL(
                    "SELECT count(*) FROM (SELECT FROM {} WHERE id = ANY(%(ids)s::uuid[])"
                    " ORDER BY id FOR UPDATE) AS held"
                ).format(table.identifier),
                parameters,
            )
        query = sql.SQL(
            "DELETE FROM {table} AS t WHERE t.id = ANY(%(ids)s::uuid[]) AND {written}{unchanged}"
            "{unreferred}"
        ).format(
            table=table.identifier,
            written=self.doomed.written_whatever_index("t"),
            unchanged=self._unchanged(table),
            unreferred=self._unreferred(table),
        )
        rows = writer.execute(query, parameters).rowcount
        self.books.removed(writer, table, rows)
        return rows

    def _delete_own(self, table: Table, after: int, up_to: int) -> int:
        writer = self.target.writer
        parameters = self.doomed.parameters(after=after, up_to=up_to)
        batch = sql.SQL("f.n > %(after)s AND f.n <= %(up_to)s AND f.batch IS NULL AND {}").format(
            same_row(table, "f", "t")
        )
        if self.graph.to(table):
            writer.execute(
                sql.SQL(
                    "SELECT count(*) FROM (SELECT FROM pg_temp.{} AS f, {} AS t WHERE {}"
                    " ORDER BY f.n FOR UPDATE OF t) AS held"
                ).format(found(table), table.identifier, batch),
                parameters,
            )
        not_migrated: sql.Composable = sql.SQL("")
        if table.migrated:
            not_migrated = sql.SQL(" AND t.metadata->>'migration_batch' IS NULL")
        query = sql.SQL(
            "DELETE FROM {table} AS t USING pg_temp.{found} AS f"
            " WHERE {batch}{not_migrated} AND ({refers}){unreferred}"
        ).format(
            table=table.identifier,
            found=found(table),
            batch=batch,
            not_migrated=not_migrated,
            refers=sql.SQL(" OR ").join(
                self._refers(one)
                for one in self.graph.of(table)
                if one.parent.migrated or one.parent in self.surveyor.has_found
            ),
            unreferred=self._unreferred(table),
        )
        rows = writer.execute(query, parameters).rowcount
        self.books.cascaded(writer, table, rows)
        return rows

    def _refers(self, reference: Reference) -> sql.Composed:
        """The condition that a row still refers to what goes: it may have been moved away."""
        parent = reference.parent
        ways = [self.doomed.written_whatever_index("p")] if parent.migrated else []
        if parent in self.surveyor.has_found:
            ways.append(
                sql.SQL("EXISTS (SELECT FROM pg_temp.{} AS g WHERE {})").format(
                    found(parent), same_row(parent, "g", "p")
                )
            )
        goes = sql.SQL("({})").format(sql.SQL(" OR ").join(ways))
        return sql.SQL("EXISTS (SELECT FROM {} AS p WHERE {} AND {})").format(
            parent.identifier, reference.matches("t", "p"), goes
        )

    def _unreferred(self, table: Table) -> sql.Composed:
        """The condition that no row refers to this one, itself left aside."""
        conditions = []
        for reference in self.graph.to(table):
            itself: sql.Composable = sql.SQL("")
            if reference.child == table:
                same = (
                    sql.SQL("{} = {}").format(sql.Identifier("c", key), sql.Identifier("t", key))
                    for key in table.key
                )
                itself = sql.SQL(" AND NOT ({})").format(sql.SQL(" AND ").join(same))
            conditions.append(
                sql.SQL(" AND NOT EXISTS (SELECT FROM {} AS c WHERE {}{})").format(
                    reference.child.identifier, reference.matches("c", "t"), itself
                )
            )
        return sql.Composed(conditions)
