"""The columns that v3's tables share, as abstract models."""

import uuid

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import IsNull

from pliers.fields import RandomUUID, TransactionNow, UpdatedAtField
from pliers.indexes import LongNamedIndex

BATCH_KEY = "migration_batch"
"""The key in a migrated row's metadata that names the migration (M2)."""


def empty_json() -> models.Value:
    """``'{}'::jsonb`` as a column's default."""
    return models.Value({}, output_field=models.JSONField())


def batch_index(table: str) -> models.Index:
    """The index by which a migration's rows are found, for rows that a migration wrote.

    ``metadata->>'migration_batch' = …`` uses it; a row of the application costs nothing here.
    """
    name = KeyTextTransform(BATCH_KEY, "metadata")
    return LongNamedIndex(
        name, name=f"idx_{table}_migration_batch", condition=models.Q(IsNull(name, rhs=False))
    )


class Keyed(models.Model):
    """A table whose key is a UUID that either side may make."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID())

    class Meta:
        abstract = True


class Timed(models.Model):
    """When a row was made, last changed (by trigger), and given up (null: it was not)."""

    created_at = models.DateTimeField(db_default=TransactionNow())
    updated_at = UpdatedAtField(db_default=TransactionNow())
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Described(models.Model):
    """A row with metadata; for a migrated one it names the migration (M2)."""

    metadata = models.JSONField(default=dict, db_default=empty_json(), blank=True)

    class Meta:
        abstract = True

    @property
    def is_migrated(self) -> bool:
        """Whether a migration wrote the row."""
        return isinstance(self.metadata, dict) and BATCH_KEY in self.metadata

    @property
    def migration_batch(self) -> str | None:
        """The name of the migration that wrote the row, None for one of v3's own."""
        return str(self.metadata[BATCH_KEY]) if self.is_migrated else None
