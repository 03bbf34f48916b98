"""Secondary indexes out of a load's way, and back: what can go, and building it again.

An index goes only where its statement, as PostgreSQL tells it, brings all of it back. What makes
rows unique, or carries what no CREATE INDEX says (a comment, a tablespace, a CLUSTER mark,
statistics targets, something that depends on it), stays where it is.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple, TypeVar

import psycopg
from psycopg import sql

from transfer.batch_copy import is_refusal
from transfer.exceptions import TargetError
from transfer.target import Connection, first_line

T = TypeVar("T")
# Whoever asks for a lock on a table in use makes all others wait behind it, so it is asked for
# briefly, and again.
DROP_LOCK_SECONDS = 2
DROP_PAUSES = (1.0, 3.0)
BUILD_LOCK_SECONDS = 5
BUILD_PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0)
FIRST_ID = "00000000-0000-0000-0000-000000000000"
# Rows tried at once where an index cannot be built over all of them.
PROBE_AT_ONCE = 5000
_SECONDARY = """
    SELECT own.relname, pg_get_indexdef(own.oid), space.nspname
      FROM pg_index AS index
      JOIN pg_class AS own ON own.oid = index.indexrelid
      JOIN pg_namespace AS space ON space.oid = own.relnamespace
     WHERE index.indrelid = %(table)s
       AND NOT (index.indisunique OR index.indisprimary OR index.indisexclusion
                OR index.indisclustered OR index.indisreplident)
       AND index.indisvalid
       AND own.relkind = 'i'
       AND own.reltablespace = 0
       AND obj_description(own.oid, 'pg_class') IS NULL
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = own.oid)
       AND NOT EXISTS (SELECT FROM pg_attribute
                        WHERE attrelid = own.oid AND attstattarget >= 0)
       AND NOT EXISTS (SELECT FROM pg_depend
                        WHERE (refclassid = 'pg_class'::regclass AND refobjid = own.oid)
                           OR (classid = 'pg_class'::regclass AND objid = own.oid
                               AND deptype IN ('e', 'x')))
     ORDER BY own.relname
"""
_THERE = """
    SELECT pg_get_indexdef(own.oid), index.indrelid = %(table)s AND index.indisvalid
      FROM pg_class AS own
      JOIN pg_class AS kin ON kin.oid = %(table)s AND kin.relnamespace = own.relnamespace
      LEFT JOIN pg_index AS index ON index.indexrelid = own.oid
     WHERE own.relname = %(name)s
"""
# Rows of one migration, a page at a time; those of others had the index on them all along.
_PAGE = sql.SQL(
    "SELECT id FROM {table} WHERE metadata->'migration_batch' = to_jsonb(%s::text) AND id > %s"
    " ORDER BY id LIMIT %s"
)
# For each page of them to begin where the last one ended: by the key, not by reading all of them
# and sorting.
_BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
_TRY = sql.SQL("INSERT INTO index_probe SELECT * FROM {table} WHERE id = ANY(%s)")


class Index(NamedTuple):
    """An index: its name, the statement that makes it (all names qualified), and its schema."""

    name: str
    definition: str
    schema: str = ""


class IndexRefusesRowsError(Exception):
    """The index cannot be built, for some row has a value it does not take."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(first_line(error))
        self.error = error


def table_oid(connection: Connection, table: str) -> int:
    """The table's oid, as the connection's search_path finds it.

    Raises:
        TargetError: there is no such table.
    """
    ((oid,),) = connection.execute("SELECT to_regclass(%s)::oid", (table,)).fetchall()
    if oid is None:
        raise TargetError(f"v3 has no table {table} any more", table=table)
    return int(oid)


def secondary_indexes(connection: Connection, oid: int) -> list[Index]:
    """The indexes of a table that can go for a load; in an open transaction."""
    rows = _with_all_names(
        connection, lambda: connection.execute(_SECONDARY, {"table": oid}).fetchall()
    )
    return [Index._make(row) for row in rows]


def drop(connection: Connection, indexes: Sequence[Index]) -> None:
    """Drop indexes, in the open transaction."""
    for index in indexes:
        name = sql.Identifier(index.schema, index.name)
        connection.execute(sql.SQL("DROP INDEX {}").format(name))


def build(connection: Connection, table: str, index: Index) -> bool:
    """Build an index again, in the open transaction; False where it is there already.

    Raises:
        IndexRefusesRowsError: some row has a value it does not take.
        TargetError: it cannot be built, and why.
    """
    oid = table_oid(connection, table)
    there = _with_all_names(
        connection,
        lambda: connection.execute(_THERE, {"table": oid, "name": index.name}).fetchone(),
    )
    if there == (index.definition, True):
        return False
    wanted = f"index {index.name} of {table}"
    if there is not None:
        msg = f"v3 has another {index.name}, so this cannot be built again: {index.definition}"
        raise TargetError(f"{msg} (rename that one, or drop it)", table=table)
    try:
        connection.execute(index.definition.encode())
    except psycopg.Error as error:
        if connection.closed or isinstance(error, psycopg.errors.LockNotAvailable):
            raise
        if is_refusal(error):
            raise IndexRefusesRowsError(error) from error
        msg = f"{wanted} cannot be built again: {first_line(error)}; it was: {index.definition}"
        raise TargetError(msg, table=table) from error
    return True


def refused_rows(
    connection: Connection, table: str, migration: str, index: Index, after: str
) -> Generator[tuple[str, psycopg.Error], None, None]:
    """The rows of a migration that an index does not take, by id beyond one: id and why.

    They are tried, some at once and then by halves, in an empty copy of the table that has this
    one index.

    """
    name = sql.Identifier(table)
    kind = index.definition.partition(" USING ")[2]
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE index_probe (LIKE {})").format(name))
        # Under the name that PostgreSQL's words about a row will name.
        create = sql.SQL("CREATE INDEX {} ON index_probe USING ").format(sql.Identifier(index.name))
        connection.execute(create.as_bytes(connection) + kind.encode())
        connection.execute(_BY_KEY)
        while True:
            page = connection.execute(_PAGE.format(table=name), (migration, after, PROBE_AT_ONCE))
            ids = [row[0] for row in page.fetchall()]
            if not ids:
                return
            yield from _refused(connection, name, ids)
            after = str(ids[-1])


def _refused(
    connection: Connection, table: sql.Identifier, ids: list[object]
) -> Iterator[tuple[str, psycopg.Error]]:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_TRY.format(table=table), (ids,))
    except psycopg.Error as error:
        if connection.closed or not is_refusal(error):
            raise
        if len(ids) == 1:
            yield str(ids[0]), error
            return
        half = len(ids) // 2
        yield from _refused(connection, table, ids[:half])
        yield from _refused(connection, table, ids[half:])


def patiently(
    action: Callable[[], T], connection: Callable[[], Connection], pauses: Sequence[float]
) -> T:
    """Run an action that asks for a lock with a lock_timeout, and again after each pause.

    Raises:
        psycopg.errors.LockNotAvailable: the lock was held all the time.
    """
    for pause in pauses:
        try:
            return action()
        except psycopg.errors.LockNotAvailable:
            if connection().closed:
                raise
            time.sleep(pause)
    return action()


def _with_all_names(connection: Connection, read: Callable[[], T]) -> T:
    # PostgreSQL leaves out the schema of what the search_path finds, and the next session's may
    # find something else.
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = pg_catalog")
        return read()
