"""The v2 tables as SQL for a SQLite file or a PostgreSQL database, made from the models.

The names are v2's own, whatever V2_MAPPING renames. Lengths are SQL Server's, save the lookup
code's on PostgreSQL, which is wide enough for one that is too long (M12); SQLite holds no value to
its length.
"""

from collections.abc import Collection
from typing import Any, Literal

from django.db import models

from legacy_v2 import names
from legacy_v2.fields import GuidField, NaiveDateTimeField

Vendor = Literal["sqlite", "postgresql"]

ANSWER_INDEX = "IX_FormSubmissionMetaData_FormSubmissionId"
_TYPES: dict[Vendor, dict[type, str]] = {
    "sqlite": {
        GuidField: "char(36)",
        NaiveDateTimeField: "text",
        models.BooleanField: "bit",
        models.IntegerField: "int",
        models.TextField: "text",
    },
    "postgresql": {
        GuidField: "uuid",
        NaiveDateTimeField: "timestamp",
        models.BooleanField: "boolean",
        models.IntegerField: "integer",
        models.TextField: "text",
    },
}


def tables() -> dict[str, type[models.Model]]:
    """Every v2 table by its canonical name, in the order of the models."""
    return {name: names.model_of(name) for name in names.canonical()}


def columns(table: str) -> list[str]:
    """The columns of a v2 table, in their order."""
    return list(names.canonical()[table])


def create_tables(vendor: Vendor, *, omit: Collection[str] = (), nocase: bool = True) -> list[str]:
    """The statements that make the v2 tables, without the index on the answers.

    Args:
        vendor: the database they are for.
        omit: what this v2 lacks: ``Table`` or ``Table.Column``.
        nocase: whether SQLite's id columns are declared so that both cases are one id.
    """
    statements = []
    for name, model in tables().items():
        if name in omit:
            continue
        lines = [
            _column(vendor, field, nocase=nocase)
            for field in model._meta.concrete_fields
            if f"{name}.{names.column(field)}" not in omit
        ]
        statements.append(f'CREATE TABLE "{name}" (\n    ' + ",\n    ".join(lines) + "\n)")
    return statements


def create_answer_index() -> str:
    """The statement that makes the (assumed) index by which answers are found."""
    return f'CREATE INDEX "{ANSWER_INDEX}" ON "FormSubmissionMetaData" ("FormSubmissionId")'


def _column(vendor: Vendor, field: "models.Field[Any, Any]", *, nocase: bool) -> str:
    kind = GuidField if isinstance(field, models.ForeignKey) else type(field)
    parts = [
        f'"{names.column(field)}"',
        _text_type(vendor, field) if kind is models.CharField else _TYPES[vendor][kind],
    ]
    if not field.null:
        parts.append("NOT NULL")
    if field.primary_key:
        parts.append("PRIMARY KEY")
    if kind is GuidField and vendor == "sqlite" and nocase:
        parts.append("COLLATE NOCASE")
    return " ".join(parts)


def _text_type(vendor: Vendor, field: "models.Field[Any, Any]") -> str:
    if vendor == "sqlite":
        return f"nvarchar({field.max_length})"
    return f"varchar({max(field.max_length or 0, 255)})"
