"""One line of the checklist: what was looked at, what was found, and what to do about it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from legacy_v2 import ids


class Status(StrEnum):
    """What a line means for the migration, from good to bad."""

    OK = "OK"
    WARNING = "WARNING"  # it can be done, and somebody should know
    BLOCKED = "BLOCKED"  # an import would refuse, fail, or not get to its end


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        area: what it is about: v2, v3, schema, forms, volume, disk, time, hazards, way back.
        check: what was looked at.
        status: the verdict.
        found: what was found, in a sentence.
        action: what to do about it; empty where there is nothing to do.
    """

    area: str
    check: str
    status: Status
    found: str
    action: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return asdict(self) | {"status": self.status.value}


def ok(area: str, check: str, found: str) -> Line:
    """A line that asks for nothing."""
    return Line(area, check, Status.OK, found)


def warning(area: str, check: str, found: str, action: str = "") -> Line:
    """A line that somebody should read."""
    return Line(area, check, Status.WARNING, found, action)


def blocked(area: str, check: str, found: str, action: str) -> Line:
    """A line that has to be dealt with first."""
    return Line(area, check, Status.BLOCKED, found, action)


def listed(names: list[str], most: int = 10) -> str:
    """The names with commas, only the first of many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def told(record_id: str) -> str:
    """A record's id for a person: as its errors have it, and the number it is in v2, if it is one.

    An answer without an Id goes by those of its submission and its field.
    """
    parts = record_id.split("/")
    known = "/".join(map(ids.written, parts))
    return record_id if known == record_id else f"{record_id} (in v2: {known})"


def sized(number: float) -> str:
    """A number of bytes for a person: 1.5 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def lasting(seconds: float) -> str:
    """A duration for a person: 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{max(rest, 1)} s"
