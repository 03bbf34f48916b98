"""The connections to v3 of one run: a writer that holds the lock, and a reader beside it.

The advisory lock (R6) is held by the very connection that writes. So a process that lost the
lock has lost its writer too, and nothing can be written by two importers at once.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from psycopg import sql
from psycopg.types.json import JsonbLoader

from transfer import session
from transfer.exceptions import LockHeldError, TargetError, TargetLostError
from transfer.lock_holders import held_together, holders

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

# The lock's number, one for every database of a server (advisory locks are a database's own):
# the first eight bytes of sha256("pliers v2 to v3"), as a signed 64-bit integer.
LOCK_KEY = 5345019762055171957
# The one that an importer's workers share, and the one that orders what they store.
WORKERS_KEY = LOCK_KEY + 1
FINDINGS_KEY = LOCK_KEY + 2
# Seconds before each new try of a lost connection; long enough for PostgreSQL's crash recovery.
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
# Seconds a killed importer's backend may take to notice and let the lock go.
LOCK_GRACE_SECONDS = 3.0
# Seconds a worker that has v3 again waits for its importer to have it, too: the longest pause
# between two tries.
IMPORTER_SECONDS = BACKOFF_SECONDS[-1] + 1
# A network that falls silent, with no word to either end, is noticed after a minute at both ends
# (the server's: transfer.session), not after two hours as usual. DATABASE_URL's options win.
NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
# Serialization failure, deadlock, lock not available: the same statement may succeed next time.
TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03"})
OF_THE_CONNECTION = (psycopg.OperationalError, psycopg.InterfaceError)
# What the server says before it hangs up: connection exceptions, shutdown, a transaction that lay
# idle or lasted too long.
LOST_STATES = ("08", "57P", "25P03", "25P04")
NEEDED_TABLES = (
    "organizations",
    "users",
    "forms",
    "submissions",
    "migration_progress",
    "migration_errors",
    "migration_assignments",
    "migration_deferrals",
)


def describe(alias: str = DEFAULT_DB_ALIAS) -> str:
    """Which v3 database the alias names: name and host, never a login (R8)."""
    settings = connections[alias].settings_dict
    return f"PostgreSQL database {settings['NAME']!r} on {place(settings)}"


def place(settings: Mapping[str, Any]) -> str:
    """Where a database is: host and port, or this machine for a Unix socket."""
    host, port = settings.get("HOST") or "", settings.get("PORT")
    if not host or host.startswith("/"):
        return "this machine"
    return f"{host}:{port}" if port else str(host)


class Target:
    """The v3 database of one run.

    Args:
        purpose: what shows in pg_stat_activity, for whoever meets the lock.
        exclusive: take the lock; a dry run does not.
        run_key: a number that this run's workers know it by (WorkerTarget); None: it has none.

    Raises:
        TargetError: v3 cannot be reached or is not migrated.
        LockHeldError: another importer holds the lock.
    """

    def __init__(
        self,
        purpose: str,
        *,
        exclusive: bool = True,
        run_key: int | None = None,
        alias: str = DEFAULT_DB_ALIAS,
        backoff: Sequence[float] = BACKOFF_SECONDS,
        grace: float = LOCK_GRACE_SECONDS,
    ) -> None:
        self._alias = alias
        self._purpose = f"pliers {purpose} (process {os.getpid()})"[:63]
        self._exclusive = exclusive
        self._run_key = run_key
        self._backoff = backoff
        self._grace = grace
        self._abandoned = threading.Event()
        # The backend that holds the lock for us: its process id and when it began.
        self._locked_by: tuple[Any, ...] = (None, None)
        self.writer = self._connect()
        self.reader = self.writer
        try:
            self._check_migrated()
            if exclusive:
                self._lock(self.writer)
            self.reader = self._connect()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close both connections; the lock goes with the writer."""
        self.reader.close()
        self.writer.close()

    def abandon(self) -> None:
        """Break both connections under whoever uses them, in any thread; nothing is tried again.

        For one who will not wait: the server's answer may never come.
        """
        self._abandoned.set()
        for connection in (self.writer, self.reader):
            # Closing a connection that another thread waits for is not safe; ending its talk is.
            with (
                suppress(psycopg.Error, OSError),
                socket.socket(fileno=os.dup(connection.pgconn.socket)) as line,
            ):
                line.shutdown(socket.SHUT_RDWR)

    def retrying(self, action: Callable[[], T]) -> T:
        """Run the action; where the connection is lost, connect anew and run it again (R7).

        It is run again only with the lock held again. A deadlock is tried again too.

        Raises:
            TargetLostError: v3 stayed away.
            LockHeldError: another importer took the lock.
        """
        return self._retrying(lambda: self.writer, self._reconnect, action)

    def read(
        self,
        query: sql.SQL | sql.Composed,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
    ) -> list[tuple[Any, ...]]:
        """The rows of a query, through the reader.

        Raises:
            TargetLostError: v3 stayed away.
        """

        def reconnect() -> None:
            self.reader = self._connect()

        def fetch() -> list[tuple[Any, ...]]:
            return self.reader.execute(query, parameters).fetchall()

        return self._retrying(lambda: self.reader, reconnect, fetch)

    def _retrying(
        self,
        connection: Callable[[], Connection],
        reconnect: Callable[[], None],
        action: Callable[[], T],
    ) -> T:
        for pause in (*self._backoff, None):
            try:
                if connection().closed:
                    reconnect()
                return action()
            except (psycopg.Error, TargetLostError) as error:
                lost = is_lost(error, connection())
                if not (lost or isinstance(error, OF_THE_CONNECTION)):
                    raise
                if not lost and getattr(error, "sqlstate", None) not in TRANSIENT_STATES:
                    raise TargetError(f"{describe(self._alias)}: {first_line(error)}") from error
                if lost:
                    connection().close()
                if pause is None or self._abandoned.wait(pause):
                    msg = f"lost {describe(self._alias)} and could not reach it again"
                    raise TargetLostError(f"{msg}: {first_line(error)}") from error
        raise AssertionError  # the last pause is None: the loop returned or raised

    def _connect(self) -> Connection:
        wrapper = connections[self._alias]
        try:
            parameters = NETWORK | wrapper.get_connection_params()
            connection: Connection = wrapper.get_new_connection(parameters)
        except (DatabaseError, psycopg.Error) as error:
            msg = f"cannot open v3, {describe(self._alias)}: {first_line(error)}"
            raise TargetLostError(msg) from error
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: Connection) -> None:
        connection.autocommit = True
        # Django leaves JSON to its fields; there are none here.
        connection.adapters.register_loader("jsonb", JsonbLoader)
        connection.execute("SELECT set_config('application_name', %s, false)", (self._purpose,))
        session.prepare(connection)
        # A killed importer's long statement would hold the lock until it ends.
        with suppress(psycopg.errors.InvalidParameterValue):  # a server that cannot look
            connection.execute("SET client_connection_check_interval = '1s'")

    def _reconnect(self) -> None:
        connection = self._connect()
        try:
            if self._exclusive:
                self._lock(connection)
        except BaseException:
            connection.close()
            raise
        # Only now: where another importer took the lock, there is nothing left to write with.
        self.writer = connection

    def _check_migrated(self) -> None:
        query = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
        missing = [row[0] for row in self.writer.execute(query, (list(NEEDED_TABLES),))]
        if missing:
            msg = f"{describe(self._alias)} has no table {', '.join(missing)}"
            raise TargetError(f"{msg}; run: manage.py migrate")

    def _lock(self, connection: Connection) -> None:
        deadline = time.monotonic() + self._grace
        while True:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
            if row and row[0]:
                self._wait_for_strangers(connection, deadline)
                self._locked_by = _backend(connection)
                return
            ending = self._end_own(connection)
            if time.monotonic() > deadline:
                if ending:
                    msg = f"{describe(self._alias)} does not end the backend that was ours"
                    raise TargetLostError(msg)
                raise LockHeldError(self._holder(connection))
            time.sleep(0.1)

    def _wait_for_strangers(self, connection: Connection, deadline: float) -> None:
        """See that no worker of a run that was killed is at work: it ends with its batch.

        Raises:
            LockHeldError: one still is.
        """
        if self._run_key is not None:
            connection.execute("SELECT pg_advisory_lock_shared(%s)", (self._run_key,))
        # Those of another run than ours; their importer is gone, or has lost its lock.
        while strangers := holders(connection, WORKERS_KEY, without=self._run_key):
            if time.monotonic() > deadline:
                raise LockHeldError(
                    f"workers of an import that has ended are still at work on "
                    f"{describe(self._alias)}, with the batch in hand: "
                    f"{'; '.join(map(str, strangers))}. Start again in a moment, or end them"
                )
            time.sleep(0.1)

    def _end_own(self, connection: Connection) -> bool:
        """End the backend that held the lock for us, for its client is gone: this process.

        Behind a network that broke without a word the server goes on waiting for it.

        Returns:
            Whether it is still there.
        """
        found = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid = %s AND backend_start = %s AND usename = current_user",
            self._locked_by,
        )
        return bool(found.fetchall())

    def _holder(self, connection: Connection) -> str:
        found = holders(connection, LOCK_KEY)
        if not found:
            return "another importer just let the lock go; start again"
        return f"another importer is at work on {describe(self._alias)}: {found[0]}"


