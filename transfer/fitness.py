"""Whether a v2 can be read in batches at all, and fast: looked at before anything is moved."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Count, Model, QuerySet

from legacy_v2 import models as v2
from legacy_v2 import names
from legacy_v2.fields import SQL_SERVER
from legacy_v2.introspection import DEFAULT_SCHEMA, table_sql
from transfer.exceptions import SourceError
from transfer.source import Source
from transfer.source_errors import explain, from_driver

# What is read by its Id, or named by it in other tables. Settings and answers are neither: nothing
# refers to them, and the rules order them by their values too (M11, M16).
KEYED = (
    v2.Organization,
    v2.User,
    v2.FieldType,
    v2.FormType,
    v2.Field,
    v2.Choice,
    v2.FieldChoiceMap,
    v2.FormSubmissionStatus,
    v2.FormSubmission,
)
ONCE = "of the rows with this Id leave one, or give the others Ids of their own"
# An index of one column that lets it hold nothing twice, and has all rows.
_UNIQUE_ON_SQL_SERVER = """
    SELECT COUNT(*)
      FROM sys.indexes AS i
      JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
      JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
     WHERE i.object_id = OBJECT_ID(%s) AND i.type IN (1, 2) AND i.is_unique = 1
       AND i.is_disabled = 0 AND i.is_hypothetical = 0 AND i.has_filter = 0
       AND k.key_ordinal = 1 AND c.name = %s
       AND NOT EXISTS (SELECT 1
                         FROM sys.index_columns AS other
                        WHERE other.object_id = i.object_id AND other.index_id = i.index_id
                          AND other.key_ordinal = 2)
"""
# The same, where the index takes two spellings of a GUID for one.
_UNIQUE_ON_SQLITE = """
    SELECT COUNT(*)
      FROM pragma_index_list(%s) AS i
     WHERE i."unique" = 1 AND i.partial = 0
       AND EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name) AS k
                    WHERE k."key" = 1 AND k.name = %s COLLATE NOCASE
                      AND upper(k.coll) = 'NOCASE')
       AND NOT EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name) AS other
                        WHERE other."key" = 1 AND other.seqno > 0)
"""
# Of columns that show another value to who lacks the right UNMASK: dynamic data masking.
_MASKED = """
    SELECT t.name, c.name
      FROM sys.masked_columns AS c
      JOIN sys.objects AS t ON t.object_id = c.object_id
     WHERE c.is_masked = 1 AND t.schema_id = SCHEMA_ID(%s)
"""
_UNMASKS_ALL = """
    SELECT COALESCE(HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'UNMASK'),
                    HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'UNMASK'), 0)
"""  # a name without brackets is split at its dots
# By table and column since SQL Server 2022; one that has no such rights says NULL.
_UNMASKS = """
    SELECT COALESCE(HAS_PERMS_BY_NAME(%s, 'OBJECT', 'UNMASK', %s, 'COLUMN'),
                    HAS_PERMS_BY_NAME(%s, 'OBJECT', 'UNMASK'), 0)
