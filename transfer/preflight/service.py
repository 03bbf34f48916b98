"""The preflight service: asks both databases everything, writes to neither.

One side that cannot be reached is a line of the checklist; the other is looked at all the same.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.db import DatabaseError

from legacy_v2 import models as v2
from legacy_v2.fields import SQL_SERVER
from transfer import extract
from transfer.backup import dump
from transfer.bare_target import BareTarget
from transfer.census import Hazard, Present, take_census
from transfer.census.advice import NOTES
from transfer.census.hazard import ALL_ROWS
from transfer.exceptions import ConfigurationError, SourceError, TargetError
from transfer.options import ImportOptions
from transfer.preflight.estimates import (
    cut_short_line,
    disk_line,
    estimate,
    time_line,
    unsampled_line,
)
from transfer.preflight.hidden_lines import books_before, row_lines
from transfer.preflight.lines import Line, Status, blocked, ok, told, warning
from transfer.preflight.refusals import could_not
from transfer.preflight.report import SEVERITIES, PreflightReport
from transfer.preflight.sample import NAME, take_sample
from transfer.preflight.source_lines import open_source, source_lines
from transfer.preflight.target_lines import migrations_line, open_target, target_lines
from transfer.preflight.volumes import take_volumes
from transfer.restore_point import check_name, create_restore_point
from transfer.scope import Scope
from transfer.source import Source
from transfer.source_place import describe as describe_source
from transfer.target import describe

FORMS, VOLUME, HAZARDS, BACK = "forms", "volume", "hazards", "way back"


@dataclass(frozen=True, slots=True)
class WayBack:
    """What was asked for, to be able to go back: a restore point's name, a dump's file."""

    restore_point: str | None = None
    backup: Path | None = None


def run_preflight(
    options: ImportOptions,
    *,
    full: bool = False,
    way_back: WayBack | None = None,
    telling: Callable[[str], None] = lambda _text: None,
) -> PreflightReport:
    """Look at v2 and v3 before an import with these options.

    Args:
        options: the import's.
        full: look for hazards inside texts in all rows, not in a sample.
        way_back: make these after the checks.
        telling: is told what is being done, for who waits.

    Raises:
        ConfigurationError: PostgreSQL takes no restore point of that name; nothing was looked at.
    """
    way_back = way_back or WayBack()
    if way_back.restore_point is not None:
        check_name(way_back.restore_point)
    began = time.monotonic()
    report = PreflightReport(datetime.now(UTC), describe_source("v2"), describe())
    with contextlib.ExitStack() as stack:
        telling("asking v3")
        target, lines = open_target()
        migrated = False
        if target:
            stack.enter_context(contextlib.closing(target))
            line = migrations_line()
            migrated = line.status is Status.OK
            lines += [line, *target_lines(target, migrated=migrated)]
        telling("asking v2")
        source, v2_lines = open_source()
        report.lines = v2_lines
        if source:
            stack.enter_context(contextlib.closing(source))
            report.lines += source_lines(source)
        report.lines += lines
        if source and not source.schema.missing():
            looking = _Looking(source, options, report, target, telling, migrated=migrated)
            looking.run(full=full)
        elif source:
            report.lines.append(
                warning(FORMS, "forms and rows", "not looked into: v2 lacks what is required")
            )
    _prepare_return(way_back, report, telling)
    report.seconds = time.monotonic() - began
    return report


class _Looking:
    """What v2 holds: whose the forms are, how much there is, and what is wrong with it."""

    def __init__(
        self,
        source: Source,
        options: ImportOptions,
        report: PreflightReport,
        target: BareTarget | None,
        telling: Callable[[str], None],
        *,
        migrated: bool,
    ) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._target = target
        self._telling = telling
        self._v3 = target if migrated else None
        self._present = Present()
        if self._v3:
            try:
                self._present = _present(self._v3)
            except psycopg.Error:  # it may not be read, and the checklist says so already
                self._v3 = None

    def run(self, *, full: bool) -> None:
        """Add the lines."""
        report = self._report
        ctx = self._options.context(NAME, report.checked_at)
        try:
            scope = Scope(self._source, ctx, self._options.organizations)
        except SourceError as error:
            report.lines.append(blocked(FORMS, "organizations", error.message, "repair v2"))
            return
        report.lines.append(_forms_line(scope, self._options, set(self._present.organizations)))
        report.lines += _parents_lines(self._source, scope, self._options, self._present)
        self._telling("counting v2")
        self._step(VOLUME, "what there is", lambda: self._measure(scope))
        self._telling("reading and mapping a sample")
        self._step(VOLUME, "estimates", lambda: self._estimate(scope))
        self._telling("looking for hazards in all rows" if full else "looking for hazards")
        self._step(HAZARDS, "census", lambda: self._census(full=full))

    def _step(self, area: str, check: str, action: Callable[[], None]) -> None:
        """Do a part of the work; what goes wrong with it is a line, and the rest goes on."""
        try:
            action()
        except (SourceError, TargetError, DatabaseError, psycopg.Error) as error:
            self._report.lines.append(could_not(self._source, area, check, error))

    def _measure(self, scope: Scope) -> None:
        report, source = self._report, self._source
        of_server = source.connection.vendor == SQL_SERVER
        told = books_before(source) if of_server else {}
        report.volumes = volumes = take_volumes(source, scope)
        report.lines += row_lines(source, told, volumes.seen)
        total = volumes.total
        organizations = len(volumes.organizations())
        said = (
            f"{total.submissions:,} submissions with {total.answers:,} answers in {total.form} of "
            f"{organizations:,} organizations, {total.first or 'never'} to {total.last or 'never'}"
        )
        if total.submissions:
            report.lines.append(ok(VOLUME, "what there is", said))
        else:
            action = "is this the database you mean?"
            report.lines.append(warning(VOLUME, "what there is", said, action))

    def _estimate(self, scope: Scope) -> None:
        report = self._report
        if report.volumes is None:
            return
        samples = take_sample(self._source, scope, self._options, self._v3, self._present)
        report.estimate = estimate(samples, report.volumes, self._target)
        report.lines += [disk_line(report.estimate), time_line(report.estimate)]
        if report.estimate.unsampled:
            report.lines.append(unsampled_line(report.estimate))
        if report.estimate.cut_short:
            report.lines.append(cut_short_line(report.estimate))

    def _census(self, *, full: bool) -> None:
        report = self._report
        report.hazards = take_census(self._source, self._options, full=full, present=self._present)
        report.lines += hazard_lines(report.hazards, full=full)


def hazard_lines(hazards: list[Hazard], *, full: bool) -> list[Line]:
    """A line for each hazard that keeps records out of v3, and one that sums up all."""
    lines = []
    for hazard in hazards:
        # What an import refuses to start with has a line of its own already.
        refused = hazard.code in NOTES and NOTES[hazard.code].blocks
        if hazard.severity == "error" and not refused:
            some = f", such as {told(hazard.samples[0])}" if hazard.samples else ""
            found = f"{hazard.count:,} of {hazard.v2_table}{some}: {hazard.meaning} ({hazard.rule})"
            lines.append(warning(HAZARDS, hazard.code, found, hazard.action))
    if not hazards:
        return [ok(HAZARDS, "census", "none found")]
    sums = []
    for severity in SEVERITIES:
        counts = [h.count for h in hazards if h.severity == severity and h.count]
        sums.append(f"{sum(counts):,} in {len(counts)} kinds of {severity}")
    sampled = any(hazard.basis != ALL_ROWS for hazard in hazards)
    more = "; --full looks into all texts" if sampled and not full else ""
    return [*lines, ok(HAZARDS, "census", f"{', '.join(sums)}{more}")]


def _present(target: BareTarget) -> Present:
    organizations = target.reader.execute("SELECT id::text FROM organizations")
    forms = target.reader.execute(
        "SELECT id::text, organization_id::text FROM forms WHERE metadata ? 'migration_batch'"
    )
    return Present({row[0] for row in organizations}, {row[0]: row[1] for row in forms})


def _forms_line(scope: Scope, options: ImportOptions, organizations: set[str]) -> Line:
    try:
        scope.check(
            default_organization=options.default_organization, target_organizations=organizations
        )
    except ConfigurationError as error:
        return blocked(
            FORMS, "organizations", error.message, "import_v2 refuses to start until then (M8)"
        )
    count = scope.count_forms()
    return ok(FORMS, "organizations", f"each of {count:,} forms to be moved has one (M8)")


def _parents_lines(
    source: Source, scope: Scope, options: ImportOptions, present: Present
) -> list[Line]:
    """Whether what this run's rows belong to is in v3, where it does not move it itself."""
    tables = {step.table for step in options.steps}
    needed: dict[str, set[str]] = {}
    if "organizations" not in tables:
        columns = extract.ORGANIZATION_COLUMNS[:1]
        every = (row[0] for row in extract.scan(source, v2.Organization, columns))
        needed["organizations"] = {v2_id for v2_id in every if scope.has_organization(v2_id)}
    if "submissions" in tables and "forms" not in tables:
        owners = scope.form_organization.items()
        needed["forms"] = {form for form, owner in owners if scope.has_organization(owner)}
    there = {"organizations": set(present.organizations), "forms": set(present.forms)}
    lines = []
    for table, wanted in needed.items():
        found = len(wanted & there[table])
        said = f"{found:,} of the run's {len(wanted):,} {table} are in v3"
        if found == len(wanted):
            lines.append(ok(FORMS, f"{table} in v3", said))
            continue
        said += "; this run does not move them, and what belongs to the others stays out"
        action = f"import {table} first, or with the same run (--tables)"
        make = warning if found else blocked
        lines.append(make(FORMS, f"{table} in v3", said, action))
    return lines


