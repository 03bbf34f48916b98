"""What a migration left, against v2 and against its books: counts, ids and structure (R1).

Every v2 record is in v3 under its id, or an unresolved error says why not; v3 holds as many rows
and answers as the run's books say it wrote; references lead somewhere, and forms and answers
have their shape. What v2 gained since the migration began belongs to sync_v2. The values
themselves are not compared: a check to come.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from transfer.exceptions import ConfigurationError, RunError, SourceError, TargetError
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.models import MigrationProgress, RunStatus
from transfer.options import ImportOptions, read_mapping_file
from transfer.plan import PLAN, TABLES, Step
from transfer.source import Source
from transfer.target import NEEDED_TABLES, describe, first_line
from transfer.verify_report import Check, Verdict, VerifyReport, count_check, fault_check
from transfer.verify_source import Cut, SourceCounts, Split
from transfer.verify_target import REFERENCES, Errors, Rows, TargetCounts


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
        with contextlib.closing(Source(v2_alias)) as source:
            return _verify(migration, source, v3_alias)
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
        in_v3 = {table: self._v3.rows(step) for table, step in self._steps.items()}
        failed = {
            table: self.errors.records.get(step.v2_table, Split())
            for table, step in self._steps.items()
        }
        for table, step in self._steps.items():
            yield _progress_check(
                step, self._books(table), in_v3[table].counted.total, failed[table].total
            )
        submissions = Split()
        for table in self._steps:
            in_v2 = self._v2.rows(table)
            yield count_check(table.capitalize(), in_v2, in_v3[table].counted, failed[table])
            submissions = in_v2
        if "submissions" in self._steps:
            answers = self._v3.answers()
            yield self._answers(submissions, answers)
            yield self._answers_in_books(answers.total)
        for table, step in self._steps.items():
            yield self._ids(step, in_v3[table].counted.total)
        yield from self._faults(in_v3)

    def _faults(self, in_v3: dict[str, Rows]) -> Iterator[Check]:
        """What v3 must hold none of."""
        for table in self._steps:
            yield fault_check(
                f"{table.capitalize()} marked deleted",
                in_v3[table].deleted,
                "were migrated and have deleted_at set, which the mapping never does",
            )
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

    def _books(self, table: str) -> list[MigrationProgress]:
        return [row for row in self._progress if row.table_name == table]

    def _ids(self, step: Step, in_v3: int) -> Check:
        """Whether v2's records are the ones in v3: counts cannot tell one row from another."""
        found = lost = 0
        for page in self._v2.ids(step.table):
            present = self._v3.present(step, page)
            found += len(present)
            rest = [key for key, since in page.items() if not since and key not in present]
            lost += len(rest) - len(self._v3.failed(step, rest))
        notes = []
        if lost:
            notes.append(f"{lost:,} ids of v2 are neither in v3 nor recorded as errors")
        if strange := in_v3 - found:
            notes.append(f"{strange:,} ids in v3 are of no record that v2 has")
        verdict = Verdict.FAILED if notes else Verdict.PASSED
        name = f"{step.table.capitalize()} under other ids"
        return Check(name, verdict, lost + abs(strange), note="; ".join(notes))

    def _answers_in_books(self, in_v3: int) -> Check:
        """Whether v3 holds the answers the run wrote, whatever has become of v2 since (R1)."""
        name = "Run of answers"
        ledgers = [row.ledger.get("answers", {}) for row in self._books("submissions")]
        kept = ("migrated", "merged", "set_aside")
        written = sum(ledger.get(key, 0) for ledger in ledgers for key in kept)
        if written == in_v3:
            return Check(name, Verdict.PASSED, in_v3, written)
        note = f"the run wrote {written:,}, and v3 holds {in_v3:,}"
        return Check(name, Verdict.FAILED, in_v3, written, note)

    def _changed_since(self) -> tuple[int, int]:
        """The answers of older submissions that v2 changed after they were read: v2's, v3's."""
        in_v2 = in_v3 = 0
        for edited in self._v2.edited():
            if changed := self._v3.changed(edited):
                in_v2 += self._v2.answers_of(changed)
                in_v3 += self._v3.answers(changed).total
        return in_v2, in_v3

    def _answers(self, submissions: Split, in_v3: Split) -> Check:
        in_v2 = self._v2.answers(submissions)
        check = count_check("Answers", in_v2, in_v3, self.errors.answers)
        missing = in_v2.before - in_v3.before - self.errors.answers.before
        if missing <= 0:
            return check
        # v2 has no time for an answer; that its submission was changed is all it tells. So what
        # is missing has to be missing in those that were, and nowhere else.
        edited, migrated = self._changed_since()
        if missing == edited - migrated:
            balanced = Split(in_v2.before - missing, in_v2.since)
            rest = count_check("Answers", balanced, in_v3, self.errors.answers)
            if rest.status is not Verdict.FAILED:
                note = (
                    f"{missing:,} missing, and submissions with {edited:,} answers were changed in "
                    "v2 since the migration began"
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


def _progress_check(step: Step, rows: list[MigrationProgress], in_v3: int, errors: int) -> Check:
    """Whether a table is finished, its books balance, and v3 and its errors agree (R1)."""
    name = f"Run of {step.table}"
    total = sum(row.total_records or 0 for row in rows)
    processed = sum(row.processed_records or 0 for row in rows)
    failed = sum(row.failed_records or 0 for row in rows)
    done = processed + failed
    notes = []
    go_on = f"run import_v2 --name {rows[0].migration_name}" if rows else "run import_v2"
    unfinished = sorted({row.status or "" for row in rows} - {RunStatus.COMPLETED.value})
    if not rows:
        notes.append(f"not begun; {go_on}")
    elif unfinished:
        reasons = "".join(f": {row.error_message}" for row in rows if row.error_message)
        notes.append(f"is {', '.join(unfinished)}, not completed{reasons}; {go_on}")
    elif done != total:
        notes.append(f"{total:,} read, {done:,} migrated or failed; start anew with another --name")
    if processed != in_v3:
        notes.append(f"the run migrated {processed:,}, and v3 holds {in_v3:,}")
    if failed != errors:
        notes.append(f"{failed:,} failed in the run, and {errors:,} are recorded as errors")
    verdict = Verdict.FAILED if notes else Verdict.PASSED
    return Check(name, verdict, in_v3 + errors, total, "; ".join(notes))


def _check_migrated(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        present = set(connections[alias].introspection.table_names(cursor))
    if missing := sorted(set(NEEDED_TABLES) - present):
        msg = f"{describe(alias)} has no table {', '.join(missing)}; run: manage.py migrate"
        raise TargetError(msg)


def _choose(alias: str, name: str | None) -> list[MigrationProgress]:
    """The progress rows of the migration that is meant.

    Raises:
        RunError: there is none, or there are several.
    """
    found: dict[str, list[MigrationProgress]] = {}
    query = MigrationProgress._default_manager.using(alias)
    for row in query.order_by("started_at", "id").iterator():
        found.setdefault(row.migration_name, []).append(row)
    if name is not None:
        if name not in found:
            known = f"there are: {', '.join(found)}" if found else "there is none; run import_v2"
            raise RunError(f"no migration is named {name!r}; {known}")
        return found[name]
    standing = {
        key: rows
        for key, rows in found.items()
        if any(row.status != RunStatus.ROLLED_BACK for row in rows)
    }
    if not standing:
        raise RunError("no migration to verify; run import_v2")
    unfinished = [
        key
        for key, rows in standing.items()
        if any(row.status != RunStatus.COMPLETED for row in rows)
    ]
    if len(unfinished) > 1:
        names = ", ".join(unfinished)
        raise RunError(f"several migrations are unfinished: {names}; say which one with --name")
    return standing[unfinished[0]] if unfinished else list(standing.values())[-1]


def _context(
    migration: str, started_at: datetime, zone: ZoneInfo, fingerprint: dict[str, Any]
) -> MappingContext:
    """The settings that said which form belongs to which organization (M8).

    Raises:
        ConfigurationError: V2_MAPPING has changed since.
    """
    mapping = read_mapping_file(settings.V2_MAPPING)
    default = fingerprint.get("default_organization")
    now = ImportOptions(mapping=mapping, default_organization=default).fingerprint("")
    if now["mapping"] != fingerprint.get("mapping"):
        raise ConfigurationError(
            f"{migration!r} moved selected organizations with another mapping; set V2_MAPPING "
            "back to what it was, for it says which form belongs to which organization"
        )
    return MappingContext(
        migration, started_at, zone, mapping=mapping, default_organization=default
    )
