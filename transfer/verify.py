"""verify_v2's service: a migration proven, reading both databases anew (R1).

Two looks that know nothing of each other. The counts: every v2 record is in v3 under its id, or
an unresolved error says why not; the run's ledger says what the databases say; references lead
somewhere, and forms and answers have their shape (verify_checks). The values: what v3 holds is,
value by value, what the rules make of v2 (transfer.proof). What passes though it differs is on
the list of accepted differences.
"""

import contextlib
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections

from transfer import fitness
from transfer.exceptions import (
    ConfigurationError,
    RunError,
    SourceLostError,
    TargetError,
    VerificationStoppedError,
)
from transfer.fingerprint import differences
from transfer.mapping.context import MappingContext
from transfer.models import MigrationProgress, RunStatus
from transfer.options import DEFAULT_BATCH_SIZE, ImportOptions, read_mapping_file
from transfer.pace import Pacing
from transfer.pipeline import Interruption, Observer, Unwatched
from transfer.plan import PLAN, TABLES
from transfer.proof.books import Books
from transfer.proof.reference import Settings
from transfer.proof.service import Proof, Prover
from transfer.proof.stored import Stored
from transfer.session import prepare_alias
from transfer.source import Source
from transfer.target import NEEDED_TABLES, describe, first_line
from transfer.verify_checks import Verification
from transfer.verify_report import VerifyReport
from transfer.verify_schema import schema_checks
from transfer.verify_source import Cut, SourceCounts
from transfer.verify_target import TargetCounts
from transfer.verify_values import SHOWN, ValuesReport, groups_of

# Of the derivation in transfer.proof: a verification begun with another begins anew.
PROOF_VERSION = 1


@dataclass(frozen=True)
class VerifyOptions:
    """The options of verify_v2.

    Args:
        name: the migration; None: the only one, else the unfinished one, else the latest.
        organization: or the one that moved exactly this organization.
        batch_size: records compared at a time.
        sample: users and submissions that are compared, of each; None: all.
        seed: decides which.
        restart: begin anew where one was stopped.
        pacing: how fast v2 is read.
    """

    name: str | None = None
    organization: str | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    sample: int | None = None
    seed: int = 1
    restart: bool = False
    pacing: Pacing = field(default_factory=Pacing)


@dataclass(frozen=True)
class _Subject:
    """A migration and what is needed to look at it."""

    rows: list[MigrationProgress]
    source: Source
    alias: str
    cut: Cut
    ctx: MappingContext
    counts: SourceCounts

    @property
    def name(self) -> str:
        return self.rows[0].migration_name

    @property
    def tables(self) -> list[str]:
        """Those the migration fills, parents first."""
        wanted = self.rows[0].fingerprint.get("tables", TABLES)
        return [table for table in TABLES if table in wanted]

    @property
    def finished(self) -> list[str]:
        """Those of its tables that were moved to their end."""
        done = {row.table_name for row in self.rows if row.status == RunStatus.COMPLETED}
        return [table for table in self.tables if table in done]


def verify(
    options: VerifyOptions | None = None,
    observer: Observer | None = None,
    *,
    v2_alias: str = "v2",
    v3_alias: str = DEFAULT_DB_ALIAS,
) -> VerifyReport:
    """Verify a migration: its values, then its counts.

    A verification that was stopped goes on where it was; the differences found are kept in v3.

    Args:
        options: what to look at.
        observer: who watches.
        v2_alias: the v2 database.
        v3_alias: the v3 database.

    Raises:
        SourceError: v2 cannot be reached or lacks what is compared.
        TargetError: v3 cannot be reached or is not migrated.
        RunError: there is no such migration, or more than one is meant.
        LockHeldError: it is being verified already.
        ConfigurationError: v2, or the mapping file, is not what the migration was made from.
        VerificationStoppedError: a connection was lost; what was compared is kept.
        KeyboardInterrupt: it was stopped; the message says how to go on.
    """
    options = options or VerifyOptions()
    with _subject(options.name, options.organization, v2_alias, v3_alias) as subject:
        _check_known(subject)
        return _verify(subject, options, observer or Unwatched())


