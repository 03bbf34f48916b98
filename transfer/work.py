"""One class a table: counts, prepares, reads and maps its batches; the pipeline drives them.

``batches`` gives a MappedBatch for each range of keys; ``closing`` what is left to be said once
the table's end is reached. Nothing here writes, but for the decisions of transfer.uniqueness.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from psycopg import sql

from legacy_v2 import models as v2
from transfer import extract
from transfer.batch import MappedBatch
from transfer.journal import DryRunJournal, Journal
from transfer.mapping.codes import Code
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
)
from transfer.mapping.layout import Reference, form_fields
from transfer.mapping.numbers import MOST_DIGITS, Number, fallback_number, number_fault
from transfer.mapping.organizations import map_organization
from transfer.mapping.slugs import SlugRequest
from transfer.mapping.submissions import map_submission, orphaned_answer
from transfer.mapping.text import clean
from transfer.mapping.users import email_key, map_user
from transfer.plan import Step
from transfer.records import V2Form, V2Organization, V2Submission, V2User, is_id
from transfer.scope import Scope
from transfer.slugbook import SlugBook
from transfer.source import Source
from transfer.target import Connection, Target
from transfer.uniqueness import Assignments, Claim

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
        return _batch(self._step, batch, outcomes)

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
                yield Claim(v2_id, organization, _sortable(created_on), email_key(email), None)

    def batches(self, after: str, size: extract.BatchSize) -> Iterator[MappedBatch]:
        """See Work.batches."""
        run = self._run
        if not run.source.has(v2.User):
            return
        for batch in extract.users(run.source, run.scope.user_query(), size, after):
            later = self._assignments.lookup(run.target, [row.id for row in batch.rows])
            yield self.mapped(batch, later)

    def mapped(self, batch: extract.Batch[V2User], later: Container[str]) -> MappedBatch:
        """The users mapped; the email of those among ``later`` is taken (M6)."""
        outcomes = [
            map_user(
                row, self._run.ctx, organizations=self._organizations, duplicate=row.id in later
            )
            for row in batch.rows
        ]
        return _batch(self._step, batch, outcomes)

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
        return _batch(self._step, batch, outcomes)

    def closing(self) -> list[Finding]:
        """Fields without a form, settings and choices without a field (M11): nobody's."""
        run = self._run
        if not run.scope.everything:
            return []
        return [
            *map(field_without_form, extract.fields_without_form(run.source, run.lookups)),
            *map(setting_without_field, extract.settings_without_field(run.source)),
            *map(map_without_field, extract.maps_without_field(run.source, run.lookups)),
        ]


class SubmissionsWork:
    """FormSubmission with its answers → submissions."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step
        self._reference = Reference()
        self._assignments = Assignments(run.journal.migration, step.table, dry=run.journal.dry)

    def count(self) -> int:
        """See Work.count."""
        return self._run.scope.count_submissions()

    def prepare(self) -> None:
        """Learn the fields and choices of all forms; see Reference for what that holds."""
        run = self._run
        reference = Reference(
            organizations=run.target_organizations(), statuses=run.lookups.statuses
        )
        for choice, name in run.lookups.choices.items():
            reference.add_choice(choice, name)
        for row in extract.scan(run.source, v2.FieldChoiceMap, ("id", "choice_id")):
            if row[0] is not None:
                reference.choice_of_map[row[0]] = row[1]
        migrated = run.target_forms()
        for batch in extract.forms(run.source, run.lookups, lambda: FORMS_AT_ONCE, settings=False):
            for form in batch.rows:
                maps = batch.maps.get(form.id, [])
                layouts = form_fields(batch.fields.get(form.id, []), maps, run.ctx)
                reference.add_form(form.id, migrated.get(form.id), layouts)
            strays = batch.stray_fields
            theirs = [m for f in {f.form_type_id for f in strays} for m in batch.maps.get(f, [])]
            reference.add_fields(form_fields(strays, theirs, run.ctx, dangling=True))
        self._reference = reference

    def decide(self, connection: Connection) -> None:
        """Find the submissions that need another number than their lookup code (M12)."""
        self._assignments.decide_numbers(connection, self._claims())

    def _claims(self) -> Iterator[Claim]:
        columns = ("id", "form_type_id", "lookup_code", "created_on", "organization_id")
        owners = self._run.scope.form_organization
        for row in extract.scan(self._run.source, v2.FormSubmission, columns):
            v2_id, form_id, code, created_on, own = row
            organization = own or owners.get(form_id)
            if not is_id(organization) or not is_id(v2_id) or not isinstance(code, str | None):
                continue  # it will fail, and no number of any organization is at stake
            fault = number_fault(code)
            value = clean(code) if code and fault is None else None
            yield Claim(v2_id, organization, _sortable(created_on), value, fault)

    def batches(self, after: str, size: extract.BatchSize) -> Iterator[MappedBatch]:
        """See Work.batches."""
        run = self._run
        everything = run.scope.everything
        read = extract.submissions(
            run.source, run.scope.submission_query(), size, after, everything=everything
        )
        for batch in read:
            if not everything:
                batch.pass_over(row.id for row in batch.rows if not self._selected(row))
            numbers = self._assignments.lookup(run.target, [row.id for row in batch.rows])
            yield self.mapped(batch, numbers)

    def mapped(self, batch: extract.SubmissionBatch, numbers: dict[str, Number]) -> MappedBatch:
        """The submissions mapped with their answers (M12 to M18), and the orphans among these.

        Args:
            batch: as read.
            numbers: what was decided about those that cannot keep their lookup code.
        """
        made = _batch(self._step, batch, [self._map(row, batch, numbers) for row in batch.rows])
        made.answers_read = batch.answers_read
        made.loose = [orphaned_answer(answer) for answer in batch.orphans]
        made.records = {row.id: (row, batch.answers[row.id]) for row in batch.rows}
        return made

    def _map(
        self, row: V2Submission, batch: extract.SubmissionBatch, numbers: dict[str, Number]
    ) -> Outcome:
        number = numbers.get(row.id)
        if number is None and (fault := number_fault(row.lookup_code)):
            # v2 gained or changed it after the numbers were decided: all its digits are its own.
            number = late_number(row.id, fault)
        return map_submission(row, batch.answers[row.id], self._reference, self._run.ctx, number)

    def _selected(self, row: V2Submission) -> bool:
        return self._run.scope.has_organization(self._run.scope.submission_organization(row))

    def closing(self) -> list[Finding]:
        """See Work.closing."""
        return []


def late_number(v2_id: str, fault: Code) -> Number:
    """A number that nobody has to be asked about: all the digits of the Id (M12)."""
    return Number(fallback_number(v2_id, MOST_DIGITS), fault)


def _batch(step: Step, batch: extract.Batch[R], outcomes: list[Outcome]) -> MappedBatch:
    return MappedBatch(
        step,
        0,
        batch.last_key,
        outcomes,
        read=len(batch.rows),
        records={row.id: (row, None) for row in batch.rows},
    )


def _text(value: object) -> str:
    # A name that is no text makes its record fail when it is mapped; here it only wants a slug.
    return value if isinstance(value, str) else ""


def _sortable(value: object) -> str | None:
    # v2's own time, without a zone: the rule orders by CreatedOn as v2 has it.
    return value.isoformat(" ") if hasattr(value, "isoformat") else None


WORK: dict[str, type[OrganizationsWork | UsersWork | FormsWork | SubmissionsWork]] = {
    "organizations": OrganizationsWork,
    "users": UsersWork,
    "forms": FormsWork,
    "submissions": SubmissionsWork,
}
