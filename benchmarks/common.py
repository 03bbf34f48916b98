"""What the benchmarks share: a v3 database of their own, and commands of the project run on it."""

import argparse
import os
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


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
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
    name = f"pliers_bench_{os.getpid()}"
    parts = urlsplit(server)
    here = urlunsplit(parts._replace(path=parts.path.rstrip("/") or "/postgres"))
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    try:
        connection = psycopg.connect(here, autocommit=True)
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise SystemExit(f"--server cannot be used: {said}") from None
    with connection:
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            connection.execute(drop)


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