def _prepare_return(
    asked: WayBack, report: PreflightReport, telling: Callable[[str], None]
) -> None:
    """Make the restore point and the dump that were asked for."""
    if asked.restore_point is not None:
        telling("making a restore point")
        try:
            made = report.restore_point = create_restore_point(asked.restore_point)
        except (TargetError, ConfigurationError) as error:
            report.lines.append(blocked(BACK, "restore point", error.message, "or use --backup"))
        else:
            advice = "docs/runbook.md, Restore points and backups, shows how; or use --backup"
            report.lines.append(
                ok(BACK, "restore point", made.sentence())
                if made.usable
                else warning(BACK, "restore point", made.sentence(), advice)
            )
    if asked.backup is not None:
        telling("dumping v3")
        try:
            report.backup = dump(asked.backup)
        except (TargetError, ConfigurationError) as error:
            report.lines.append(blocked(BACK, "backup", error.message, "there is no dump"))
        else:
            report.lines.append(ok(BACK, "backup", report.backup.sentence()))
            action = "dump and restore as the owner of v3's tables, or as a superuser"
            report.lines += [warning(BACK, "backup", x, action) for x in report.backup.notes]
    if asked == WayBack():
        report.lines.append(
            ok(BACK, "backup", "none was asked for: --backup FILE dumps v3 before the import")
        )
