"""Foreign keys that were off while rows came in: whether a table can do without, and the proof.

VALIDATE CONSTRAINT would not look at a single row: to PostgreSQL the keys are valid all along. So
each row's parent is looked for (an anti-join).
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from psycopg import sql

from transfer.exceptions import TargetError
from transfer.target import Connection, Target

# How long a transaction that wrote to a parent before the last rows came in is waited for.
WRITERS_SECONDS = 60.0
WRITERS_PAUSE = 0.1
# What v3 would check or do for each row, and would not with the role set: then the rows, or what
# the application makes of them, would not be a normal load's.
_OBSTACLES = """
    SELECT 'trigger ' || tgname
      FROM pg_trigger
     WHERE tgrelid = %(table)s AND NOT tgisinternal AND tgtype & 4 = 4 AND tgenabled IN ('O', 'R')
     UNION ALL
    SELECT 'deferrable key ' || conname
      FROM pg_constraint
     WHERE conrelid = %(table)s AND contype IN ('p', 'u', 'x') AND condeferrable
     UNION ALL
    SELECT 'foreign key with PERIOD ' || conname
      FROM pg_constraint AS own
     WHERE conrelid = %(table)s AND contype = 'f' AND (to_jsonb(own)->>'conperiod')::boolean
     UNION ALL
    SELECT 'partitions' FROM pg_class WHERE oid = %(table)s AND relkind <> 'r'
     ORDER BY 1
"""
# PostgreSQL 18 has keys that are not enforced: those nobody proves.
_KEYS = """
    SELECT own.conname, pg_get_constraintdef(own.oid), own.confrelid::oid,
           space.nspname, parent.relname, parent.relkind = 'r', own.confmatchtype = 'f',
           ARRAY(SELECT attname::text
                   FROM unnest(own.conkey) WITH ORDINALITY AS part (number, place)
                   JOIN pg_attribute ON attrelid = own.conrelid AND attnum = number
                  ORDER BY place),
           ARRAY(SELECT attname::text
                   FROM unnest(own.confkey) WITH ORDINALITY AS part (number, place)
                   JOIN pg_attribute ON attrelid = own.confrelid AND attnum = number
                  ORDER BY place)
      FROM pg_constraint AS own
      JOIN pg_class AS parent ON parent.oid = own.confrelid
      JOIN pg_namespace AS space ON space.oid = parent.relnamespace
     WHERE own.conrelid = %(table)s AND own.contype = 'f' AND own.conparentid = 0
       AND coalesce((to_jsonb(own)->>'conenforced')::boolean, true)
     ORDER BY own.conname
"""
_WRITERS = """
    SELECT DISTINCT virtualtransaction, coalesce(pid::text, 'prepared')
      FROM pg_locks
     WHERE locktype = 'relation' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND relation = ANY(%s::oid[])
       AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                    'AccessExclusiveLock')
"""


class Key(NamedTuple):
    """A foreign key: its name, its clause, the table it points at and the columns of both."""

    name: str
    definition: str
    parent_oid: int
    parent_schema: str
    parent: str
    parent_alone: bool  # an ordinary table: rows of tables that inherit from it do not count
    full: bool  # MATCH FULL: null in one column must be null in all
    columns: list[str]
    parent_columns: list[str]


def obstacles(connection: Connection, oid: int) -> list[str]:
    """Why a table cannot be loaded with the role set; empty where it can."""
    return [row[0] for row in connection.execute(_OBSTACLES, {"table": oid})]


def keys_of(connection: Connection, oid: int) -> list[Key]:
    """The foreign keys of a table that PostgreSQL enforces."""
    return [Key._make(row) for row in connection.execute(_KEYS, {"table": oid})]


def wait_for_writers(target: Target, keys: Sequence[Key]) -> None:
    """Wait until each transaction is over that wrote to a parent when this began.

    One that deleted a parent may have looked for its rows before they were committed, and commit
    after the proof. One that begins now sees them, and is refused.

    Raises:
        TargetError: some do not end; it names their backends.
    """
    parents = [key.parent_oid for key in keys]
    deadline = time.monotonic() + WRITERS_SECONDS
    waiting = set(target.read(sql.SQL(_WRITERS), (parents,)))
    while waiting:
        if time.monotonic() > deadline:
            names = ", ".join(sorted({key.parent for key in keys}))
            backends = ", ".join(sorted({pid for _, pid in waiting}))
            raise TargetError(
                f"transactions that write to {names} do not end (backend {backends}), so no "
                "foreign key to them can be proven; end them"
            )
        time.sleep(WRITERS_PAUSE)
        waiting &= set(target.read(sql.SQL(_WRITERS), (parents,)))


def stage_orphans(connection: Connection, table: str, migration: str, key: Key) -> None:
    """Put the ids of the rows whose parent is not there into the temporary table ``orphans``.

    Beside each stands whether the migration wrote it.
    """
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS orphans (id uuid PRIMARY KEY, own boolean NOT NULL)"
    )
    connection.execute("TRUNCATE orphans")
    query = sql.SQL(
        "INSERT INTO orphans"
        " SELECT child.id, child.metadata->>'migration_batch' IS NOT DISTINCT FROM %s"
        " FROM {child} AS child WHERE ({given})"
        " AND NOT EXISTS (SELECT FROM {only} {parent} AS parent WHERE {same})"
    )
    columns = [sql.Identifier("child", column) for column in key.columns]
    parents = [sql.Identifier("parent", column) for column in key.parent_columns]
    connection.execute(
        query.format(
            child=sql.Identifier(table),
            given=sql.SQL(" OR " if key.full else " AND ").join(
                sql.SQL("{} IS NOT NULL").format(column) for column in columns
            ),
            only=sql.SQL("ONLY" if key.parent_alone else ""),
            parent=sql.Identifier(key.parent_schema, key.parent),
            same=sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(*pair) for pair in zip(parents, columns, strict=True)
            ),
        ),
        (migration,),
    )
    connection.execute("ANALYZE orphans")  # or each page of many would be sorted out of all


def next_orphans(connection: Connection, after: str | None, size: int) -> list[str]:
    """The next staged rows that the migration wrote, by id."""
    beyond = sql.SQL("AND id > %(after)s::uuid" if after else "")
    # By the key itself, not its text, and with a limit that the plan knows: or all that are left
    # would be sorted for each page.
    query = sql.SQL("SELECT id::text FROM orphans WHERE own {} ORDER BY orphans.id LIMIT {}")
    found = connection.execute(query.format(beyond, sql.Literal(size)), {"after": after})
    return [row[0] for row in found]


def others_orphans(connection: Connection) -> tuple[int, list[str]]:
    """The staged rows that the migration did not write: how many, and the first ids."""
    found = connection.execute(
        "SELECT count(*) OVER (), id::text FROM orphans WHERE NOT own ORDER BY orphans.id LIMIT 5"
    ).fetchall()
    return (found[0][0] if found else 0), [row[1] for row in found]
