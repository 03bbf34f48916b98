"""What a rollback would do or did, as text for a terminal and as one JSON document."""

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from transfer.progress import Migration
from transfer.report import REPORT_WIDTH
from transfer.rollback_note import RollbackNote


@dataclass(slots=True)
class TableCount:
    """One migrated table: the migration's rows that are there, and those that stay.

    ``kept_parents`` are not changed themselves: a kept row refers to them. Of ``kept_modified``
    an earlier rollback kept ``kept_before``.
    """

    table: str
    rows: int = 0
    kept_modified: int = 0
    kept_parents: int = 0
    kept_before: int = 0

    @property
    def kept(self) -> int:
        """Rows that stay."""
        return self.kept_modified + self.kept_parents

    @property
    def going(self) -> int:
        """Rows that go."""
        return self.rows - self.kept


@dataclass(slots=True)
class Referring:
    """Rows of the application's in one table that refer to what goes."""

    table: str
    rows: int
    through: list[str]
    samples: list[str]


@dataclass(slots=True)
class Survey:
    """The preview of a rollback: what is there now."""

    tables: list[TableCount]
    referring: list[Referring] = field(default_factory=list)
    # Rows of other migrations that refer to what goes: migration → table → rows.
    others: dict[str, dict[str, int]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The migration's rows that are there."""
        return sum(one.rows for one in self.tables)

    @property
    def going(self) -> int:
        """The migration's rows that would go."""
        return sum(one.going for one in self.tables)

    @property
    def kept(self) -> int:
        """The migration's rows that would stay."""
        return sum(one.kept for one in self.tables)

    def blocked(self, *, cascade: bool) -> bool:
        """Whether something stands in the way."""
        return bool(self.others or (self.referring and not cascade))


@dataclass(slots=True)
class RollbackReport:
    """One rollback: the preview, and what was done.

    ``outcome`` is one of dry run, blocked, nothing to do, finished, interrupted, and, before
    anything was asked or done, preview. ``survey`` is what v3 held when it was last looked at,
    ``note`` what was removed in all, by this call and those before it.
    """

    migration: str
    outcome: str
    survey: Survey
    cascade: bool = False
    include_modified: bool = False
    note: RollbackNote | None = None
    seconds: float | None = None
    removed: int = 0
    notes: list[str] = field(default_factory=list)
    # What became of the migrations whose rows stand in the way; one that is missing is unknown.
    known: Mapping[str, Migration] = field(default_factory=dict)

    @property
    def blocked(self) -> bool:
        """Whether something stands in the way of what would go."""
        return self.survey.blocked(cascade=self.cascade)

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document; seconds a float."""
        survey, note = self.survey, self.note
        removed = note.removed if note else Counter[str]()
        return {
            "migration": self.migration,
            "outcome": self.outcome,
            "blocked": self.blocked,
            "cascade": self.cascade,
            "include_modified": self.include_modified,
            "tables": [
                {
                    "table": one.table,
                    "rows": one.rows,
                    "to_remove": one.going,
                    "kept_modified": one.kept_modified,
                    "kept_parents": one.kept_parents,
                    "kept_before": one.kept_before,
                    "removed": removed[one.table],
                }
                for one in survey.tables
            ],
            "referring": [
                {
                    "table": one.table,
                    "rows": one.rows,
                    "through": one.through,
                    "samples": one.samples,
                }
                for one in survey.referring
            ],
            "other_migrations": survey.others,
            "ways_out": {name: self._way_out(name) for name in survey.others},
            "cascaded": dict(sorted(note.cascaded.items())) if note else {},
            "finished": bool(note and note.finished),
            "seconds": round(self.seconds, 3) if self.seconds is not None else None,
            "notes": [*survey.remarks, *self.notes],
        }

    def as_text(self) -> str:
        """The report as tables and sentences."""
        out = Console(file=StringIO(), width=REPORT_WIDTH, color_system=None, highlight=False)
        out.print(_tables(self))
        if self.survey.referring:
            out.print(_referring(self))
        for sentence in self._sentences():
            out.print(plain(sentence), soft_wrap=True)
        file = out.file
        text = file.getvalue() if isinstance(file, StringIO) else ""
        return "\n".join(line.rstrip() for line in text.rstrip().splitlines())

    def _way_out(self, name: str) -> str:
        """What to do about another migration's rows that stand in the way."""
        call = f"rollback_v2 {shlex.quote(name)}"
        other = self.known.get(name)
        if other is None:
            return (
                "v3 knows no migration of that name: point these rows elsewhere, or correct "
                "migration_batch in their metadata."
            )
        if other.rolled_back and not other.rolling_back:
            return (
                "It is rolled back, and these rows were kept: point them elsewhere, or remove "
                f"them, too: {call} --include-modified"
            )
        return f"It has to be rolled back first: {call}"

    def _sentences(self) -> list[str]:
        said = [
            f"BLOCKED by migration {name}: its rows refer to rows that would go "
            f"({_counts(tables)}). {self._way_out(name)}"
            for name, tables in sorted(self.survey.others.items())
        ]
        if self.survey.referring and not self.cascade:
            said.append(
                "BLOCKED by v3's own rows that refer to rows that would go; with --cascade they "
                "go, too."
            )
        if changed := sum(one.kept_modified for one in self.survey.tables):
            parents = sum(one.kept_parents for one in self.survey.tables)
            besides = f", and {parents:,} to which they refer" if parents else ""
            earlier = any(one.kept_before for one in self.survey.tables)
            or_kept = " or kept by an earlier rollback" if earlier else ""
            said.append(
                f"Kept: {changed:,} rows that were changed in v3 since{or_kept}{besides}; "
                "with --include-modified they go, too."
            )
        if self.note is not None:
            said.append(self.note.sentence())
        if self.note is not None and self.note.cascaded.total():
            said.append(f"Of v3's own: {_counts(self.note.cascaded)}.")
        if self.removed and self.seconds:
            said.append(
                f"{self.removed:,} rows in {self.seconds:,.1f} s: "
                f"{self.removed / self.seconds:,.0f} a second"
            )
        return said + self.survey.remarks + self.notes


def plain(text: str) -> Text:
    """Text that may come out of a database: nothing in it is markup, or steers the terminal."""
    return Text("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text))


def _tables(report: RollbackReport) -> Table:
    title = plain(f"Rollback of {report.migration}: {report.outcome}")
    table = Table(title=title, title_justify="left")
    table.add_column("table")
    names = ["in v3", "to remove", "kept: changed", "kept: referred to"]
    if report.note is not None:
        names.append("removed")
    for name in names:
        table.add_column(name, justify="right")
    for one in report.survey.tables:
        figures = [one.rows, one.going, one.kept_modified, one.kept_parents]
        if report.note is not None:
            figures.append(report.note.removed[one.table])
        table.add_row(plain(one.table), *(f"{figure:,}" for figure in figures))
    return table


def _referring(report: RollbackReport) -> Table:
    table = Table(title="v3's own rows that refer to what would go", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name in ("foreign keys", "some of them"):
        table.add_column(name, overflow="fold")
    for one in report.survey.referring:
        samples = Text("\n").join(plain(sample) for sample in one.samples)
        table.add_row(plain(one.table), f"{one.rows:,}", plain(", ".join(one.through)), samples)
    return table


def _counts(counts: "dict[str, int] | Counter[str]") -> str:
    return ", ".join(f"{rows:,} of {table}" for table, rows in sorted(counts.items()))
