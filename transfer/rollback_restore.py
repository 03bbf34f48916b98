"""``rollback_v2 NAME --restore FILE``: v3 as it was when it was dumped, whatever came since."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table as Grid

from transfer import backup, rollback_books
from transfer.archive import BackupInfo
from transfer.bare_target import BareTarget
from transfer.exceptions import RunError
from transfer.own_objects import own_tables
from transfer.progress import read_migrations
from transfer.report import REPORT_WIDTH
from transfer.rollback_graph import Table, read_graph
from transfer.rollback_report import plain
from transfer.target import Connection


@dataclass(slots=True)
class RestoreReport:
    """What a restore would do or did; ``outcome`` is preview, dry run or restored.

    Args:
        migration: the migration that is to be undone with it.
        outcome: see above.
        backup: the dump.
        tables: rows in v3 before the restore, by table: this migration's, others', v3's own.
        migrations: all migrations v3 knew before it.
    """

    migration: str
    outcome: str
    backup: BackupInfo
    tables: list[tuple[str, int, int, int]]
    migrations: list[str]
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document."""
        names = ("table", "of_migration", "of_others", "own")
        return {
            "migration": self.migration,
            "outcome": self.outcome,
            "backup": self.backup.as_json(),
            "tables_before": [dict(zip(names, row, strict=True)) for row in self.tables],
            "migrations_before": self.migrations,
            "notes": self.notes,
        }

    def as_text(self) -> str:
        """The report as a table and sentences."""
        out = Console(file=StringIO(), width=REPORT_WIDTH, color_system=None, highlight=False)
        title = plain(f"Restore in place of {self.migration}: {self.outcome}")
        table = Grid(title=title, title_justify="left")
        table.add_column("table, before")
        for name in ("of this migration", "of others", "v3's own"):
            table.add_column(name, justify="right")
        for label, *figures in self.tables:
            table.add_row(plain(label), *(f"{figure:,}" for figure in figures))
        out.print(table)
        others = [name for name in self.migrations if name != self.migration]
        said = [
            f"The dump: {self.backup.sentence()}",
            "All of v3 becomes what it was then; whatever was added or changed since is lost.",
        ]
        if others:
            said.append(f"So are other migrations, if they began since: {', '.join(others)}.")
        for sentence in said + self.notes:
            out.print(plain(sentence), soft_wrap=True)
        file = out.file
        text = file.getvalue() if isinstance(file, StringIO) else ""
        return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def run_restore(
    name: str | None,
    organization: str | None,
    file: Path,
    confirm: Callable[[RestoreReport], bool],
    *,
    dry_run: bool = False,
) -> RestoreReport:
    """Put a dump of v3 back, or show what would be lost.

    Args:
        name: the migration that is undone by it.
        organization: instead of a name, the only organization it moved.
        file: the dump.
        confirm: is shown the preview before anything is changed.
        dry_run: change nothing.

    Raises:
        RunError: there is no migration of that organization, or it was not confirmed.
        TargetError: the file is no such dump, or the server refused it; nothing was changed.
        LockHeldError: an importer is at work.
        KeyboardInterrupt: stopped; the message says what that means.
    """
    info = backup.inspect(file)
    with contextlib.closing(BareTarget("rollback_v2", exclusive=False)) as target:
        reader = target.reader
        known = _known(reader)
        meant = _meant(reader, known, name, organization)
        # What others have that refers to v3 stays as it is.
        own = set(own_tables(reader).names)
        graph = [one for one in read_graph(reader).tables if (one.schema, one.name) in own]
        tables = [_count(reader, one, meant) for one in graph]
        report = RestoreReport(meant, "preview", info, tables, known or [])
        report.notes = _remarks(reader, info, known, meant)
    if dry_run:
        report.outcome = "dry run"
        report.notes.append("Nothing was changed.")
        return report
    if not confirm(report):
        raise RunError("not confirmed; nothing was changed")
    try:
        report.backup = backup.restore(file)
    except KeyboardInterrupt:
        msg = "Stopped: v3 is as it was before, or wholly as it was dumped, and nothing between."
        raise KeyboardInterrupt(msg) from None
    report.outcome = "restored"
    report.notes += report.backup.notes
    return report


def _known(connection: Connection) -> list[str] | None:
    """The migrations v3 knows; None where its books are damaged or gone."""
    try:
        return [one.name for one in read_migrations(connection)]
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        return None


def _meant(
    connection: Connection, known: list[str] | None, name: str | None, organization: str | None
) -> str:
    """The migration to be undone. A name is taken as it is: v3's books may be what is damaged.

    Raises:
        RunError: an organization is given, and v3 has no such migration, or no books.
    """
    if name is not None:
        return name
    if known is None:
        raise RunError("v3's books are gone (migration_progress); say the migration by its name")
    return rollback_books.choose(connection, None, organization).name


def _remarks(
    connection: Connection, info: BackupInfo, known: list[str] | None, meant: str
) -> list[str]:
    """What somebody should know before this dump is put back."""
    notes = []
    if known is None:
        notes.append("v3's books are damaged: nobody knows which migrations are in it.")
    elif meant not in known:
        notes.append(
            f"v3 knows no migration {meant!r}: it may have been restored already, or has another "
            f"name (v3 knows: {', '.join(known) or 'none'}). The dump is put back all the same."
        )
    if meant in info.migrations:
        notes.append(
            f"The dump was taken after {meant!r} began and holds it: its rows of then come back, "
            "and are not undone. To remove them afterwards: rollback_v2 without --restore."
        )
    here = connection.info.dbname
    if info.database != here:
        notes.append(f"The dump is of another database: {info.database!r}, and v3 is {here!r}.")
    return notes


def _count(connection: Connection, table: Table, migration: str) -> tuple[str, int, int, int]:
    batch = sql.SQL("metadata->>'migration_batch'" if table.migrated else "NULL::text")
    query = sql.SQL(
        "SELECT count(*) FILTER (WHERE batch = %s),"
        " count(*) FILTER (WHERE batch <> %s), count(*) FILTER (WHERE batch IS NULL)"
        " FROM (SELECT {} AS batch FROM {}) AS row"
    ).format(batch, table.identifier)
    ((mine, others, own),) = connection.execute(query, (migration, migration)).fetchall()
    return table.label, mine, others, own
