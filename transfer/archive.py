"""What is in a dump of v3, by its table of contents."""

import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transfer.exceptions import TargetError
from transfer.own_objects import FUNCTIONS, SEQUENCES, TYPES, table_names
from transfer.pgprograms import find_programs, programs_for, run_program

# What makes a database a v3, whatever a later version of this project adds to it.
CORE_TABLES = ("organizations", "users", "forms", "submissions", "migration_progress")
_HEADER = {
    "database": re.compile(r"^;\s+dbname: (.*)$", re.MULTILINE),
    "created": re.compile(r"^; Archive created at (.*)$", re.MULTILINE),
    "server_version": re.compile(r"^;\s+Dumped from database version: (\d+)", re.MULTILINE),
    "program_version": re.compile(r"^;\s+Dumped by pg_dump version: (\d+)", re.MULTILINE),
}
# An entry of the table of contents: "224; 1259 17366 TABLE public auth_group owner", and under it
# the entries it depends on. Where its name ends and its owner begins, this does not tell.
_ENTRY = re.compile(r"^(\d+); \d+ \d+ (.*)(?:\n;\s+depends on:([ \d]*))?$", re.MULTILINE)
# The same entry in the script that pg_restore would play: there each part has a title.
_TITLES = re.compile(
    r"^-- TOC entry (\d+) .*\n(?:-- Dependencies:.*\n)?"
    r"-- Name: (.*); Type: (.*?); Schema: (.*?); Owner: (.*)$",
    re.MULTILINE,
)
_RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE"})
_MADE_BY_MIGRATIONS = {"FUNCTION": FUNCTIONS, "TYPE": TYPES, "SEQUENCE": SEQUENCES}
# What is a part of whatever it depends on.
_PARTS = frozenset({
    "TABLE DATA", "TABLE ATTACH", "INDEX", "INDEX ATTACH", "CONSTRAINT", "CHECK CONSTRAINT",
    "FK CONSTRAINT", "DEFAULT", "TRIGGER", "RULE", "POLICY", "ROW SECURITY", "STATISTICS",
    "SEQUENCE OWNED BY", "SEQUENCE SET", "COMMENT", "ACL",
})  # fmt: skip
_COPIED = re.compile(r"^COPY \S*migration_progress \((.*)\) FROM stdin;$")


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
        tables: how many tables of v3 are in it.
        migrations: the migrations that v3 knew then, by name.
        notes: what somebody should know of it, or of how it was put back.
    """

    file: str
    size: int
    database: str
    created: str
    server_version: int
    program_version: int
    tables: int
    migrations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; size in bytes."""
        return asdict(self) | {"migrations": list(self.migrations), "notes": list(self.notes)}

    def sentence(self) -> str:
        """It in a few words."""
        return (
            f"{self.file}: v3's {self.tables} tables of database {self.database!r} "
            f"(PostgreSQL {self.server_version}), {self.size:,} bytes, taken {self.created}"
        )


@dataclass(slots=True)
class Entry:
    """An entry of the table of contents.

    Args:
        line: as pg_restore lists it, and takes it.
        kind: what it is; of rows and places of sequences the list's words, up to the name.
        schema: where; empty of rows and places of sequences.
        name: its name; empty of those.
        owner: whose; empty of those.
        needs: the numbers of the entries it depends on.
    """

    line: str
    kind: str
    schema: str
    name: str
    owner: str
    needs: frozenset[int]


