"""A dump of v3 before a migration, putting it back, and named restore points.

pg_dump and pg_restore do the work; what is here picks the programs that fit the server, keeps
passwords out of sight, and makes a restore whole or not at all.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from django.db import DEFAULT_DB_ALIAS

from transfer.archive import (
    CORE_TABLES,
    BackupInfo,
    drop_statements,
    has_table,
    info_of,
    table_of_contents,
    to_restore,
)
from transfer.bare_target import BareTarget
from transfer.exceptions import TargetError
from transfer.pgprograms import (
    Programs,
    child,
    complaint,
    login_environment,
    programs_for,
    role_words,
    run_program,
)
from transfer.target import Connection, describe

# Every pg_restore of 17 and later begins with this setting, which older servers do not know.
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;"
_CONNECTION_LOST = 2  # psql's exit status
_BLOCK = 1 << 20  # bytes handed on at once


def dump(file: Path, alias: str = DEFAULT_DB_ALIAS) -> BackupInfo:
    """Dump all of v3 into a new file, readable by its owner alone.

    It is written under another name and gets its own once it is complete and was read back.

    Raises:
        TargetError: the file exists or cannot be written, v3 is not there or not migrated, no
            pg_dump fits the server, or it failed.
        ConfigurationError: the login has a secret that pg_dump cannot be given.
    """
    if file.exists():
        raise TargetError(f"{file} exists already, and is not overwritten; name another file")
    with contextlib.closing(BareTarget("backup", exclusive=False, alias=alias)) as target:
        if missing := _missing_tables(target.writer):
            raise TargetError(
                f"{describe(alias)} has no table {', '.join(missing)}, so a dump of it could not "
                "be put back over a migration; run first: manage.py migrate"
            )
        programs = programs_for(_version(target.writer), describe(alias))
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    try:
        # It holds every row of v3: nobody else's to read, from the first byte on.
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise TargetError(f"cannot write {unfinished}: {error.strerror}") from error
    words = ["--format=custom", "--no-password", *role_words(alias), f"--file={unfinished}"]
    try:
        run_program(programs, "pg_dump", words, login_environment(alias))
        table_of_contents(unfinished)
        if file.exists():  # made meanwhile
            raise TargetError(f"{file} exists already, and is not overwritten; name another file")
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return info_of(file, table_of_contents(file))


def inspect(file: Path) -> BackupInfo:
    """What a file holds that is to be put back; nothing is opened but the file.

    Raises:
        TargetError: it is no dump of a v3 database, or none of this machine's programs reads it.
    """
    contents = table_of_contents(file)
    info = info_of(file, contents)
    if missing := [name for name in CORE_TABLES if not has_table(contents, name)]:
        raise TargetError(
            f"{file} is a dump of database {info.database!r}, which is no v3: it has no table "
            f"{', '.join(missing)}. Nothing was changed"
        )
    return info


def restore(file: Path, alias: str = DEFAULT_DB_ALIAS) -> BackupInfo:
    """Make v3 what it was when the file was dumped, in one transaction: wholly or not at all.

    Everything that was dumped is dropped and made anew; partitions and migrated rows that came
    since go with their tables, and so do tables of this project that a later ``migrate`` made.
    What others put into the database stays; where it depends on a dropped table, the restore is
    refused and nothing is changed. The import's lock is held from before the first look to the
    end: the caller must not hold it.

    Raises:
        TargetError: no such dump, or the server refused it; nothing was changed.
        LockHeldError: an importer is at work.
        ConfigurationError: the login has a secret that the programs cannot be given.
    """
    info = inspect(file)
    with contextlib.closing(BareTarget("restore", alias=alias)) as target:
        version = _version(target.writer)
        if info.server_version > version:
            raise TargetError(
                f"{file} was dumped from PostgreSQL {info.server_version}, and "
                f"{describe(alias)} is of {version}; nothing was changed"
            )
        _refuse_while_used(target.writer, alias)
        programs = programs_for(max(info.program_version, version), str(file))
        contents = table_of_contents(file)
        schema = _schema(target.writer)
        if not all(has_table(contents, name, schema) for name in CORE_TABLES):
            raise TargetError(
                f"{file} holds v3's tables in another schema than {schema!r}, where "
                f"{describe(alias)} has them; nothing was changed"
            )
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder, "contents")
            wanted.write_text("\n".join(to_restore(target.writer, contents)), encoding="utf-8")
            prelude = f"BEGIN;\n{drop_statements(target.writer, contents, schema)}\n"
            script = ["--clean", "--if-exists", *role_words(alias), f"--use-list={wanted}"]
            words = [programs.path("pg_restore"), *script, "--file=-", str(file)]
            _play(programs, words, prelude, login_environment(alias), old=version < 17)
        target.writer.execute("ANALYZE")  # a dump carries no statistics
    return info


def _play(
    programs: Programs,
    words: Sequence[str],
    prelude: str,
    environment: dict[str, str],
    *,
    old: bool,
) -> None:
    """Let psql run the prelude and the archive's script, and commit when both came to their end.

    pg_restore alone would not do: its --clean stumbles over the keys of partitions, an error in
    a truncated file must not be committed, and a newer one begins with a setting that an old
    server refuses.
    """
    nothing_kept = "Nothing was changed"
    psql = [programs.path("psql"), "--no-psqlrc", "--quiet", "--no-password"]
    with (
        tempfile.TemporaryFile() as told,
        tempfile.TemporaryFile() as complaints,
        # Ctrl-C is for this process; the two end with it, in order.
        child(words, stdout=subprocess.PIPE, stderr=complaints) as archive,
        child(
            [*psql, "--set=ON_ERROR_STOP=1", "--file=-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=told,
            env=environment,
        ) as player,
    ):
        if archive.stdout is None or player.stdin is None:
            raise AssertionError  # both were asked for
        try:
            player.stdin.write(prelude.encode())
            for block in _blocks(archive.stdout, old=old):
                player.stdin.write(block)
            if archive.wait() == 0:
                player.stdin.write(b"\nCOMMIT;\n")
                player.stdin.close()
        except BrokenPipeError:  # psql has stopped at an error, and tells it below
            archive.kill()
        else:
            if archive.returncode:
                raise TargetError(
                    f"the file cannot be read to its end: {complaint(complaints)}. {nothing_kept}"
                )
        with contextlib.suppress(BrokenPipeError):
            player.stdin.close()
        if player.wait() == _CONNECTION_LOST:
            raise TargetError(
                f"v3 was lost while it was restored: {complaint(told)}. It is as it was before, or "
                "as it was dumped, and nothing between; start again"
            )
        if player.returncode:
            raise TargetError(f"v3 could not be restored: {complaint(told)}. {nothing_kept}")


def _blocks(script: IO[bytes], *, old: bool) -> Iterator[bytes]:
    # The setting is among the script's first lines, before anything of the archive.
    for _ in range(30 if old else 0):
        line = script.readline()
        yield b"\n" if line.rstrip() == _UNKNOWN_BEFORE_17 else line
    while block := script.read(_BLOCK):
        yield block


def _refuse_while_used(connection: Connection, alias: str) -> None:
    """Refuse while somebody is in a transaction over v3's tables: the restore would wait for it.

    Raises:
        TargetError: names the sessions.
    """
    rows = connection.execute(
        """
        SELECT DISTINCT held.pid, coalesce(nullif(activity.application_name, ''), 'unnamed')
          FROM pg_locks AS held
          JOIN pg_class AS class ON class.oid = held.relation
          LEFT JOIN pg_stat_activity AS activity ON activity.pid = held.pid
         WHERE held.granted AND held.pid <> pg_backend_pid()
           AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND class.relnamespace = current_schema()::regnamespace
           AND activity.backend_type = 'client backend'
         ORDER BY 1
        """
    ).fetchall()
    if rows:
        named = ", ".join(f"{name} (backend {pid})" for pid, name in rows[:5])
        raise TargetError(
            f"{describe(alias)} is in use, in the middle of a transaction: {named}. Stop v3's "
            "application, and start again; nothing was changed"
        )


def _missing_tables(connection: Connection) -> list[str]:
    query = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
    return [row[0] for row in connection.execute(query, (list(CORE_TABLES),))]


def _version(connection: Connection) -> int:
    return connection.info.server_version // 10_000


def _schema(connection: Connection) -> str:
    row = connection.execute("SELECT current_schema()").fetchone()
    return str(row[0]) if row and row[0] else "public"
