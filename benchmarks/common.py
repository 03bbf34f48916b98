"""What the benchmarks share: a v3 database of their own, and commands of the project run on it."""

import argparse
import os
import secrets
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from benchmarks.processes import Run, run
from pliers.embedded import EmbeddedError, Server

MIB = 1024 * 1024


class Place(NamedTuple):
    """Where a benchmark runs: a folder that is thrown away, and the environment of its runs."""

    folder: Path
    environment: dict[str, str]

    def v2(self, path: Path) -> dict[str, str]:
        """The environment of a process whose v2 is this SQLite file."""
        return self.environment | {"V2_DATABASE_URL": f"sqlite:///{quote(str(path))}"}

    def dsn(self) -> str:
        """What libpq reaches v3 by."""
        if address := self.environment["DATABASE_URL"]:
            return address
        script = (
            "import django; django.setup(); from django.db import connection as c; "
            "from psycopg.conninfo import make_conninfo as m; p = c.get_connection_params(); "
            "print(m(**{k: p[k] for k in ('host', 'port', 'user', 'dbname') if k in p}))"
        )
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "pliers.settings"}
        return run([sys.executable, "-c", script], environment).output.strip()


def heed_ends() -> None:
    """Have SIGTERM and SIGHUP end this process as Ctrl-C does: nothing it made stays behind.

    A SIGHUP that is ignored already (nohup) stays so.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ended)


def _ended(number: int, _frame: object) -> None:
    # A closing terminal may say it twice; what is being cleared away is cleared away all the same.
    # No SIG_IGN: the commands that are run meanwhile would inherit it.
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is _ended:
            signal.signal(each, _ended_already)
    raise SystemExit(128 + number)


def _ended_already(_number: int, _frame: object) -> None:
    pass


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Tells a default where there is one, and the option's own words do not tell it."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if "(default: " in (action.help or "") or not action.default:
            return action.help
        return super()._get_help_string(action)


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=_Help)
    parser.add_argument(
        "--server",
        metavar="URL",
        help="a PostgreSQL server to make a database on, and drop it again: "
        "postgres://user@host:port (default: an embedded one, thrown away)",
    )
    return parser


@contextmanager
def place(server: str | None, parent: Path | None = None) -> Iterator[Place]:
    """A migrated, empty v3 and a folder; both are gone afterwards.

    Args:
        server: where to make the database; None: on an embedded server, in the folder.
        parent: what to make the folder in; None: the system's place for temporary files.

    Raises:
        SystemExit: there is no server to be had; one line says why.
    """
    with tempfile.TemporaryDirectory(prefix="pliers-bench-", dir=parent) as name:
        folder = Path(name)
        environment = os.environ | {
            "PLIERS_VAR_DIR": str(folder / "var"),
            "SECRET_KEY": "only for benchmarks",
            "V2_MAPPING": "",
            "V2_TIME_ZONE": "",
            "V2_FORM_STATUS": "",
            "V2_SCHEMA": "",
            "V2_MAX_STORED_WARNINGS": "",
            "PLIERS_WORKERS": "",
            "DEBUG": "",
        }
        with _database(server, folder / "var") as address:
            found = Place(folder, environment | {"DATABASE_URL": address})
            manage(found.v2(folder / "none.sqlite3"), "migrate", "--verbosity", "0")
            yield found


@contextmanager
def _database(server: str | None, var: Path) -> Iterator[str]:
    if server is None:
        # Held by this process too: it would stop while no command of the project uses it.
        try:
            embedded = Server(var)
            embedded.use()
        except EmbeddedError as error:
            raise SystemExit(f"no PostgreSQL of its own: {error}") from None
        try:
            yield ""  # the project's own settings find it, in PLIERS_VAR_DIR
        finally:
            embedded.release()
            try:
                embedded.stop(force=True)
            except EmbeddedError as error:  # what was measured counts all the same
                print(error, file=sys.stderr)
        return
    # Not by the pid alone: a benchmark on another machine may have that too.
    name = f"pliers_bench_{os.getpid()}_{secrets.token_hex(4)}"
    parts = urlsplit(server)
    here = urlunsplit(parts._replace(path=parts.path.rstrip("/") or "/postgres"))
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    try:
        connection = psycopg.connect(here, autocommit=True)
    except psycopg.Error as error:
        raise _unusable(error) from None
    with connection:
        try:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except psycopg.Error as error:
                raise _unusable(error) from None
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            connection.execute(drop)


def _unusable(error: psycopg.Error) -> SystemExit:
    said = " ".join(str(error).split())
    return SystemExit(f"--server cannot be used: {said}")


def manage(
    environment: dict[str, str],
    *words: str,
    allowed: Sequence[int] = (0,),
    watch: bool = False,
) -> Run:
    """Run a manage.py command in a process of its own; see ``processes.run``.

    Raises:
        SystemExit: it ended with another exit status than those allowed.
    """
    return run([sys.executable, "manage.py", *words], environment, allowed, watch=watch)


def spread(values: Sequence[float]) -> str:
    """Median, least and most, in seconds, as a line shows them."""
    return f"{statistics.median(values):9.3f} s  ({min(values):.3f} to {max(values):.3f})"


def where(connection: "psycopg.Connection[tuple[object, ...]]") -> str:
    """The machine and the server a figure belongs to."""
    row = connection.execute("SHOW server_version").fetchone()
    version = row[0] if row else "?"
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, PostgreSQL {version}"
