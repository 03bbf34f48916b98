"""Keyset batches out of v2: each batch is a range of keys, read with queries the models compose.

A batch of children (fields, answers) is everything in its parents' range of keys,
``> last AND <= high``, so no statement carries a list of keys and rows whose parent does not
exist fall out beside the others. Keys are ordered and compared by v2 alone; Python only hands
back the last one as it came.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db.models import (
    BigIntegerField,
    BinaryField,
    Exists,
    Model,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
)

from legacy_v2 import models as v2
from legacy_v2 import names
from transfer.exceptions import SourceError
from transfer.mapping.text import is_clean
from transfer.records import (
    V2ChoiceMap,
    V2Field,
    V2FieldSetting,
    V2Form,
    V2Organization,
    V2User,
)
from transfer.source import Source
from transfer.source_pages import Page, RowPage

R = TypeVar("R")
BatchSize = Callable[[], int]

ORGANIZATION_COLUMNS = ("id", "name", "created_on")
USER_COLUMNS = V2User._fields
FORM_COLUMNS = V2Form._fields
FIELD_COLUMNS = (
    "id", "form_type_id", "field_type_id", "name", "display_name", "required", "sort_order",
)  # fmt: skip
SETTING_COLUMNS = V2FieldSetting._fields
MAP_COLUMNS = ("id", "field_id", "choice_id", "sort_order")
# Rows of a lookup table or of orphans read at once; their size does not follow the batch's.
SCAN_SIZE = 10_000
FIRST_KEY = "00000000-0000-0000-0000-000000000000"
FIRST_NUMBER = str(-(2**63))
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(slots=True)
class Batch(Generic[R]):
    """Records of one v2 table in a range of keys, and the last key as v2 gave it."""

    rows: list[R]
    last_key: str


@dataclass(slots=True)
class FormBatch(Batch[V2Form]):
    """Forms with all that hangs on them, by form id, and the fields in range without a form."""

    fields: dict[str, list[V2Field]] = field(default_factory=dict)
    settings: dict[str, list[V2FieldSetting]] = field(default_factory=dict)
    maps: dict[str, list[V2ChoiceMap]] = field(default_factory=dict)
    stray_fields: list[V2Field] = field(default_factory=list)


@dataclass(slots=True)
class Lookups:
    """v2's small tables: field type names, status names and choice names by id."""

    field_types: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    choices: dict[str, str | None] = field(default_factory=dict)


def between(
    source: Source,
    query: "QuerySet[Any]",
    key: str,
    low: str,
    high: str = "",
    *,
    or_else: Q | None = None,
) -> "QuerySet[Any]":
    """The query's rows with ``low < key <= high``, or another condition; an empty bound is none.

    A bound goes back as v2 gave it: a copy made by hand may hold keys in other spellings, or
    such as are no GUIDs, and their records must not stop the run (R7). A number goes back as one,
    or SQL Server would make of it what the column is, which may be too narrow.
    """
    whole = source.has_numbers(query.model, key)
    bounds = {
        f"{key}__{name}": _bound(at, whole) for name, at in (("gt", low), ("lte", high)) if at
    }
    inside = Q(**bounds)
    return query.filter(inside | or_else if or_else and inside else inside)


def _bound(at: str, whole: bool) -> Value:  # noqa: FBT001 - of a column
    # In SQLite a column of numbers can hold texts too, of which int() takes some for numbers.
    if whole and _NUMBER.fullmatch(at):
        return Value(int(at), BigIntegerField())
    return Value(at, TextField())


def has_key(source: Source, model: type[Model], key: str, after: str = "") -> tuple[Q, Q]:
    """Conditions: the row can be read by its key; it cannot, which only a hand-made copy can hold.

    Where the row's key is known to be behind another one, ``after``, the first does not say so
    again: of two lower ends SQLite's planner may take the one that it reads a whole index for.

    A key can be null; in SQLite also empty, or a number or bytes, which sort before and after text.
    Where ids are numbers (legacy_v2.ids), a number is what they should be.
    """
    null = Q(**{f"{key}__isnull": True})
    if source.connection.vendor != "sqlite" or source.has_numbers(model, key):
        return ~null, null
    no_text, no_bytes = Value("", TextField()), Value(b"", BinaryField())
    has = Q(**{f"{key}__lt": no_bytes})
    if not after:
        has &= Q(**{f"{key}__gt": no_text})
    return has, null | Q(**{f"{key}__lte": no_text}) | Q(**{f"{key}__gte": no_bytes})


