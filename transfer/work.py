"""One class a table: counts, prepares, reads and maps its batches; the pipeline drives them.

``batches`` gives a MappedBatch for each range of keys; ``closing`` what is left to be said once
the table's end is reached. Nothing here writes, but for the decisions of transfer.uniqueness.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from psycopg import sql

from legacy_v2 import models as v2
from transfer import extract, reread
from transfer.batch import MappedBatch
from transfer.copytext import copy_line
from transfer.journal import DryRunJournal, Journal
from transfer.lookup_codes import sortable
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Finding, Outcome
from transfer.mapping.forms import (
    VERSION,
    FormParts,
    field_without_form,
    form_organization,
    map_form,
    map_without_field,
    setting_without_field,
    shared_names_cleaned,
)
from transfer.mapping.organizations import map_organization
from transfer.mapping.slugs import SlugRequest
from transfer.mapping.users import email_key, map_user
from transfer.open_errors import OpenError
from transfer.plan import Step
from transfer.records import V2Form, V2Organization, V2Submission, V2User, is_id
from transfer.scope import Scope
from transfer.slugbook import SlugBook
from transfer.source import Source
from transfer.target import Connection, Target
from transfer.uniqueness import Assignments, Claim, present_emails

R = TypeVar("R", V2Organization, V2User, V2Form, V2Submission)

# Forms read at once to learn their fields: a form with a hundred fields is some 100 kB.
FORMS_AT_ONCE = 500


@dataclass(slots=True)
class Run:
    """What every table's work is given."""

    source: Source
    target: Target
    scope: Scope
    ctx: MappingContext
    journal: Journal
    lookups: extract.Lookups = field(default_factory=extract.Lookups)

    def target_organizations(self) -> set[str]:
        """Ids of the organizations in v3, or that a dry run would have put there."""
        found = {row[0] for row in self.target.read(sql.SQL("SELECT id::text FROM organizations"))}
        if isinstance(self.journal, DryRunJournal):
            found |= self.journal.organizations
        return found

    def target_forms(self) -> dict[str, str]:
        """Migrated forms in v3, or that a dry run would have put there: id → organization."""
        query = sql.SQL(
            "SELECT id::text, organization_id::text FROM forms WHERE metadata ? 'migration_batch'"
        )
        found: dict[str, str] = {row[0]: row[1] for row in self.target.read(query)}
        if isinstance(self.journal, DryRunJournal):
            found |= self.journal.forms
        return found


class Again(NamedTuple):
    """Records tried again, mapped; and the ids of those v2 has, but not for this run any more."""

    batch: MappedBatch
    outside: set[str]


class Work(Protocol):
    """One table's part of a run."""

    def count(self) -> int:
        """The number of v2 records in the run."""

    def prepare(self) -> None:
        """Learn what mapping the batches needs."""

    def decide(self, connection: Connection) -> None:
        """Make the decisions that need the whole table, in an open transaction."""

    def batches(self, after: str, size: extract.BatchSize) -> Iterator[MappedBatch]:
        """The batches beyond a key, mapped; their numbers are the pipeline's to give."""

    def closing(self) -> list[Finding]:
        """Findings about rows that no batch holds."""

    def again(self, errors: Sequence[OpenError]) -> Again:
        """The records of these errors as v2 has them now, mapped; without those it has no more."""

    def as_decided(self, ids: Sequence[str]) -> MappedBatch:
        """The records of these ids, mapped as in a batch: what was decided about them holds."""


