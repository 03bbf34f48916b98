"""One call of preflight_v2's service, and its lines by what they are about."""

from transfer.options import ImportOptions
from transfer.preflight.lines import Line, Status
from transfer.preflight.report import PreflightReport
from transfer.preflight.service import WayBack, run_preflight


def check(
    *, full: bool = False, way_back: WayBack | None = None, **options: list[str] | str
) -> PreflightReport:
    """The checklist before an import with these options."""
    return run_preflight(ImportOptions.build(**options), full=full, way_back=way_back)


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