class WorkerTarget(Target):
    """The v3 database of one worker of a run: it writes while its importer holds the lock (R6).

    Args:
        purpose: what shows in pg_stat_activity.
        run_key: the number its importer's Target was given.
        is_stopped: whether the worker is to end.

    Raises:
        TargetError: v3 cannot be reached.
        TargetLostError: the importer does not hold the lock.
    """

    def __init__(self, purpose: str, run_key: int, is_stopped: Callable[[], bool]) -> None:
        self._is_stopped = is_stopped
        self._of_run = run_key
        super().__init__(purpose, run_key=run_key)

    def _lock(self, connection: Connection) -> None:
        if self._locked_by != (None, None):
            self._end_own(connection)
        deadline = time.monotonic() + IMPORTER_SECONDS
        keys = (WORKERS_KEY, self._of_run)
        # First this, then the look: so whoever takes the importer's lock in between sees us.
        shared = "SELECT pg_advisory_lock_shared(%s), pg_advisory_lock_shared(%s)"
        unlock = "SELECT pg_advisory_unlock_shared(%s), pg_advisory_unlock_shared(%s)"
        while True:
            connection.execute(shared, keys)
            if held_together(connection, LOCK_KEY, self._of_run):
                self._locked_by = _backend(connection)
                return
            connection.execute(unlock, keys)
            if time.monotonic() > deadline or self._is_stopped():
                msg = f"a worker's importer has lost its lock on {describe(self._alias)}"
                raise TargetLostError(msg)
            time.sleep(0.1)


def _backend(connection: Connection) -> tuple[Any, ...]:
    """The connection's backend: its process id, and when it began, for the id comes again."""
    (found,) = connection.execute(
        "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    ).fetchall()
    return found


def is_lost(error: Exception, connection: Connection) -> bool:
    """Whether the error means that the connection is gone, not that a statement was refused."""
    state = getattr(error, "sqlstate", None) or ""
    return isinstance(error, TargetLostError) or connection.closed or state.startswith(LOST_STATES)


def first_line(error: Exception) -> str:
    """The error's message without its context, which may quote rows."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
