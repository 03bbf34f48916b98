"""v2 staged in v3's PostgreSQL by pgloader, as the first half of contestant e."""

import os
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks.database import Connection
from benchmarks.processes import run

STAGED = "v2_pgloader"
# The two that are large; the plans of strategy.sql are as good without the others.
TABLES = ("formsubmission", "formsubmissionmetadata")
# Types as d's staged tables have them: a SQLite copy of v2 has its times, bits and Ids as text.
SCRIPT = """\
LOAD DATABASE FROM sqlite://v2.sqlite3
  INTO {address}
  WITH include drop, create tables, create indexes, reset sequences
   SET search_path to '{schema}', timezone to 'UTC'
  CAST type char to uuid drop typemod,
       type bit to boolean drop typemod,
       column organization.createdon to timestamp,
       column "user".createdon to timestamp,
       column "user".lastupdatedon to timestamp,
       column formtype.createdon to timestamp,
       column formsubmission.createdon to timestamp,
       column formsubmission.lastupdatedon to timestamp
  BEFORE LOAD DO
       $$ DROP SCHEMA IF EXISTS {schema} CASCADE $$,
       $$ CREATE SCHEMA {schema} $$;
"""


class PgloaderError(Exception):
    """pgloader could not stage v2; the message is for the table of results."""


def program() -> str | None:
    """Where pgloader is, if it is installed."""
    return shutil.which("pgloader")


def stage(v3: Connection, dsn: str, path: Path, folder: Path) -> float:
    """Stage a v2 file, and analyze what came: pgloader leaves that to autovacuum.

    Args:
        v3: a connection, in autocommit.
        dsn: what libpq reaches the same database by.
        path: the file.
        folder: where there is room for what pgloader needs.

    Returns:
        Seconds of the whole process, and of ANALYZE.

    Raises:
        PgloaderError: it failed.
    """
    command = program()
    if command is None:
        raise PgloaderError("pgloader is not installed")
    address, password = address_of(dsn)
    with TemporaryDirectory(dir=folder) as name:
        # pgloader takes no blank in a path: it is started where the file is, under another name.
        (Path(name) / "v2.sqlite3").symlink_to(path)
        script = Path(name) / "v2.load"
        script.write_text(SCRIPT.format(address=address, schema=STAGED))
        # Not in the script, nor in what pgloader says about it.
        environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
        words = [command, "--root-dir", f"{name}/root", str(script)]
        try:
            done = run(words, environment, cwd=Path(name))
        except SystemExit as error:
            raise PgloaderError(f"pgloader failed: {str(error).splitlines()[-1]}") from None
    began = time.perf_counter()
    for table in TABLES:
        v3.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(STAGED, table)))
    return done.seconds + time.perf_counter() - began


def address_of(dsn: str) -> tuple[str, str]:
    """What pgloader calls a database, and the password, which is not in it."""
    parts = conninfo_to_dict(dsn)
    user, database = (quote(str(parts.get(key, "postgres")), safe="") for key in ("user", "dbname"))
    host, port = str(parts.get("host", "localhost")), parts.get("port", 5432)
    place = f"unix:{host}" if host.startswith("/") else host
    tail = (
        "?sslmode=require"
        if parts.get("sslmode") in {"require", "verify-ca", "verify-full"}
        else ""
    )
    return f"postgresql://{user}@{place}:{port}/{database}{tail}", str(parts.get("password") or "")