def before_all(source: Source, model: type[Model], key: str) -> str:
    """A key before every one that v2 can have."""
    return FIRST_NUMBER if source.has_numbers(model, key) else FIRST_KEY


def last_key(page: Page | RowPage, query: "QuerySet[Any]") -> str:
    """The page's last key, beyond which the next one begins.

    Raises:
        SourceError: it is no text, or such as no checkpoint could hold.
    """
    if page.length and not (page.last_key and is_clean(page.last_key)):
        table = names.table(query.model)
        msg = f"v2's {names.told(table)} holds a key that is no text, empty, or has U+0000 in it"
        raise SourceError(f"{msg}; repair the copy before migrating it", table=table)
    return page.last_key


def pages(
    source: Source, query: "QuerySet[Any]", columns: tuple[str, ...], size: BatchSize, after: str
) -> Iterator[Page]:
    """The query's rows by its first column, which is unique, ``size()`` rows a page.

    Ends at the table's end, or when ``size()`` is 0.
    """
    key = columns[0]
    ordered = query.order_by(key)
    while wanted := size():
        page = source.read(between(source, ordered, key, after)[:wanted], columns)
        after = last_key(page, query)
        if page.length:
            yield page
        if page.length < wanted:
            return


def ranges(
    source: Source, query: "QuerySet[Any]", columns: tuple[str, ...], *, after: str = ""
) -> Iterator[Page]:
    """The query's rows by its first column, which need not be unique, about SCAN_SIZE a page.

    Rows without such a key, which only a copy made by hand can hold, are in the first page.
    """
    key = columns[0]
    first = not after
    while True:
        keyed, keyless = has_key(source, query.model, key, after)
        with_key = query.filter(keyed).order_by(key)
        bound = source.read(between(source, with_key, key, after)[:SCAN_SIZE], (key,))
        if not (bound.length or first):
            return
        high = last_key(bound, query)
        in_range = between(source, query.filter(keyed), key, after, high)
        if first:
            in_range = between(source, query, key, after, high, or_else=keyless)
            in_range = in_range if high else query.filter(keyless)
        page = source.read(in_range, columns)
        # An empty last key would begin at the first page again.
        page.last_key = after = high or before_all(source, query.model, key)
        if page.length:
            yield page
        if not bound.length:
            return
        first = False


