"""A dump of v3 before a migration, putting it back, and named restore points.

pg_dump and pg_restore do the work; what is here picks the programs that fit the server, keeps
passwords out of sight, and makes a restore whole or not at all.
"""

import contextlib
import os
import socket
from dataclasses import replace
from pathlib import Path

import psycopg
from django.db import DEFAULT_DB_ALIAS
from psycopg import sql

from transfer.archive import CORE_TABLES, BackupInfo, Contents
from transfer.bare_target import BareTarget
from transfer.exceptions import TargetError
from transfer.own_objects import OwnTables, dump_words, hindrances, own_tables
from transfer.pgprograms import login_environment, programs_for, role_words, run_program
from transfer.replay import Replay
from transfer.target import Connection, describe, first_line

_MISSING = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
# Whoever looks into v3's tables, or wrote to them, and has not ended the transaction. What other
# roles are at, and what kind of process has a lock, a role need not see. VACUUM's own lock gives
# way by itself, or else lock_timeout ends the wait for it.
_USED = """
    SELECT DISTINCT held.pid, coalesce(nullif(activity.application_name, ''), 'unnamed')
      FROM pg_locks AS held
      LEFT JOIN pg_stat_activity AS activity ON activity.pid = held.pid
     WHERE held.granted AND held.pid IS DISTINCT FROM pg_backend_pid()
       AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND held.relation = ANY(%s::oid[])
       AND NOT (held.mode = 'ShareUpdateExclusiveLock'
                AND activity.backend_type IS DISTINCT FROM 'client backend')
     ORDER BY 1 NULLS FIRST
"""


def dump(file: Path, alias: str = DEFAULT_DB_ALIAS) -> BackupInfo:
    """Dump v3 into a new file, readable by its owner alone; what others have is left out.

    It is written under another name and gets its own once it is complete and was read back.

    Returns:
        What is in it. Its notes say what would keep this role from putting it back.

    Raises:
        TargetError: the file exists or cannot be written, v3 is not there or not migrated, no
            pg_dump fits the server, or it failed.
        ConfigurationError: the login has a secret that pg_dump cannot be given.
    """
    _refuse_to_overwrite(file)
    with contextlib.closing(BareTarget("backup", exclusive=False, alias=alias)) as target:
        missing = [row[0] for row in target.writer.execute(_MISSING, (list(CORE_TABLES),))]
        if missing:
            raise TargetError(
                f"{describe(alias)} has no table {', '.join(missing)}, so a dump of it could not "
                "be put back over a migration; run first: manage.py migrate"
            )
        programs = programs_for(_version(target.writer), describe(alias))
        chosen = dump_words(target.writer)
        notes = tuple(hindrances(target.writer))
    unfinished = _unfinished(file)
    try:
        # It holds every row of v3: nobody else's to read, from the first byte on.
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise TargetError(f"cannot write {unfinished}: {error.strerror}") from error
    words = ["--format=custom", "--no-password", *role_words(alias), *chosen]
    try:
        run_program(programs, "pg_dump", [*words, f"--file={unfinished}"], login_environment(alias))
        contents = Contents(unfinished)
        _refuse_to_overwrite(file)  # it may have been made meanwhile
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)
    contents.file = file
    return replace(contents.info(), notes=notes)


def inspect(file: Path) -> BackupInfo:
    """What a file holds that is to be put back; nothing is opened but the file.

    Raises:
        TargetError: it is no dump of a v3 database, or none of this machine's programs reads it.
    """
    return _inspected(Contents(file))


def _inspected(contents: Contents) -> BackupInfo:
    info = contents.info()
    if missing := contents.missing():
        raise TargetError(
            f"{contents.file} is a dump of database {info.database!r}, which is no v3: it has no "
            f"table {', '.join(missing)}. Nothing was changed"
        )
    return info


