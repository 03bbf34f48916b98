"""Proof that a finished migration lost nothing: both databases counted anew and compared (R1).

Every v2 record is in v3, or an unresolved error says why not; what v2 gained since the run began
belongs to sync_v2. Counts cannot tell one row from another: that is a later check's work.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from django.db import DEFAULT_DB_ALIAS, DatabaseError
from rich.console import Console
from rich.table import Table

from transfer.exceptions import ConfigurationError, SourceError, TargetError
from transfer.mapping.codes import Code
from transfer.models import MigrationProgress
from transfer.plan import PLAN, TABLES, Step
from transfer.source import Source
from transfer.target import describe, first_line
from transfer.verify_source import Cut, SourceCounts, Split
from transfer.verify_target import REFERENCES, Errors, TargetCounts

TABLE_WIDTH = 100  # columns of text where the report does not go to a terminal


class Verdict(StrEnum):
    """What a check says, from good to bad."""

    PASSED = "PASSED"
    WARNING = "WARNING"
    FAILED = "FAILED"


_STYLES = {Verdict.PASSED: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Args:
        name: what was checked.
        status: the verdict.
        target: rows, answers or faults found in v3.
        source: what v2 has of the same; None where v2 has no say.
        note: why it is not PASSED, in a few words.
    """

    name: str
    status: Verdict
    target: int
    source: int | None = None
    note: str = ""

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
    """

    migration: str
    source: str
    target: str
    checks: list[Check] = field(default_factory=list)
    errors: int = 0

    @property
    def status(self) -> Verdict:
        """The worst verdict of all checks."""
        found = {check.status for check in self.checks}
        return next(v for v in reversed(Verdict) if v in found or v is Verdict.PASSED)

    @property
    def clean(self) -> bool:
        """No check failed and no error is open (exit status 0; else 3)."""
        return self.status is not Verdict.FAILED and not self.errors

    def as_dict(self) -> dict[str, Any]:
        """The report as a JSON document."""
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
                }
                for check in self.checks
            ],
        }

    def as_text(self, *, width: int = TABLE_WIDTH, colour: bool = False) -> str:
        """The report for a person, as a table with the reasons below it."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("Check")
        for title in ("v2", "v3", "Difference"):
            table.add_column(title, justify="right")
        table.add_column("Status")
        for check in self.checks:
            style = _STYLES[check.status]
            numbers = (check.source, check.target, check.difference)
            cells = ("" if number is None else f"{number:,}" for number in numbers)
            table.add_row(check.name, *cells, f"[{style}]{check.status}[/]")
        stream = StringIO()
        console = Console(file=stream, width=width, force_terminal=colour, highlight=False)
        out = console.print
        out(f"Verification of {self.migration}", markup=False)
        out(f"  v2: {self.source}\n  v3: {self.target}\n", markup=False, soft_wrap=True)
        out(table)
        noted = [check for check in self.checks if check.note]
        if noted:
            out()
        for check in noted:
            out(f"{check.status}  {check.name}: {check.note}", markup=False, soft_wrap=True)
        out(f"\n{self.summary()}", markup=False, soft_wrap=True)
        return stream.getvalue()

    def summary(self) -> str:
        """The outcome in one line."""
        counts = dict.fromkeys(Verdict, 0)
        for check in self.checks:
            counts[check.status] += 1
        return (
            f"{self.status}: {len(self.checks)} checks, {counts[Verdict.FAILED]} failed, "
            f"{counts[Verdict.WARNING]} with a warning; {self.errors:,} errors recorded"
        )


def verify(
    name: str | None = None, *, v2_alias: str = "v2", v3_alias: str = DEFAULT_DB_ALIAS
) -> VerifyReport:
    """Verify a migration.

    Args:
        name: the migration; None: the only one, else the unfinished one, else the latest.
        v2_alias: the v2 database.
        v3_alias: the v3 database.

    Raises:
        SourceError: v2 cannot be reached or lacks what the counts need.
        TargetError: v3 cannot be reached or is not migrated.
        RunError: there is no such migration, or more than one is meant.
        ConfigurationError: v2, or the mapping file, is not what the migration was made from.
    """
    try:
        _check_migrated(v3_alias)
        migration = _choose(v3_alias, name)
        source = Source(v2_alias)
        try:
            return _verify(migration, source, v3_alias)
        finally:
            source.close()
    except DatabaseError as error:
        msg = f"cannot read v3, {describe(v3_alias)}: {first_line(error)}"
        raise TargetError(msg) from error


