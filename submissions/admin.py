"""Submissions in the admin: made for a table of millions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from forms_app.admin import FormFilter, form_fields
from organizations.admin import OrganizationFilter
from organizations.models import Organization
from pliers.admin import V3Admin
from pliers.admin_display import answer, link, quiet, table
from pliers.admin_lists import MigrationFilter
from submissions.models import Submission

if TYPE_CHECKING:  # QuerySet takes its type argument in the stubs only
    _Rows = QuerySet[Any]
else:
    _Rows = QuerySet


@admin.register(Submission)
class SubmissionAdmin(V3Admin):
    """Submissions, each with its answers under the labels of its form."""

    list_display = (
        "title",
        "form_link",
        "organization_link",
        "status",
        "created_at_short",
        "migration",
    )
    list_columns = (
        "submission_number",
        "status",
        "created_at",
        "form__name",
        "organization__name",
    )
    list_select_related = ("form", "organization")
    list_filter = (OrganizationFilter, FormFilter, "status", MigrationFilter, "created_at")
    # The order of unique_submission_number. By date there is no index, and sorting a million
    # rows to show a hundred takes seconds.
    ordering = ("organization_id", "submission_number")
    search_help_text = "An id, a submission number, or the beginning of numbers followed by *"
    autocomplete_fields = ("organization", "form")
    readonly_fields = (*V3Admin.readonly_fields, "form_link", "organization_link", "answers")
    derived = (*V3Admin.derived, "form_link", "organization_link", "answers")
    fieldsets = (
        (None, {"fields": ("submission_number", "status", "origin")}),
        ("Answers", {"fields": ("answers",)}),
        ("Times", {"fields": ("created_at", "updated_at", "submitted_at", "deleted_at")}),
        ("Stored", {"fields": ("id", "data", "metadata")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401 - Django's signature
        """Link form and organization where they are shown, choose them where they are edited."""
        fieldsets = super().get_fieldsets(request, obj)
        edited = obj is None or self.has_change_permission(request, obj)
        ties = ("form", "organization") if edited else ("form_link", "organization_link")
        title, options = fieldsets[0]
        number, *rest = options["fields"]
        return [(title, {**options, "fields": [number, *ties, *rest]}), *fieldsets[1:]]

    def search_text(self, request: HttpRequest, queryset: _Rows, term: str) -> _Rows:  # noqa: ARG002 - signature
        """Submissions with that number, or with a number that begins so where it ends in ``*``.

        The only index on the number begins with the organization. With all of them named one by
        one it finds a number in a millisecond; with a subquery PostgreSQL scans the table.
        """
        organizations = list(Organization.objects.order_by().values_list("pk", flat=True))
        lookup = {"submission_number": term}
        if term.endswith("*"):
            lookup = {"submission_number__startswith": term.rstrip("*")}
        return queryset.filter(organization__in=organizations, **lookup)

    @admin.display(description="number")
    def title(self, obj: Model) -> SafeString:
        """The submission's number, and what is clicked to open it."""
        return super().title(obj)

    @admin.display(description="form")
    def form_link(self, obj: Submission) -> SafeString:
        """The form, linked."""
        return link(obj.form)

    @admin.display(description="answers")
    def answers(self, obj: Submission) -> SafeString:
        """Label → answer, in the form's order; then what the form has no field for."""
        return table(("Field", "Answer"), _answers(obj))


def _answers(submission: Submission) -> Iterator[tuple[object, SafeString]]:
    data: Any = submission.data
    given: dict[str, object] = dict(data) if isinstance(data, dict) else {}
    for field in form_fields(submission.form):
        name = field.get("name")
        label = field.get("label") or name
        if name in given:
            yield label, answer(given.pop(name))
        else:
            yield label, quiet("not answered")
    for name, value in given.items():
        yield f"{name} (not a field of this form)", answer(value)
