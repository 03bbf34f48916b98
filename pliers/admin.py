"""What the admin pages of all v3 tables have in common."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Field, JSONField, Model, QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest
from django.utils.safestring import SafeString

from pliers.admin_display import link, pretty_json, visible
from pliers.admin_lists import CappedPaginator, LeanChangeList, as_uuid
from pliers.models import BATCH_KEY, Described

if TYPE_CHECKING:  # Django's classes take their type arguments in the stubs only
    _ModelAdmin = admin.ModelAdmin[Any]
    _Rows = QuerySet[Any]
    _Field = Field[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Rows = QuerySet
    _Field = Field

admin.site.site_header = "Pliers v3"
admin.site.site_title = "Pliers v3"
admin.site.index_title = "What was migrated, and how it went"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *_texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def storable_json(value: object) -> None:
    """Refuse in the form what jsonb would refuse on the server (M4).

    Raises:
        ValidationError: a text holds U+0000 or a lone surrogate.
    """
    for text in _texts(value):
        if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
            raise ValidationError("PostgreSQL stores neither U+0000 nor half a surrogate pair.")


def _json_page_field(name: str) -> Callable[[_ModelAdmin, Model], SafeString]:
    @admin.display(description=name.replace("_", " "))
    def shown(_: _ModelAdmin, obj: Model) -> SafeString:
        return pretty_json(getattr(obj, name))

    return shown


class LeanAdmin(_ModelAdmin):
    """Fast lists without bulk actions, and JSON that can be read.

    Attributes:
        list_columns: the columns a list needs; empty: all.
        json_fields: JSON columns, shown indented wherever they cannot be edited.
        exact_fields: what a search looks up besides the id, as ``field__lookup``.
        derived: page fields that are made from a record, and not there before it is.
    """

    list_columns: ClassVar[tuple[str, ...]] = ()
    json_fields: ClassVar[tuple[str, ...]] = ()
    exact_fields: ClassVar[tuple[str, ...]] = ()
    derived: ClassVar[tuple[str, ...]] = ()

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a facet counts the table once for each choice
    sortable_by: ClassVar[Any] = ()
    list_per_page = 100
    # None is run over many records at once; what can be deleted is deleted on its own page.
    actions = None
    change_list_template = "admin/lean_change_list.html"
    search_fields = ("id",)  # says that there is a search; get_search_results is what it does

    class Media:
        css: ClassVar = {"all": ["pliers/admin.css"]}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls.json_fields:
            setattr(cls, f"{name}_shown", _json_page_field(name))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LeanChangeList]:  # noqa: ARG002 - Django's signature
        """The list that reads only what it shows."""
        return LeanChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: _Rows, search_term: str
    ) -> tuple[_Rows, bool]:
        """Look up an id where the term is one, else ``exact_fields``; nothing is scanned twice."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if key := as_uuid(term):
            return self.search_id(queryset, key), False
        return self.search_text(request, queryset, term), False

    def search_id(self, queryset: _Rows, key: Any) -> _Rows:  # noqa: ANN401 - a UUID here, text in a subclass
        """The rows an id is about."""
        return queryset.filter(pk=key)

    def search_text(self, request: HttpRequest, queryset: _Rows, term: str) -> _Rows:  # noqa: ARG002 - for subclasses
        """The rows a text is about."""
        found = queryset.none()
        for field in self.exact_fields:
            found |= queryset.filter(**{field: term})
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ANN401 - a nested literal
        """Show JSON indented where it is not edited; leave out what needs a record on a new one."""
        read_only = obj is not None and not self.has_change_permission(request, obj)
        names = {name: f"{name}_shown" for name in self.json_fields} if read_only else {}
        hidden = set() if obj is not None else set(self.derived)
        fieldsets = []
        for title, options in super().get_fieldsets(request, obj):
            fields = [names.get(str(f), f) for f in options["fields"] if f not in hidden]
            if fields:
                fieldsets.append((title, {**options, "fields": fields}))
        return fieldsets

    def formfield_for_dbfield(
        self,
        db_field: _Field,
        request: HttpRequest,
        **kwargs: Any,
    ) -> forms.Field | None:
        """Refuse JSON that PostgreSQL cannot store in the form."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, JSONField):
            field.validators.append(storable_json)
        return field


class ReadOnlyAdmin(LeanAdmin):
    """Records that the admin shows and never writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - Django's signature
        """Nobody adds one here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - same
        """Nobody changes one here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - same
        """Nobody deletes one here."""
        return False


class V3Admin(LeanAdmin):
    """v3's records: migrated ones are shown only, v3's own are edited by the usual permissions.

    A migrated record must stay what v2 says until the migration is proved or rolled back; and
    what a record's metadata says of its origin is never edited, for that decides which is which.

    Attributes:
        dependents: reverse relations; a record that has any stays.
    """

    dependents: ClassVar[tuple[str, ...]] = ()
    json_fields: ClassVar[tuple[str, ...]] = ("metadata",)
    readonly_fields: ClassVar[Any] = ("id", "origin", "metadata_shown", "created_at", "updated_at")
    derived: ClassVar[tuple[str, ...]] = readonly_fields

    def get_queryset(self, request: HttpRequest) -> _Rows:
        """Have each row's migration at hand without its metadata, which may be wide."""
        rows = super().get_queryset(request)
        annotated: _Rows = rows.annotate(written_by=KT(f"metadata__{BATCH_KEY}"))
        return annotated

    @admin.display(description="migration")
    def migration(self, obj: Any) -> SafeString:  # noqa: ANN401 - any v3 record, annotated
        """The migration that wrote the row."""
        return visible(obj.written_by or "")

    @admin.display(description="origin")
    def origin(self, obj: Described) -> str:
        """Where the record comes from, and what that means on its page."""
        if obj.is_migrated:
            return f"Migrated by {obj.migration_batch}; it cannot be changed or deleted here."
        return "v3's own."

    @admin.display(description="organization")
    def organization_link(self, obj: Any) -> SafeString:  # noqa: ANN401 - any record with an organization
        """The organization, linked."""
        return link(obj.organization)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401 - Django's signature
        """Only v3's own records are changed."""
        return super().has_change_permission(request, obj) and not self._migrated(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401 - Django's signature
        """Only v3's own records are deleted, and only those that nothing hangs on."""
        return (
            super().has_delete_permission(request, obj)
            and not self._migrated(obj)
            and not (obj is not None and self._has_dependents(obj))
        )

    def _migrated(self, obj: object) -> bool:
        return isinstance(obj, Described) and obj.is_migrated

    def _has_dependents(self, obj: Model) -> bool:
        # Django would read every dependent row into memory, only to say that they protect it.
        return any(getattr(obj, name).exists() for name in self.dependents)
