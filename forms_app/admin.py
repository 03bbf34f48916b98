"""Forms and workflows in the admin."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString

from forms_app.models import Form, Workflow
from organizations.admin import OrganizationFilter
from pliers.admin import V3Admin
from pliers.admin_display import answer, list_link, pretty_json, table
from pliers.admin_lists import MigrationFilter, RelatedFilter, as_uuid
from submissions.models import Submission

if TYPE_CHECKING:  # QuerySet takes its type argument in the stubs only
    _Rows = QuerySet[Any]
else:
    _Rows = QuerySet


class FormFilter(RelatedFilter):
    """Filters by form; where an organization is chosen its own forms come first.

    The others stay, for a submission may belong to another organization than its form (M8).
    """

    title = "form"
    parameter_name = "form"
    model = Form
    names = ("name", "organization__name")

    def candidates(self, request: HttpRequest) -> _Rows:
        """The forms to choose from, in the order they are offered."""
        forms = super().candidates(request)
        organization = as_uuid(request.GET.get("organization", ""))
        if organization is None:
            return forms
        others = Case(When(organization=organization, then=Value(0)), default=Value(1))
        return forms.order_by(others, *self.names, "pk")


def form_fields(form: Form) -> Iterator[dict[str, Any]]:
    """The fields a form's definition holds; what is no field there is passed over."""
    definition: Any = form.definition
    fields = definition.get("fields") if isinstance(definition, dict) else None
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, dict):
            yield field


@admin.register(Form)
class FormAdmin(V3Admin):
    """Forms, each with a table of its fields."""

    list_display = (
        "title",
        "organization_link",
        "version",
        "status",
        "created_at_short",
        "migration",
    )
    list_columns = ("name", "version", "status", "created_at", "organization__name")
    list_select_related = ("organization",)
    list_filter = (OrganizationFilter, "status", MigrationFilter, "created_at")
    ordering = ("organization_id", "slug", "version")
    exact_fields = ("name__icontains", "slug__icontains")
    search_help_text = "An id, or a part of the name or slug"
    autocomplete_fields = ("organization",)
    readonly_fields = (*V3Admin.readonly_fields, "fields_table", "filled_in")
    derived = (*V3Admin.derived, "fields_table", "filled_in")
    dependents = ("submissions",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "organization",
                    "slug",
                    "version",
                    "status",
                    "filled_in",
                    "origin",
                )
            },
        ),
        ("Fields", {"fields": ("fields_table",)}),
        ("Times", {"fields": ("created_at", "updated_at", "deleted_at")}),
        ("Stored", {"fields": ("id", "definition", "metadata")}),
    )

    @admin.display(description="fields")
    def fields_table(self, obj: Form) -> SafeString:
        """The form's fields as its definition has them."""
        return table(
            ("Label", "Name", "Type", "Required", "Choices", "Settings"),
            (
                (
                    field.get("label"),
                    field.get("name"),
                    field.get("type"),
                    "yes" if field.get("required") else "",
                    _choices(field.get("choices")),
                    _settings(field.get("settings")),
                )
                for field in form_fields(obj)
            ),
        )

    @admin.display(description="submissions")
    def filled_in(self, obj: Form) -> SafeString:
        """The way to the form's submissions."""
        return list_link(Submission, "submissions of this form", form=obj.pk)


def _choices(choices: object) -> SafeString | str:
    if not isinstance(choices, list) or not choices:
        return ""
    return answer([c.get("label") if isinstance(c, dict) else c for c in choices])


def _settings(settings: object) -> SafeString | str:
    if not settings:
        return ""
    if not isinstance(settings, dict):
        return pretty_json(settings)
    return answer([f"{name}: {value}" for name, value in settings.items()])


@admin.register(Workflow)
class WorkflowAdmin(V3Admin):
    """Workflows."""

    list_display = (
        "title",
        "organization_link",
        "version",
        "type",
        "trigger_type",
        "status",
        "is_active",
    )
    list_columns = (
        "name",
        "version",
        "type",
        "trigger_type",
        "status",
        "is_active",
        "organization__name",
    )
    list_select_related = ("organization",)
    list_filter = (OrganizationFilter, "trigger_type", "status", "is_active")
    ordering = ("organization_id", "slug", "version")
    exact_fields = ("name__icontains", "slug__icontains")
    search_help_text = "An id, or a part of the name or slug"
    autocomplete_fields = ("organization",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "organization",
                    "slug",
                    "version",
                    "type",
                    "trigger_type",
                    "status",
                    "is_active",
                    "origin",
                )
            },
        ),
        ("Times", {"fields": ("created_at", "updated_at", "published_at", "deleted_at")}),
        (
            "Stored",
            {"fields": ("id", "trigger_config", "definition", "settings", "metadata")},
        ),
    )
