"""A PostgreSQL of a test's own, to be killed, restarted and starved.

The programs are the embedded wheel's; the account is found as the project's own server finds it.
However the test run ends, nothing of it stays: the server goes with its parent, and a guardian
that outlives both removes the folder.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
from django.conf import settings as project
from django.db import connections

from pliers.embedded.account import Account
from pliers.embedded.cluster import ROLE, clean_environment, programs
from pliers.embedded.files import server_processes
from tests.aliases import pointed

PORT = 5432  # the name of the socket file; no TCP port is open
DATABASE = "crash"
SEGMENT_MB = 1  # of write-ahead log: a file size limit that data may reach leaves it alone
# Nothing here survives a power failure, and need not: a killed process leaves the kernel's cache.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "20",
    "autovacuum": "off",
}


class PrivateServer:
    """One server in a folder of its own, from ``with`` to its end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pliers-crash-", dir="/tmp"))
        self._guardian = subprocess.Popen(
            [sys.executable, "-c", "from tests.servers import guard; guard()", str(self.folder)],
            cwd=project.BASE_DIR,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        account = Account.for_data(self.data)
        os.chown(self.folder, account.uid, account.gid)
        self._prefix = account.prefix(programs(), self.folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.down = threading.Event()  # nothing of it runs

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings(self) -> dict[str, Any]:
        """Django's settings for its database."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": DATABASE,
            "USER": ROLE,
            "PASSWORD": "",
            "HOST": str(self.folder),
            "PORT": PORT,
        }

    def __enter__(self) -> Self:
        try:
            self._run(
                "initdb",
                f"--pgdata={self.data}",
                f"--username={ROLE}",
                "--auth=trust",  # its socket is in a folder that only its owner enters
                "--encoding=UTF8",
                "--locale=C",
                f"--wal-segsize={SEGMENT_MB}",
                "--no-sync",
            )
            self.start()
            with self._connect("postgres") as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill it, and remove its folder."""
        self.kill()
        assert self._guardian.stdin is not None
        self._guardian.stdin.close()
        self._guardian.wait(30)

    def start(self) -> None:
        """Start it (again), and wait until it lets somebody in: a crash is recovered from first."""
        connections["default"].close()  # the one that this thread had
        self.down.clear()
        words = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._prefix,
                    str(programs() / "postgres"),
                    "-D",
                    str(self.data),
                    f"--unix_socket_directories={self.folder}",
                    *words,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=clean_environment(),
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End every process of it with SIGKILL, as a machine out of memory does."""
        kill_all(self.data)
        if self._process is not None:
            self._process.wait(30)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.down.set()

    def revive(self) -> None:
        """Undo what a test may have left: a limit, or a server that is down."""
        if self.down.is_set():
            self.start()
        self.limit_files(None)

    def limit_files(self, size: int | None) -> None:
        """Let no file of it grow beyond so many bytes (None: as it pleases again)."""
        # Its own user may do that, root without every capability may not: hence the program. A
        # process may have gone by its turn; the postmaster's children inherit its limit.
        limit = "unlimited" if size is None else str(size)
        each = 'for pid in "$@"; do prlimit --pid="$pid" --fsize="$0:" 2>/dev/null || :; done'
        pids = map(str, server_processes(self.data))
        subprocess.run([*self._prefix, "/bin/sh", "-c", each, limit, *pids], check=True)

    def _connect(self, database: str) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host=str(self.folder), port=PORT, user=ROLE, dbname=database, autocommit=True
        )

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [*self._prefix, str(programs() / program), *words],
            cwd="/",
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            check=True,
        )


@contextmanager
def use_v3(settings: dict[str, Any]) -> Iterator[None]:
    """Point the default alias of this process at another v3."""
    with pointed("default", settings):
        yield


def kill_all(data: Path) -> None:
    """End every PostgreSQL of a data directory, and wait until they are gone."""
    while pids := server_processes(data):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def guard() -> None:
    """Wait for the end of the process that made the folder, however it comes; leave nothing."""
    folder = Path(sys.argv[1])
    sys.stdin.buffer.read()
    kill_all(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)
