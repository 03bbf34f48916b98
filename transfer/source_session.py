"""What a session of v2 is like, for a run's record: asked of the connection, never assumed."""

import sqlite3
from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper

from legacy_v2.fields import SQL_SERVER

BLOCKING = "read committed"
BLOCKING_REMARK = (
    "v2 is read under READ COMMITTED: each batch waits for v2's writers, they wait for it, and a"
    " row that moves meanwhile may be seen twice or not at all; to read snapshots instead, before"
    " the run: ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON (docs/sql-server.md)"
)


def session(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The session of an open connection to v2.

    Returns:
        Texts: ``server`` and ``driver`` with their versions, ``isolation``, and what makes it
        ``read_only`` beside this program, which writes nothing (R4).

    Raises:
        django.db.Error: v2 did not answer.
    """
    if connection.vendor == "sqlite":
        return {
            "server": f"SQLite {sqlite3.sqlite_version}",
            "driver": "sqlite3",
            "isolation": "serializable",
            "read_only": "the file is opened so",
        }
    if connection.vendor == SQL_SERVER:
        wrapper: Any = connection
        versions = wrapper.versions()
        return {
            "server": f"SQL Server {versions.server}",
            "driver": versions.driver,
            "isolation": wrapper.isolation,
            "read_only": "the login's rights; SQL Server has no sessions that only read",
        }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_setting('transaction_isolation'),"
            " current_setting('default_transaction_read_only')"
        )
        version, isolation, read_only = cursor.fetchone() or ("", "", "off")
    return {
        "server": f"PostgreSQL {version}",
        "driver": f"psycopg {psycopg.__version__}",
        "isolation": isolation,
        "read_only": "the session is" if read_only == "on" else "the session is not",
    }


def told(found: dict[str, str]) -> str:
    """The session as a sentence, without its full stop."""
    return (
        f"v2 was read from {found['server']} by {found['driver']}, isolation {found['isolation']}"
    )
