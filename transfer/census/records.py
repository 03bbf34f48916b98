"""Organizations, users and forms, mapped as the run maps them: all of them, a page at a time.

There are as many forms as were designed and as many users as people, so the rules themselves are
asked, and what is counted here is what a run records, texts and times included.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import CharField

from forms_app.models import Form
from legacy_v2 import models as v2
from organizations.models import Organization, User
from transfer import extract
from transfer.census.advice import (
    DATE_EXTREME,
    FIRST_YEAR,
    FORM_WITHOUT_ORGANIZATION,
    LAST_YEAR,
)
from transfer.census.hazard import Tally
from transfer.census.spool import Spool, Wish
from transfer.lookup_codes import sortable
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Outcome
from transfer.mapping.forms import (
    FormParts,
    field_without_form,
    form_organization,
    map_form,
    map_without_field,
    setting_without_field,
    shared_names_cleaned,
)
from transfer.mapping.organizations import map_organization
from transfer.mapping.users import email_key, map_user
from transfer.records import FormRow, OrganizationRow, UserRow, V3Row, is_id
from transfer.scope import Scope
from transfer.source import Source
from transfer.work import FORMS_AT_ONCE

PAGE = 1000  # organizations or users read at once
SLUG = "census"  # any: nothing asks for a slug here

_LONGEST: dict[type, dict[str, int]] = {
    row: {
        f.name: f.max_length
        for f in model._meta.concrete_fields
        if isinstance(f, CharField) and f.max_length and f.name in row._fields
    }
    for row, model in ((OrganizationRow, Organization), (UserRow, User), (FormRow, Form))
}


@dataclass(slots=True)
class Ground:
    """What v3 will hold when submissions are moved, and what they belong to.

    Args:
        organizations: ids of its organizations.
        forms: its forms, id → organization.
        inherits: some form's organization is named outside of v2's FormType (M8).
    """

    organizations: set[str]
    forms: dict[str, str] = field(default_factory=dict)
    inherits: bool = False


def refusal(row: V3Row) -> Code | None:
    """Why PostgreSQL will refuse a mapped row, None where it will not: the first cause it sees."""
    values: Mapping[str, object] = row._asdict()
    try:
        UUID(row.id)
    except ValueError:
        return Code.REFUSED_BY_POSTGRESQL
    for column, longest in _LONGEST.get(type(row), {}).items():
        value = values[column]
        if isinstance(value, str) and len(value) > longest:
            return Code.VALUE_TOO_LONG
    return None


def is_extreme(time: object) -> bool:
    """Whether a time stands for never, for ever or a slip."""
    return isinstance(time, datetime) and not FIRST_YEAR <= time.year <= LAST_YEAR


class Records:
    """Counts what is in organizations, users and forms.

    Args:
        source: v2.
        scope: which rows are in the run.
        ctx: the run's settings.
        lookups: v2's small tables.
        tally: where it is counted.
    """

    def __init__(
        self,
        source: Source,
        scope: Scope,
        ctx: MappingContext,
        lookups: extract.Lookups,
        tally: Tally,
    ) -> None:
        self._source = source
        self._scope = scope
        self._ctx = ctx
        self._lookups = lookups
        self._tally = tally

    def organizations(self, ground: Ground) -> None:
        """Find the organizations that the run brings into v3, and count their hazards."""
        query = self._scope.organization_query()
        for batch in extract.organizations(self._source, query, lambda: PAGE):
            for row in batch.rows:
                outcome = map_organization(row, SLUG, self._ctx)
                if self._count("Organization", outcome, row.created_on):
                    ground.organizations.add(row.id)

    def users(self, ground: Ground, spool: Spool) -> None:
        """Count the users' hazards (M6)."""
        if not self._source.has(v2.User):
            return
        spool.decide(self._emails())
        query = self._scope.user_query()
        for batch in extract.users(self._source, query, lambda: PAGE):
            later = spool.later([row.id for row in batch.rows if is_id(row.id)])
            for row in batch.rows:
                outcome = map_user(
                    row, self._ctx, organizations=ground.organizations, duplicate=row.id in later
                )
                self._count("User", outcome, row.created_on, row.last_updated_on)

    def _emails(self) -> Iterator[Wish]:
        columns = ("id", "organization_id", "email", "created_on")
        for v2_id, organization, email, created in extract.scan(self._source, v2.User, columns):
            if email and isinstance(email, str) and is_id(v2_id) and is_id(organization):
                yield Wish(v2_id, organization, sortable(created), email_key(email))

    def forms(self, ground: Ground, *, moved: bool) -> None:
        """Find the forms that the run brings into v3, and count their hazards (M7 to M11).

        Of forms that are not moved only ``ground.inherits`` is learned.
        """
        for batch in extract.forms(self._source, self._lookups, lambda: FORMS_AT_ONCE):
            for form in batch.rows:
                ground.inherits |= form.organization_id is None
                owner = form_organization(form, self._ctx)
                if not moved or not self._scope.has_organization(owner):
                    continue
                if owner is None:
                    self._tally.add(FORM_WITHOUT_ORGANIZATION, "FormType", 1, (form.id,))
                    continue
                parts = FormParts(
                    form,
                    batch.fields.get(form.id, []),
                    batch.settings.get(form.id, []),
                    batch.maps.get(form.id, []),
                )
                outcome = map_form(parts, SLUG, self._ctx, organizations=ground.organizations)
                if self._count("FormType", outcome, form.created_on):
                    ground.forms[form.id] = owner
        if moved:
            self._loose_parts()

    def _loose_parts(self) -> None:
        """What is nobody's, and names that are everybody's: as the run's FormsWork.closing."""
        source, known, tally = self._source, self._lookups, self._tally
        tally.take(shared_names_cleaned(known.choices, known.field_types, self._ctx))
        if self._scope.everything:
            for row in extract.fields_without_form(source, known):
                tally.take(field_without_form(row))
            tally.take(map(setting_without_field, extract.settings_without_field(source)))
            tally.take(map(map_without_field, extract.maps_without_field(source, known)))

    def _count(self, table: str, outcome: Outcome, *times: object) -> bool:
        """Count a record's findings, and its times where it goes in; whether it does."""
        code = refusal(outcome.row) if outcome.row is not None else None
        if code is not None:
            self._tally.add(code.value, table, 1, (outcome.record_id,))
            return False
        self._tally.take(outcome.findings)
        if outcome.row is None:
            return False
        if any(map(is_extreme, times)):
            self._tally.add(DATE_EXTREME, table, 1, (outcome.record_id,))
        return True
