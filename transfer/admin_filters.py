"""Filters of the admin's lists about migrations; none reads a table to know its choices."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from pliers.admin_lists import migration_names
from transfer.mapping.codes import Code
from transfer.plan import PLAN

if TYPE_CHECKING:  # Django's classes take their type arguments in the stubs only
    _Rows = QuerySet[Any]
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _Rows = QuerySet
    _ModelAdmin = admin.ModelAdmin


class ListFilter(admin.SimpleListFilter):
    """A filter on a text column whose choices are known without reading the table."""

    parameter_name: str

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:  # noqa: ARG002 - Django's signature
        """The rows with the chosen value."""
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class MigrationNameFilter(ListFilter):
    """Filters by migration."""

    title = "migration"
    parameter_name = "migration_name"

    def lookups(self, request: HttpRequest, model_admin: _ModelAdmin) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """The migrations v3 knows of."""
        return [(name, name) for name in migration_names()]


class TableFilter(ListFilter):
    """Filters by v3 table."""

    title = "table"
    parameter_name = "table_name"

    def lookups(self, request: HttpRequest, model_admin: _ModelAdmin) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """The tables a migration fills."""
        return [(step.table, step.table) for step in PLAN]


class CodeFilter(ListFilter):
    """Filters by cause."""

    title = "code"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: _ModelAdmin) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """Every code there is, with its rule."""
        return [(code.value, f"{code.value} ({code.info.rule})") for code in Code]


class DoneFilter(admin.SimpleListFilter):
    """Filters by whether a time is set: yes or no."""

    parameter_name: str

    def lookups(self, request: HttpRequest, model_admin: _ModelAdmin) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """Yes and no."""
        return [("no", "No"), ("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:  # noqa: ARG002 - Django's signature
        """The rows that are, or are not."""
        if self.value() in {"yes", "no"}:
            return queryset.filter(**{f"{self.parameter_name}_at__isnull": self.value() == "no"})
        return queryset


class ResolvedFilter(DoneFilter):
    """Filters by whether a finding, or a difference, is still open."""

    title = "resolved"
    parameter_name = "resolved"


class SettledFilter(DoneFilter):
    """Filters by whether what a load put off is done."""

    title = "settled"
    parameter_name = "settled"