class Contents:
    """The table of contents of a dump.

    Args:
        file: the dump.

    Raises:
        TargetError: no such file, or no dump.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            found = file.is_file()
        except OSError as error:
            raise TargetError(f"{file} cannot be read: {error.strerror}") from error
        if not found:
            raise TargetError(f"{file}: no such file")
        self.listed = self._told("--list", "--verbose")
        titles = {
            int(number): (name, kind, schema, owner)
            for number, name, kind, schema, owner in _TITLES.findall(
                self._told("--schema-only", "--verbose", "--file=-")
            )
        }
        self.entries: dict[int, Entry] = {}
        for match in _ENTRY.finditer(self.listed):
            number, what = int(match[1]), match[2]
            unnamed = ("", next((kind for kind in _PARTS if what.startswith(f"{kind} ")), ""))
            name, kind, schema, owner = titles.get(number, (*unnamed, "", ""))
            needs = frozenset(map(int, (match[3] or "").split()))
            line = match[0].partition("\n")[0]
            self.entries[number] = Entry(line, kind, schema, name, owner.partition(";")[0], needs)

    def info(self) -> BackupInfo:
        """What it says of itself.

        Raises:
            TargetError: it does not say where it came from.
        """
        header = {
            name: found.group(1).strip() if (found := pattern.search(self.listed)) else ""
            for name, pattern in _HEADER.items()
        }
        if not header["server_version"].isdecimal() or not header["program_version"].isdecimal():
            raise TargetError(f"{self.file} does not say which PostgreSQL it was dumped from")
        schemas = {entry.schema for entry in self.entries.values() if entry.name in CORE_TABLES}
        own = self.own(max(schemas, key=lambda schema: len(self.own(schema)), default=""))
        return BackupInfo(
            str(self.file),
            self.file.stat().st_size,
            header["database"],
            header["created"],
            int(header["server_version"]),
            int(header["program_version"]),
            sum(self.entries[number].kind == "TABLE" for number in own),
            self._migrations(),
        )

    def missing(self, schema: str | None = None) -> list[str]:
        """The tables of a v3 that are not there with their rows: a schema alone proves nothing."""
        with_rows = {
            need
            for entry in self.entries.values()
            if entry.kind == "TABLE DATA"
            for need in entry.needs
        }
        there = {
            entry.name
            for number, entry in self.entries.items()
            if entry.kind == "TABLE" and number in with_rows and schema in (None, entry.schema)
        }
        return [name for name in CORE_TABLES if name not in there]

    def own(self, schema: str) -> set[int]:
        """The entries that are v3's own: its tables in this schema, and all that is a part of them.

        Of a dump that was made by hand, what others had in the database is none of them.
        """
        names = table_names()
        own = {
            number
            for number, entry in self.entries.items()
            if entry.schema == schema
            and (
                (entry.kind == "TABLE" and entry.name in names)
                or entry.name.partition("(")[0] in _MADE_BY_MIGRATIONS.get(entry.kind, ())
            )
        }
        size = 0
        while size != len(own):
            size = len(own)
            for part in self._parts("TABLE ATTACH", own):
                own |= {need for need in part.needs if self._kind(need) == "TABLE"}
        own |= self._sequences(own)
        strangers = {
            number
            for number, entry in self.entries.items()
            if entry.kind in _RELATIONS and number not in own
        }
        size = 0
        while size != len(own):
            size = len(own)
            own |= {
                number
                for number, entry in self.entries.items()
                if entry.kind in _PARTS and entry.needs & own and not entry.needs & strangers
            }
        return own

    def lines(self, numbers: Iterable[int], *, privileges: bool) -> str:
        """These entries as pg_restore's --use-list takes them, the privileges or all the others."""
        wanted = set(numbers)
        return "".join(
            f"{entry.line}\n"
            for number, entry in self.entries.items()
            if number in wanted and (entry.kind == "ACL") == privileges
        )

    def _parts(self, kind: str, own: set[int]) -> list[Entry]:
        found = (entry for entry in self.entries.values() if entry.kind == kind)
        return [entry for entry in found if entry.needs & own]

    def _kind(self, number: int) -> str:
        return self.entries[number].kind if number in self.entries else ""

    def _sequences(self, own: set[int]) -> set[int]:
        """The sequences of these tables' columns: an identity's, or owned and a default's."""
        found = {
            number
            for number, entry in self.entries.items()
            if entry.kind == "SEQUENCE" and entry.needs & own
        }
        owned = {
            need
            for entry in self.entries.values()
            if entry.kind == "SEQUENCE OWNED BY"
            for need in entry.needs
        }
        for default in self._parts("DEFAULT", own):
            found |= {n for n in default.needs & owned if self._kind(n) == "SEQUENCE"}
        return found

    def _migrations(self) -> tuple[str, ...]:
        """The names in migration_progress, oldest first."""
        names: dict[str, None] = {}
        place = None
        rows = self._told("--data-only", "--table=migration_progress", "--file=-")
        for line in rows.split("\n"):
            if found := _COPIED.match(line):
                place = found[1].split(", ").index("migration_name")
            elif line == "\\.":
                place = None
            elif place is not None:
                names[line.split("\t")[place].replace("\\\\", "\\")] = None
        return tuple(names)

    def _told(self, *words: str) -> str:
        """What pg_restore says, the newest there is: it reads them all."""
        found = find_programs()
        if not found:
            programs_for(1, str(self.file))
        try:
            return run_program(found[-1], "pg_restore", [*words, str(self.file)], dict(os.environ))
        except TargetError as error:
            raise TargetError(
                f"{self.file} is no dump that can be read: {error.message}"
            ) from error
