"""How migrations went: their progress and their errors, to be read and never edited.

Only one thing can be done here: trying open errors again, as retry_v2 does.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from pliers.admin import ReadOnlyAdmin
from pliers.admin_display import list_link, quiet, visible
from transfer import admin_display, admin_ranges
from transfer.admin_filters import CodeFilter, MigrationNameFilter, ResolvedFilter, TableFilter
from transfer.admin_proof import (
    MigrationDeferralAdmin,
    MigrationDifferenceAdmin,
    MigrationVerificationAdmin,
)
from transfer.admin_proof_display import v3_record
from transfer.admin_retry import try_again
from transfer.models import (
    MigrationDeferral,
    MigrationDifference,
    MigrationError,
    MigrationProgress,
    MigrationVerification,
)
from transfer.plan import PLAN

if TYPE_CHECKING:  # Django's classes take their type arguments in the stubs only
    _Rows = QuerySet[Any]
else:
    _Rows = QuerySet

# A finding names the v2 record; where that is the one the v3 row is made from, they share the id.
V2_TABLES = {step.table: step.v2_table for step in PLAN}

admin.site.register(MigrationVerification, MigrationVerificationAdmin)
admin.site.register(MigrationDifference, MigrationDifferenceAdmin)
admin.site.register(MigrationDeferral, MigrationDeferralAdmin)


@admin.register(MigrationProgress)
class MigrationProgressAdmin(ReadOnlyAdmin):
    """One row a migration and table, with the ranges it is moved in (transfer.admin_ranges)."""

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
    readonly_fields = ("done", "moment", "all_findings", "went", "findings", "ranges")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "migration_name",
                    "table_name",
                    "status",
                    "error_message",
                    "all_findings",
                )
            },
        ),
        (
            "Records",
            {"fields": ("processed_records", "failed_records", "total_records", "done", "moment")},
        ),
        ("Where everything went", {"fields": ("went",)}),
        ("Findings", {"fields": ("findings",)}),
        ("Times", {"fields": ("started_at", "heartbeat_at", "completed_at")}),
        ("Ranges moved side by side", {"fields": ("ranges",)}),
        ("To resume by", {"fields": ("last_key", "batch_size", "fingerprint")}),
        ("Ledger as it is stored", {"fields": ("ledger",), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> _Rows:
        """The tables' rows."""
        return super().get_queryset(request).filter(partition=0)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> MigrationProgress | None:
        """A table's row, with what its ranges count."""
        found: MigrationProgress | None = super().get_object(request, object_id, from_field)
        return admin_ranges.whole(found) if found else None

    @admin.display(description="ranges")
    def ranges(self, obj: MigrationProgress) -> SafeString:
        """The ranges of keys that the table is moved in."""
        return admin_ranges.shown(obj)

    @admin.display(description="done")
    def done(self, obj: MigrationProgress) -> str:
        """The share of the records that are accounted for; rounded down, so 100 % is all."""
        if obj.total_records is None:
            return ""
        counted = (obj.processed_records or 0) + (obj.failed_records or 0)
        return f"{counted * 100 // obj.total_records if obj.total_records else 100} %"

    @admin.display(description="at the last batch")
    def moment(self, obj: MigrationProgress) -> SafeString:
        """How fast a table is that is in hand, and the time left, as status_v2 tells them."""
        return admin_display.moment(obj)

    @admin.display(description="records")
    def records(self, obj: MigrationProgress) -> str:
        """How many are migrated, and of how many."""
        total = "?" if obj.total_records is None else f"{obj.total_records:,}"
        return f"{admin_ranges.whole(obj).processed_records or 0:,} of {total}"

    @admin.display(description="failed")
    def failed(self, obj: MigrationProgress) -> str:
        """How many are errors."""
        return f"{admin_ranges.whole(obj).failed_records or 0:,}"

    @admin.display(description="findings")
    def all_findings(self, obj: MigrationProgress) -> SafeString:
        """The way to the errors and warnings of this migration and table."""
        return list_link(
            MigrationError,
            "errors and warnings",
            migration_name=obj.migration_name,
            table_name=obj.table_name,
        )

    @admin.display(description="where everything went")
    def went(self, obj: MigrationProgress) -> SafeString:
        """The ledger."""
        return admin_display.ledger(obj)

    @admin.display(description="findings")
    def findings(self, obj: MigrationProgress) -> SafeString:
        """The findings by code."""
        return admin_display.findings(obj)