class OrganizationsWork:
    """Organization → organizations."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step
        self._slugs = SlugBook((), ())

    def count(self) -> int:
        """See Work.count."""
        return self._run.source.count(self._run.scope.organization_query())

    def prepare(self) -> None:
        """Give every organization of v2 its slug (M5)."""
        read = extract.scan(self._run.source, v2.Organization, extract.ORGANIZATION_COLUMNS)
        query = sql.SQL(
            "SELECT id::text, '', slug, metadata ? 'migration_batch' FROM organizations"
        )
        self._slugs = SlugBook(
            (self._wish(V2Organization(*row)) for row in read), self._run.target.read(query)
        )

    def _wish(self, row: V2Organization) -> SlugRequest:
        return SlugRequest(row.id, "", _text(row.name), row.created_on, self._step.singular)

    def decide(self, connection: Connection) -> None:
        """Nothing to decide."""

    def batches(self, after: str, size: extract.BatchSize) -> Iterator[MappedBatch]:
        """See Work.batches."""
        query = self._run.scope.organization_query()
        for batch in extract.organizations(self._run.source, query, size, after):
            yield self.mapped(batch)

    def mapped(self, batch: extract.Batch[V2Organization]) -> MappedBatch:
        """The organizations mapped (M5)."""
        outcomes = [
            map_organization(row, self._slugs.slug(self._wish(row)), self._run.ctx)
            for row in batch.rows
        ]
        return mapped_batch(self._step, batch, outcomes)

    def again(self, errors: Sequence[OpenError]) -> Again:
        """See Work.again."""
        batch = reread.organizations(self._run.source, ids_of(errors))
        outside = leave_out(batch, lambda row: self._run.scope.has_organization(row.id))
        return Again(self.mapped(batch), outside)

    def as_decided(self, ids: Sequence[str]) -> MappedBatch:
        """See Work.as_decided."""
        return self.mapped(reread.organizations(self._run.source, ids))

    def closing(self) -> list[Finding]:
        """See Work.closing."""
        return []


class UsersWork:
    """User → users. v2 may lack the table; then there is nothing to move."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step
        self._organizations: set[str] = set()
        self._assignments = Assignments(run.journal.migration, step.table, dry=run.journal.dry)

    def count(self) -> int:
        """See Work.count."""
        run = self._run
        return run.source.count(run.scope.user_query()) if run.source.has(v2.User) else 0

    def prepare(self) -> None:
        """Learn which organizations are in v3."""
        self._organizations = self._run.target_organizations()

    def decide(self, connection: Connection) -> None:
        """Find the later users of one email (M6)."""
        self._assignments.decide_emails(connection, self._claims())

    def _claims(self) -> Iterator[Claim]:
        columns = ("id", "organization_id", "email", "created_on")
        for row in extract.scan(self._run.source, v2.User, columns):
            v2_id, organization, email, created_on = row
            # What is no text, or has an id that is none, fails when it is mapped.
            if email and isinstance(email, str) and is_id(v2_id) and is_id(organization):
                yield Claim(v2_id, organization, sortable(created_on), email_key(email))

    def batches(self, after: str, size: extract.BatchSize) -> Iterator[MappedBatch]:
        """See Work.batches."""
        run = self._run
        if not run.source.has(v2.User):
            return
        for batch in extract.users(run.source, run.scope.user_query(), size, after):
            later = self._assignments.lookup(run.target, [row.id for row in batch.rows])
            yield self.mapped(batch, later)

    def as_decided(self, ids: Sequence[str]) -> MappedBatch:
        """See Work.as_decided."""
        run = self._run
        batch = reread.users(run.source, ids)
        return self.mapped(batch, self._assignments.lookup(run.target, list(ids)))

    def mapped(self, batch: extract.Batch[V2User], later: Container[str]) -> MappedBatch:
        """The users mapped; the email of those among ``later`` is taken (M6)."""
        outcomes = [
            map_user(
                row, self._run.ctx, organizations=self._organizations, duplicate=row.id in later
            )
            for row in batch.rows
        ]
        return mapped_batch(self._step, batch, outcomes)

    def again(self, errors: Sequence[OpenError]) -> Again:
        """See Work.again; ``decide`` has to come first, for the earlier user may have changed.

        An email that any user of v3 has is taken, too: nobody's in v3 changes for a retry (M6).
        """
        run = self._run
        batch = reread.users(run.source, ids_of(errors))
        outside = leave_out(batch, lambda row: run.scope.has_organization(row.organization_id))
        later = set(self._assignments.lookup(run.target, [row.id for row in batch.rows]))
        taken = present_emails(run.target, {row.organization_id for row in batch.rows})
        for row in batch.rows:
            if isinstance(row.email, str):
                owner = taken.get((row.organization_id, email_key(row.email)))
                if owner not in (None, row.id):
                    later.add(row.id)
        return Again(self.mapped(batch, later), outside)

    def closing(self) -> list[Finding]:
        """See Work.closing."""
        return []


