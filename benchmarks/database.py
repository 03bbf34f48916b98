"""v3 between two runs: emptied, looked over, and its rows taken out as the importer sent them."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.dataset import Dataset
from transfer.batch_copy import copy_statement

Connection = psycopg.Connection[tuple[object, ...]]

BATCH = 1000  # rows of a commit, as import_v2 has it by default
# What the importer COPYs into each table, in its order.
COLUMNS: dict[str, tuple[str, ...]] = {
    "organizations": (
        "id", "slug", "name", "settings", "metadata", "created_at", "updated_at",
    ),
    "users": (
        "id", "organization_id", "email", "status", "auth_data", "metadata",
        "created_at", "updated_at",
    ),
    "forms": (
        "id", "organization_id", "name", "slug", "version", "status", "definition", "metadata",
        "created_at", "updated_at",
    ),
    "submissions": (
        "id", "organization_id", "form_id", "submission_number", "status", "data", "metadata",
        "created_at", "updated_at", "submitted_at",
    ),
}  # fmt: skip
# Django's own hold no migration: users of the admin, sessions, which schema migrations ran.
TABLES = """
    SELECT tablename FROM pg_tables
     WHERE schemaname = current_schema() AND tablename !~ '^(django|auth)_'
"""
HELD = """
    SELECT count(*), coalesce(sum(n), 0)::bigint, coalesce(sum(filled), 0)::bigint
      FROM submissions, LATERAL (
           SELECT count(*) AS n, count(*) FILTER (WHERE value <> 'null') AS filled
             FROM jsonb_each(data)) AS fields
"""


def reset(v3: Connection) -> None:
    """Empty every table of v3, and have the server's own work of the last run behind it."""
    names = [sql.Identifier(str(name)) for (name,) in v3.execute(TABLES)]
    v3.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(names)))
    checkpoint(v3)


def checkpoint(v3: Connection) -> None:
    """So that no run pays for the pages of the one before it; where the login may ask for it."""
    with suppress(psycopg.errors.InsufficientPrivilege):
        v3.execute("CHECKPOINT")


def expect(v3: Connection, data: Dataset, who: str) -> None:
    """Look whether all of v2's rows are there: none is fast by leaving some out.

    Raises:
        SystemExit: they are not.
    """
    found = {
        table: v3.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        ).fetchall()[0][0]
        for table in data.rows
    }
    if found != data.rows:
        raise SystemExit(f"{who} left {found} in v3, and v2 has {data.rows}: nothing is compared")


def facts(v3: Connection) -> dict[str, int]:
    """How many submissions there are, how many fields answered in their data, and with a value."""
    row = v3.execute(HELD).fetchall()[0]
    return dict(zip(("submissions", "fields", "with a value"), map(_whole, row), strict=True))


def _whole(value: object) -> int:
    return int(str(value))


def is_binary(columns: Sequence[str]) -> bool:
    """Whether the importer's COPY is in the binary format."""
    statement = copy_statement(sql.Identifier("submissions"), columns)
    return "binary" in statement.as_string().lower()


def take_out(v3: Connection, folder: Path) -> dict[str, list[int]]:
    """COPY the finished rows out, in the order they came in, a file a table.

    Each file holds streams of COPY's format behind each other, of BATCH rows each.

    Returns:
        The bytes of each stream, by table.
    """
    return {table: _take_out(v3, folder / f"{table}.copy", table) for table in COLUMNS}


def _take_out(v3: Connection, path: Path, table: str) -> list[int]:
    binary = is_binary(COLUMNS[table])
    query = sql.SQL("COPY (SELECT {} FROM {} ORDER BY ctid) TO STDOUT (FORMAT {})").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table])),
        sql.Identifier(table),
        sql.SQL("binary" if binary else "text"),
    )
    sizes: list[int] = []
    head, tail = (BINARY_HEAD, BINARY_TAIL) if binary else (b"", b"")
    with path.open("wb") as file, v3.cursor() as cursor, cursor.copy(query) as copy:
        rows: list[bytes] = []

        def put() -> None:
            if rows:
                sizes.append(file.write(head + b"".join(rows) + tail))
                rows.clear()

        for found in copy:
            row = bytes(found)
            if binary:
                row = row.removeprefix(head)
                if row == tail:
                    continue
            rows.append(row)
            if len(rows) == BATCH:
                put()
        put()
    return sizes


# The signature, no flags, no extension; and the mark behind the last row.
BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_TAIL = b"\xff\xff"