@admin.register(MigrationError)
class MigrationErrorAdmin(ReadOnlyAdmin):
    """Errors and warnings, each about one v2 record; open errors can be tried again."""

    list_display = (
        "code",
        "state",
        "attempts",
        "message",
        "v2_record",
        "created_at_short",
        "migration_name",
    )
    list_display_links = ("code", "v2_record")
    list_columns = (
        "created_at",
        "severity",
        "code",
        "v2_table",
        "record_id",
        "error_message",
        "attempts",
        "occurrence",
        "resolved_at",
        "migration_name",
    )
    list_filter = (MigrationNameFilter, "severity", ResolvedFilter, TableFilter, CodeFilter)
    ordering = ("-id",)
    search_help_text = "The v2 id of a record"
    actions = ("retry_selected",)
    save_on_top = True  # the record below may be long
    readonly_fields = ("state", "meaning", "record", "message", "to_do", "place", "v2_detail")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "state",
                    "severity",
                    "code",
                    "meaning",
                    "message",
                    "table_name",
                    "record",
                    "migration_name",
                )
            },
        ),
        ("What to do", {"fields": ("to_do", "attempts", "created_at", "resolved_at")}),
        ("In v2", {"fields": ("v2_table", "record_id", "column_name", "place")}),
        ("The v2 record as it was read", {"fields": ("v2_detail",)}),
    )

    def get_queryset(self, request: HttpRequest) -> _Rows:
        """Know of each finding whether its record has others of the kind, in the same query."""
        rows = super().get_queryset(request)
        same = ("migration_name", "table_name", "record_id", "v2_table", "code", "column_name")
        others = MigrationError.objects.filter(
            occurrence__gt=1, **{name: OuterRef(name) for name in same}
        )
        annotated: _Rows = rows.annotate(is_one_of_several=Exists(others))
        return annotated

    def get_urls(self) -> list[URLPattern]:
        """Add the way to try one error again."""
        retry = path(
            "<path:object_id>/retry/",
            self.admin_site.admin_view(self.retry_view),
            name="transfer_migrationerror_retry",
        )
        return [retry, *super().get_urls()]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may change errors may try them again; nobody edits them."""
        return request.user.has_perm("transfer.change_migrationerror")

    def get_action_choices(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """The one action there is without a blank before it: nobody has to choose it first."""
        return [choice for choice in super().get_action_choices(*args, **kwargs) if choice[0]]

    @admin.action(description="Try the selected errors again", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: _Rows) -> None:
        """Try again what is selected and open, and say what became of it."""
        for level, text in try_again(queryset):
            self.message_user(request, text, level)

    @method_decorator(require_POST)
    def retry_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try one error again, say what became of it, and show it.

        Raises:
            PermissionDenied: the user may only look.
            Http404: there is no such error.
        """
        if not self.has_retry_permission(request):
            raise PermissionDenied
        error = self.get_object(request, unquote(object_id))
        if error is None:
            raise Http404
        self.retry_selected(request, MigrationError.objects.filter(pk=error.pk))
        return HttpResponseRedirect(self._address("change", request, error))

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Offer to try an open error again, to those who may."""
        context, error = args[0], kwargs.get("obj")
        if error and self.has_retry_permission(request) and self._is_open(error):
            context["retry_url"] = self._address("retry", request, error)
        return super().render_change_form(request, *args, **kwargs)

    def _is_open(self, error: MigrationError) -> bool:
        return admin_display.state_of(error) == admin_display.OPEN

    def _address(self, page: str, request: HttpRequest, error: MigrationError) -> str:
        # With the filters of the list that the person came from, for the way back to it.
        url = reverse(f"admin:transfer_migrationerror_{page}", args=[error.pk])
        return add_preserved_filters(
            {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}, url
        )

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ANN401 - as in the base
        """Tell which of several faults of a kind this is only where there are several."""
        fieldsets = super().get_fieldsets(request, obj)
        if getattr(obj, "is_one_of_several", False):
            return fieldsets
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != "place"]})
            for title, options in fieldsets
        ]

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
    def meaning(self, obj: MigrationError) -> SafeString:
        """What the code stands for, and its rule."""
        return admin_display.meaning(obj.code)

    @admin.display(description="state")
    def state(self, obj: MigrationError) -> SafeString:
        """Open, accepted or resolved."""
        return admin_display.state(obj)

    @admin.display(description="to do")
    def to_do(self, obj: MigrationError) -> SafeString:
        """What is to be done about it."""
        return admin_display.to_do(obj)

    @admin.display(description="v2 record")
    def v2_record(self, obj: Any) -> SafeString:  # noqa: ANN401 - a MigrationError, annotated
        """Table and Id, and which of several faults of the record it is where there are several."""
        shown = format_html("{} {}", obj.v2_table, visible(obj.record_id or ""))
        if not obj.is_one_of_several:
            return shown
        return format_html("{} {}", shown, quiet(f"no. {obj.occurrence}"))

    @admin.display(description="which of several")
    def place(self, obj: MigrationError) -> str:
        """Which of the record's faults with the same code and column it is."""
        return f"no. {obj.occurrence} of this code and column in the record"

    @admin.display(description="record")
    def v2_detail(self, obj: MigrationError) -> SafeString:
        """The record, readable."""
        return admin_display.v2_record(obj.v2_table, obj.error_detail)

    @admin.display(description="v3 record")
    def record(self, obj: MigrationError) -> SafeString:
        """The migrated record, linked where it is in v3."""
        if V2_TABLES.get(obj.table_name) != obj.v2_table:
            return quiet("none of its own")
        return v3_record(obj.table_name, obj.record_id or "")
