"""What a migration left in v3: the target side of verify_v2, in SQL.

A migration's rows are those whose metadata names it (M2): other migrations' and the
application's own rows do not count. Each question is one statement that returns one row, or is
asked for one page of ids, so nothing grows here with the data.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connections
from psycopg import sql

from transfer.plan import Step
from transfer.records import is_id
from transfer.verify_source import Cut, Split

ANSWER_TABLE = "FormSubmissionMetaData"

# A form without a time of its own got the migration's start (M3): it is older than the cut.
_IS_SINCE = sql.SQL("(row.created_at > %(cut)s AND row.created_at <> %(started_at)s)")

_ROWS = """
SELECT count(*) FILTER (WHERE NOT {is_since}),
       count(*) FILTER (WHERE {is_since}),
       count(row.deleted_at)
  FROM {table} AS row
 WHERE row.metadata->>'migration_batch' = %(migration)s
"""

_PRESENT = """
SELECT row.id::text
  FROM {table} AS row
 WHERE row.id = ANY(%(ids)s::uuid[])
   AND row.metadata->>'migration_batch' = %(migration)s
"""

_FAILED = """
SELECT DISTINCT record_id
  FROM migration_errors
 WHERE migration_name = %(migration)s
   AND table_name = %(table_name)s
   AND v2_table = %(v2_table)s
   AND record_id = ANY(%(ids)s::text[])
   AND severity = 'error'
   AND resolved_at IS NULL
"""

# The mapping keeps a v2 time after the start beside updated_at, which the trigger may move.
_CHANGED = """
SELECT row.id::text
  FROM submissions AS row
  JOIN unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS edited (id, at) ON edited.id = row.id
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND coalesce((row.metadata->>'legacy_updated_at')::timestamptz, row.updated_at)
       IS DISTINCT FROM edited.at
"""

# An answer is the value of a key in data, an element of the list there (M16), or an element of a
# list in metadata.unmapped (M17). What is not of that shape counts nothing here.
_ANSWERS = """
SELECT coalesce(sum(own.answers) FILTER (WHERE NOT {is_since}), 0)::bigint,
       coalesce(sum(own.answers) FILTER (WHERE {is_since}), 0)::bigint
  FROM submissions AS row
 CROSS JOIN LATERAL (
       SELECT (SELECT coalesce(sum(CASE jsonb_typeof(value)
                                   WHEN 'array' THEN jsonb_array_length(value) ELSE 1 END), 0)
                 FROM jsonb_each(CASE jsonb_typeof(row.data) WHEN 'object' THEN row.data END))
            + (SELECT coalesce(sum(CASE jsonb_typeof(value)
                                   WHEN 'array' THEN jsonb_array_length(value) END), 0)
                 FROM jsonb_each(CASE jsonb_typeof(row.metadata->'unmapped')
                                 WHEN 'object' THEN row.metadata->'unmapped' END))
       ) AS own (answers)
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND (%(ids)s::uuid[] IS NULL OR row.id = ANY(%(ids)s::uuid[]))
"""

# Rows the run could not migrate and nobody has repaired yet. A submission's error holds its
# answers; an answer whose submission does not exist is an error of its own (M17). Times are v2's
# own text, which sorts as time does.
_ERRORS = """
SELECT failed.v2_table,
       count(DISTINCT failed.record_id) FILTER (WHERE NOT failed.is_since),
       count(DISTINCT failed.record_id) FILTER (WHERE failed.is_since),
       count(*),
       coalesce(sum(failed.answers) FILTER (WHERE NOT failed.is_since), 0)::bigint,
       coalesce(sum(failed.answers) FILTER (WHERE failed.is_since), 0)::bigint
  FROM (SELECT v2_table,
               record_id,
               coalesce((error_detail->>'CreatedOn') COLLATE "C" > %(cut_text)s, false) AS is_since,
               CASE jsonb_typeof(error_detail->'answers')
               WHEN 'array' THEN jsonb_array_length(error_detail->'answers') END AS answers
          FROM migration_errors
         WHERE migration_name = %(migration)s AND severity = 'error' AND resolved_at IS NULL
       ) AS failed
 GROUP BY failed.v2_table
