"""What verify_v2 says: one check a line, as text for a terminal and as one JSON document.

A check's verdict follows from what it found, and cannot be given: a fault fails it, and what is
no fault is either an open error or an accepted difference that the list names.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from transfer.accepted import MADE_SINCE, Difference
from transfer.report import REPORT_WIDTH
from transfer.verify_source import Split

if TYPE_CHECKING:
    from transfer.verify_values import ValuesReport


class Verdict(StrEnum):
    """What a check says, from good to bad."""

    PASSED = "PASSED"
    WARNING = "WARNING"  # nothing but accepted differences
    OPEN = "OPEN"  # every row is accounted for, some of them as errors that nobody has resolved
    FAILED = "FAILED"


_BADNESS = list(Verdict)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Args:
        name: what was checked.
        target: rows, answers or faults found in v3.
        source: what v2 has of the same; None where v2 has no say.
        faults: what fails it, each in a few words.
        open_errors: rows of v2 that are not in v3 because of an error nobody has resolved yet.
        accepted: what may differ, each an entry of the list with how often it was found.
    """

    name: str
    target: int
    source: int | None = None
    faults: tuple[str, ...] = ()
    open_errors: int = 0
    accepted: tuple[Difference, ...] = ()

    @property
    def status(self) -> Verdict:
        """The verdict: by the worst of what was found."""
        if self.faults:
            return Verdict.FAILED
        if self.open_errors:
            return Verdict.OPEN
        return Verdict.WARNING if self.accepted else Verdict.PASSED

    @property
    def note(self) -> str:
        """Why it is not PASSED, in a few words."""
        errors = (f"{self.open_errors:,} recorded as errors",) if self.open_errors else ()
        return "; ".join((*self.faults, *errors, *map(str, self.accepted)))

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
        values: what comparing the values found; None where they were not compared.
    """

    migration: str
    source: str
    target: str
    checks: list[Check] = field(default_factory=list)
    errors: int = 0
    values: "ValuesReport | None" = None

    @property
    def status(self) -> Verdict:
        """The worst verdict of all checks; nothing checked proves nothing, and is FAILED."""
        found = (check.status for check in self.checks)
        return max(found, key=_BADNESS.index, default=Verdict.FAILED)

    @property
    def clean(self) -> bool:
        """No check failed and no error is open (exit status 0; else 3)."""
        return self.status in (Verdict.PASSED, Verdict.WARNING) and not self.errors

    @property
    def accepted(self) -> list[Difference]:
        """The accepted differences, each once: two checks may name the same rows."""
        found: dict[tuple[str, str], Difference] = {}
        for difference in (each for check in self.checks for each in check.accepted):
            key = difference.name, difference.of
            if key not in found or found[key].count < difference.count:
                found[key] = difference
        return list(found.values())

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
                    "open_errors": check.open_errors,
                    "accepted": {each.name: each.count for each in check.accepted},
                }
                for check in self.checks
            ],
            "accepted_differences": [
                {
                    "name": each.name,
                    "rule": each.entry.rule,
                    "of": each.of,
                    "count": each.count,
                    "meaning": each.entry.meaning,
                    "reason": each.entry.reason,
                }
                for each in self.accepted
            ],
            **(self.values.as_json() if self.values else {}),
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
        for more in self.values.as_tables() if self.values else ():
            out.print(more)
        for line in self.values.differences() if self.values else ():
            out.print(Text(line), soft_wrap=True)
        if self.accepted:
            out.print(_accepted_table(self.accepted))
        for line in (
            f"v2: {self.source}",
            f"v3: {self.target}",
            *(f"{check.status} {check.name}: {check.note}" for check in self.checks if check.note),
            *(self.values.remarks() if self.values else ()),
            self.summary(),
        ):
            out.print(line, markup=False, emoji=False, soft_wrap=True)
        return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())

    def summary(self) -> str:
        """The outcome in one line."""
        counts = Counter(check.status for check in self.checks)
        parts = ", ".join(f"{counts[verdict]} {verdict.lower()}" for verdict in Verdict)
        return f"{len(self.checks)} checks: {parts}; {self.errors:,} unresolved errors recorded"


def _accepted_table(differences: list[Difference]) -> Table:
    table = Table(title="Accepted differences", title_justify="left")
    for title in ("name", "rule", "of"):
        table.add_column(title)
    table.add_column("count", justify="right")
    table.add_column("why it is accepted")
    for each in differences:
        cells = (each.name, each.entry.rule, each.of, f"{each.count:,}", each.entry.reason)
        table.add_row(*map(Text, cells))
    return table


def count_check(
    name: str, in_v2: Split, in_v3: Split, failed: Split, accepted: tuple[Difference, ...] = ()
) -> Check:
    """Compare what v2 has with what v3 has and what is recorded as errors (R1).

    Rows of before the migration have to balance exactly, but for what is accepted; of those v2
    gained since, some may have been read and the others not. More rows in v3 than v2 accounts
    for never pass.
    """
    missing = in_v2.before - in_v3.before - failed.before - sum(each.count for each in accepted)
    gained = in_v2.since - in_v3.since - failed.since
    faults = []
    if surplus := -min(missing, 0) - min(gained, 0):
        faults.append(f"{surplus:,} more in v3, or recorded as errors, than v2 has")
    if missing > 0:
        faults.append(f"{missing:,} neither in v3 nor recorded as errors")
    if gained > 0:
        accepted = (*accepted, Difference(MADE_SINCE, name.lower(), gained))
    return Check(name, in_v3.total, in_v2.total, tuple(faults), failed.total, accepted)


def fault_check(name: str, found: int, what: str) -> Check:
    """A check that v3 holds none of something."""
    return Check(name, found, faults=(f"{found:,} {what}",) if found else ())
