"""What a run did, as text for a terminal and as one JSON document."""

import shlex
import time
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from legacy_v2 import names
from transfer.batch import TableState
from transfer.ledger import Ledger
from transfer.mapping.codes import Code, Severity
from transfer.mapping.findings import Finding
from transfer.open_errors import OpenError
from transfer.progress import Migration
from transfer.rate import seconds_left

REPORT_WIDTH = 100


@dataclass(slots=True)
class MigrationReport:
    """One migration, table by table.

    ``seconds`` is how long it took, ``moved`` how many records this call dealt with.
    ``outcome`` is one of finished, nothing to do, interrupted, limited, dry run, or for
    status_v2 the migration's status.
    """

    migration: str
    outcome: str
    started_at: datetime | None
    tables: list[TableState]
    seconds: float | None = None
    moved: int | None = None
    notes: list[str] = field(default_factory=list)
    samples: list[Finding] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Records and answers that are recorded as errors."""
        return sum(state.errors for state in self.tables)

    def findings(self, severity: Severity) -> dict[Code, int]:
        """How often each code of this severity was found."""
        counts: dict[Code, int] = {}
        for state in self.tables:
            for name, count in state.findings.items():
                if (code := Code(name)).info.severity is severity:
                    counts[code] = counts.get(code, 0) + count
        return counts

    def answers(self) -> Ledger:
        """Where the answers went."""
        total = Ledger()
        for state in self.tables:
            total.add(state.answers)
        return total

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document; times are ISO text in UTC, seconds a float.

        ``copied_bytes`` is what was COPYed into v3, before v3 compresses it.
        """
        running = self.outcome == "in_progress"
        return {
            "migration": self.migration,
            "outcome": self.outcome,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "seconds": round(self.seconds, 3) if self.seconds is not None else None,
            "moved": self.moved,
            "source": next((state.source for state in self.tables if state.source), None),
            "tables": [_table_json(state, running=running) for state in self.tables],
            "answers": self.answers().as_json(),
            "errors": _by_name(self.findings(Severity.ERROR)),
            "warnings": _by_name(self.findings(Severity.WARNING)),
            "notes": self.notes,
            "samples": [
                {
                    "code": finding.code.value,
                    "v2_table": finding.v2_table,
                    "record_id": finding.record_id,
                    "message": finding.message,
                }
                for finding in self.samples
            ],
        }

    def as_text(self, *, warnings: bool = True) -> str:
        """The report as tables and sentences; without the warnings' table where told so."""
        out = Console(file=StringIO(), width=REPORT_WIDTH, color_system=None, highlight=False)
        out.print(_tables(self), soft_wrap=False)
        answers = self.answers()
        if gone := sum(state.records.gone for state in self.tables):
            out.print(f"Records: {gone:,} more failed once and are gone from v2", markup=False)
        if answers.read or answers.gone:
            out.print(f"Answers: {answers.sentence()}", markup=False)
        if self.moved and self.seconds:
            rate = self.moved / self.seconds
            out.print(f"{self.moved:,} records in {self.seconds:,.1f} s: {rate:,.0f} a second")
        for severity, title in ((Severity.ERROR, "Errors"), (Severity.WARNING, "Warnings")):
            counts = self.findings(severity)
            if counts and (warnings or severity is Severity.ERROR):
                out.print(_codes(title, counts))
        if self.samples:
            out.print(_samples(self.samples))
        for note in self.notes:
            out.print(plain(note), soft_wrap=True)
        file = out.file
        text = file.getvalue() if isinstance(file, StringIO) else ""
        return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