def count_records(
    name: str | None = None, *, v2_alias: str = "v2", v3_alias: str = DEFAULT_DB_ALIAS
) -> VerifyReport:
    """The counts alone: no value is compared, and nothing is written.

    Args and errors are those of ``verify``.
    """
    with _subject(name, None, v2_alias, v3_alias) as subject:
        return _counted(subject)


def _verify(subject: _Subject, options: VerifyOptions, observer: Observer) -> VerifyReport:
    began = time.monotonic()
    books = Books(subject.alias, subject.name)
    books.lock()
    try:
        verification = books.open(_basis(subject), options.sample, anew=options.restart)
        before = Proof.from_json(verification.state).compared
        stop = Interruption()
        subject.source.watch(lambda: stop.asked, observer.remark)
        prover = _prover(subject, options, books, stop, observer)
        go_on = f"To go on: verify_v2 --name {shlex.quote(subject.name)}"
        if options.sample is not None:
            go_on = "A sample begins anew"
        try:
            with stop.listening():
                proof = prover.run(verification)
        except KeyboardInterrupt:
            msg = f"Stopped at once; what was compared is kept. {go_on}"
            raise KeyboardInterrupt(msg) from None
        except (Error, SourceLostError) as error:
            msg = f"{first_line(error)}. What was compared is kept. {go_on}"
            raise VerificationStoppedError(msg) from error
        if stop.asked:
            raise KeyboardInterrupt(f"Stopped after the records in hand. {go_on}")
        counted = _counted(subject)
        values = ValuesReport(
            proof.tables,
            _groups(proof, prover),
            books.shown(verification, SHOWN),
            datetime.now(UTC),
            time.monotonic() - began,
            options.sample,
            verification.resumed_from,
            before,
        )
        more = [*values.checks(), *schema_checks(subject.alias, subject.tables)]
        report = replace(counted, checks=[*counted.checks, *more], values=values)
        whole = options.sample is None and subject.finished == subject.tables
        books.complete(verification, report.as_json(), whole=whole)
        return report
    finally:
        with contextlib.suppress(Error):  # the lock went with the connection
            books.unlock()


def _prover(
    subject: _Subject,
    options: VerifyOptions,
    books: Books,
    stop: Interruption,
    observer: Observer,
) -> Prover:
    ctx = subject.ctx
    own = Settings(
        ctx.migration,
        ctx.started_at,
        ctx.time_zone,
        ctx.form_status,
        ctx.mapping,
        ctx.default_organization,
    )
    return Prover(
        subject.source,
        Stored(subject.alias, subject.name),
        own,
        subject.cut.v2,
        subject.counts.parts,
        # Of a table that is not moved to its end everything behind the key would be missing.
        subject.finished,
        books,
        options.batch_size,
        options.sample,
        options.seed,
        stop,
        observer,
        options.pacing,
    )


def _groups(proof: Proof, prover: Prover) -> list[Any]:
    ref = prover.ref
    forms = {form: name for form, (name, _) in ref.forms.items()}
    return list(groups_of(proof, ref.organizations, forms))


def _basis(subject: _Subject) -> dict[str, Any]:
    """What must be the same for a verification to go on."""
    return {
        "proof": PROOF_VERSION,
        "fingerprint": subject.rows[0].fingerprint,
        "tables": [
            [row.table_name, row.status, row.processed_records, row.failed_records]
            for row in sorted(subject.rows, key=lambda row: (row.table_name, row.partition))
        ],
        "started_at": subject.rows[0].started_at.isoformat(),
    }


def _counted(subject: _Subject) -> VerifyReport:
    verification = Verification(
        subject.rows,
        {step.table: step for step in PLAN if step.table in subject.tables},
        subject.counts,
        TargetCounts(subject.alias, subject.name, subject.cut),
        settings.V2_MAX_STORED_WARNINGS,
    )
    return VerifyReport(
        subject.name,
        subject.source.describe(),
        describe(subject.alias),
        list(verification.checks()),
        verification.open_errors,
    )


