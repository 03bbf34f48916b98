"""What a session of v3 must be like, whatever the role or the database has as its defaults."""

from typing import Any

import psycopg
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from transfer.exceptions import TargetError

# Rows that row level security hides would be missing from every count: with it off the server
# refuses such a query instead. Times are read as ISO has them (psycopg reads no other).
_ALIKE = """
    SET TIME ZONE 'UTC';
    SET DateStyle = 'ISO';
    SET row_security = off;
"""
# A limit that a role or a database has for its application would stop every attempt: one COPY
# of the numbers' decisions lasts as long as v2's submissions take to read. Some of these only
# newer servers know.
_WITHOUT_LIMITS = """
    SELECT set_config(name, '0', false)
      FROM pg_settings
     WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                    'idle_session_timeout', 'transaction_timeout')
"""
_KEEP_ALIVE = """
    SET tcp_keepalives_idle = 30;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3;
"""


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make a connection of our own, outside a transaction, what writing to v3 needs.

    Raises:
        TargetError: its role would write without v3's keys and triggers, and may not be kept
            from it.
        psycopg.Error: the server is gone.
    """
    connection.execute(_ALIKE)
    connection.execute(_WITHOUT_LIMITS)
    connection.execute(_KEEP_ALIVE)
    _with_keys(connection)


def prepare_alias(alias: str) -> None:
    """Make Django's connection one that sees all rows, and whose writes are checked.

    Raises:
        TargetError: see ``prepare``.
        django.db.Error: v3 cannot be reached.
    """
    wrapper: BaseDatabaseWrapper = connections[alias]
    wrapper.ensure_connection()
    with wrapper.wrap_database_errors:
        wrapper.connection.execute(_ALIKE)
        _with_keys(wrapper.connection)


def _with_keys(connection: psycopg.Connection[Any]) -> None:
    """Have foreign keys checked and triggers fired, the books' own too.

    The server refuses to set even what is so already, to all but a superuser.
    """
    found = connection.execute("SELECT current_setting('session_replication_role')").fetchall()
    if found == [("origin",)]:
        return
    try:
        connection.execute("SET session_replication_role = origin")
    except psycopg.errors.InsufficientPrivilege as error:
        raise TargetError(
            "the role begins its sessions with session_replication_role = "
            f"{found[0][0]}, so v3 would check no foreign key of what it writes, and it may not "
            "change that; a superuser can: ALTER ROLE … RESET session_replication_role (or "
            "ALTER DATABASE …)"
        ) from error
