"""Lists in the admin that open fast however many rows there are.

Nothing here counts a whole table, sorts one, or asks once a row: counts stop at a limit, the
order is one an index has, and related rows come with the same query.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest

from pliers.admin_display import named
from pliers.models import BATCH_KEY
from transfer.models import MigrationProgress

if TYPE_CHECKING:  # Django's classes take their type arguments in the stubs only
    _Paginator = Paginator[Any]
    _Rows = QuerySet[Any]
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _Paginator = Paginator
    _Rows = QuerySet
    _ModelAdmin = admin.ModelAdmin

COUNT_LIMIT = 10_000
"""Rows counted, and paged through, at most: a deeper page costs as much as all before it."""

CHOICES_SHOWN = 100
"""Entries of a filter at most; the rest is reached from the pages of the things themselves."""


def as_uuid(text: str) -> UUID | None:
    """Return the id a text spells, None where it spells none."""
    try:
        return UUID(text)
    except ValueError:
        return None


class AtLeast(int):
    """A count that stopped at its limit, and says so where a page shows it."""

    def __str__(self) -> str:
        return f"more than {int(self):,}"


class CappedPaginator(_Paginator):
    """Pages through the first COUNT_LIMIT rows and counts no further."""

    @cached_property
    def count(self) -> int:
        """The number of rows; an AtLeast where there are more than the limit."""
        rows: Any = self.object_list
        counted: int = rows.order_by().values("pk")[: COUNT_LIMIT + 1].count()
        return AtLeast(COUNT_LIMIT) if counted > COUNT_LIMIT else counted


class LeanChangeList(ChangeList):
    """Reads the columns a list shows, keeps to the order that has an index."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> _Rows:
        """Leave out the wide JSON columns, which a list never shows.

        Raises:
            IncorrectLookupParameters: a filter in the address holds U+0000, which no text has.
        """
        if any("\0" in value for values in self.filter_params.values() for value in values):
            raise IncorrectLookupParameters
        rows = super().get_queryset(request, *args, **kwargs)
        wanted: Sequence[str] = getattr(self.model_admin, "list_columns", ())
        return rows.only(*wanted) if wanted else rows

    def get_ordering(self, request: HttpRequest, queryset: _Rows) -> list[Any]:
        """Ignore an order asked for in the address where no column is sortable."""
        if self.model_admin.sortable_by is not None and not self.model_admin.sortable_by:
            self.params.pop(ORDER_VAR, None)
        return list(super().get_ordering(request, queryset))

    def get_results(self, request: HttpRequest) -> None:
        """Offer "show all" only where something is searched or filtered away."""
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count

    @property
    def count_limit(self) -> str:
        """Where counting stops, as a page shows it."""
        return f"{COUNT_LIMIT:,}"

    @property
    def stopped_counting(self) -> bool:
        """Whether there are more rows than the list pages through."""
        return isinstance(self.result_count, AtLeast)


class RelatedFilter(admin.SimpleListFilter):
    """Filters by a related row: the first ones by name, and the one that is chosen."""

    parameter_name: str
    model: type[Model]
    names: tuple[str, ...] = ("name",)

    def candidates(self, request: HttpRequest) -> _Rows:  # noqa: ARG002 - for subclasses
        """The rows to choose from, in the order they are offered."""
        return self.model._default_manager.order_by(*self.names, "pk")

    def lookups(self, request: HttpRequest, model_admin: _ModelAdmin) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """The choices, each labelled by its names."""
        rows = self.candidates(request).values_list("pk", *self.names)
        choices = list(rows[: CHOICES_SHOWN + 1])
        if len(choices) > CHOICES_SHOWN:
            self.title = f"{self.title} (first {CHOICES_SHOWN})"
            choices.pop()
        chosen = as_uuid(self.value() or "")
        if chosen and all(row[0] != chosen for row in choices):
            choices[:0] = self.model._default_manager.filter(pk=chosen).values_list(
                "pk", *self.names
            )
        return [(str(pk), named(" · ".join(names))) for pk, *names in choices]

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:  # noqa: ARG002 - Django's signature
        """The rows of the chosen one.

        Raises:
            IncorrectLookupParameters: what the address names is no id; the list says so.
        """
        value = self.value()
        if not value:
            return queryset
        if not (key := as_uuid(value)):
            raise IncorrectLookupParameters
        return queryset.filter(**{self.parameter_name: key})


def migration_names() -> list[str]:
    """The migrations v3 knows of, the latest first."""
    names = MigrationProgress.objects.order_by("-pk").values_list("migration_name", flat=True)
    return list(dict.fromkeys(names[:CHOICES_SHOWN]))


class MigrationFilter(admin.SimpleListFilter):
    """Filters by the migration that wrote a row, or by there being none."""

    title = "migration"
    parameter_name = "migration"
    own = "-"

    def lookups(self, request: HttpRequest, model_admin: _ModelAdmin) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """The migrations, and none."""
        return [*((name, name) for name in migration_names()), (self.own, "v3's own")]

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:  # noqa: ARG002 - Django's signature
        """The rows that migration wrote."""
        value = self.value()
        if value is None:
            return queryset
        if value == self.own:
            return queryset.exclude(metadata__has_key=BATCH_KEY)
        written_by = KT(f"metadata__{BATCH_KEY}")
        found: _Rows = queryset.alias(origin=written_by).filter(origin=value)
        return found
