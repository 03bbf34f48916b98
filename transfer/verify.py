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
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from psycopg import sql

from transfer.crew import Crew, Line, MemberLostError
from transfer.exceptions import SourceError, TargetError, VerificationStoppedError
from transfer.options import DEFAULT_BATCH_SIZE
from transfer.pace import Pacing
from transfer.pipeline import Interruption, Observer, Unwatched
from transfer.plan import PLAN
from transfer.proof.books import Books
from transfer.proof.member import Job
from transfer.proof.reference import Settings
from transfer.proof.service import Prover
from transfer.proof.side_by_side import PAGES_WORTH_A_MEMBER, Aside, Team
from transfer.proof.stored import Stored
from transfer.proof.tally import Proof
from transfer.target import describe, first_line
from transfer.team import default_workers
from transfer.verify_checks import Verification
from transfer.verify_report import VerifyReport
from transfer.verify_schema import schema_checks
from transfer.verify_subject import Subject, check_known, the_subject
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
        pacing: how fast v2 is read; where that is limited, one process reads it.
        workers: processes that compare submissions side by side; None: as many as this machine is
            good for, where there are enough submissions.
    """

    name: str | None = None
    organization: str | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    sample: int | None = None
    seed: int = 1
    restart: bool = False
    pacing: Pacing = field(default_factory=Pacing)
    workers: int | None = 1

    @property
    def processes(self) -> int:
        """How many processes may be made for it."""
        if self.sample is not None or self.pacing.limited:
            return 1
        return self.workers or default_workers()


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
        WorkersNotStartedError: the system refused a process.
        VerificationStoppedError: a connection or a worker was lost, or a query was refused; what
            was compared is kept.
        KeyboardInterrupt: it was stopped; the message says how to go on.
    """
    options = options or VerifyOptions()
    # Before anything is open.
    crew = Crew(0 if options.processes == 1 else options.processes + 1)
    try:
        with the_subject(options.name, options.organization, v2_alias, v3_alias) as subject:
            check_known(subject)
            report = _verify(subject, options, observer or Unwatched(), crew)
    except BaseException:
        crew.close(at_once=True)
        raise
    crew.close()
    return report


def count_records(
    name: str | None = None, *, v2_alias: str = "v2", v3_alias: str = DEFAULT_DB_ALIAS
) -> VerifyReport:
    """The counts alone: no value is compared, and nothing is written.

    Args and errors are those of ``verify``.
    """
    with the_subject(name, None, v2_alias, v3_alias) as subject:
        return _counted(subject)


def _verify(
    subject: Subject, options: VerifyOptions, observer: Observer, crew: Crew
) -> VerifyReport:
    began = time.monotonic()
    books = Books(subject.alias, subject.name)
    books.lock()
    try:
        verification = books.open(_basis(subject), options.sample, anew=options.restart)
        before = Proof.from_json(verification.state).compared
        stop = Interruption()
        subject.source.watch(lambda: stop.asked, observer.remark)
        prover = _prover(subject, options, books, stop, observer, crew)
        go_on = f"To go on: verify_v2 --name {shlex.quote(subject.name)}"
        if options.sample is not None:
            go_on = "A sample begins anew"
        try:
            with stop.listening():
                proof = prover.run(verification)
                aside: CountedBeside | None = None if stop.asked else prover.aside()
        except KeyboardInterrupt:
            msg = f"Stopped at once; what was compared is kept. {go_on}"
            raise KeyboardInterrupt(msg) from None
        except (Error, SourceError, TargetError, MemberLostError) as error:
            msg = f"{first_line(error)}. What was compared is kept. {go_on}"
            raise VerificationStoppedError(msg) from error
        if stop.asked:
            raise KeyboardInterrupt(f"Stopped after the records in hand. {go_on}")
        # The counts were made while the values were compared: they stand if v3 still does.
        if aside is not None and not changed(subject.alias, aside.marks):
            counted = aside.report
        else:
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
    subject: Subject,
    options: VerifyOptions,
    books: Books,
    stop: Interruption,
    observer: Observer,
    crew: Crew,
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
        _team(subject, options, crew, own) if len(crew) else None,
    )


def _team(subject: Subject, options: VerifyOptions, crew: Crew, own: Settings) -> Team:
    job = Job(
        subject.source.alias,
        subject.alias,
        subject.name,
        own,
        subject.cut.v2,
        subject.parts,
        options.batch_size,
    )
    aliases = subject.source.alias, subject.alias
    pages = PAGES_WORTH_A_MEMBER if options.workers is None else 1
    return Team(crew, job, (_count_beside, subject.name, *aliases), pages)


def _count_beside(line: Line, name: str, v2_alias: str, v3_alias: str) -> None:
    """The counts, by a process of their own while others compare the values."""
    with the_subject(name, None, v2_alias, v3_alias) as subject:
        before = marks(subject.alias, subject.tables)
        line.send(Aside(CountedBeside(_counted(subject), before)))


class Mark(NamedTuple):
    """A table of v3 as one snapshot saw it."""

    rows: int
    # The oldest transaction that had not ended: what is committed later has its xid or a higher.
    oldest_open: int


class CountedBeside(NamedTuple):
    """The counts, and the marks of what was counted, from just before."""

    report: VerifyReport
    marks: dict[str, Mark]


def marks(alias: str, tables: Collection[str]) -> dict[str, Mark]:
    """The marks, by table, that ``changed`` tells later changes of v3's rows, or errors, by."""
    query = sql.SQL("""
        SELECT count(*), pg_snapshot_xmin(pg_current_snapshot())::text::bigint
          FROM {}
    """)
    with connections[alias].cursor() as cursor:
        found = {}
        for table in (*sorted(tables), "migration_errors"):
            cursor.execute(query.format(sql.Identifier(table)))
            found[table] = Mark(*cursor.fetchone())
        return found


def changed(alias: str, before: dict[str, Mark]) -> bool:
    """Whether rows of these tables came, went or were changed since, whoever began it when.

    What makes a row anew had not ended at the mark: neither had its transaction, nor has a
    subtransaction a lower number than that. Where an older one was open then, a row from before
    may count as new: a false alarm. Rows that only went show by their number.
    """
    # A row has the lower 32 bits of its transaction's number, even once it is frozen: what is
    # compared is the distance from the mark, in the circle of 2^32.
    query = sql.SQL("""
        SELECT count(*),
               coalesce(
                   min((xmin::text::bigint - %(oldest_open)s) & 4294967295)
                   < pg_snapshot_xmax(pg_current_snapshot())::text::bigint - %(oldest_open)s,
                   false)
          FROM {}
    """)
    with connections[alias].cursor() as cursor:
        for table, mark in before.items():
            cursor.execute(query.format(sql.Identifier(table)), {"oldest_open": mark.oldest_open})
            if cursor.fetchone() != (mark.rows, False):
                return True
    return False


def _groups(proof: Proof, prover: Prover) -> list[Any]:
    ref = prover.ref
    forms = {form: name for form, (name, _) in ref.forms.items()}
    return list(groups_of(proof, ref.organizations, forms))


def _basis(subject: Subject) -> dict[str, Any]:
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


def _counted(subject: Subject) -> VerifyReport:
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
