"""One call of preflight_v2's service, and its lines by what they are about."""

from contextlib import closing
from datetime import UTC, datetime

from transfer.options import ImportOptions
from transfer.preflight.lines import Line, Status
from transfer.preflight.report import PreflightReport
from transfer.preflight.service import WayBack, run_preflight
from transfer.preflight.source_lines import open_source, source_lines
from transfer.preflight.target_lines import open_target, target_lines


def check(
    *, full: bool = False, way_back: WayBack | None = None, **options: list[str] | str
) -> PreflightReport:
    """The checklist before an import with these options."""
    return run_preflight(ImportOptions.build(**options), full=full, way_back=way_back)


def of_v2() -> PreflightReport:
    """Only what is said of v2 itself: what it holds is not looked at."""
    source, said = open_source()
    assert source is not None
    with closing(source):
        return PreflightReport(datetime.now(UTC), "v2", "v3", lines=said + source_lines(source))


def of_v3() -> PreflightReport:
    """Only what is said of a migrated v3 itself."""
    target, said = open_target()
    assert target is not None
    with closing(target):
        said += target_lines(target, migrated=True)
    return PreflightReport(datetime.now(UTC), "v2", "v3", lines=said)


def lines(report: PreflightReport, area: str, name: str) -> list[Line]:
    """The lines of one check."""
    return [line for line in report.lines if (line.area, line.check) == (area, name)]


def line(report: PreflightReport, area: str, name: str) -> Line:
    """The one line of a check."""
    (found,) = lines(report, area, name)
    return found


def not_ok(report: PreflightReport) -> set[tuple[str, str, str]]:
    """Every line that asks for something: area, check and status."""
    return {
        (line.area, line.check, line.status.value)
        for line in report.lines
        if line.status is not Status.OK
    }
