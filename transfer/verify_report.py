"""What verify_v2 says: one check a line, as text for a terminal and as one JSON document."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from transfer.report import REPORT_WIDTH
from transfer.verify_source import Split


class Verdict(StrEnum):
    """What a check says, from good to bad."""

    PASSED = "PASSED"
    WARNING = "WARNING"
    FAILED = "FAILED"


_BADNESS = list(Verdict)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Args:
        name: what was checked.
        status: the verdict.
        target: rows, answers or faults found in v3.
        source: what v2 has of the same; None where v2 has no say.
        note: why it is not PASSED, in a few words.
    """

    name: str
    status: Verdict
    target: int
    source: int | None = None
    note: str = ""

    @property
    def difference(self) -> int | None:
        """Source less target: what v3 does not have."""
        return None if self.source is None else self.source - self.target


@dataclass(frozen=True)
class VerifyReport:
    """The verification of one migration.

    Args:
        migration: its name.
        source: which v2 was counted.
        target: which v3.
        checks: one entry a check.
        errors: unresolved errors the migration recorded.
    """

    migration: str
    source: str
    target: str
    checks: list[Check] = field(default_factory=list)
    errors: int = 0

    @property
    def status(self) -> Verdict:
        """The worst verdict of all checks; nothing checked proves nothing, and is FAILED."""
        found = (check.status for check in self.checks)
        return max(found, key=_BADNESS.index, default=Verdict.FAILED)

    @property
    def clean(self) -> bool:
        """No check failed and no error is open (exit status 0; else 3)."""
        return self.status is not Verdict.FAILED and not self.errors

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document."""
        return {
            "migration": self.migration,
            "source": self.source,
            "target": self.target,
            "status": self.status.value,
            "errors": self.errors,
            "checks": [
                {
                    "name": check.name,
                    "source_count": check.source,
                    "target_count": check.target,
                    "difference": check.difference,
                    "status": check.status.value,
                    "note": check.note,
                }
                for check in self.checks
            ],
        }

    def as_text(self) -> str:
        """The report as a table, with the reasons below it."""
        table = Table(title=Text(f"Verification of {self.migration}"), title_justify="left")
        table.add_column("check")
        for title in ("v2", "v3", "difference"):
            table.add_column(title, justify="right")
        table.add_column("status")
        for check in self.checks:
            numbers = (check.source, check.target, check.difference)
            cells = ("" if number is None else f"{number:,}" for number in numbers)
            table.add_row(check.name, *cells, check.status)
        stream = StringIO()
        out = Console(file=stream, width=REPORT_WIDTH, color_system=None, highlight=False)
        out.print(table)
        for line in (
            f"v2: {self.source}",
            f"v3: {self.target}",
            *(f"{check.status} {check.name}: {check.note}" for check in self.checks if check.note),
            self.summary(),
        ):
            out.print(line, markup=False, soft_wrap=True)
        return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())

    def summary(self) -> str:
        """The outcome in one line."""
        counts = Counter(check.status for check in self.checks)
        parts = ", ".join(f"{counts[verdict]} {verdict.lower()}" for verdict in Verdict)
        return f"{len(self.checks)} checks: {parts}; {self.errors:,} unresolved errors recorded"


def count_check(name: str, in_v2: Split, in_v3: Split, failed: Split) -> Check:
    """Compare what v2 has with what v3 has and what is recorded as errors (R1).

    Rows of before the migration have to balance exactly; of those v2 gained since, some may have
    been read and the others not. More rows in v3 than v2 accounts for never pass.
    """
    missing = in_v2.before - in_v3.before - failed.before
    gained = in_v2.since - in_v3.since - failed.since
    notes = []
    status = Verdict.WARNING
    if surplus := -min(missing, 0) - min(gained, 0):
        status = Verdict.FAILED
        notes.append(f"{surplus:,} more in v3, or recorded as errors, than v2 has")
    if missing > 0:
        status = Verdict.FAILED
        notes.append(f"{missing:,} neither in v3 nor recorded as errors")
    if failed.total:
        notes.append(f"{failed.total:,} recorded as errors")
    if gained > 0:
        notes.append(f"{gained:,} made in v2 since the migration began")
    verdict = status if notes else Verdict.PASSED
    return Check(name, verdict, in_v3.total, in_v2.total, "; ".join(notes))


def fault_check(name: str, found: int, what: str) -> Check:
    """A check that v3 holds none of something."""
    if not found:
        return Check(name, Verdict.PASSED, 0)
    return Check(name, Verdict.FAILED, found, note=f"{found:,} {what}")
