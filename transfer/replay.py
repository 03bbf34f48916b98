"""Putting a dump of v3 back: what is dropped first, and what psql is given to play.

pg_restore alone would not do: its --clean stumbles over the keys of partitions, an error in a
truncated file must not be committed, a newer one begins with a setting that an old server
refuses, and what others have on v3's tables has to be taken off and put on again.
"""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from psycopg import sql

from transfer.archive import Contents
from transfer.exceptions import TargetError
from transfer.own_objects import foreign_keys, own_objects, own_tables, pattern, published, views
from transfer.pgprograms import (
    Programs,
    child,
    complaint,
    last_error,
    login_environment,
    role_words,
    run_program,
)
from transfer.target import Connection

# Every pg_restore of 17 and later begins with this setting, which older servers do not know.
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;"
_CONNECTION_LOST = 2  # psql's exit status
_BLOCK = 1 << 20  # bytes handed on at once
# A table that somebody uses after all is waited for a moment only: whoever comes after would wait
# behind. A limit that the role has for its application is none for a restore.
_BEGIN = """
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET lock_timeout = '5s';
BEGIN;
"""
# From here on a statement that fails is told, and undone by itself.
_TOLERANT = "\n\\unset ON_ERROR_STOP\n\\set ON_ERROR_ROLLBACK on\n"
_STRICT = "\n\\set ON_ERROR_STOP 1\n\\unset ON_ERROR_ROLLBACK\n"
_NOTHING = "Nothing was changed"
_ERROR = re.compile(r"\bERROR:\s+(.*)")


