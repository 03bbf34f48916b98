"""Proofs of migrations in the admin: verifications, their differences, and what a load put off.

All of it is read and never edited; nothing can be done here but look and download.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from pliers.admin import ReadOnlyAdmin
from pliers.admin_display import link, list_link, quiet, visible
from transfer import admin_proof_display as display
from transfer.admin_filters import MigrationNameFilter, ResolvedFilter, SettledFilter, TableFilter
from transfer.html_charts import PARTS
from transfer.html_report import CONTENT_SECURITY_POLICY, render_html
from transfer.models import MigrationDeferral, MigrationDifference, MigrationVerification

if TYPE_CHECKING:  # Django's classes take their type arguments in the stubs only
    _Rows = QuerySet[Any]
else:
    _Rows = QuerySet


class MigrationVerificationAdmin(ReadOnlyAdmin):
    """One row a verification; its report is shown, and can be taken along as a file."""

    list_display = (
        "migration_name",
        "status",
        "looked_at",
        "verdict",
        "started_at_short",
        "completed_at_short",
    )
    # The report and the state may be wide; what a list tells of them is picked out by the server.
    list_columns = ("migration_name", "status", "sample", "started_at", "completed_at")
    list_filter = (MigrationNameFilter, "status")
    ordering = ("-id",)
    exact_fields = ("migration_name__icontains",)
    search_help_text = "A part of the migration's name"
    readonly_fields = (
        "looked_at",
        "verdict",
        "to_do",
        "found",
        "download",
        "checks",
        "tables",
        "places",
        "accepted",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "migration_name",
                    "verdict",
                    "to_do",
                    "status",
                    "looked_at",
                    "found",
                    "download",
                )
            },
        ),
        ("Checks", {"fields": ("checks",)}),
        ("Every record, compared", {"fields": ("tables",)}),
        ("Differences by place", {"fields": ("places",)}),
        ("Accepted differences", {"fields": ("accepted",)}),
        ("Times", {"fields": ("started_at", "heartbeat_at", "completed_at")}),
        ("To go on by", {"fields": ("basis", "state"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> _Rows:
        """Have what decides the verdict at hand without the report."""
        rows = super().get_queryset(request)
        annotated: _Rows = rows.annotate(
            told_status=KT("report__status"),
            told_errors=Cast(KT("report__errors"), BigIntegerField()),
            told_differences=Cast(KT("report__differences__total"), BigIntegerField()),
        )
        return annotated

    def get_urls(self) -> list[URLPattern]:
        """Add the way to the report as a file."""
        download = path(
            "<path:object_id>/report/",
            self.admin_site.admin_view(self.report_view),
            name="transfer_migrationverification_report",
        )
        return [download, *super().get_urls()]

    @method_decorator(require_safe)
    def report_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The report as an HTML file to be kept.

        Raises:
            PermissionDenied: the user may not look at verifications.
            Http404: there is no such verification, or it has no report yet.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None or not isinstance(row.report, dict):
            raise Http404
        name = f"verification-{slugify(row.migration_name)[:80]}-{row.pk}.html"
        return HttpResponse(
            render_html(row.report),
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            },
        )

    @admin.display(description="looked at")
    def looked_at(self, obj: MigrationVerification) -> str:
        """How much was compared."""
        return "everything" if obj.sample is None else f"a sample of {obj.sample:,} a table"

    @admin.display(description="verdict")
    def verdict(self, obj: Any) -> SafeString:  # noqa: ANN401 - a MigrationVerification, annotated
        """The verdict as the report has it."""
        return display.verdict_of(
            obj.told_status, obj.told_errors, obj.told_differences, obj.sample
        )

    @admin.display(description="what to do")
    def to_do(self, obj: MigrationVerification) -> SafeString:
        """What the verdict means, and what is to be done."""
        return display.to_do(obj.report)

    @admin.display(description="differences")
    def found(self, obj: Any) -> SafeString:  # noqa: ANN401 - a MigrationVerification, annotated
        """How many differences there are, and the ways to those that are stored."""
        total = quiet("not known") if obj.told_differences is None else f"{obj.told_differences:,}"
        here = list_link(MigrationDifference, "those it found last", verification=obj.pk)
        still = list_link(
            MigrationDifference,
            "all open ones of the migration",
            migration_name=obj.migration_name,
            resolved="no",
        )
        return format_html("{}: {}, {}", total, here, still)

    @admin.display(description="as a file")
    def download(self, obj: MigrationVerification) -> SafeString:
        """The way to the HTML report."""
        if not isinstance(obj.report, dict):
            return quiet("there is no report yet")
        url = reverse("admin:transfer_migrationverification_report", args=[obj.pk])
        return format_html('<a href="{}">Download the HTML report</a>', url)

    @admin.display(description="checks")
    def checks(self, obj: MigrationVerification) -> SafeString:
        """The checks, with their counts."""
        return display.checks(obj.report)

    @admin.display(description="tables")
    def tables(self, obj: MigrationVerification) -> SafeString:
        """What comparing each table found."""
        return display.tables(obj.report)

    @admin.display(description="places")
    def places(self, obj: MigrationVerification) -> SafeString:
        """Where differences are, each place leading to them."""
        return display.places(obj)

    @admin.display(description="accepted")
    def accepted(self, obj: MigrationVerification) -> SafeString:
        """The accepted differences with their reasons."""
        return display.accepted(obj.report)


class MigrationDifferenceAdmin(ReadOnlyAdmin):
    """Differences, each in one place of one record, with both values."""

    list_display = (
        "record_id_shown",
        "state",
        "what",
        "in_v2",
        "in_v3",
        "found_at_short",
        "migration_name",
    )
    list_filter = (MigrationNameFilter, ResolvedFilter, "kind", TableFilter)
    ordering = ("-id",)
    search_help_text = "The id of a record"
    readonly_fields = ("state", "column", "values", "record", "run")
    fieldsets = (
        (None, {"fields": ("state", "kind", "table_name", "column", "record", "migration_name")}),
        ("Both values", {"fields": ("values",)}),
        ("In v2", {"fields": ("v2_table", "record_id")}),
        ("Found", {"fields": ("run", "found_at", "resolved_at")}),
    )

    def search_id(self, queryset: _Rows, key: Any) -> _Rows:  # noqa: ANN401 - as in the base
        """The differences of a record, whose id is stored in lower case."""
        return queryset.filter(record_id=str(key))

    def search_text(self, request: HttpRequest, queryset: _Rows, term: str) -> _Rows:  # noqa: ARG002 - signature
        """The differences of a record whose key is no id."""
        return queryset.filter(record_id=term)

    @admin.display(description="state")
    def state(self, obj: MigrationDifference) -> SafeString:
        """Open or resolved."""
        return display.state(obj)

    @admin.display(description="column")
    def column(self, obj: MigrationDifference) -> SafeString:
        """The column, and the way to the value in it; or the record as a whole."""
        return visible(obj.column_name) if obj.column_name else quiet("the whole record")

    @admin.display(description="what")
    def what(self, obj: MigrationDifference) -> SafeString:
        """Kind and table, and below them the column."""
        kind = PARTS.get(obj.kind, obj.kind)
        return format_html("{}, {}<br>{}", visible(kind), visible(obj.table_name), self.column(obj))

    @admin.display(description="v2")
    def in_v2(self, obj: MigrationDifference) -> SafeString:
        """What v3 should hold, by v2 and the rules."""
        return display.values(obj).v2

    @admin.display(description="v3")
    def in_v3(self, obj: MigrationDifference) -> SafeString:
        """What v3 holds."""
        return display.values(obj).v3

    @admin.display(description="values")
    def values(self, obj: MigrationDifference) -> SafeString:
        """Both values beside each other."""
        return display.beside(obj)

    @admin.display(description="v3 record")
    def record(self, obj: MigrationDifference) -> SafeString:
        """The record, linked where it is in v3."""
        return display.v3_record(obj.table_name, obj.record_id)

    @admin.display(description="verification")
    def run(self, obj: MigrationDifference) -> SafeString:
        """The verification that found it last."""
        return link(obj.verification)


class MigrationDeferralAdmin(ReadOnlyAdmin):
    """Indexes that were dropped, and foreign keys that were off, for a load."""

    list_display = (
        "name",
        "state",
        "kind",
        "table_name",
        "deferred_at_short",
        "settled_at_short",
        "migration_name",
    )
    list_filter = (MigrationNameFilter, SettledFilter, "kind", TableFilter)
    ordering = ("-id",)
    exact_fields = ("name",)
    search_help_text = "The name of an index or a foreign key"
    readonly_fields = ("state", "statement")
    fieldsets = (
        (None, {"fields": ("name", "kind", "table_name", "state", "migration_name", "statement")}),
        ("Times", {"fields": ("deferred_at", "settled_at")}),
    )

    @admin.display(description="state")
    def state(self, obj: MigrationDeferral) -> SafeString:
        """Waiting or settled."""
        return display.deferral_state(obj)

    @admin.display(description="made by")
    def statement(self, obj: MigrationDeferral) -> SafeString:
        """The statement that makes it."""
        return format_html('<pre class="command">{}</pre>', visible(obj.definition))
