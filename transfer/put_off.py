"""What migrations have put off and not settled: see transfer.deferral."""

from collections.abc import Sequence
from typing import NamedTuple

from transfer.target import Connection

_OPEN = """
    SELECT migration_name, table_name, kind, name, definition
      FROM migration_deferrals
     WHERE settled_at IS NULL
     ORDER BY id
"""


class Open(NamedTuple):
    """Something put off by a migration and not settled yet."""

    migration: str
    table: str
    kind: str
    name: str
    definition: str


def open_deferrals(connection: Connection) -> list[Open]:
    """What is not settled, oldest first."""
    return [Open._make(row) for row in connection.execute(_OPEN)]


def told(deferrals: Sequence[Open]) -> str:
    """What is put off, in words; empty where nothing is."""
    indexes = [one.name for one in deferrals if one.kind == "index"]
    keys = len(deferrals) - len(indexes)
    parts = []
    if indexes:
        parts.append(f"{len(indexes)} index(es) dropped ({', '.join(indexes)})")
    if keys:
        parts.append(f"{keys} foreign key(s) unproven")
    return ", ".join(parts)


def unsettled(migration: str, deferrals: Sequence[Open]) -> list[str]:
    """A sentence for each table that a migration has left with something open."""
    mine = [one for one in deferrals if one.migration == migration]
    return [
        f"{table}: {told([one for one in mine if one.table == table])} until it is completed."
        for table in dict.fromkeys(one.table for one in mine)
    ]
