"""What a migration left in v3: the target side of verify_v2, in SQL.

A migration's rows are those whose metadata names it (M2): other migrations' and the
application's own rows do not count. Each question is one statement that returns one row, or is
asked for one page of ids, so nothing grows here with the data.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db import connections
from psycopg import sql

from transfer.plan import Step
from transfer.records import is_id
from transfer.verify_source import Cut, Split
from transfer.verify_times import TIME_SHAPE, as_text

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

# OFFSET 0 keeps the planner from reading all of the migration's rows for each page of ids.
_PRESENT = """
SELECT row.id::text
  FROM (SELECT id, metadata FROM {table} WHERE id = ANY(%(ids)s::uuid[]) OFFSET 0) AS row
 WHERE row.metadata->>'migration_batch' = %(migration)s
"""

# Nearly always it is all of them.
_NUMBER_PRESENT = _PRESENT.replace("row.id::text", "count(DISTINCT row.id)")

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
  FROM (SELECT id, metadata, updated_at
          FROM submissions WHERE id = ANY(%(ids)s::uuid[]) OFFSET 0) AS row
  JOIN unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS edited (id, at) ON edited.id = row.id
 WHERE row.metadata->>'migration_batch' = %(migration)s
   AND coalesce((row.metadata->>'legacy_updated_at')::timestamptz, row.updated_at)
       IS DISTINCT FROM edited.at
"""

# An answer is the value of a key in data, an element of the list there (M16), or an element of a
# list in metadata.unmapped (M17). What is not of that shape counts nothing here. A "lax" path takes
# a list for its elements and anything else for itself; a "strict" one takes each as it is, and
# "silent" passes over what has another shape.
_IN_DATA = sql.SQL(
    """jsonb_array_length(jsonb_path_query_array(
           CASE jsonb_typeof(row.data) WHEN 'object' THEN row.data ELSE '{}' END,
           'lax $.*[*]'))"""
)
_UNMAPPED = sql.SQL(
    """CASE WHEN row.metadata ? 'unmapped' THEN jsonb_array_length(jsonb_path_query_array(
           row.metadata, 'strict $.unmapped.* ? (@.type() == "array")[*]', silent => true))
       ELSE 0 END"""
)

_ANSWERS = """
SELECT coalesce(sum({in_data} + {unmapped}), 0)::bigint
  FROM (SELECT data, metadata FROM submissions WHERE id = ANY(%(ids)s::uuid[]) OFFSET 0) AS row
 WHERE row.metadata->>'migration_batch' = %(migration)s
"""

# How many names in data that no form of the migration explains are looked up in v2.
UNKNOWN_NAMES = 10_000
SHOWN_NAME = 60  # characters of one

