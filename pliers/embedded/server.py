"""Starting, using and stopping the embedded server of one data directory."""

import fcntl
import hashlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pliers.embedded import supervisor
from pliers.embedded.account import Account, owner
from pliers.embedded.cluster import (
    ROLE,
    check_version,
    clean_environment,
    initialise,
    last_error,
    programs,
)
from pliers.embedded.errors import EmbeddedError
from pliers.embedded.files import (
    exclusive,
    is_locked,
    is_server_process,
    open_lock,
    postmaster_lines,
    server_processes,
)

PORT = 5432  # only the name of the socket file; no TCP port is opened
START_SECONDS = 600.0  # recovery after a crash reads the whole write-ahead log
STOP_SECONDS = 120.0
LINGER_SECONDS = 3.0  # bridges the gap between two commands of a script

# A Unix socket's path holds 107 bytes, so the socket cannot live beside the data.
_SOCKET_ROOT = Path("/tmp")  # noqa: S108 - a folder of its own is made there, mode 0700, its owner checked

# In this process: the lock each var directory is used under, kept until the process ends.
_held: dict[Path, int] = {}
_guard = threading.RLock()


@dataclass(frozen=True, slots=True)
class Server:
    """The server of one var directory.

    Args:
        var: where the data directory ``pg``, its locks and its log live; made where missing, and
            kept in its one real spelling, so that every process finds the same socket.
        database: the database to create when it is not there.
        options: server settings on top of PostgreSQL's defaults, such as ``{"fsync": "off"}``.
        throwaway: delete ``var`` when the server stops (for tests).
        linger: seconds the server stays up after its last user went.
    """

    var: Path
    database: str = "pliers"
    options: dict[str, str] = field(default_factory=dict)
    throwaway: bool = False
    linger: float = LINGER_SECONDS

    def __post_init__(self) -> None:
        # The name of the socket's folder is made of it, and so is the key of the lock we hold.
        object.__setattr__(self, "var", Path(os.path.realpath(self.var)))

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.var / "pg"

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.var / "pg.log"

    @property
    def socket_directory(self) -> Path:
        """The short folder that holds the server's socket; the same for every process."""
        name = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        return _SOCKET_ROOT / f"pliers-{owner(self.data)}-{name}"

    @property
    def _starting(self) -> Path:
        return self.var / "pg.lock"

    @property
    def _users(self) -> Path:
        return self.var / "pg.users"

    @property
    def _supervised(self) -> Path:
        return self.var / "pg.supervisor"

    def use(self) -> None:
        """Have the server running for as long as this process lives.

        The first call of a process may start it; later calls cost nothing.

        Raises:
            EmbeddedError: it cannot be started; the message says why.
        """
        with _guard:
            if self.var not in _held:
                self.ensure_running()

    def ensure_running(self) -> None:
        """Start the server unless it runs, also when this process has been using it before.

        Raises:
            EmbeddedError: it cannot be started; the message says why.
        """
        with _guard:
            try:
                self.var.mkdir(parents=True, exist_ok=True)
                self._hold()
                with exclusive(self._starting, seconds=START_SECONDS):
                    self._start_unless_running()
            except OSError as error:
                raise EmbeddedError(
                    f"the embedded PostgreSQL cannot use {error.filename or self.var}:"
                    f" {error.strerror}"
                ) from error

    def is_running(self) -> bool:
        """Say whether the server accepts connections now."""
        return self._postmaster() is not None and self._is_ready()

    def is_used(self) -> bool:
        """Say whether some process, this one or another, uses the server."""
        return self._users.exists() and is_locked(self._users)

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server, cleanly.

        Args:
            force: even while other processes use it.

        Returns:
            Whether there was a server to stop.

        Raises:
            EmbeddedError: it is in use, or does not stop.
        """
        with _guard:
            if not self.data.exists():
                return False
            with exclusive(self._starting, seconds=START_SECONDS):
                self.release()
                if not force and self.is_used() and self._postmaster():
                    raise EmbeddedError(
                        "the embedded PostgreSQL is in use by another process: end that first,"
                        " or stop with --force"
                    )
                stopped = self._stop_postmaster()
                self._wait_until(lambda: not is_locked(self._supervised), "the supervisor")
                shutil.rmtree(self.socket_directory, ignore_errors=True)
                return stopped

    def release(self) -> None:
        """Stop counting this process among the server's users."""
        with _guard:
            descriptor = _held.pop(self.var, None)
            if descriptor is not None:
                os.close(descriptor)

    def _hold(self) -> None:
        if self.var not in _held:
            descriptor = open_lock(self._users)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            _held[self.var] = descriptor

    def _start_unless_running(self) -> None:
        account = Account.for_data(self.data)
        if not self._is_supervised():
            # Killing its supervisor leaves a server that nobody would ever stop: begin again.
            self._stop_postmaster()
            self._wait_until(lambda: not server_processes(self.data), "a server process")
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            if not self.data.exists():
                initialise(self.data, account, sync=self.options.get("fsync") != "off")
            check_version(self.data)
            self._make_socket_directory(account)
            self._launch(account)
        self._create_database()

    def _is_supervised(self) -> bool:
        """Say whether the server is up and watched, once it is on its way neither up nor down."""
        deadline = time.monotonic() + START_SECONDS
        while is_locked(self._supervised):
            if self.is_running():
                return True
            _check(deadline, self._last_words("the embedded PostgreSQL is not getting ready"))
        return False

    def _make_socket_directory(self, account: Account) -> None:
        directory = self.socket_directory
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            found = directory.lstat()
            if directory.is_symlink() or found.st_uid != account.uid or found.st_mode & 0o077:
                raise EmbeddedError(
                    f"{directory} is not a private folder of user {account.name}: remove it"
                ) from None
        else:
            os.chown(directory, account.uid, account.gid)

    def _launch(self, account: Account) -> None:
        """Start the supervisor, which starts the server, and wait until that is ready."""
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.socket_directory),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            **self.options,
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        command = [
            *account.prefix(programs(), self.data),
            str(programs() / "postgres"),
            "-D",
            str(self.data),
            *words,
        ]
        began = self.log.stat().st_size if self.log.exists() else 0
        reader, writer = os.pipe()
        try:
            with self.log.open("ab") as log:
                order = supervisor.Order(
                    starting=str(self._starting),
                    users=str(self._users),
                    supervised=str(self._supervised),
                    linger=self.linger,
                    remove=(
                        str(self.socket_directory),
                        *([str(self.var)] if self.throwaway else []),
                    ),
                    status=writer,
                    command=tuple(command),
                )
                subprocess.run(  # noqa: S603 - our own program
                    [sys.executable, "-I", supervisor.__file__, order.to_json()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=clean_environment(),
                    pass_fds=(writer,),
                    start_new_session=True,
                    check=True,
                )
            os.close(writer)
            writer = -1
            self._await_ready(reader, began)
        except subprocess.CalledProcessError as error:
            raise EmbeddedError(
                self._last_words("the embedded PostgreSQL's supervisor failed", began)
            ) from error
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)

    def _await_ready(self, reader: int, began: int) -> None:
        # The pipe's other end is open as long as the supervisor is up and the server with it.
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            ended = select.select([reader], [], [], 0)[0]
            if ended or time.monotonic() > deadline:
                raise EmbeddedError(
                    self._last_words("the embedded PostgreSQL did not start", began)
                )
            time.sleep(0.02)

    def _create_database(self) -> None:
        import psycopg  # noqa: PLC0415 - this file is also imported where nothing is started
        from psycopg import sql  # noqa: PLC0415 - as above

        address = f"host={self.socket_directory} port={PORT} user={ROLE} dbname=postgres"
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                query = "SELECT 1 FROM pg_database WHERE datname = %s"
                if connection.execute(query, [self.database]).fetchone() is None:
                    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database))
                    connection.execute(statement)
        except psycopg.Error as error:
            raise EmbeddedError(f"the embedded PostgreSQL: {last_error(str(error))}") from error

    def _postmaster(self) -> int | None:
        """Return the server's process id, if it is this data directory's and alive."""
        lines = postmaster_lines(self.data)
        if lines and lines[0].strip().isdecimal():
            pid = int(lines[0])
            if is_server_process(pid, self.data):
                return pid
        return None

    def _is_ready(self) -> bool:
        lines = postmaster_lines(self.data)
        return (
            len(lines) >= 8
            and lines[7].strip() == "ready"
            and (self.socket_directory / f".s.PGSQL.{PORT}").exists()
        )

    def _stop_postmaster(self) -> bool:
        pid = self._postmaster()
        if pid is None:
            return False
        for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0)):
            deadline = time.monotonic() + seconds
            os.kill(pid, how)
            while time.monotonic() < deadline:
                if not is_server_process(pid, self.data):
                    return True
                time.sleep(0.02)
        raise EmbeddedError(f"the embedded PostgreSQL (process {pid}) does not stop")

    def _wait_until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while not done():
            _check(deadline, f"{what} of the embedded PostgreSQL does not end")

    def _last_words(self, message: str, began: int = 0) -> str:
        """Return the message with the last line of the server's log that says why."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(began, log.seek(0, os.SEEK_END) - 65_536))
                said = log.read().decode(errors="replace")
        except OSError:
            said = ""
        line = last_error(said)
        return f"{message}: {line} (log: {self.log})" if line else f"{message} (log: {self.log})"


def _check(deadline: float, message: str) -> None:
    """Wait a moment, or give up when the time is over."""
    if time.monotonic() > deadline:
        raise EmbeddedError(message)
    time.sleep(0.02)
