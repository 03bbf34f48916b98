"""Medians, ratios and verdicts: the arithmetic of the benchmark, and nothing else."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MB = 1_000_000


@dataclass(slots=True)
class Series:
    """What one contestant took, round by round.

    Attributes:
        name: for a reader.
        seconds: of each round.
        cpu: CPU seconds of each round; empty where the time is a server's.
        rounds: the number of each round, from 1: a contestant may miss one.
        facts: what its result holds, by name (rows, values).
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)

    def add(self, seconds: float, cpu: float | None, number: int) -> None:
        """Add what a round took."""
        self.seconds.append(seconds)
        self.rounds.append(number)
        if cpu is not None:
            self.cpu.append(cpu)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    def as_json(self) -> dict[str, Any]:
        """Seconds of each round, and what is made of them."""
        return {
            "name": self.name,
            "rounds": self.rounds,
            "seconds": [round(one, 4) for one in self.seconds],
            "median": round(self.median, 4),
            "least": round(min(self.seconds), 4),
            "most": round(max(self.seconds), 4),
            "cpu_seconds": [round(one, 4) for one in self.cpu],
            "facts": self.facts,
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table of what is to be reached.

    Attributes:
        key: its name in the JSON document.
        text: what is compared.
        bar: the value has to be at most this.
        hoped: and at best this; None: nothing more is hoped for.
        unit: "" for a ratio, "s", "MB".
    """

    key: str
    text: str
    bar: float
    hoped: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out for a goal.

    Attributes:
        goal: the goal.
        value: in the goal's unit; None where it was not measured.
        why: why there is no value.
        low: the least of the rounds, each for itself; None where there are no rounds to compare.
        high: the most.
    """

    goal: Goal
    value: float | None
    why: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None: not measured."""
        return None if self.value is None else self.value <= self.goal.bar

    @property
    def hope_reached(self) -> bool | None:
        """Whether it is as good as hoped for; None: not measured, or nothing was hoped for."""
        if self.value is None or self.goal.hoped is None:
            return None
        return self.value <= self.goal.hoped

    def verdict(self, limit: float | None) -> str:
        """Plain words on a limit: reached, or missed by how much."""
        if limit is None:
            return "-"
        if self.value is None:
            return "not measured"
        if self.value <= limit:
            return "reached"
        over = self.value - limit
        amount = f"{over:.0f} MB" if self.goal.unit == "MB" else f"{over:.2f}"
        unit = " s" if self.goal.unit == "s" else ""
        return f"missed by {amount}{unit} ({over / limit:.0%})"

    def as_json(self) -> dict[str, Any]:
        """The same as one JSON object."""
        missed = None if self.value is None else round(max(0.0, self.value - self.goal.bar), 4)
        return {
            "key": self.goal.key,
            "what": self.goal.text,
            "unit": self.goal.unit,
            "value": _rounded(self.value),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "bar": self.goal.bar,
            "hoped_for": self.goal.hoped,
            "reached": self.reached,
            "hope_reached": self.hope_reached,
            "missed_by": missed,
            "why_not_measured": self.why,
        }


def ratio(goal: Goal, one: Series | None, other: Series | None, why: str = "") -> Result:
    """The ratio of two medians; beside it the least and most of the rounds both took part in."""
    if one is None or other is None or not one.seconds or not other.seconds:
        return Result(goal, None, why)
    value = one.median / other.median
    theirs = dict(zip(other.rounds, other.seconds, strict=True))
    rounds = [
        seconds / theirs[number]
        for number, seconds in zip(one.rounds, one.seconds, strict=True)
        if number in theirs
    ]
    return Result(goal, value, low=min(rounds, default=None), high=max(rounds, default=None))


def amount(goal: Goal, series: Series) -> Result:
    """A contestant's own seconds."""
    return Result(goal, series.median, low=min(series.seconds), high=max(series.seconds))


def slower(series: Sequence[Series]) -> Series:
    """The one that takes longest, by its median."""
    return max(series, key=lambda one: one.median)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
