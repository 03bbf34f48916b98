"""What is in a dump of v3, by its table of contents, and what has to go before it comes back."""

import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from psycopg import sql

from transfer.exceptions import TargetError
from transfer.pgprograms import find_programs, programs_for, run_program
from transfer.target import Connection

# What makes a database a v3, whatever a later version of this project adds to it.
CORE_TABLES = ("organizations", "users", "forms", "submissions", "migration_progress")
_HEADER = {
    "database": re.compile(r"^;\s+dbname: (.*)$", re.MULTILINE),
    "created": re.compile(r"^; Archive created at (.*)$", re.MULTILINE),
    "server_version": re.compile(r"^;\s+Dumped from database version: (\d+)", re.MULTILINE),
    "program_version": re.compile(r"^;\s+Dumped by pg_dump version: (\d+)", re.MULTILINE),
}
# An entry of an archive's table of contents: "224; 1259 17366 TABLE public auth_group owner".
_ENTRY = re.compile(r"^\d+; \d+ \d+ (?P<what>.*)$")
# Neither temporary tables nor an extension's.
_TABLES = """
    SELECT space.nspname, class.relname, class.oid
      FROM pg_class AS class
      JOIN pg_namespace AS space ON space.oid = class.relnamespace
     WHERE class.relkind IN ('r', 'p') AND class.relpersistence <> 't'
       AND space.nspname NOT IN ('pg_catalog', 'information_schema')
       AND NOT EXISTS (SELECT FROM pg_depend AS part
                        WHERE part.classid = 'pg_class'::regclass AND part.objid = class.oid
                          AND part.deptype = 'e')
"""
# Functions that triggers and checks of these tables call.
_FUNCTIONS = """
    SELECT DISTINCT space.nspname, called.proname, called.oid::regprocedure::text
      FROM pg_depend AS use
      JOIN pg_proc AS called
        ON use.refclassid = 'pg_proc'::regclass AND called.oid = use.refobjid
      JOIN pg_namespace AS space ON space.oid = called.pronamespace
      LEFT JOIN pg_trigger AS trigger
        ON use.classid = 'pg_trigger'::regclass AND trigger.oid = use.objid
      LEFT JOIN pg_constraint AS checked
        ON use.classid = 'pg_constraint'::regclass AND checked.oid = use.objid
     WHERE coalesce(trigger.tgrelid, checked.conrelid) = ANY(%s::oid[])
       AND space.nspname NOT IN ('pg_catalog', 'information_schema')
       AND NOT EXISTS (SELECT FROM pg_depend AS part
                        WHERE part.classid = 'pg_proc'::regclass AND part.objid = called.oid
                          AND part.deptype = 'e')
"""


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """A dump of a v3 database, as its own table of contents tells it.

    Attributes:
        file: where it lies.
        size: bytes.
        database: the name of the database it was taken of.
        created: when, as pg_dump wrote it.
        server_version: that server's major version.
        program_version: pg_dump's.
        tables: how many tables are in it.
    """

    file: str
    size: int
    database: str
    created: str
    server_version: int
    program_version: int
    tables: int

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; size in bytes."""
        return asdict(self)

    def sentence(self) -> str:
        """It in a few words."""
        return (
            f"{self.file}: {self.tables} tables of database {self.database!r} "
            f"(PostgreSQL {self.server_version}), {self.size:,} bytes, taken {self.created}"
        )


def table_of_contents(file: Path) -> str:
    """The archive's table of contents, by the newest pg_restore there is: it reads them all.

    Raises:
        TargetError: no such file, or no dump.
    """
    if not file.is_file():
        raise TargetError(f"{file}: no such file")
    found = find_programs()
    if not found:
        programs_for(1, str(file))
    try:
        return run_program(found[-1], "pg_restore", ["--list", str(file)], dict(os.environ))
    except TargetError as error:
        raise TargetError(f"{file} is no dump that can be read: {error.message}") from error


def info_of(file: Path, contents: str) -> BackupInfo:
    """What the file's table of contents says of it.

    Raises:
        TargetError: it does not say where it came from.
    """
    header = {
        name: found.group(1).strip() if (found := pattern.search(contents)) else ""
        for name, pattern in _HEADER.items()
    }
    if not header["server_version"].isdecimal() or not header["program_version"].isdecimal():
        raise TargetError(f"{file} does not say which PostgreSQL it was dumped from")
    tables = sum(entry.startswith("TABLE ") for entry in entries(contents))
    return BackupInfo(
        str(file),
        file.stat().st_size,
        header["database"],
        header["created"],
        int(header["server_version"]),
        int(header["program_version"]),
        # "TABLE DATA" and "TABLE ATTACH" are entries of the same tables.
        tables
        - sum(entry.startswith(("TABLE DATA ", "TABLE ATTACH ")) for entry in entries(contents)),
    )


def entries(contents: str) -> Iterator[str]:
    """What each entry is: kind, schema, name and owner, with blanks between."""
    for line in contents.splitlines():
        if found := _ENTRY.match(line):
            yield found["what"]


def has_table(contents: str, name: str, schema: str | None = None) -> bool:
    """Whether table and rows are in the archive: one of the schema alone proves nothing."""
    where = re.escape(schema) if schema else r"\S+"
    return all(
        re.search(rf"^\d+; \d+ \d+ {kind} {where} {re.escape(name)} ", contents, re.MULTILINE)
        for kind in ("TABLE", "TABLE DATA")
    )


def to_restore(connection: Connection, contents: str) -> Iterator[str]:
    """The entries to restore: all, but for extensions and schemas that are there already.

    A role that owns v3's tables need not own those, and they hold nothing that a run changes.
    """
    rows = connection.execute(
        "SELECT 'EXTENSION', extname FROM pg_extension"
        " UNION ALL SELECT 'SCHEMA', nspname FROM pg_namespace"
    )
    there = set()
    for kind, name in rows:
        quoted = sql.Identifier(name).as_string(connection)
        there |= {f"{kind} - {name}"}
        there |= {f"COMMENT - {kind} {spelling}" for spelling in (name, quoted)}
    for line in contents.splitlines():
        found = _ENTRY.match(line)
        if found is None:
            continue
        # The owner comes last, and an extension has none.
        what = found["what"].rstrip()
        if what not in there and what.rpartition(" ")[0] not in there:
            yield line


def drop_statements(connection: Connection, contents: str, schema: str) -> str:
    """What drops, all at once, the tables that were dumped and those of ours since.

    Tables that refer to each other go together without CASCADE, which would take others' along.
    Functions that only those tables call, and that are not in the dump, go after them: a
    ``migrate`` made them since, and has to be able to make them again.
    """
    dumped = [e.removeprefix("TABLE ") for e in entries(contents) if e.startswith("TABLE ")]
    functions = [e for e in entries(contents) if e.startswith("FUNCTION ")]
    ours = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    tables = [
        (space, name, oid)
        for space, name, oid in connection.execute(_TABLES)
        if (space == schema and name in ours)
        or any(entry.startswith(f"{space} {name} ") for entry in dumped)
    ]
    if not tables:
        return ""
    named = sql.SQL(", ").join(sql.Identifier(*table[:2]) for table in tables)
    statements = [sql.SQL("DROP TABLE IF EXISTS {};").format(named).as_string(connection)]
    for space, name, signature in connection.execute(_FUNCTIONS, ([row[2] for row in tables],)):
        if not any(entry.startswith(f"FUNCTION {space} {name}(") for entry in functions):
            statements.append(f"DROP FUNCTION {signature};")
    return "\n".join(statements)