# Everything that is asked of each submission, in one pass over them: grouped by the keys that are
# no field of the form, next to always none; so each such key comes up once, however many
# submissions have it, and what grows with their number stays with the server. A value of data is
# text or null, or a list of such (M15, M16); metadata.unmapped holds lists of objects (M17), and
# metadata.choices lists of text or null, an element an answer that had text beside a choice (M15).
# OFFSET 0 keeps the planner from writing a path out wherever its result is used.
_SUBMISSIONS = """
WITH form_keys AS MATERIALIZED (
    SELECT form.id,
           form.metadata->>'migration_batch' = %(migration)s AS is_own,
           ARRAY(SELECT field->>'name'
                   FROM jsonb_array_elements(CASE jsonb_typeof(form.definition->'fields')
                                             WHEN 'array' THEN form.definition->'fields' END)
                        AS field
                  WHERE field->>'name' IS NOT NULL) AS names
      FROM forms AS form
), counted AS MATERIALIZED (
SELECT own.strange,
       count(*) AS rows,
       count(*) FILTER (WHERE {is_since}) AS rows_since,
       count(row.deleted_at) AS deleted,
       sum(own.in_data + own.unmapped) FILTER (WHERE {is_since}) AS answers_since,
       sum(own.in_data) AS in_data,
       sum(own.in_lists) AS in_lists,
       sum(own.unmapped) AS unmapped,
       sum(own.choices) AS choices,
       sum(own.choices_of_lists) AS choices_of_lists,
       count(*) FILTER (WHERE own.malformed) AS malformed
  FROM submissions AS row
  LEFT JOIN form_keys ON form_keys.id = row.form_id
 CROSS JOIN LATERAL (
       SELECT {in_data} AS in_data,
              jsonb_array_length(jsonb_path_query_array(
                  row.data, 'strict $.* ? (@.size() > 1)[*]', silent => true)) AS in_lists,
              {unmapped} AS unmapped,
              CASE WHEN row.metadata ? 'choices' THEN jsonb_array_length(jsonb_path_query_array(
                  row.metadata, 'strict $.choices.* ? (@.type() == "array")[*]', silent => true))
              ELSE 0 END AS choices,
              CASE WHEN row.metadata ? 'choices' THEN (
                  SELECT coalesce(sum(jsonb_array_length(jsonb_path_query_array(
                             aside.value, 'strict $[*]', silent => true))), 0)
                    FROM jsonb_each(CASE jsonb_typeof(row.metadata->'choices')
                                    WHEN 'object' THEN row.metadata->'choices' END) AS aside
                   WHERE row.data->aside.key @? 'strict $ ? (@.size() > 1)')
              ELSE 0 END AS choices_of_lists,
              jsonb_typeof(row.data) <> 'object'
              OR row.data @? 'lax $.* ? (@.type() != "string" && @.type() != "null")'
              OR (row.metadata ? 'unmapped' AND (
                  jsonb_typeof(row.metadata->'unmapped') <> 'object'
                  OR row.metadata @? 'strict $.unmapped.* ? (@.type() != "array")'
                  OR row.metadata @? 'strict $.unmapped.*[*] ? (@.type() != "object")'))
              OR (row.metadata ? 'choices' AND (
                  jsonb_typeof(row.metadata->'choices') <> 'object'
                  OR row.metadata @? 'strict $.choices.* ? (@.type() != "array")'
                  OR row.metadata
                     @? 'strict $.choices.*[*] ? (@.type() != "string" && @.type() != "null")'))
              AS malformed,
              -- None is null, which costs less to sort by than an empty array.
              nullif(ARRAY(SELECT jsonb_object_keys(
                               CASE jsonb_typeof(row.data)
                               WHEN 'object' THEN row.data - form_keys.names END)),
                     '{{}}') AS strange
       OFFSET 0
       ) AS own
 WHERE row.metadata->>'migration_batch' = %(migration)s
 GROUP BY own.strange
), unknown AS MATERIALIZED (
SELECT DISTINCT key
  FROM counted CROSS JOIN unnest(counted.strange) AS key
 WHERE NOT EXISTS (SELECT FROM (SELECT unnest(names) AS name FROM form_keys WHERE is_own) AS known
                    WHERE known.name = key)
 LIMIT %(unknown_names)s + 1
)
SELECT coalesce(sum(rows - rows_since), 0)::bigint,
       coalesce(sum(rows_since), 0)::bigint,
       coalesce(sum(deleted), 0)::bigint,
       coalesce(sum(in_data + unmapped - coalesce(answers_since, 0)), 0)::bigint,
       coalesce(sum(answers_since), 0)::bigint,
       coalesce(sum(in_data), 0)::bigint,
       coalesce(sum(in_lists), 0)::bigint,
       coalesce(sum(unmapped), 0)::bigint,
       coalesce(sum(choices), 0)::bigint,
       coalesce(sum(choices_of_lists), 0)::bigint,
       coalesce(sum(malformed), 0)::bigint,
       coalesce(sum(rows * cardinality(strange)), 0)::bigint,
       ARRAY(SELECT encode(sha256(convert_to(key, 'UTF8')), 'hex') FROM unknown ORDER BY key),
       ARRAY(SELECT left(key, %(shown_name)s) FROM unknown ORDER BY key)
  FROM counted
"""

# What the run recorded and nobody has closed yet: one row a fault, however often it was tried. A
# submission's error holds its answers, a very long list of them cut and with its length; an answer
# whose submission does not exist is an error of its own (M17). Times are text of one shape, which
# sorts as time does; what has another shape, or is no text, made its record fail.
_FINDINGS = """
SELECT found.severity, found.table_name, found.v2_table, found.code,
       count(*) FILTER (WHERE NOT found.is_since),
       count(*) FILTER (WHERE found.is_since),
       coalesce(sum(found.answers) FILTER (WHERE NOT found.is_since), 0)::bigint,
       coalesce(sum(found.answers) FILTER (WHERE found.is_since), 0)::bigint
  FROM (SELECT severity, table_name, v2_table, code,
               severity = 'error'
               AND jsonb_typeof(error_detail->'CreatedOn') IS NOT DISTINCT FROM 'string'
               AND error_detail->>'CreatedOn' ~ %(time_shape)s
               AND replace(error_detail->>'CreatedOn', 'T', ' ') COLLATE "C" > %(cut_text)s
               AS is_since,
               CASE WHEN severity = 'error' THEN
                   CASE jsonb_typeof(error_detail->'answers')
                   WHEN 'array' THEN jsonb_array_length(error_detail->'answers')
                   WHEN 'object' THEN
                       CASE jsonb_typeof(error_detail->'answers'->'length')
                       WHEN 'number' THEN (error_detail->'answers'->>'length')::numeric END END END
               AS answers
          FROM migration_errors
         WHERE migration_name = %(migration)s AND resolved_at IS NULL
       ) AS found
 GROUP BY found.severity, found.table_name, found.v2_table, found.code
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


class Rows(NamedTuple):
    """A migration's rows in one table, and how many of them are marked deleted."""

    counted: Split = Split()
    deleted: int = 0


