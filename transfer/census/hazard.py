"""Hazards of a v2 as the census tells them, and the tally they are gathered in."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from transfer.census.advice import ACTIONS, FORM_WITHOUT_ORGANIZATION, NOTES
from transfer.mapping.codes import Code
from transfer.mapping.findings import Finding
from transfer.mapping.text import clean

ALL_ROWS = "all rows"
MAX_SAMPLES = 10
LONGEST_SAMPLE = 80  # characters; an Id that is none (a hand-made copy of v2) may be longer


@dataclass(frozen=True, slots=True)
class Hazard:
    """One kind of thing in v2 that a rule of the mapping is for.

    Args:
        code: of the finding a run records for it (transfer.mapping.codes); a name of its own
            where a run records none.
        rule: the mapping rule or promise that will apply: ``M17``.
        severity: ``error``: the record stays out of v3, or the import refuses to start;
            ``warning``: it goes in, and differs as the rule says; ``note``: it goes in as it is.
        v2_table: where it is.
        count: how often; of a code, the number of findings the run will record.
        samples: ids of up to ten of them, as findings name records.
        meaning: what will happen, in one sentence.
        basis: what was looked at: ``all rows``, or ``a sample of N rows of M``.
        action: what can be done about it.
    """

    code: str
    rule: str
    severity: str
    v2_table: str
    count: int
    samples: tuple[str, ...]
    meaning: str
    basis: str
    action: str

    def as_json(self) -> dict[str, Any]:
        """The hazard as a JSON document has it."""
        return asdict(self) | {"samples": list(self.samples)}


class Tally:
    """Counts of hazards by code and v2 table, each with its first few ids."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._samples: dict[tuple[str, str], list[str]] = {}

    def add(self, code: str, v2_table: str, count: int, samples: Iterable[object]) -> None:
        """Count some of a hazard. ``samples``: ids, None where there is none."""
        code = str(code)  # a Code's value
        self.counts[code, v2_table] += count
        kept = self._samples.setdefault((code, v2_table), [])
        for sample in samples:
            if len(kept) >= MAX_SAMPLES:
                break
            shown = clean(str(sample))[:LONGEST_SAMPLE].lower()
            if sample is not None and shown not in kept:
                kept.append(shown)

    def take(self, findings: Iterable[Finding]) -> None:
        """Count what the mapping found."""
        for finding in findings:
            self.add(finding.code.value, finding.v2_table, 1, (finding.record_id,))

    def samples(self, code: str, v2_table: str) -> tuple[str, ...]:
        """The ids that were kept, in an order that no server has a say in."""
        return tuple(sorted(self._samples.get((code, v2_table), ())))

    def hazards(self, basis: Mapping[str, str] | None = None) -> list[Hazard]:
        """What was counted; a count of nothing, where that was asked for, too.

        Args:
            basis: what was looked at, by v2 table; all rows unless given.
        """
        of = basis or {}
        return [
            _hazard(code, table, count, self.samples(code, table), of.get(table, ALL_ROWS))
            for (code, table), count in self.counts.items()
        ]


def _hazard(code: str, table: str, count: int, samples: tuple[str, ...], basis: str) -> Hazard:
    if code in NOTES:
        note = NOTES[code]
        severity = "error" if note.blocks else "note"
        return Hazard(
            code, note.rule, severity, table, count, samples, note.meaning, basis, note.action
        )
    info = Code(code).info
    return Hazard(
        code, info.rule, info.severity.value, table, count, samples, info.meaning, basis,
        ACTIONS[Code(code)],
    )  # fmt: skip


__all__ = ["ALL_ROWS", "FORM_WITHOUT_ORGANIZATION", "MAX_SAMPLES", "Hazard", "Tally"]
