"""A foreign key as a constraint of its own, so that the model says its name."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class ForeignKeyConstraint(models.BaseConstraint):
    """A plain foreign key: not deferrable, checked by each statement, no index beside it.

    Django's ForeignKey brings a hashed name, an index, and DEFERRABLE INITIALLY DEFERRED, with
    which a bad row shows only at COMMIT, when nobody can tell which of the batch it was. So the
    models declare ``ForeignKey(db_constraint=False, db_index=False)`` and this beside it.

    Args:
        field: name of the model's foreign key.
        name: the constraint's name; PostgreSQL's own rule is ``<table>_<column>_fkey``.
    """

    name: str

    def __init__(self, *, field: str, name: str) -> None:
        self.field = field
        super().__init__(name=name)

    def constraint_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        """The clause inside CREATE TABLE."""
        assert model is not None  # noqa: S101 - the base class's type allows None, Django never passes it
        assert schema_editor is not None  # noqa: S101 - same
        field = model._meta.get_field(self.field)
        assert isinstance(field, models.ForeignKey)  # noqa: S101 - a mistake in a model, found by its first migration
        quote = schema_editor.quote_name
        target = field.target_field
        return (
            f"CONSTRAINT {quote(self.name)} FOREIGN KEY ({quote(str(field.column))})"
            f" REFERENCES {quote(target.model._meta.db_table)} ({quote(str(target.column))})"
        )

    def create_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        """The statement that adds the key to a table."""
        assert model is not None  # noqa: S101 - as above
        assert schema_editor is not None  # noqa: S101 - as above
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        """The statement that drops the key."""
        assert model is not None  # noqa: S101 - as above
        assert schema_editor is not None  # noqa: S101 - as above
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def validate(
        self,
        model: type[models.Model],
        instance: models.Model,
        exclude: object = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Nothing: the foreign key's own validation looks the row up."""

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Add the field to what a migration stores."""
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "field": self.field}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ForeignKeyConstraint):
            return (self.name, self.field) == (other.name, other.field)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.field))

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__}: field={self.field!r} name={self.name!r}>"