class Submissions(NamedTuple):
    """What a migration's submissions hold, in elements.

    Args:
        rows: the submissions.
        answers: values in data, each element of a list for itself, and in metadata.unmapped.
        in_data: those in data.
        in_lists: those of in_data that are in lists of two or more.
        unmapped: elements of metadata.unmapped.
        choices: elements of metadata.choices; the answer each belongs to is in data.
        choices_of_lists: those whose answer is in a list of two or more.
        malformed: submissions with data or metadata of another shape than the mapping gives.
        strange_keys: keys in data that are no field of the form, in all submissions.
        unknown: those of them that are no field of any form of the migration in v3, each once:
            SHA-256 of the name (hex) → its beginning. UNKNOWN_NAMES + 1 at most.
    """

    rows: Rows = Rows()
    answers: Split = Split()
    in_data: int = 0
    in_lists: int = 0
    unmapped: int = 0
    choices: int = 0
    choices_of_lists: int = 0
    malformed: int = 0
    strange_keys: int = 0
    unknown: Mapping[str, str] = MappingProxyType({})


class Findings(NamedTuple):
    """Open rows of migration_errors of one severity, table, v2 table and code.

    ``answers`` are those that the errors' submissions had.
    """

    severity: str
    table: str
    v2_table: str
    code: str
    rows: Split
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
            "cut_text": as_text(cut.v2),
            "time_shape": TIME_SHAPE,
            "started_at": cut.started_at,
        }

    def rows(self, step: Step) -> Rows:
        """The migration's rows in the step's table."""
        ((before, since, deleted),) = self._ask(_ROWS, table=step.table)
        return Rows(Split(before, since), deleted)

    def submissions(self) -> Submissions:
        """The migration's submissions, and what is in them."""
        limits = {"unknown_names": UNKNOWN_NAMES, "shown_name": SHOWN_NAME}
        (found,) = self._ask(_SUBMISSIONS, limits)
        before, since, deleted, answers_before, answers_since, *counts, digests, names = found
        unknown = dict(zip(digests, names, strict=True))
        rows, answers = Rows(Split(before, since), deleted), Split(answers_before, answers_since)
        return Submissions(rows, answers, *(*counts, unknown))

    def present(self, step: Step, ids: Collection[str]) -> set[str]:
        """Those of a page of ids that are rows of the migration."""
        known = list(filter(is_id, ids))  # what is no id is in no table
        asked = {"ids": f"{{{','.join(known)}}}"}
        if self._number(_NUMBER_PRESENT, asked, table=step.table) == len(ids):
            return set(ids)
        return {found for (found,) in self._ask(_PRESENT, asked, table=step.table)}

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

    def answers(self, submissions: Sequence[str]) -> int:
        """The answers in a page of its submissions."""
        return self._number(_ANSWERS, {"ids": list(submissions)})

    def findings(self) -> list[Findings]:
        """What it recorded and nobody has closed yet."""
        return [
            Findings(severity, table, v2_table, code, Split(before, since), Split(answers, recent))
            for severity, table, v2_table, code, before, since, answers, recent in self._ask(
                _FINDINGS
            )
        ]

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

    def _number(self, statement: str, more: Mapping[str, Any] | None = None, **names: str) -> int:
        ((number,),) = self._ask(statement, more, **names)
        return int(number)

    def _ask(
        self, statement: str, more: Mapping[str, Any] | None = None, **names: str
    ) -> list[tuple[Any, ...]]:
        identifiers = {name: sql.Identifier(value) for name, value in names.items()}
        parts = {"is_since": _IS_SINCE, "in_data": _IN_DATA, "unmapped": _UNMAPPED}
        query = sql.SQL(statement).format(**identifiers, **parts)
        with connections[self._alias].cursor() as cursor:
            cursor.execute(query, {**self._parameters, **(more or {})})
            return list(cursor.fetchall())
