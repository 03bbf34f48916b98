"""What preflight_v2 found, as text for a terminal and as one JSON document."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from transfer.archive import BackupInfo
from transfer.census import Hazard
from transfer.preflight.estimates import Estimate
from transfer.preflight.lines import Line, Status, sized, told
from transfer.preflight.volumes import Volume, Volumes, summed
from transfer.report import REPORT_WIDTH
from transfer.restore_point import RestorePoint

# In the text; the JSON document has them all.
ORGANIZATIONS_SHOWN, FORMS_SHOWN = 20, 5
SEVERITIES = ("error", "warning", "note")


@dataclass(slots=True)
class PreflightReport:
    """The checklist of one migration to come.

    Attributes:
        checked_at: when it began.
        seconds: how long it took.
        source: which v2.
        target: which v3.
        lines: the checklist.
        volumes: what there is to move; None where v2 could not be counted.
        estimate: disk and time; None where nothing could be sampled.
        hazards: the census.
        restore_point: the one that was asked for and made.
        backup: the dump that was asked for and made.
    """

    checked_at: datetime
    source: str
    target: str
    seconds: float = 0.0
    lines: list[Line] = field(default_factory=list)
    volumes: Volumes | None = None
    estimate: Estimate | None = None
    hazards: list[Hazard] = field(default_factory=list)
    restore_point: RestorePoint | None = None
    backup: BackupInfo | None = None

    @property
    def blocked(self) -> bool:
        """Something has to be dealt with first (exit status 3)."""
        return any(line.status is Status.BLOCKED for line in self.lines)

    @property
    def status(self) -> Status:
        """The worst line's."""
        found = {line.status for line in self.lines}
        return next((one for one in reversed(Status) if one in found), Status.OK)

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document; times are ISO text, sizes bytes."""
        counts = Counter(line.status for line in self.lines)
        return {
            "checked_at": self.checked_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "source": self.source,
            "target": self.target,
            "status": self.status.value,
            "counts": {status.value: counts[status] for status in Status},
            "lines": [line.as_json() for line in self.lines],
            "volumes": self.volumes.as_json() if self.volumes else None,
            "estimate": self.estimate.as_json() if self.estimate else None,
            "hazards": [hazard.as_json() for hazard in self.hazards],
            "restore_point": self.restore_point.as_json() if self.restore_point else None,
            "backup": self.backup.as_json() if self.backup else None,
        }

    def as_text(self) -> str:
        """The report as tables and sentences."""
        stream = StringIO()
        out = Console(file=stream, width=REPORT_WIDTH, color_system=None, highlight=False)
        if self.volumes and self.volumes.lines:
            _volumes(out, self.volumes)
        if self.hazards:
            _hazards(out, self.hazards)
        out.print(_checklist(self.lines))
        out.print(_plain(self.summary()), soft_wrap=True)
        return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())

    def summary(self) -> str:
        """The outcome in one line."""
        counts = Counter(line.status for line in self.lines)
        parts = ", ".join(f"{counts[status]} {status.value}" for status in Status)
        if self.blocked:
            verdict = "not ready: deal with what is BLOCKED first"
        elif counts[Status.WARNING]:
            verdict = "ready, once the warnings are read"
        else:
            verdict = "ready"
        return f"{len(self.lines)} lines: {parts}; {verdict}"


def _checklist(lines: list[Line]) -> Table:
    table = Table(title="Checklist", title_justify="left", show_lines=False)
    table.add_column("status")
    table.add_column("about")
    table.add_column("check")
    table.add_column("what was found → what to do", overflow="fold", ratio=1)
    area = ""
    for line in lines:
        if area and line.area != area:
            table.add_section()
        said = f"{line.found}\n→ {line.action}" if line.action else line.found
        shown = line.area if line.area != area else ""
        table.add_row(line.status.value, _plain(shown), _plain(line.check), _lines(said))
        area = line.area
    return table


def _volumes(out: Console, volumes: Volumes) -> None:
    table = Table(title="What there is to move", title_justify="left")
    table.add_column("organization and form", overflow="fold", ratio=1)
    for title in ("submissions", "answers", "text"):
        table.add_column(title, justify="right")
    for title in ("first", "last"):
        table.add_column(title, no_wrap=True)
    organizations = volumes.organizations()
    for whole, lines in organizations[:ORGANIZATIONS_SHOWN]:
        table.add_section()
        _volume(table, f"{whole.organization} ({whole.form})", whole)
        shown = lines if len(lines) <= FORMS_SHOWN else lines[: FORMS_SHOWN - 1]
        for line in shown:
            _volume(table, f"  {line.form} ({(line.form_id or 'none')[:8]})", line)
        if rest := lines[len(shown) :]:
            _volume(table, f"  {len(rest):,} more", summed(rest, None, ""))
    table.add_section()
    if rest_of_them := organizations[ORGANIZATIONS_SHOWN:]:
        others = summed((whole for whole, _ in rest_of_them), None, "")
        _volume(table, f"{len(rest_of_them):,} more organizations", others)
    _volume(table, "all", volumes.total)
    out.print(table)
    out.print("Forms are shown with the first digits of their Ids; --json has all of everything.\n")


def _volume(table: Table, name: str, volume: Volume) -> None:
    table.add_row(
        _plain(name),
        f"{volume.submissions:,}",
        f"{volume.answers:,}",
        sized(volume.bytes),
        _plain((volume.first or "")[:10]),
        _plain((volume.last or "")[:10]),
    )


def _hazards(out: Console, hazards: list[Hazard]) -> None:
    table = Table(title="Hazard census", title_justify="left")
    table.add_column("severity", no_wrap=True)
    table.add_column("code, and in which table of v2", overflow="fold")
    table.add_column("rule", overflow="fold")
    table.add_column("count", justify="right")
    table.add_column("what will happen → what to do", overflow="fold", ratio=1)
    before = ""
    for hazard in sorted(hazards, key=lambda hazard: SEVERITIES.index(hazard.severity)):
        if before and hazard.severity != before:
            table.add_section()
        table.add_row(
            hazard.severity if hazard.severity != before else "",
            _lines(f"{hazard.code}\n  {hazard.v2_table}"),
            _plain(hazard.rule),
            f"{hazard.count:,}",
            _lines(f"{hazard.meaning}\n→ {hazard.action}"),
        )
        before = hazard.severity
    out.print(table)
    for basis in sorted({hazard.basis for hazard in hazards}):
        codes = dict.fromkeys(hazard.code for hazard in hazards if hazard.basis == basis)
        out.print(_plain(f"Counted in {basis}: {', '.join(codes)}"))
    out.print("Where, by the first Ids of each:")
    for hazard in hazards:
        if hazard.samples:
            said = f"  {hazard.code} ({hazard.v2_table}): {', '.join(map(told, hazard.samples))}"
            out.print(_plain(said), soft_wrap=True)
    out.print()


def _plain(text: str) -> Text:
    """Text that may come out of v2: nothing in it is markup, or steers the terminal."""
    return Text("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text))


def _lines(text: str) -> Text:
    return Text("\n").join(map(_plain, text.split("\n")))
