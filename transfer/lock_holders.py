"""Who holds an importer's advisory locks in v3: told to whoever is not let in (R6)."""

from datetime import datetime
from typing import Any, NamedTuple

import psycopg

# Sessions that hold an advisory lock of one number, in this database.
_HOLDERS = """
    SELECT pid
      FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (classid::bigint << 32) | objid::bigint = %s
"""
_BOTH = f"{_HOLDERS} INTERSECT {_HOLDERS}"
_ONE_WITHOUT_THE_OTHER = f"{_HOLDERS} EXCEPT {_HOLDERS}"
# Another role's session may not be looked into: all but its process id is null then.
_SESSIONS = """
    SELECT holder.pid, activity.application_name, host(activity.client_addr),
           activity.backend_start
      FROM ({}) AS holder
      LEFT JOIN pg_stat_activity AS activity ON activity.pid = holder.pid
     ORDER BY holder.pid
"""
_HOLDING = _SESSIONS.format(_HOLDERS)
_HOLDING_WITHOUT = _SESSIONS.format(_ONE_WITHOUT_THE_OTHER)


class Holder(NamedTuple):
    """A session that holds a lock; without ``since`` it is another role's, which hides the rest."""

    pid: int
    name: str | None
    address: str | None
    since: datetime | None

    def __str__(self) -> str:
        if self.since is None:
            return f"one under another role (backend {self.pid}; an administrator sees the rest)"
        return (
            f"{self.name or 'unnamed'}, from {self.address or 'this machine'}, "
            f"since {self.since:%Y-%m-%d %H:%M:%S} UTC (backend {self.pid})"
        )


def holders(
    connection: psycopg.Connection[Any], key: int, without: int | None = None
) -> list[Holder]:
    """The sessions that hold a lock.

    Args:
        connection: v3's, which tells times in UTC.
        key: the lock's number.
        without: those that hold this lock, too, are left out.
    """
    found = (
        connection.execute(_HOLDING, (key,))
        if without is None
        else connection.execute(_HOLDING_WITHOUT, (key, without))
    )
    return [Holder._make(row) for row in found.fetchall()]


def held_together(connection: psycopg.Connection[Any], key: int, other: int) -> bool:
    """Whether one session holds both locks."""
    return connection.execute(_BOTH, (key, other)).fetchone() is not None