"""
_NO_SUCH_VIEW = 208  # of a SQL Server that knows no masks
_SHOWN = 3


def is_unique(source: Source, model: type[Model]) -> bool:
    """Whether the database itself lets no Id of a table be there twice; False: not known."""
    key = str(names.field_of(model, "id").column)
    if source.connection.vendor == SQL_SERVER:
        asked = _UNIQUE_ON_SQL_SERVER, [table_sql(source.connection, model), key]
    elif source.connection.vendor == "sqlite":
        asked = _UNIQUE_ON_SQLITE, [model._meta.db_table, key]
    else:
        return False
    return bool(source.select(*asked)[0][0])


def ids_twice(source: Source) -> "Iterator[tuple[type[Model], QuerySet[Any, Any]]]":
    """The tables that could hold an Id twice, each with a query for the Ids that it does.

    A key over the Id is taken at its word, as far as is_unique knows; else the Ids are counted.
    """
    for model in KEYED:
        if source.has(model, "id") and not is_unique(source, model):
            counted = model._default_manager.values("id").annotate(times=Count("id"))
            yield model, counted.filter(times__gt=1).values_list("id", flat=True)


def check_keys(source: Source) -> None:
    """Refuse a v2 that holds an Id twice, where it matters.

    Of what is read by its Id a batch begins behind the last one, and would lose the other row; of
    what is named by it the size of the batches would decide whose the rest of v2 is (M1).

    Raises:
        SourceError: names the table and the Id, and what to do.
    """
    for model, query in ids_twice(source):
        if (twice := source.first(query)) is not None:
            table = names.table(model)
            msg = (
                f"{source.describe()}: {names.told(table)} holds the Id {twice} more than once "
                f"(the case of its letters does not matter); {ONCE}"
            )
            raise SourceError(msg, table=table)


def masked(source: Source) -> tuple[tuple[str, str], ...]:
    """The columns, by their canonical names, of which this login gets masks and no values.

    Of a view over other tables it is not known.

    Raises:
        SourceError: v2 refused the question.
    """
    if source.connection.vendor != SQL_SERVER:
        return ()
    tables = {name: names.model_of(name) for name in source.schema.tables}
    schema = str(source.connection.settings_dict.get("SCHEMA") or DEFAULT_SCHEMA)
    try:
        found = {(of.lower(), column.lower()) for of, column in source.select(_MASKED, [schema])}
    except SourceError as error:
        if number_of(source, error) == _NO_SUCH_VIEW:
            return ()
        raise
    if not found or unmasks_all(source):
        return ()
    return tuple(
        (table, column)
        for table, model in sorted(tables.items())
        for column, actual in columns(source, table).items()
        if (model._meta.db_table.lower(), actual.lower()) in found
        and not _unmasks(source, table_sql(source.connection, model), actual)
    )


def unmasks_all(source: Source) -> bool:
    """Whether the login sees behind every mask of the database."""
    return bool(source.select(_UNMASKS_ALL)[0][0])


def _unmasks(source: Source, table: str, column: str) -> bool:
    return bool(source.select(_UNMASKS, [table, column, table])[0][0])


def columns(source: Source, table: str) -> Mapping[str, str]:
    """The columns of a table that are read and there: canonical name → its own."""
    every = {names.column(one): str(one.column) for one in names.model_of(table)._meta.fields}
    return {name: actual for name, actual in every.items() if source.schema.has(table, name)}


def unmasking(source: Source, found: tuple[tuple[str, str], ...]) -> str:
    """The statements that let a login read the values of these columns."""
    tables: dict[str, list[str]] = {}
    quote = source.connection.ops.quote_name
    for table, column in found:
        actual = table_sql(source.connection, names.model_of(table))
        tables.setdefault(actual, []).append(quote(columns(source, table)[column]))
    narrow = " ".join(f"GRANT UNMASK ON {of} ({', '.join(c)}) TO …;" for of, c in tables.items())
    return f"as v2's owner: GRANT UNMASK TO …; or, since SQL Server 2022: {narrow}"


def check_masks(source: Source) -> None:
    """Refuse a v2 that masks what it holds: v3 would get masks, and a proof by the same login too.

    Raises:
        SourceError: names columns, and what to grant.
    """
    if found := masked(source):
        shown = ", ".join(map(".".join, found[:_SHOWN]))
        more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        msg = (
            f"{source.describe()} shows this login masks instead of the values of {shown}{more} "
            f"(dynamic data masking); {unmasking(source, found[:_SHOWN])}"
        )
        raise SourceError(msg, table=found[0][0])


def number_of(source: Source, error: Exception) -> int | None:
    """SQL Server's number of what v2 refused; None where there is none."""
    caused = error if from_driver(error) else error.__cause__
    return explain(caused, source.connection.vendor).number if caused else None


def slow_answers(source: Source) -> str | None:
    """What to say where no index finds a batch's answers, so that each batch reads all of them."""
    if source.schema.answers_indexed:
        return None
    connection, model = source.connection, v2.FormSubmissionMetaData
    field = names.field_of(model, "form_submission_id")
    whole = source.has_numbers(model, "form_submission_id")
    collation = " COLLATE NOCASE" if connection.vendor == "sqlite" and not whole else ""
    return (
        "v2 has no index that finds the answers of a submission, so every batch reads all of "
        "them. On this copy, first: CREATE INDEX answers_of ON "
        f"{table_sql(connection, model)} "
        f"({connection.ops.quote_name(str(field.column))}{collation})"
    )
