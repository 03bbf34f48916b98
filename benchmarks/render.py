"""What a benchmark found, as text for a person and as one JSON document."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.figures import MB, Result, Series
from benchmarks.processes import Memory

BARS_ARE_FOR = 200_000  # submissions, of 20 answers


@dataclass(slots=True)
class Findings:
    """All that was measured.

    Attributes:
        conditions: where and on what: machine, versions, size; in the order to show them.
        series: times by contestant's key.
        memory: peaks by command.
        results: by goal, in order.
        notes: whatever a reader has to know besides.
    """

    conditions: dict[str, Any]
    series: dict[str, Series] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """One JSON document."""
        return {
            "conditions": self.conditions,
            "contestants": {key: one.as_json() for key, one in self.series.items()},
            "memory": {name: peak._asdict() for name, peak in self.memory.items()},
            "results": [result.as_json() for result in self.results],
            "notes": self.notes,
        }

    def as_text(self) -> str:
        """Tables for a person."""
        parts = [
            "\n".join(f"{name}: {value}" for name, value in self.conditions.items()),
            *([_times(self.series)] if self.series else []),
            *([_memory(self.memory)] if self.memory else []),
            *([_results(self.results)] if self.results else []),
            *(["\n".join(f"- {note}" for note in self.notes)] if self.notes else []),
        ]
        return "\n\n".join(parts)


def _times(series: dict[str, Series]) -> str:
    rows: list[tuple[str, ...]] = [("seconds", "median", "least", "most", "CPU", "rounds")]
    for key, one in series.items():
        cpu = f"{sum(one.cpu) / len(one.cpu):.2f}" if one.cpu else "-"
        times = (f"{value:.2f}" for value in (one.median, min(one.seconds), max(one.seconds)))
        rows.append((f"{key}. {one.name}", *times, cpu, str(len(one.seconds))))
    lines = [_table(rows)]
    if any(one.facts for one in series.values()):
        names = list(dict.fromkeys(name for one in series.values() for name in one.facts))
        facts: list[tuple[str, ...]] = [("in v3 afterwards", *names)]
        for key, one in series.items():
            if one.facts:
                cells = (f"{one.facts[n]:,}" if n in one.facts else "-" for n in names)
                facts.append((f"{key}. {one.name}", *cells))
        lines.append(_table(facts))
    return "\n\n".join(lines)


def _memory(memory: dict[str, Memory]) -> str:
    rows: list[tuple[str, ...]] = [
        ("peak memory, all processes together", "PSS", "RSS", "processes")
    ]
    for name, peak in memory.items():
        sizes = (f"{size / MB:.0f} MB" for size in (peak.pss, peak.rss))
        rows.append((name, *sizes, str(peak.processes)))
    return _table(rows)


def _results(results: Sequence[Result]) -> str:
    rows: list[tuple[str, ...]] = [
        ("to be reached", "measured", "each round", "bar", "", "hoped for", "")
    ]
    for result in results:
        goal = result.goal
        if result.value is None:
            why = f"not measured: {result.why}"
            rows.append((goal.text, "-", "", _value(goal.bar, goal.unit), why, "", ""))
            continue
        between = ""
        if result.low is not None and result.high is not None:
            between = f"{result.low:.2f} to {result.high:.2f}"
        hoped = "" if goal.hoped is None else _value(goal.hoped, goal.unit)
        rows.append(
            (
                goal.text,
                _value(result.value, goal.unit, exact=True),
                between,
                _value(goal.bar, goal.unit),
                result.verdict(goal.bar),
                hoped,
                "" if goal.hoped is None else result.verdict(goal.hoped),
            )
        )
    return _table(rows, left={0, 2, 4, 6})


def _value(value: float, unit: str, *, exact: bool = False) -> str:
    if unit == "MB":
        return f"{value:.0f} MB" if exact else f"≤ {value:.0f} MB"
    text = f"{value:.2f}" if exact else f"≤ {value:g}"
    return f"{text} s" if unit == "s" else text


def _table(rows: Sequence[Sequence[str]], left: frozenset[int] | set[int] = frozenset({0})) -> str:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