@dataclass(slots=True)
class RetryReport:
    """What became of recorded errors that were tried again, and how the migration stands now.

    ``tried``, ``closed`` and ``gone`` count by the code an error had; the gone ones (v2 has their
    record no more) are among the closed.
    """

    migration: MigrationReport
    tried: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False

    def add(
        self, errors: Iterable[OpenError], closed: Container[int], gone: Container[int]
    ) -> None:
        """Count a page of errors; closed and gone are ids of theirs."""
        for error in errors:
            self.tried[error.code] += 1
            if error.id in closed:
                self.closed[error.code] += 1
            if error.id in gone:
                self.gone[error.code] += 1

    @property
    def still(self) -> int:
        """How many of those tried are still errors."""
        return self.tried.total() - self.closed.total()

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document."""
        return {
            "tried": self.tried.total(),
            "closed": self.closed.total(),
            "gone": self.gone.total(),
            "still": self.still,
            "interrupted": self.interrupted,
            "codes": {
                code: {"tried": n, "closed": self.closed[code], "gone": self.gone[code]}
                for code, n in sorted(self.tried.items())
            },
            "notes": self.notes,
            "migration": self.migration.as_json(),
        }

    def as_text(self) -> str:
        """The report as tables and sentences."""
        if not self.tried:
            said = "\n".join(self.notes) or "No open error to try."
            return f"{said}\n{self.migration.as_text(warnings=False)}"
        out = Console(file=StringIO(), width=REPORT_WIDTH, color_system=None, highlight=False)
        table = Table(title="Tried again", title_justify="left")
        table.add_column("code")
        for name in ("tried", "closed", "of them gone from v2", "still open"):
            table.add_column(name, justify="right")
        for code, tried in sorted(self.tried.items()):
            closed = self.closed[code]
            figures = (tried, closed, self.gone[code], tried - closed)
            table.add_row(code, *(f"{figure:,}" for figure in figures))
        out.print(table)
        file = out.file
        text = file.getvalue() if isinstance(file, StringIO) else ""
        if self.interrupted:
            go_on = f"retry_v2 --name {shlex.quote(self.migration.migration)}"
            text = f"{text.rstrip()}\nInterrupted after the page in hand. To go on: {go_on}"
        lines = [line.rstrip() for line in text.rstrip().splitlines()] + self.notes
        return "\n".join([*lines, self.migration.as_text(warnings=False)])


def _tables(report: MigrationReport) -> Table:
    title = plain(f"Migration {report.migration}: {report.outcome}")
    table = Table(title=title, title_justify="left")
    table.add_column("table")
    table.add_column("status")
    for name in ("total", "read", "migrated", "failed", "warnings"):
        table.add_column(name, justify="right")
    for state in report.tables:
        warnings = sum(
            count
            for code, count in state.findings.items()
            if Code(code).info.severity is Severity.WARNING
        )
        total = "" if state.total is None else f"{state.total:,}"
        figures = (state.records.read, state.processed, state.failed, warnings)
        table.add_row(state.table, state.status, total, *(f"{figure:,}" for figure in figures))
    return table


def _codes(title: str, counts: dict[Code, int]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("code")
    table.add_column("rule")
    table.add_column("count", justify="right")
    table.add_column("meaning")
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(code.value, code.info.rule, f"{count:,}", code.info.meaning)
    return table


def _samples(samples: Iterable[Finding]) -> Table:
    table = Table(title="What would fail, the first of them", title_justify="left")
    for name in ("v2 table", "v2 id", "why"):
        table.add_column(name, overflow="fold")
    for finding in samples:
        table.add_row(
            names.told(finding.v2_table), plain(finding.record_id), plain(finding.message)
        )
    return table


def plain(text: str) -> Text:
    """Text that may come out of v2: nothing in it is markup, or steers the terminal."""
    return Text("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text))


def _table_json(state: TableState, *, running: bool) -> dict[str, Any]:
    rate = state.rate if running else None
    left = seconds_left(state.processed + state.failed, state.total, rate)
    return {
        "table": state.table,
        "status": state.status,
        "total": state.total,
        "processed": state.processed,
        "failed": state.failed,
        "copied_bytes": state.copied,
        "records_per_second": rate,
        "seconds_left": None if left is None else round(left),
        "records": state.records.as_json(),
        "error_message": state.error_message,
        "completed_at": state.completed_at.isoformat() if state.completed_at else None,
    }


def _by_name(counts: dict[Code, int]) -> dict[str, int]:
    return {code.value: count for code, count in sorted(counts.items())}


def report_of(
    name: str, outcome: str, migration: Migration, began: float, *notes: str
) -> MigrationReport:
    """A report of a migration as its books tell it; ``began``: a time of time.monotonic()."""
    return MigrationReport(
        name,
        outcome,
        migration.started_at,
        list(migration.states.values()),
        time.monotonic() - began,
        notes=list(notes),
    )
