"""Whether a v2 can be read in batches at all, and fast: looked at before anything is moved."""

from django.db.models import Count, Model

from legacy_v2 import models as v2
from legacy_v2 import names
from legacy_v2.fields import SQL_SERVER
from legacy_v2.introspection import table_sql
from transfer.exceptions import SourceError
from transfer.source import Source

KEYED = (v2.Organization, v2.User, v2.FormType, v2.FormSubmission)  # what is read by its Id
# An index of one column that lets it hold nothing twice, and has all rows.
_UNIQUE = """
    SELECT COUNT(*)
      FROM sys.indexes AS i
      JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
      JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
     WHERE i.object_id = OBJECT_ID(%s) AND i.type IN (1, 2) AND i.is_unique = 1
       AND i.is_disabled = 0 AND i.is_hypothetical = 0 AND i.has_filter = 0 AND k.key_ordinal = 1 AND c.name = %s
       AND NOT EXISTS (SELECT 1
                         FROM sys.index_columns AS other
                        WHERE other.object_id = i.object_id AND other.index_id = i.index_id
                          AND other.key_ordinal = 2)
"""


def is_unique(source: Source, model: type[Model]) -> bool:
    """Whether the database itself lets no Id of a table be there twice; False: not known."""
    if source.connection.vendor != SQL_SERVER:
        return False
    key = str(names.field_of(model, "id").column)
    return bool(source.select(_UNIQUE, [table_sql(source.connection, model), key])[0][0])


def check_keys(source: Source) -> None:
    """Refuse a v2 that holds an Id twice: the next batch begins behind it, and would lose one.

    Where SQL Server has a key over the Id it is taken at its word; else the Ids are counted.

    Raises:
        SourceError: names the table and the Id.
    """
    for model in filter(source.has, KEYED):
        if is_unique(source, model):
            continue
        counted = model._default_manager.values("id").annotate(times=Count("id"))
        twice = source.first(counted.filter(times__gt=1).values_list("id", flat=True))
        if twice is not None:
            table = names.table(model)
            msg = f"{source.describe()}: {table} holds the Id {twice} more than once"
            raise SourceError(f"{msg} (the case of its letters does not matter)", table=table)


def slow_answers(source: Source) -> str | None:
    """What to say where no index finds a batch's answers, so that each batch reads all of them."""
    if source.schema.answers_indexed:
        return None
    connection, model = source.connection, v2.FormSubmissionMetaData
    field = names.field_of(model, "form_submission_id")
    whole = (names.table(model), names.column(field)) in source.schema.integer_ids
    collation = " COLLATE NOCASE" if connection.vendor == "sqlite" and not whole else ""
    return (
        "v2 has no index that finds the answers of a submission, so every batch reads all of "
        "them. On this copy, first: CREATE INDEX answers_of ON "
        f"{table_sql(connection, model)} "
        f"({connection.ops.quote_name(str(field.column))}{collation})"
    )
