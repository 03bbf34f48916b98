"""Where every v2 row a run read went: books that must balance (R1)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from transfer.mapping.findings import AnswerLedger

CHOICES, UNMAPPED = "choices", "unmapped"
UNTOLD = "reason not recorded"


@dataclass(slots=True)
class Ledger:
    """The rows of one kind (a table's records, or the answers inside them), each counted once.

    A row is counted as the first of these that applies, so that
    ``read = migrated + merged + set aside + failed``:

    Args:
        read: rows v2 gave to the run, counted where they are read.
        failed: those that are not in v3, by the code of the error that says why.
        set_aside: answers that metadata keeps, by where: ``unmapped`` (no field to go to, M17)
            and ``choices`` (the text is in data, the choice beside it in metadata, M15).
        merged: answers that are one of several in a list (M16).
        migrated: the rest.
        gone: rows that were read and failed, and that v2 has deleted since (retry_v2 found out);
            they are counted nowhere else any more.
    """

    read: int = 0
    migrated: int = 0
    merged: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    gone: int = 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> Self:
        """The ledger that ``as_json`` gave; an empty one from None."""
        found = document or {}
        made = cls(
            0,
            found.get("migrated", 0),
            found.get("merged", 0),
            _reasons(found.get("set_aside", {})),
            _reasons(found.get("failed", {})),
            found.get("gone", 0),
        )
        # The first builds did not count what they read.
        made.read = found.get("read", made.accounted)
        return made

    def as_json(self) -> dict[str, Any]:
        """The ledger as migration_progress.ledger holds it; reasons that count nothing left out."""
        document: dict[str, Any] = {
            "read": self.read,
            "migrated": self.migrated,
            "merged": self.merged,
            "set_aside": dict(sorted((+self.set_aside).items())),
            "failed": dict(sorted((+self.failed).items())),
        }
        return document | ({"gone": self.gone} if self.gone else {})

    @property
    def failures(self) -> int:
        """Rows that failed, whatever the reason."""
        return self.failed.total()

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for, and no other."""
        return self.read == self.accounted

    @property
    def accounted(self) -> int:
        """Rows that went somewhere."""
        return self.migrated + self.merged + self.set_aside.total() + self.failures

    def add(self, other: "Ledger") -> None:
        """Count the rows of another ledger too."""
        self.read += other.read
        self.migrated += other.migrated
        self.merged += other.merged
        self.set_aside.update(other.set_aside)
        self.failed.update(other.failed)
        self.gone += other.gone

    def take_back(self, other: "Ledger") -> None:
        """Count the rows of another ledger no more: they are tried again, or gone from v2."""
        self.read -= other.read
        self.migrated -= other.migrated
        self.merged -= other.merged
        self.set_aside = without_zeros(self.set_aside, other.set_aside)
        self.failed = without_zeros(self.failed, other.failed)
        self.gone -= other.gone

    def add_answers(self, answers: AnswerLedger, submissions: int = 1) -> None:
        """Count where the answers went of so many submissions like this one that are in v3.

        Not that they were read.
        """
        self.migrated += answers.migrated * submissions
        self.merged += answers.merged * submissions
        self.set_aside[CHOICES] += answers.choices * submissions
        self.set_aside[UNMAPPED] += answers.unmapped * submissions

    def sentence(self) -> str:
        """The ledger as one line, reasons in brackets; it always adds up to what was counted."""
        return (
            f"{self.read:,} read = {self.migrated:,} migrated"
            f" + {self.merged:,} merged into lists"
            f" + {_with_reasons(self.set_aside, 'set aside')}"
            f" + {_with_reasons(self.failed, 'failed')}"
            f"{f'; {self.gone:,} gone from v2' if self.gone else ''}"
        )


def _reasons(counts: Mapping[str, int] | int) -> Counter[str]:
    # The first builds kept one figure, without its reasons.
    if isinstance(counts, int):
        counts = {UNTOLD: counts} if counts else {}
    return Counter(counts)


def without_zeros(counts: Counter[str], less: Counter[str]) -> Counter[str]:
    """The counts less others; what becomes 0 is left out, what becomes less stays to be seen."""
    rest = Counter(counts)
    rest.subtract(less)
    return Counter({name: count for name, count in rest.items() if count})


def _with_reasons(counts: Counter[str], what: str) -> str:
    reasons = ", ".join(f"{count:,} {name}" for name, count in sorted((+counts).items()))
    return f"{counts.total():,} {what} ({reasons})" if reasons else f"0 {what}"
