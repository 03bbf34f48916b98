"""What the admin pages of all v3 tables have in common."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import (
    CharField,
    DateTimeField,
    Field,
    JSONField,
    Model,
    QuerySet,
    TextField,
)
from django.db.models.fields.json import KT
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.utils.safestring import SafeString

from pliers.admin_display import (
    editable_json,
    exact_time,
    link,
    minute,
    named,
    pretty_json,
    text_as_stored,
    visible,
)
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


class ReadableJSONField(forms.JSONField):
    """Edits JSON indented, and what cannot be seen as escapes."""

    def prepare_value(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        """The text to be edited; what was typed and is no JSON stays as it was typed."""
        return value if isinstance(value, InvalidJSONInput) else editable_json(value)


def _shown(field: _Field) -> Callable[[Any], SafeString] | None:
    """How a column is shown where it is not edited; None: Django's way will do."""
    if isinstance(field, JSONField):
        return pretty_json
    if isinstance(field, DateTimeField):
        return exact_time
    if isinstance(field, CharField | TextField) and not field.choices:
        return text_as_stored
    return None


def _column(field: _Field, show: Callable[[Any], object]) -> Callable[[Model], object]:
    @admin.display(description=str(field.verbose_name))
    def column(obj: Model) -> object:
        return show(getattr(obj, field.name))

    return column


class LeanAdmin(_ModelAdmin):
    """Fast lists without bulk actions, and JSON that can be read.

    Attributes:
        list_columns: the columns a list needs; empty: all.
        exact_fields: what a search looks up besides the id, as ``field__lookup``.
        derived: page fields that are made from a record, and not there before it is.
    """

    list_columns: ClassVar[tuple[str, ...]] = ()
    exact_fields: ClassVar[tuple[str, ...]] = ()
    derived: ClassVar[tuple[str, ...]] = ()

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a facet counts the table once for each choice
    sortable_by: ClassVar[Any] = ()
    list_per_page = 100
    # None is run over many records at once; what can be deleted is deleted on its own page.
    actions: Any = None
    change_list_template = "admin/lean_change_list.html"
    search_fields = ("id",)  # says that there is a search; get_search_results is what it does

    class Media:
        css: ClassVar = {"all": ["pliers/admin.css"]}

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self._shown_as: dict[str, str] = {}
        for field in model._meta.concrete_fields:
            if show := _shown(field):
                self._shown_as[field.name] = f"{field.name}_shown"
                setattr(self, f"{field.name}_shown", _column(field, show))
            if isinstance(field, DateTimeField):
                setattr(self, f"{field.name}_short", _column(field, minute))

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

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """The fields that are never edited, under both names they can have on a page."""
        names = [str(name) for name in super().get_readonly_fields(request, obj)]
        return [*names, *(self._shown_as[name] for name in names if name in self._shown_as)]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ANN401 - a nested literal
        """Show readably what is not edited; leave out of a new record what is derived of one."""
        shown = self._shown_as
        if obj is None or self.has_change_permission(request, obj):
            never_edited = set(super().get_readonly_fields(request, obj))
            shown = {name: other for name, other in shown.items() if name in never_edited}
        hidden = set() if obj is not None else set(self.derived)
        fieldsets = []
        for title, options in super().get_fieldsets(request, obj):
            fields = [shown.get(str(f), f) for f in options["fields"] if f not in hidden]
            if fields:
                fieldsets.append((title, {**options, "fields": fields}))
        return fieldsets

    def formfield_for_dbfield(
        self,
        db_field: _Field,
        request: HttpRequest,
        **kwargs: Any,
    ) -> forms.Field | None:
        """Edit JSON readably, and refuse in the form what PostgreSQL cannot store."""
        if isinstance(db_field, JSONField):
            kwargs["form_class"] = ReadableJSONField
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, ReadableJSONField):
            field.validators.append(storable_json)
            field.widget.attrs.update({"rows": 16, "class": "vLargeTextField json"})
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
    readonly_fields: ClassVar[Any] = ("id", "origin", "metadata", "created_at", "updated_at")
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

    @admin.display(description="name")
    def title(self, obj: Model) -> SafeString:
        """What the record is called, and what is clicked to open it."""
        return named(str(obj))

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
