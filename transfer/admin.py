"""How migrations went: their progress and their errors, to be read and never written."""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from pliers.admin import ReadOnlyAdmin
from pliers.admin_display import link, list_link, quiet, visible
from pliers.admin_lists import as_uuid, migration_names
from transfer.mapping.codes import CODES, Code
from transfer.models import MigrationError, MigrationProgress
from transfer.plan import PLAN

if TYPE_CHECKING:  # Django's classes take their type arguments in the stubs only
    _Rows = QuerySet[Any]
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _Rows = QuerySet
    _ModelAdmin = admin.ModelAdmin

V3_MODELS: dict[str, type[Model]] = {model._meta.db_table: model for model in apps.get_models()}
# A finding names the v2 record; where that is the one the v3 row is made from, they share the id.
MEANINGS: dict[str, str] = {str(code): f"{i.rule}: {i.meaning}" for code, i in CODES.items()}
V2_TABLES = {step.table: step.v2_table for step in PLAN}


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


class ResolvedFilter(admin.SimpleListFilter):
    """Filters by whether a finding is still open."""

    title = "resolved"
    parameter_name = "resolved"

    def lookups(self, request: HttpRequest, model_admin: _ModelAdmin) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """Yes and no."""
        return [("no", "No"), ("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:  # noqa: ARG002 - Django's signature
        """The rows that are, or are not."""
        if self.value() in {"yes", "no"}:
            return queryset.filter(resolved_at__isnull=self.value() == "no")
        return queryset


@admin.register(MigrationProgress)
class MigrationProgressAdmin(ReadOnlyAdmin):
    """One row a migration and table (and partition)."""

    list_display = (
        "migration_name",
        "table_name",
        "status",
        "records",
        "failed",
        "started_at_short",
        "completed_at_short",
    )
    list_filter = (MigrationNameFilter, TableFilter, "status")
    ordering = ("-id",)
    exact_fields = ("migration_name__icontains",)
    search_help_text = "A part of the migration's name"
    readonly_fields = ("done", "findings")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "migration_name",
                    "table_name",
                    "partition",
                    "status",
                    "error_message",
                    "findings",
                )
            },
        ),
        ("Records", {"fields": ("processed_records", "failed_records", "total_records", "done")}),
        ("Times", {"fields": ("started_at", "heartbeat_at", "completed_at")}),
        ("To resume by", {"fields": ("last_key", "batch_size", "fingerprint")}),
        ("Ledger", {"fields": ("ledger",)}),
    )

    @admin.display(description="done")
    def done(self, obj: MigrationProgress) -> str:
        """The share of the records that are accounted for; rounded down, so 100 % is all."""
        if obj.total_records is None:
            return ""
        counted = (obj.processed_records or 0) + (obj.failed_records or 0)
        return f"{counted * 100 // obj.total_records if obj.total_records else 100} %"

    @admin.display(description="records")
    def records(self, obj: MigrationProgress) -> str:
        """How many are migrated, and of how many."""
        total = "?" if obj.total_records is None else f"{obj.total_records:,}"
        return f"{obj.processed_records or 0:,} of {total}"

    @admin.display(description="failed")
    def failed(self, obj: MigrationProgress) -> str:
        """How many are errors."""
        return f"{obj.failed_records or 0:,}"

    @admin.display(description="findings")
    def findings(self, obj: MigrationProgress) -> SafeString:
        """The way to the errors and warnings of this migration and table."""
        return list_link(
            MigrationError,
            "errors and warnings",
            migration_name=obj.migration_name,
            table_name=obj.table_name,
        )


@admin.register(MigrationError)
class MigrationErrorAdmin(ReadOnlyAdmin):
    """Errors and warnings, each about one v2 record."""

    list_display = (
        "code",
        "severity",
        "message",
        "v2_table",
        "record_id",
        "resolved_at_short",
        "created_at_short",
        "migration_name",
    )
    list_display_links = ("code", "record_id")
    list_columns = (
        "created_at",
        "severity",
        "code",
        "v2_table",
        "record_id",
        "error_message",
        "resolved_at",
        "migration_name",
    )
    list_filter = (MigrationNameFilter, "severity", ResolvedFilter, TableFilter, CodeFilter)
    ordering = ("-id",)
    search_help_text = "The v2 id of a record"
    readonly_fields = ("meaning", "record", "message")
    fieldsets = (
        (
            None,
            {"fields": ("severity", "code", "meaning", "message", "record", "migration_name")},
        ),
        ("In v2", {"fields": ("v2_table", "record_id", "column_name", "error_detail")}),
        ("Repair", {"fields": ("table_name", "attempts", "created_at", "resolved_at")}),
    )

    def search_id(self, queryset: _Rows, key: Any) -> _Rows:  # noqa: ANN401 - as in the base
        """The findings about a v2 record, whose id is stored in lower case."""
        return queryset.filter(record_id=str(key))

    def search_text(self, request: HttpRequest, queryset: _Rows, term: str) -> _Rows:  # noqa: ARG002 - signature
        """The findings about a record whose key is no id."""
        return queryset.filter(record_id=term)

    @admin.display(description="message")
    def message(self, obj: MigrationError) -> SafeString:
        """What is wrong, with what v2 holds made visible."""
        return visible(obj.error_message or "")

    @admin.display(description="meaning")
    def meaning(self, obj: MigrationError) -> str:
        """What the code stands for, and its rule."""
        return MEANINGS.get(obj.code, "")

    @admin.display(description="v3 record")
    def record(self, obj: MigrationError) -> SafeString:
        """The migrated record, linked where it is in v3."""
        model = V3_MODELS.get(obj.table_name)
        key = as_uuid(obj.record_id or "")
        if model is None or key is None or V2_TABLES.get(obj.table_name) != obj.v2_table:
            return quiet("none of its own")
        found = model._default_manager.filter(pk=key).first()
        return link(found) if found else quiet("not in v3")