def scan(source: Source, model: type[Model], columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """All rows of a table as tuples of these columns, in pages by the first, which is unique."""
    if source.has(model, columns[0]):
        for page in pages(source, model._default_manager.all(), columns, lambda: SCAN_SIZE, ""):
            yield from page.rows()


def lookups(source: Source) -> Lookups:
    """v2's small tables, held for the run: bounded by the forms' design, not by submissions."""
    return Lookups(
        field_types=dict(scan(source, v2.FieldType, ("id", "name"))),
        statuses=dict(scan(source, v2.FormSubmissionStatus, ("id", "name"))),
        choices=dict(scan(source, v2.Choice, ("id", "display_name"))),
    )


def organizations(
    source: Source, query: "QuerySet[Any]", size: BatchSize, after: str = ""
) -> Iterator[Batch[V2Organization]]:
    """Batches of organizations."""
    for page in pages(source, query, ORGANIZATION_COLUMNS, size, after):
        yield Batch([V2Organization(*row) for row in page.rows()], page.last_key)


def users(
    source: Source, query: "QuerySet[Any]", size: BatchSize, after: str = ""
) -> Iterator[Batch[V2User]]:
    """Batches of users."""
    for page in pages(source, query, USER_COLUMNS, size, after):
        yield Batch([V2User(*row) for row in page.rows()], page.last_key)


def forms(
    source: Source,
    known: Lookups,
    size: BatchSize,
    after: str = "",
    *,
    settings: bool = True,
) -> Iterator[FormBatch]:
    """Batches of forms with their fields, choices and (unless told not to) settings.

    After the last form comes a batch of the fields beyond it, where there are any.
    """
    low = after
    every_field = v2.Field._default_manager.all()
    for page in pages(source, v2.FormType._default_manager.all(), FORM_COLUMNS, size, after):
        batch = FormBatch([V2Form(*row) for row in page.rows()], page.last_key)
        fields = between(source, every_field, "form_type_id", low, batch.last_key)
        add_fields(source, known, batch, fields, settings=settings)
        yield batch
        low = page.last_key
    if size():
        beyond = FormBatch([], low)
        fields = between(source, every_field, "form_type_id", low)
        add_fields(source, known, beyond, fields, settings=settings)
        if beyond.stray_fields:
            yield beyond


def add_fields(
    source: Source,
    known: Lookups,
    batch: FormBatch,
    fields: "QuerySet[Any]",
    *,
    settings: bool = True,
) -> None:
    """Read these fields with their choices (and settings) into the batch of their forms."""
    form_ids = {form.id for form in batch.rows}
    form_of: dict[str, str] = {}
    grouped: defaultdict[str, list[V2Field]] = defaultdict(list)
    for row in source.read(fields, FIELD_COLUMNS).rows():
        item = V2Field._make((*row, known.field_types.get(row[2])))
        form_of[item.id] = item.form_type_id
        if item.form_type_id in form_ids:
            grouped[item.form_type_id].append(item)
        else:
            batch.stray_fields.append(item)
    batch.fields = grouped
    batch.maps = _by_form(form_of, _maps(source, known, _of_fields(v2.FieldChoiceMap, fields)))
    if settings:
        page = source.read(_of_fields(v2.FieldSetting, fields), SETTING_COLUMNS)
        batch.settings = _by_form(form_of, (V2FieldSetting(*row) for row in page.rows()))


def _of_fields(model: type[Model], fields: "QuerySet[Any]") -> "QuerySet[Any]":
    return model._default_manager.filter(Exists(fields.filter(id=OuterRef("field_id"))))


def _without_field(model: type[Model]) -> "QuerySet[Any]":
    every_field = v2.Field._default_manager.all()
    return model._default_manager.filter(~Exists(every_field.filter(id=OuterRef("field_id"))))


def _maps(source: Source, known: Lookups, query: "QuerySet[Any]") -> Iterator[V2ChoiceMap]:
    for row in source.read(query, MAP_COLUMNS).rows():
        choice = row[2]
        yield V2ChoiceMap._make((*row, choice in known.choices, known.choices.get(choice)))


F = TypeVar("F", V2FieldSetting, V2ChoiceMap)


def _by_form(form_of: dict[str, str], rows: Iterator[F]) -> dict[str, list[F]]:
    grouped: defaultdict[str, list[F]] = defaultdict(list)
    for row in rows:
        # One of a field that v2 gained since its fields were read waits for sync_v2.
        if (form_id := form_of.get(row.field_id)) is not None:
            grouped[form_id].append(row)
    return grouped


def fields_without_form(source: Source, known: Lookups) -> Iterator[V2Field]:
    """Fields whose form does not exist (M11)."""
    every_form = v2.FormType._default_manager.all()
    stray = v2.Field._default_manager.filter(
        ~Exists(every_form.filter(id=OuterRef("form_type_id")))
    )
    columns = ("form_type_id", *(name for name in FIELD_COLUMNS if name != "form_type_id"))
    for page in ranges(source, stray, columns):
        for form_id, own_id, *rest in page.rows():
            yield V2Field._make((own_id, form_id, *rest, known.field_types.get(rest[0])))


def settings_without_field(source: Source) -> Iterator[V2FieldSetting]:
    """Settings whose field does not exist (M11)."""
    columns = ("field_id", "id", "name", "stored_value")
    for page in ranges(source, _without_field(v2.FieldSetting), columns):
        for field_id, own_id, name, value in page.rows():
            yield V2FieldSetting(own_id, field_id, name, value)


def maps_without_field(source: Source, known: Lookups) -> Iterator[V2ChoiceMap]:
    """Choice maps whose field does not exist (M11)."""
    columns = ("field_id", "id", "choice_id", "sort_order")
    for page in ranges(source, _without_field(v2.FieldChoiceMap), columns):
        for field_id, own_id, choice, order in page.rows():
            exists = choice in known.choices
            yield V2ChoiceMap(own_id, field_id, choice, order, exists, known.choices.get(choice))
