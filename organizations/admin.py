"""Organizations, users and plugins in the admin."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from forms_app.models import Form, Workflow
from organizations.models import Organization, Plugin, User
from pliers.admin import V3Admin
from pliers.admin_display import link, list_link
from pliers.admin_lists import MigrationFilter, RelatedFilter
from submissions.models import Submission


class OrganizationFilter(RelatedFilter):
    """Filters by organization."""

    title = "organization"
    parameter_name = "organization"
    model = Organization


@admin.register(Organization)
class OrganizationAdmin(V3Admin):
    """Organizations, with the way to what they own."""

    list_display = ("title", "slug", "created_at_short", "deleted_at_short", "migration")
    list_columns = ("name", "slug", "created_at", "deleted_at")
    list_filter = (MigrationFilter, "created_at")
    ordering = ("slug",)
    exact_fields = ("name__icontains", "slug__icontains")
    search_help_text = "An id, or a part of the name or slug"
    readonly_fields = (*V3Admin.readonly_fields, "contents")
    derived = (*V3Admin.derived, "contents")
    dependents = ("users", "forms", "workflows", "plugins", "submissions", "events")
    fieldsets = (
        (None, {"fields": ("name", "slug", "contents", "origin")}),
        ("Times", {"fields": ("created_at", "updated_at", "deleted_at")}),
        ("Stored", {"fields": ("id", "settings", "metadata")}),
    )

    @admin.display(description="contents")
    def contents(self, obj: Organization) -> SafeString:
        """Links to the lists of what the organization owns."""
        owned = (User, Form, Workflow, Submission)
        return format_html_join(
            " · ",
            "{}",
            (
                (list_link(model, str(model._meta.verbose_name_plural), organization=obj.pk),)
                for model in owned
            ),
        )


@admin.register(User)
class UserAdmin(V3Admin):
    """v3's users; who logs in here is another table."""

    list_display = ("title", "organization_link", "status", "created_at_short", "migration")
    list_columns = ("email", "status", "created_at", "organization__name")
    list_select_related = ("organization",)
    list_filter = (OrganizationFilter, "status", MigrationFilter)
    ordering = ("organization_id", "email")
    exact_fields = ("email__istartswith",)
    search_help_text = "An id, or the beginning of an email"
    autocomplete_fields = ("organization",)
    dependents = ("events",)
    fieldsets = (
        (None, {"fields": ("email", "organization", "status", "origin")}),
        ("Times", {"fields": ("created_at", "updated_at", "deleted_at")}),
        ("Stored", {"fields": ("id", "auth_data", "metadata")}),
    )


@admin.register(Plugin)
class PluginAdmin(V3Admin):
    """Plugins, the system's and the organizations'."""

    list_display = ("title", "version", "type", "status", "is_system", "owner")
    list_columns = ("name", "version", "type", "status", "is_system", "organization__name")
    list_select_related = ("organization",)
    list_filter = ("type", "status", "is_system", OrganizationFilter)
    ordering = ("slug",)
    exact_fields = ("name__icontains", "slug__icontains")
    search_help_text = "An id, or a part of the name or slug"
    autocomplete_fields = ("organization",)
    readonly_fields = ("id", "origin", "metadata", "updated_at")
    derived = ("id", "origin", "metadata", "updated_at")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "slug",
                    "version",
                    "type",
                    "status",
                    "is_system",
                    "organization",
                    "origin",
                )
            },
        ),
        ("Times", {"fields": ("installed_at", "updated_at")}),
        ("Stored", {"fields": ("id", "manifest", "config", "metadata")}),
    )

    @admin.display(description="organization")
    def owner(self, obj: Any) -> SafeString | str:  # noqa: ANN401 - a Plugin, whose organization may be null
        """The organization, or the system."""
        return link(obj.organization) if obj.organization else "the system's"
