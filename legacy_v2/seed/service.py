"""Makes a demo v2 database: the believable part first, the faults after it."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from legacy_v2.router import ALIAS
from legacy_v2.seed import schema
from legacy_v2.seed.design import Row, design
from legacy_v2.seed.faults import FAULTS, Fault
from legacy_v2.seed.submissions import stream
from legacy_v2.seed.workshop import Workshop
from legacy_v2.seed.writers import SeedRefusedError, Writer, postgres_tables, sqlite_file
from transfer.source_place import describe, sqlite_path

DEFAULT_ANSWERS = 20  # of a submission
MAX_ANSWERS = 1_000  # a form gets a field for each
DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True)
class SeedReport:
    """What a demo database was filled with.

    Attributes:
        database: which one it is, without a login.
        rows: rows by v2 table.
        faults: how many kinds of faulty records are among them.
        skipped: the kinds this database cannot hold.
    """

    database: str
    rows: dict[str, int]
    faults: int = 0
    skipped: tuple[str, ...] = ()

    def as_text(self) -> str:
        """A table for a person."""
        width = max(len(table) for table in self.rows)
        lines = [f"{self.database}:"]
        lines += [f"  {table:<{width}}  {count:>12,}" for table, count in self.rows.items()]
        if self.faults:
            lines.append(f"Among them are {self.faults} kinds of faulty records.")
        lines += [f"Left out, for PostgreSQL cannot hold it: {text}" for text in self.skipped]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The same as one JSON document."""
        return {
            "database": self.database,
            "rows": self.rows,
            "faults": self.faults,
            "skipped": list(self.skipped),
        }


def seed(
    target: Path | BaseDatabaseWrapper,
    *,
    submissions: int,
    seed: int = DEFAULT_SEED,
    answers: int = DEFAULT_ANSWERS,
    faults: bool = False,
    form_without_organization: bool = False,
) -> SeedReport:
    """Make a demo v2 database; the same arguments make the same one, byte for byte in SQLite.

    Args:
        target: the SQLite file to make, or a connection whose PostgreSQL database gets the
            tables. It is replaced where seed_v2 made it, and stays as it is on any error.
        submissions: believable submissions; faults add some of their own.
        seed: another number, other data.
        answers: rows of answers each believable submission has.
        faults: add faulty records for every rule, M3 to M18.
        form_without_organization: add a form that import refuses to start with (M8).

    Raises:
        SeedRefusedError: the target is taken by something else, or cannot be written.
    """
    on_sqlite = isinstance(target, Path)
    wanted = [
        fault for fault in FAULTS if (form_without_organization if fault.on_request else faults)
    ]
    possible = [fault for fault in wanted if on_sqlite or not fault.sqlite_only]
    layout = design(seed, answers)
    place: AbstractContextManager[Writer]
    if isinstance(target, Path):
        place, database = sqlite_file(target), f"SQLite file {target}"
    else:
        place, database = postgres_tables(target), describe(target.alias)
    with place as writer:
        for table, rows in layout.rows.items():
            writer.write(table, rows)
        for chunk in stream(layout, seed, submissions, answers):
            writer.write("FormSubmission", chunk.submissions)
            writer.write("FormSubmissionMetaData", chunk.answers)
        if possible:
            for table, rows in _faulty(possible, Workshop(layout, seed)).items():
                writer.write_any(table, rows)
    return SeedReport(
        database,
        {table: writer.rows[table] for table in schema.tables()},
        faults=len(possible),
        skipped=tuple(f"{f.rule}, {f.description}" for f in wanted if f not in possible),
    )


def v2_target() -> Path | BaseDatabaseWrapper:
    """Where the v2 alias's demo database belongs: its SQLite file, or its PostgreSQL connection.

    Raises:
        SeedRefusedError: v2 is in SQL Server, which is never written to.
    """
    settings = connections.settings[ALIAS]
    engine = str(settings["ENGINE"])
    if engine.endswith("sqlite3"):
        return sqlite_path(str(settings["NAME"]))
    if engine.endswith("postgresql"):
        return connections[ALIAS]
    msg = (
        "seed_v2 makes SQLite files and PostgreSQL tables; the v2 of V2_DATABASE_URL is in SQL"
        " Server, which is only ever read (R4)"
    )
    raise SeedRefusedError(msg)


def _faulty(faults: Iterable[Fault], workshop: Workshop) -> dict[str, list[Row]]:
    for fault in faults:
        fault.make(workshop)
    return workshop.rows