class Replay:
    """One restore: what is there now is read at once, and ``play`` does it.

    Args:
        connection: to v3; nothing is written through it.
        programs: new enough for the server and the dump.
        contents: the dump's.
        schema: the schema v3's tables are in.
        alias: v3.
    """

    def __init__(
        self,
        connection: Connection,
        programs: Programs,
        contents: Contents,
        schema: str,
        alias: str,
    ) -> None:
        self._connection = connection
        self._programs = programs
        self._contents = contents
        self._entries = contents.own(schema)
        self._alias = alias
        self._old = connection.info.server_version < 170_000
        self._tables = own_tables(connection)
        self._views = views(connection, self._tables)
        self._keys = foreign_keys(connection, self._tables)
        self._published = published(connection, self._tables)
        self.notes: list[str] = []

    def play(self) -> list[str]:
        """Let psql do it, and commit when everything came to its end.

        Returns:
            What could not be as it was, in sentences.

        Raises:
            TargetError: the server refused something, or was lost.
        """
        after = self._script_of_views()
        with tempfile.TemporaryDirectory() as folder:
            restored = self._restored(Path(folder, "contents"), privileges=False)
            granted = self._restored(Path(folder, "privileges"), privileges=True)
            self._play(restored, granted, f"{after}\n{self._put_on()}")
        return self.notes

    def _restored(self, listed: Path, *, privileges: bool) -> list[str]:
        lines = self._contents.lines(self._entries, privileges=privileges)
        listed.write_text(lines, encoding="utf-8")
        words = [self._programs.path("pg_restore"), *role_words(self._alias)]
        if not privileges:
            words += self._owners()
        return [*words, f"--use-list={listed}", "--file=-", str(self._contents.file)]

    def _owners(self) -> list[str]:
        roles = {row[0] for row in self._connection.execute("SELECT rolname FROM pg_roles")}
        owners = {self._contents.entries[number].owner for number in self._entries}
        gone = sorted(owners - roles - {"", "-"})
        if not gone:
            return []
        self.notes.append(
            f"v3 belongs to the role that restored it: there is no {', '.join(gone)} any more"
        )
        return ["--no-owner"]

    def _script_of_views(self) -> str:
        """Others' views as they are now, with their owners and privileges, as SQL."""
        if not self._views:
            return ""
        named = [f"--table={pattern(one.schema)}.{pattern(one.name)}" for one in self._views]
        words = ["--no-password", *role_words(self._alias), *named]
        script = run_program(self._programs, "pg_dump", words, login_environment(self._alias))
        unknown = _UNKNOWN_BEFORE_17.decode()
        return script.replace(f"\n{unknown}\n", "\n", 1) if self._old else script

    def _take_off(self) -> Iterator[sql.Composed]:
        for key in self._keys:
            yield sql.SQL("ALTER TABLE {} DROP CONSTRAINT {};").format(
                sql.Identifier(key.schema, key.table), sql.Identifier(key.name)
            )
        for view in self._views:
            kind = sql.SQL("MATERIALIZED VIEW" if view.materialized else "VIEW")
            yield sql.SQL("DROP {} {};").format(kind, sql.Identifier(view.schema, view.name))
        # Tables that refer to each other go together, without a CASCADE that would take more.
        if self._tables.names:
            named = sql.SQL(", ").join(sql.Identifier(*name) for name in self._tables.names)
            yield sql.SQL("DROP TABLE {};").format(named)

    def _role(self) -> str:
        """What makes psql take the role that the alias takes; the scripts say it themselves."""
        ((login, role),) = self._connection.execute("SELECT session_user, current_user").fetchall()
        if login == role:
            return ""
        return sql.SQL("SET ROLE {};").format(sql.Identifier(role)).as_string(self._connection)

    def _drops(self) -> str:
        taken = [statement.as_string(self._connection) for statement in self._take_off()]
        # Sequences and functions before the types they may use; a table's own are gone with it.
        objects = sorted(own_objects(self._connection), key=lambda one: one[0])
        return "\n".join([*taken, *(f"DROP {kind} {name};" for kind, name, _ in objects)])

    def _put_on(self) -> str:
        made = []
        for key in self._keys:
            start = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {}").format(
                sql.Identifier(key.schema, key.table), sql.Identifier(key.name)
            )
            made.append(f"{start.as_string(self._connection)} {key.definition};")
        return "\n".join(made)

    def _publish(self) -> str:
        statements = []
        for one in self._published:
            made = sql.SQL("ALTER PUBLICATION {} ADD TABLE {};").format(
                sql.Identifier(one.publication), sql.Identifier(one.schema, one.table)
            )
            if one.in_part:
                self.notes.append(
                    f"publication {one.publication!r} had {one.table} with a row filter or a list "
                    "of columns, and has it no more: add it again"
                )
            else:
                statements.append(made.as_string(self._connection))
        return "\n".join(statements)

    def _play(self, restored: Sequence[str], granted: Sequence[str], after: str) -> None:
        psql = [self._programs.path("psql"), "--no-psqlrc", "--quiet", "--no-password"]
        with (
            tempfile.TemporaryFile() as told,
            child(
                [*psql, "--set=ON_ERROR_STOP=1", "--file=-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=told,
                env=login_environment(self._alias),
            ) as player,
        ):
            if player.stdin is None:
                raise AssertionError  # it was asked for
            with contextlib.suppress(BrokenPipeError):  # psql has stopped, and tells why below
                self._feed(player.stdin, f"{self._role()}{_BEGIN}{self._drops()}\n")
                self._feed_script(player.stdin, restored)
                self._feed(player.stdin, f"\n{after}\n{_TOLERANT}")
                self._feed_script(player.stdin, granted)
                self._feed(player.stdin, f"\n{self._publish()}\n{_STRICT}COMMIT;\n")
            with contextlib.suppress(BrokenPipeError):
                player.stdin.close()
            status = player.wait()
            if status == _CONNECTION_LOST:
                raise TargetError(
                    f"v3 was lost while it was restored: {complaint(told)}. It is as it was "
                    "before, or as it was dumped, and nothing between; start again"
                )
            told.seek(0)
            said = told.read().decode(errors="replace")
        if status:
            raise TargetError(f"v3 could not be restored: {_last(said)}. {_NOTHING}")
        self.notes += [f"left out: {error}" for error in dict.fromkeys(_ERROR.findall(said))]

    def _feed(self, player: IO[bytes], text: str) -> None:
        player.write(text.encode())
        player.flush()

    def _feed_script(self, player: IO[bytes], words: Sequence[str]) -> None:
        """Hand a script of pg_restore's on.

        Raises:
            TargetError: the file ends before its end.
        """
        # Ctrl-C is for this process; the programs end with it, in order.
        with (
            tempfile.TemporaryFile() as complaints,
            child(words, stdout=subprocess.PIPE, stderr=complaints) as archive,
        ):
            if archive.stdout is None:
                raise AssertionError  # it was asked for
            for block in blocks(archive.stdout, old=self._old):
                player.write(block)
            if archive.wait():
                raise TargetError(
                    f"the file cannot be read to its end: {complaint(complaints)}. {_NOTHING}"
                )


def blocks(script: IO[bytes], *, old: bool) -> Iterator[bytes]:
    """A script in pieces, without the setting that an old server does not know."""
    # It is among the script's first lines, before anything of the archive.
    for _ in range(30 if old else 0):
        line = script.readline()
        yield b"\n" if line.rstrip() == _UNKNOWN_BEFORE_17 else line
    while block := script.read(_BLOCK):
        yield block


def _last(said: str) -> str:
    """The error that ended it: those before were borne."""
    at = [found.start() for found in re.finditer(r"^.*\b(?:ERROR|FATAL)\b", said, re.MULTILINE)]
    return last_error(said[at[-1] :] if at else said)
