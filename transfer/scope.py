"""Whose rows a run moves: each form's organization (M8), and --organization's selection."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from legacy_v2 import models as v2
from legacy_v2.ids import written
from transfer import extract
from transfer.exceptions import ConfigurationError
from transfer.mapping.context import MappingContext
from transfer.mapping.forms import form_organization
from transfer.mapping.text import clean, shorten
from transfer.records import V2Form, V2Submission
from transfer.source import Source

NAMED_AT_MOST = 10
LONGEST_NAME = 60  # characters of a form's name in a message


class Scope:
    """Which v2 rows belong to a run.

    Holds one entry a form: bounded by v2's forms, not by its submissions.
    """

    def __init__(
        self, source: Source, ctx: MappingContext, organizations: frozenset[str] = frozenset()
    ) -> None:
        self._source = source
        self.organizations = organizations
        self.form_organization: dict[str, str | None] = {}
        self._without: list[str] = []
        self._unmatched = set(ctx.mapping.forms)
        for v2_id, name, own in extract.scan(
            source, v2.FormType, ("id", "name", "organization_id")
        ):
            form = V2Form(v2_id, name, None, None, own, None)
            owner = form_organization(form, ctx)
            self.form_organization[form.id] = owner
            as_v2_writes_it = written(form.id or "")  # a copy made by hand may hold none
            self._unmatched -= {as_v2_writes_it, clean(name) if isinstance(name, str) else ""}
            if owner is None:
                self._without.append(f"{shorten(form.name, LONGEST_NAME)} ({as_v2_writes_it})")

    @property
    def everything(self) -> bool:
        """No organization was selected: all rows are moved."""
        return not self.organizations

    def check(self, *, default_organization: str | None, target_organizations: set[str]) -> None:
        """Refuse a run whose organizations do not exist, or whose forms have none (M8).

        Also one whose mapping file names a form that v2 does not have: a form that was meant
        would go to the default organization, which is another tenant's.

        Raises:
            ConfigurationError: names the organization, or the forms.
        """
        if self._unmatched:
            named = ", ".join(shorten(key, LONGEST_NAME) for key in sorted(self._unmatched))
            raise ConfigurationError(
                f"the mapping file (V2_MAPPING), [forms], names what is no form of v2: {named}"
            )
        for given, option in (
            *((one, "--organization") for one in sorted(self.organizations)),
            *([(default_organization, "--default-organization")] if default_organization else []),
        ):
            found = self._source.count(v2.Organization._default_manager.filter(id=given))
            in_target = option == "--default-organization" and given in target_organizations
            if not found and not in_target:
                where = self._source.describe()
                msg = f"{option} {written(given)}: no such organization in {where}"
                raise ConfigurationError(msg)
        if self.everything and self._without:
            named = ", ".join(self._without[:NAMED_AT_MOST])
            more = len(self._without) - NAMED_AT_MOST
            raise ConfigurationError(
                f"{len(self._without)} form(s) have no organization: {named}"
                f"{f' and {more} more' if more > 0 else ''}. Give --default-organization ID, or "
                "name them in the file V2_MAPPING points at, under [forms]"
            )

    def has_organization(self, organization_id: str | None) -> bool:
        """Whether an organization's rows are in the run."""
        return self.everything or organization_id in self.organizations

    def submission_organization(self, row: V2Submission) -> str | None:
        """The organization a submission belongs to: its own, else its form's (M8)."""
        return row.organization_id or self.form_organization.get(row.form_type_id)

    def organization_query(self) -> "QuerySet[Any]":
        """v2's organizations in the run."""
        query: QuerySet[Any] = v2.Organization._default_manager.all()
        return query if self.everything else query.filter(id__in=self.organizations)

    def user_query(self) -> "QuerySet[Any]":
        """v2's users in the run."""
        query: QuerySet[Any] = v2.User._default_manager.all()
        return query if self.everything else query.filter(organization_id__in=self.organizations)

    def submission_query(self) -> "QuerySet[Any]":
        """v2's submissions in the run, and perhaps some more: see ``has_organization``.

        Which organization a form belongs to may stand outside v2 (M8), so v2 is asked for what
        it can know without a list of forms, and the rest is told apart as it is read.
        """
        query: QuerySet[Any] = v2.FormSubmission._default_manager.all()
        if self.everything:
            return query
        by_form = Q()
        if self._source.has(v2.FormType, "organization_id"):
            own_form = v2.FormType._default_manager.filter(id=OuterRef("form_type_id"))
            by_form = Q(
                Exists(
                    own_form.filter(
                        Q(organization_id__in=self.organizations) | Q(organization_id__isnull=True)
                    )
                )
            )
        if not self._source.has(v2.FormSubmission, "organization_id"):
            return query.filter(by_form)
        inherits = Q(organization_id__isnull=True) & by_form
        return query.filter(Q(organization_id__in=self.organizations) | inherits)

    def count_forms(self) -> int:
        """The number of forms in the run."""
        return sum(map(self.has_organization, self.form_organization.values()))

    def count_submissions(self) -> int:
        """The number of submissions in the run."""
        query: QuerySet[Any] = v2.FormSubmission._default_manager.all()
        if self.everything:
            return self._source.count(query)
        groups = self._source.grouped_counts(query, ("form_type_id", "organization_id"))
        return sum(
            count
            for form, own, count in groups
            if self.has_organization(own or self.form_organization.get(form))
        )