def _verify(rows: list[MigrationProgress], source: Source, v3_alias: str) -> VerifyReport:
    migration, started_at = rows[0].migration_name, rows[0].started_at
    fingerprint = rows[0].fingerprint
    if missing := source.schema.missing():
        raise SourceError(f"{source.describe()}: {'; '.join(missing)}")
    read_from = fingerprint.get("source")
    if read_from not in (None, source.identity()):
        raise ConfigurationError(
            f"{migration!r} was read from {read_from}, and V2_DATABASE_URL names "
            f"{source.identity()}; verify it against the v2 it was read from"
        )
    zone = ZoneInfo(fingerprint.get("time_zone", "UTC"))
    cut = Cut.at(started_at, zone)
    organizations = fingerprint.get("organizations", [])
    ctx = _context(migration, started_at, zone, fingerprint) if organizations else None
    verification = _Verification(
        rows,
        {step.table: step for step in PLAN if step.table in fingerprint.get("tables", TABLES)},
        SourceCounts(source, cut, organizations, ctx),
        TargetCounts(v3_alias, migration, cut),
    )
    return VerifyReport(
        migration,
        source.describe(),
        describe(v3_alias),
        list(verification.checks()),
        verification.errors.all,
    )


class _Verification:
    """All checks of one migration."""

    def __init__(
        self,
        progress: list[MigrationProgress],
        steps: dict[str, Step],
        v2: SourceCounts,
        v3: TargetCounts,
    ) -> None:
        self._progress = progress
        self._steps = steps
        self._v2 = v2
        self._v3 = v3
        self.errors: Errors = v3.errors()

    def checks(self) -> Iterator[Check]:
        """Every check there is for the tables the migration fills."""
        for table, step in self._steps.items():
            own = [row for row in self._progress if row.table_name == table]
            yield _progress_check(step, own)
        submissions = Split()
        for table, step in self._steps.items():
            in_v2 = self._v2.rows(table)
            failed = self.errors.records.get(step.v2_table, Split())
            yield count_check(table.capitalize(), in_v2, self._v3.rows(step), failed)
            submissions = in_v2
        if "submissions" in self._steps:
            yield self._answers(submissions)
        for step in self._steps.values():
            yield fault_check(
                f"{step.table.capitalize()} both migrated and failed",
                self._v3.migrated_and_failed(step),
                "are in v3 and recorded as errors too",
            )
        for table, parent, key in REFERENCES:
            if table in self._steps:
                yield fault_check(
                    f"{table.capitalize()} without {parent[:-1]}",
                    self._v3.orphans(table, parent, key),
                    f"name one in {key} that is not in v3",
                )
        if "forms" in self._steps:
            yield fault_check(
                "Forms without title and fields",
                self._v3.broken_definitions(),
                "have a definition the application cannot read",
            )
        if "submissions" in self._steps:
            yield fault_check(
                "Submissions with malformed data",
                self._v3.broken_data(),
                "have data, or metadata.unmapped, of another shape than the mapping gives",
            )
            yield self._keys()

    def _answers(self, submissions: Split) -> Check:
        in_v2, in_v3 = self._v2.answers(submissions), self._v3.answers()
        check = count_check("Answers", in_v2, in_v3, self.errors.answers)
        missing = in_v2.before - in_v3.before - self.errors.answers.before
        # v2 has no time for an answer; that its submission was changed is all it tells.
        if missing > 0 and missing <= (edited := self._v2.edited_answers()):
            balanced = Split(in_v2.before - missing, in_v2.since)
            rest = count_check("Answers", balanced, in_v3, self.errors.answers)
            if rest.status is not Verdict.FAILED:
                note = (
                    f"{missing:,} missing, and submissions with {edited:,} answers were changed in "
                    "v2 since the migration began (sync_v2)"
                )
                notes = "; ".join(filter(None, (note, rest.note)))
                return Check("Answers", Verdict.WARNING, in_v3.total, in_v2.total, notes)
        return check

    def _keys(self) -> Check:
        name = "Answers under names their form lacks"
        found = self._v3.strange_keys()
        own = next((row for row in self._progress if row.table_name == "submissions"), None)
        code = Code.ANSWER_OTHER_FORM
        allowed = own.ledger.get("findings", {}).get(code.value, 0) if own else 0
        if 0 < found <= allowed:
            note = f"{allowed:,} answers to fields of other forms were recorded ({code.info.rule})"
            return Check(name, Verdict.WARNING, found, note=note)
        return fault_check(name, found, f"keys in data, {allowed:,} explained by warnings")