def restore(file: Path, alias: str = DEFAULT_DB_ALIAS) -> BackupInfo:
    """Make v3 what it was when the file was dumped, in one transaction: wholly or not at all.

    v3's own tables, functions, types and sequences are dropped and made anew; partitions and
    rows that came since go with them, and so do tables of this project that a later ``migrate``
    made. What others put into the database stays: their views on v3's tables and the keys that
    lead into them are taken off and put on again as they are now. Where that cannot be, for rows
    of theirs would refer to nothing, the restore is refused and nothing is changed. The import's
    lock is held from before the first look to the end: the caller must not hold it.

    Returns:
        What was put back. Its notes say what could not be as it was, though all rows are.

    Raises:
        TargetError: no such dump, or the server refused it; nothing was changed.
        LockHeldError: an importer is at work.
        ConfigurationError: the login has a secret that the programs cannot be given.
    """
    contents = Contents(file)
    info = _inspected(contents)
    with contextlib.closing(BareTarget("restore", alias=alias)) as target:
        writer = target.writer
        version = _version(writer)
        if info.server_version > version:
            raise TargetError(
                f"{file} was dumped from PostgreSQL {info.server_version}, and "
                f"{describe(alias)} is of {version}; nothing was changed"
            )
        tables = own_tables(writer)
        _refuse_while_used(writer, tables, alias)
        programs = programs_for(max(info.program_version, version), str(file))
        schema = _schema(writer)
        if contents.missing(schema):
            raise TargetError(
                f"{file} holds v3's tables in another schema than {schema!r}, where "
                f"{describe(alias)} has them; nothing was changed"
            )
        notes = Replay(writer, programs, contents, schema, alias).play()
        notes += _analyze(writer)
    return replace(info, notes=tuple(notes))


def _unfinished(file: Path) -> Path:
    """Where the dump is written; what killed processes of this machine left of it is removed."""
    start, end = f".{file.name}.{socket.gethostname()}.", ".unfinished"
    with contextlib.suppress(OSError):  # whatever is wrong with the folder is told at writing
        for left in list(file.parent.iterdir()):
            pid = left.name.removeprefix(start).removesuffix(end)
            if left.name == f"{start}{pid}{end}" and pid.isdecimal() and not _alive(int(pid)):
                left.unlink()
    return file.with_name(f"{start}{os.getpid()}{end}")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _analyze(connection: Connection) -> list[str]:
    """Gather the figures that a dump carries none of; a table where that fails is told.

    What was restored is committed: nothing here may look as though it were not.
    """
    notes: list[str] = []
    for name in own_tables(connection).names:
        try:
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(*name)))
        except psycopg.Error as error:
            if connection.closed:
                return [*notes, "v3 was lost before ANALYZE was through; run it by hand"]
            notes.append(f"ANALYZE {name[1]} failed, run it by hand: {first_line(error)}")
    return notes


def _refuse_to_overwrite(file: Path) -> None:
    try:
        there = file.exists()
    except OSError as error:
        raise TargetError(f"cannot write {file}: {error.strerror}") from error
    if there:
        raise TargetError(f"{file} exists already, and is not overwritten; name another file")


def _refuse_while_used(connection: Connection, tables: OwnTables, alias: str) -> None:
    """Refuse while somebody is in a transaction over v3's tables: the restore would wait for it.

    Raises:
        TargetError: names the sessions.
    """
    rows = connection.execute(_USED, (list(tables.oids),)).fetchall()
    if rows:
        named = ", ".join(
            "a prepared transaction (see pg_prepared_xacts)"
            if pid is None
            else f"{name} (backend {pid})"
            for pid, name in rows[:5]
        )
        raise TargetError(
            f"{describe(alias)} is in use, in the middle of a transaction: {named}. Stop v3's "
            "application, and start again; nothing was changed"
        )


def _version(connection: Connection) -> int:
    return connection.info.server_version // 10_000


def _schema(connection: Connection) -> str:
    row = connection.execute("SELECT current_schema()").fetchone()
    return str(row[0]) if row and row[0] else "public"
