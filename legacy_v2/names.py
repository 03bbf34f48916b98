"""The names of v2's tables and columns: those the models declare, and those of the v2 at hand.

A v2 may call its tables and columns by other names (V2_MAPPING, [tables] and [columns.…]). The
names the models declare are the canonical ones: whatever is recorded, counted or compared goes
by them. ``use`` puts the actual names into the models, so that every query composed after it
holds them; it is called before a v2 is looked at, and never while one is read.
"""

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

from django.apps import apps
from django.db import models

NONE = "(none)"  # in place of the name of what a v2 is said to lack


class Declared(NamedTuple):
    """A model's names as it declares them: its table, and its columns by attribute name."""

    table: str
    columns: Mapping[str, str]


_LOCK = Lock()
_Names = tuple[dict[str, str], dict[str, dict[str, str]]]
_in_use: list[_Names] = [({}, {})]  # one: actual tables, actual columns


@cache
def _declared() -> Mapping[type[models.Model], Declared]:
    # Asked for the first time by use() itself at the latest, so before any name is another.
    return {
        model: Declared(
            str(model._meta.db_table),
            {field.attname: str(field.column) for field in model._meta.concrete_fields},
        )
        for model in apps.get_app_config("legacy_v2").get_models()
    }


def canonical() -> dict[str, tuple[str, ...]]:
    """Every canonical column of v2 by its canonical table, both in the models' order."""
    return {names.table: tuple(names.columns.values()) for names in _declared().values()}


def use(
    tables: Mapping[str, str] | None = None,
    columns: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Put the actual names into the models; a name that is not given is the canonical one.

    Args:
        tables: canonical table → actual table, as plain text without a schema.
        columns: canonical table → canonical column → actual column.

    Raises:
        LookupError: a canonical name that no model has.
    """
    wanted: _Names = (
        dict(tables or {}),
        {name: dict(own) for name, own in (columns or {}).items()},
    )
    with _LOCK:
        declared = _declared()
        if wanted == _in_use[0]:  # a thread that reads is not disturbed by who opens v2 once more
            return
        _check(*wanted)
        for model, names in declared.items():
            own = wanted[1].get(names.table, {})
            model._meta.db_table = wanted[0].get(names.table, names.table)
            for field in model._meta.concrete_fields:
                column = names.columns[field.attname]
                field.db_column = field.column = own.get(column, column)
                # Holds the table's name, as the alias of its columns.
                field.__dict__.pop("cached_col", None)
        _in_use[0] = wanted


def _check(tables: Mapping[str, str], columns: Mapping[str, Mapping[str, str]]) -> None:
    known = canonical()
    for name in (*tables, *columns):
        if name not in known:
            msg = f"no table of v2: {name}"
            raise LookupError(msg)
    for name, own in columns.items():
        if unknown := sorted(own.keys() - set(known[name])):
            msg = f"no column of v2's {name}: {', '.join(unknown)}"
            raise LookupError(msg)


def table(model: type[models.Model]) -> str:
    """The canonical name of a model's table, whatever name is in use."""
    return _declared()[model].table


def column(field: "models.Field[Any, Any]") -> str:
    """The canonical name of a model field's column, whatever name is in use."""
    return _declared()[field.model].columns[field.attname]


def model_of(canonical_table: str) -> type[models.Model]:
    """The model of a table, by its canonical name.

    Raises:
        LookupError: no model has it.
    """
    for model, names in _declared().items():
        if names.table == canonical_table:
            return model
    msg = f"no table of v2: {canonical_table}"
    raise LookupError(msg)


def field_of(model: type[models.Model], attname: str) -> "models.Field[Any, Any]":
    """The model's field of this attribute name (``form_type_id``) or name (``form_type``).

    Raises:
        LookupError: it has none.
    """
    for field in model._meta.concrete_fields:
        if attname in (field.attname, field.name):
            return field
    msg = f"{model.__name__} has no column {attname}"
    raise LookupError(msg)


def actual(canonical_table: str, canonical_column: str | None = None) -> str:
    """The name that is in use for a table, or for a column of it.

    Raises:
        LookupError: no model has it.
    """
    model = model_of(canonical_table)
    if canonical_column is None:
        return str(model._meta.db_table)
    for field in model._meta.concrete_fields:
        if column(field) == canonical_column:
            return str(field.column)
    msg = f"no column of v2's {canonical_table}: {canonical_column}"
    raise LookupError(msg)


def told(canonical_table: str, canonical_column: str | None = None) -> str:
    """What a message calls a table or column: canonical, and beside it the actual name if other.

    ``FormSubmission (tblSubmission)`` or ``FormSubmission.LookupCode (tblSubmission.Code)``: a
    person who has to find it in v2 needs the second, whoever reads the books the first.

    Raises:
        LookupError: no model has it.
    """
    known, own = canonical_table, actual(canonical_table)
    if canonical_column is not None:
        own = f"{own}.{actual(canonical_table, canonical_column)}"
        known = f"{known}.{canonical_column}"
    return known if known == own else f"{known} ({own})"