"""

_MIGRATED_AND_FAILED = """
SELECT count(*)
  FROM {table} AS row
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND EXISTS (SELECT FROM migration_errors AS failed
                WHERE failed.migration_name = %(migration)s
                  AND failed.table_name = %(table_name)s
                  AND failed.v2_table = %(v2_table)s
                  AND failed.record_id = row.id::text
                  AND failed.severity = 'error'
                  AND failed.resolved_at IS NULL)
"""

# An anti-join, for a foreign key that was off while rows came in proves nothing about them.
_ORPHANS = """
SELECT count(*)
  FROM {table} AS row
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE parent.id = row.{key})
"""

_BROKEN_DEFINITIONS = """
SELECT count(*)
  FROM forms AS row
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND (jsonb_typeof(row.definition->'title') IS DISTINCT FROM 'string'
        OR jsonb_typeof(row.definition->'fields') IS DISTINCT FROM 'array'
        OR EXISTS (SELECT FROM jsonb_array_elements(CASE jsonb_typeof(row.definition->'fields')
                                                    WHEN 'array' THEN row.definition->'fields'
                                                    END) AS field
                    WHERE jsonb_typeof(field->'id') IS DISTINCT FROM 'string'
                       OR jsonb_typeof(field->'name') IS DISTINCT FROM 'string'
                       OR jsonb_typeof(field->'type') IS DISTINCT FROM 'string'
                       OR jsonb_typeof(field->'settings') IS DISTINCT FROM 'object'
                       OR jsonb_typeof(field->'choices') IS DISTINCT FROM 'array'))
"""

# A value is text or null, or a list of such (M15, M16); metadata.unmapped holds lists of objects
# (M17). "strict", for otherwise a path looks into lists by itself; on what is no object it finds
# nothing, and the first two lines do.
_BROKEN_DATA = """
SELECT count(*)
  FROM submissions AS row
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND (jsonb_typeof(row.data) <> 'object'
        OR jsonb_typeof(row.metadata->'unmapped') <> 'object'
        OR row.data @? {value_is_odd}
        OR row.data @? {element_is_odd}
        OR row.metadata->'unmapped' @? {list_is_odd}
        OR row.metadata->'unmapped' @? {entry_is_odd})
"""
_PATHS = {
    "value_is_odd": (
        'strict $.* ? (@.type() != "string" && @.type() != "null" && @.type() != "array")'
    ),
    "element_is_odd": (
        'strict $.* ? (@.type() == "array")[*] ? (@.type() != "string" && @.type() != "null")'
    ),
    "list_is_odd": 'strict $.* ? (@.type() != "array")',
    "entry_is_odd": 'strict $.* ? (@.type() == "array")[*] ? (@.type() != "object")',
}

_STRANGE_KEYS = """
WITH form_keys AS MATERIALIZED (
    SELECT form.id,
           ARRAY(SELECT field->>'name'
                   FROM jsonb_array_elements(CASE jsonb_typeof(form.definition->'fields')
                                             WHEN 'array' THEN form.definition->'fields' END)
                        AS field
                  WHERE field->>'name' IS NOT NULL) AS names
      FROM forms AS form
)
SELECT coalesce(sum((SELECT count(*) FROM jsonb_object_keys(row.data - form_keys.names))), 0)
  FROM submissions AS row
  JOIN form_keys ON form_keys.id = row.form_id
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND jsonb_typeof(row.data) = 'object'
"""


class Rows(NamedTuple):
    """A migration's rows in one table, and how many of them are marked deleted."""

    counted: Split = Split()
    deleted: int = 0


class Errors(NamedTuple):
    """Unresolved errors: all of them, records by v2 table, and the answers that failed."""

    all: int
    records: Mapping[str, Split]
    answers: Split


# References of a migration's rows: table, what it refers to, and by which column.
REFERENCES = (
    ("users", "organizations", "organization_id"),
    ("forms", "organizations", "organization_id"),
    ("submissions", "organizations", "organization_id"),
    ("submissions", "forms", "form_id"),
)


