"""The mark of the rows that a rollback keeps: every later rollback keeps them, too.

An import that starts anew takes a kept row for migrated, and begins later than the application's
change to it; without the mark the next rollback would take it for a row that nobody changed.
"""

from psycopg import sql

from transfer.pipeline import Interruption
from transfer.rollback_graph import Graph, Table
from transfer.rollback_survey import BY_INDEX, MARK, Doomed
from transfer.target import Target

CURSOR = "rollback_marks"


def mark_kept(
    target: Target, graph: Graph, doomed: Doomed, batch_size: int, stop: Interruption
) -> bool:
    """Mark the migration's rows that are left, batch by batch; updated_at stays as it is.

    A row that has a mark keeps it: it says which beginning of the migration wrote the row.

    Args:
        target: the run's connections.
        graph: the tables.
        doomed: which rows it is about; all that went are gone.
        batch_size: rows a transaction.
        stop: whether the user asked to stop.

    Returns:
        Whether all are marked; False where it was stopped first.
    """
    return all(_mark(target, table, doomed, batch_size, stop) for table in graph.migrated)


def _mark(
    target: Target, table: Table, doomed: Doomed, batch_size: int, stop: Interruption
) -> bool:
    writer = target.writer
    query = sql.SQL("SELECT t.id::text FROM {} AS t WHERE {} AND NOT {}").format(
        table.identifier, doomed.written("t"), doomed.marked("t")
    )
    # updated_at, named, stays what it is: the triggers keep_…_updated_at see to it.
    mark = sql.SQL(
        "UPDATE {table} AS t SET updated_at = t.updated_at,"
        " metadata = t.metadata || jsonb_build_object({mark}, %(mark)s::text)"
        " WHERE t.id = ANY(%(ids)s::uuid[]) AND {written} AND NOT {marked}"
    ).format(
        table=table.identifier,
        mark=sql.Literal(MARK),
        written=doomed.written_whatever_index("t"),
        marked=doomed.marked("t"),
    )
    with writer.cursor(CURSOR, withhold=True) as ids:
        with writer.transaction():
            writer.execute(BY_INDEX)
            ids.execute(query, doomed.parameters())
        while rows := ids.fetchmany(batch_size):
            if stop.asked:
                return False
            more = {"ids": [row[0] for row in rows], "mark": doomed.started_at.isoformat()}
            with writer.transaction():
                writer.execute(BY_INDEX)
                writer.execute(mark, doomed.parameters(**more))
    return True