@contextlib.contextmanager
def _subject(
    name: str | None, organization: str | None, v2_alias: str, v3_alias: str
) -> Iterator[_Subject]:
    try:
        _check_migrated(v3_alias)
        rows = _choose(v3_alias, name, organization)
        with contextlib.closing(Source(v2_alias)) as source:
            yield _make_subject(rows, source, v3_alias)
    except Error as error:
        msg = f"cannot read v3, {describe(v3_alias)}: {first_line(error)}"
        raise TargetError(msg) from error


def _make_subject(rows: list[MigrationProgress], source: Source, alias: str) -> _Subject:
    migration, started_at = rows[0].migration_name, rows[0].started_at
    fingerprint = rows[0].fingerprint
    source.require()
    fitness.check_masks(source)
    read_from = fingerprint.get("source")
    if read_from not in (None, source.identity()):
        raise ConfigurationError(
            f"{migration!r} was read from {read_from}, and V2_DATABASE_URL names "
            f"{source.identity()}; verify it against the v2 it was read from"
        )
    zone = ZoneInfo(fingerprint.get("time_zone", "UTC"))
    cut = Cut.at(started_at, zone)
    ctx = _context(migration, started_at, zone, fingerprint)
    organizations = fingerprint.get("organizations", [])
    counts = SourceCounts(source, cut, organizations, ctx if organizations else None)
    subject = _Subject(rows, source, alias, cut, ctx, counts)
    if organizations:  # the mapping says which form belongs to which of them
        _check_known(subject)
    return subject


def _check_migrated(alias: str) -> None:
    prepare_alias(alias)
    with connections[alias].cursor() as cursor:
        present = set(connections[alias].introspection.table_names(cursor))
    if missing := sorted(set(NEEDED_TABLES) - present):
        msg = f"{describe(alias)} has no table {', '.join(missing)}; run: manage.py migrate"
        raise TargetError(msg)


def _choose(
    alias: str, name: str | None, organization: str | None = None
) -> list[MigrationProgress]:
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
    if organization is not None:
        return _of_organization(standing, organization)
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


def _of_organization(
    standing: dict[str, list[MigrationProgress]], organization: str
) -> list[MigrationProgress]:
    """The migration that moved this organization and no other.

    Raises:
        RunError: there is none, or there are several.
    """
    wanted = [
        key
        for key, rows in standing.items()
        if rows[0].fingerprint.get("organizations") == [organization]
    ]
    if len(wanted) == 1:
        return standing[wanted[0]]
    known = ", ".join(wanted or standing) or "there is none"
    if wanted:
        raise RunError(f"several migrations moved {organization}: {known}; say which with --name")
    raise RunError(f"no migration moved organization {organization} alone; there are: {known}")


def _context(
    migration: str, started_at: datetime, zone: ZoneInfo, fingerprint: dict[str, Any]
) -> MappingContext:
    """The settings the migration was made with, with V2_MAPPING as it is now."""
    default = fingerprint.get("default_organization")
    mapping = read_mapping_file(settings.V2_MAPPING)
    return MappingContext(
        migration,
        started_at,
        zone,
        fingerprint.get("form_status", "draft"),
        mapping,
        default,
    )


def _check_known(subject: _Subject) -> None:
    """Refuse where the settings that say what v3 has to hold are not those of the migration.

    Raises:
        ConfigurationError: V2_MAPPING has changed since, or an earlier build began it.
    """
    then = subject.rows[0].fingerprint
    now = ImportOptions(mapping=subject.ctx.mapping).fingerprint("")
    now = then | {part: now[part] for part in ("mapping", "rules")}
    if told := differences(then, now):
        msg = f"cannot tell what {subject.name!r} has to hold: {'; '.join(told)}"
        raise ConfigurationError(msg)