class TargetCounts:
    """Counts a migration's rows in v3.

    Args:
        alias: v3.
        migration: the migration's name.
        cut: when it began.
    """

    def __init__(self, alias: str, migration: str, cut: Cut) -> None:
        self._alias = alias
        self._parameters: dict[str, Any] = {
            "migration": migration,
            "cut": cut.v3,
            "cut_text": cut.v2.isoformat(sep=" "),
            "started_at": cut.started_at,
        }

    def rows(self, step: Step) -> Rows:
        """The migration's rows in the step's table."""
        ((before, since, deleted),) = self._ask(_ROWS, table=step.table)
        return Rows(Split(before, since), deleted)

    def present(self, step: Step, ids: Collection[str]) -> set[str]:
        """Those of a page of ids that are rows of the migration."""
        known = {"ids": list(filter(is_id, ids))}  # what is no id is in no table
        return {found for (found,) in self._ask(_PRESENT, known, table=step.table)}

    def failed(self, step: Step, ids: Collection[str]) -> set[str]:
        """Those of a page of ids that are recorded as errors nobody has repaired yet."""
        if not ids:
            return set()
        names = {"table_name": step.table, "v2_table": step.v2_table, "ids": list(ids)}
        return {found for (found,) in self._ask(_FAILED, names)}

    def changed(self, edited: Mapping[str, datetime]) -> list[str]:
        """Those submissions v2 has another time for than the migration read: id → v2's (UTC)."""
        known = {key: at for key, at in edited.items() if is_id(key)}
        more = {"ids": list(known), "times": list(known.values())}
        return [found for (found,) in self._ask(_CHANGED, more)]

    def answers(self, submissions: Sequence[str] | None = None) -> Split:
        """The answers in its submissions, or in a page of them, by their submission's time."""
        ids = None if submissions is None else list(submissions)
        (row,) = self._ask(_ANSWERS, {"ids": ids})
        return Split(*row)

    def errors(self) -> Errors:
        """What it recorded as errors and nobody has repaired yet."""
        records: dict[str, Split] = {}
        answers = Split()
        every = 0
        for v2_table, before, since, rows, answers_before, answers_since in self._ask(_ERRORS):
            every += rows
            records[v2_table] = Split(before, since)
            # Two answers may share a record_id where v2 has no Id for them: rows are counted.
            own = rows if v2_table == ANSWER_TABLE else 0
            answers = Split(answers.before + answers_before + own, answers.since + answers_since)
        return Errors(every, records, answers)

    def migrated_and_failed(self, step: Step) -> int:
        """Rows that are in v3 and recorded as errors too (R1: never both)."""
        names = {"table_name": step.table, "v2_table": step.v2_table}
        return self._number(_MIGRATED_AND_FAILED, names, table=step.table)

    def orphans(self, table: str, parent: str, key: str) -> int:
        """Rows of a table whose parent does not exist."""
        return self._number(_ORPHANS, table=table, parent=parent, key=key)

    def broken_definitions(self) -> int:
        """Forms whose definition lacks its title, its fields or a field's parts (M7, M9)."""
        return self._number(_BROKEN_DEFINITIONS)

    def broken_data(self) -> int:
        """Submissions whose data or metadata.unmapped is not of the shape M15 and M17 give it."""
        return self._number(_BROKEN_DATA)

    def strange_keys(self) -> int:
        """Keys in submissions' data that are no field of their form."""
        return self._number(_STRANGE_KEYS)

    def _number(self, statement: str, more: Mapping[str, Any] | None = None, **names: str) -> int:
        ((number,),) = self._ask(statement, more, **names)
        return int(number)

    def _ask(
        self, statement: str, more: Mapping[str, Any] | None = None, **names: str
    ) -> list[tuple[Any, ...]]:
        identifiers = {name: sql.Identifier(value) for name, value in names.items()}
        paths = {name: sql.Literal(path) for name, path in _PATHS.items()}
        query = sql.SQL(statement).format(**identifiers, **paths, is_since=_IS_SINCE)
        with connections[self._alias].cursor() as cursor:
            cursor.execute(query, {**self._parameters, **(more or {})})
            return list(cursor.fetchall())