class FormsWork:
    """FormType with its fields, settings and choices → forms."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step
        self._slugs = SlugBook((), ())
        self._organizations: set[str] = set()

    def count(self) -> int:
        """See Work.count."""
        return self._run.scope.count_forms()

    def prepare(self) -> None:
        """Give every form of v2 its slug (M7), and learn which organizations are in v3."""
        run = self._run
        read = extract.scan(run.source, v2.FormType, ("id", "name", "created_on"))
        query = sql.SQL(
            "SELECT id::text, organization_id::text, slug, metadata ? 'migration_batch' FROM forms"
            " WHERE version = %s"
        )
        self._slugs = SlugBook(
            (self._wish(*row) for row in read), run.target.read(query, (VERSION,))
        )
        self._organizations = run.target_organizations()

    def _wish(self, form_id: str, name: object, created_on: datetime | None) -> SlugRequest:
        owner = self._run.scope.form_organization.get(form_id) or ""
        return SlugRequest(form_id, owner, _text(name), created_on, self._step.singular)

    def decide(self, connection: Connection) -> None:
        """Nothing to decide."""

    def batches(self, after: str, size: extract.BatchSize) -> Iterator[MappedBatch]:
        """See Work.batches."""
        run = self._run
        for batch in extract.forms(run.source, run.lookups, size, after):
            if batch.rows:  # else fields beyond the last form: see closing
                yield self.mapped(batch)

    def mapped(self, batch: extract.FormBatch) -> MappedBatch:
        """Those of the forms that are in the run, mapped (M7 to M11)."""
        run = self._run
        owners = run.scope.form_organization
        for form in batch.rows:  # v2 may have gained one since the scope was drawn
            owners.setdefault(form.id, form_organization(form, run.ctx))
        batch.rows = [form for form in batch.rows if run.scope.has_organization(owners[form.id])]
        outcomes: list[Outcome] = []
        for form in batch.rows:
            parts = FormParts(
                form,
                batch.fields.get(form.id, []),
                batch.settings.get(form.id, []),
                batch.maps.get(form.id, []),
            )
            slug = self._slugs.slug(self._wish(form.id, form.name, form.created_on))
            outcomes.append(map_form(parts, slug, run.ctx, organizations=self._organizations))
        return mapped_batch(self._step, batch, outcomes)

    def again(self, errors: Sequence[OpenError]) -> Again:
        """See Work.again."""
        batch = reread.forms(self._run.source, self._run.lookups, ids_of(errors))
        found = {row.id for row in batch.rows}
        made = self.mapped(batch)
        return Again(made, found - {row.id for row in batch.rows})

    def as_decided(self, ids: Sequence[str]) -> MappedBatch:
        """See Work.as_decided."""
        return self.mapped(reread.forms(self._run.source, self._run.lookups, ids))

    def closing(self) -> list[Finding]:
        """What is nobody's: fields without a form, settings and choices without a field (M11).

        And what is everybody's: names of choices and field types that had to be cleaned (M4).
        """
        run = self._run
        names = shared_names_cleaned(run.lookups.choices, run.lookups.field_types, run.ctx)
        if not run.scope.everything:
            return names
        fields = extract.fields_without_form(run.source, run.lookups)
        return [
            *names,
            *(finding for field in fields for finding in field_without_form(field)),
            *map(setting_without_field, extract.settings_without_field(run.source)),
            *map(map_without_field, extract.maps_without_field(run.source, run.lookups)),
        ]


def mapped_batch(step: Step, batch: extract.Batch[R], outcomes: list[Outcome]) -> MappedBatch:
    """The batch that was read, with what became of its records."""
    return MappedBatch(
        step,
        0,
        batch.last_key,
        outcomes,
        read=len(batch.rows),
        records={
            outcome.record_id: (row, None)
            for row, outcome in zip(batch.rows, outcomes, strict=True)
        },
        lines=lines_of(outcomes),
    )


def lines_of(outcomes: Sequence[Outcome]) -> list[bytes | None]:
    """The outcomes' rows as lines for COPY, made here and not where the server is waited for."""
    return [None if one.row is None else copy_line(one.row) for one in outcomes]


def leave_out(batch: extract.Batch[R], is_selected: Callable[[R], bool]) -> set[str]:
    """Leave the rows out of the batch that are not in the run; their ids."""
    outside = {row.id for row in batch.rows if not is_selected(row)}
    batch.rows = [row for row in batch.rows if row.id not in outside]
    return outside


def ids_of(errors: Sequence[OpenError]) -> list[str]:
    """The v2 ids of recorded errors."""
    return [error.record_id for error in errors]


def _text(value: object) -> str:
    # A name that is no text makes its record fail when it is mapped; here it only wants a slug.
    return value if isinstance(value, str) else ""
