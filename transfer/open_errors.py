"""The errors a migration has recorded and nobody has repaired yet, as retry_v2 reads them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from psycopg import sql

from transfer.detail import decode_detail
from transfer.mapping.codes import Code
from transfer.records import is_id
from transfer.target import Target

IDS_AT_ONCE = 1000
# What a filter does not say is any: NULL matches all.
_WANTED = sql.SQL(
    """
           migration_name = %(migration)s
       AND severity = 'error'
       AND resolved_at IS NULL
       AND (%(codes)s::text[] IS NULL OR code = ANY(%(codes)s))
       AND (%(ids)s::text[] IS NULL OR record_id = ANY(%(ids)s))
       AND (%(errors)s::int[] IS NULL OR (table_name, v2_table, record_id) IN (
               SELECT table_name, v2_table, record_id
                 FROM migration_errors
                WHERE id = ANY(%(errors)s)))
    """
)
_COUNT = sql.SQL(
    """
    SELECT table_name, count(*)
      FROM migration_errors
     WHERE {wanted} AND (%(tables)s::text[] IS NULL OR table_name = ANY(%(tables)s))
     GROUP BY table_name
    """
).format(wanted=_WANTED)
_FOUND = sql.SQL(
    """
    SELECT DISTINCT record_id
      FROM migration_errors
     WHERE {wanted} AND (%(tables)s::text[] IS NULL OR table_name = ANY(%(tables)s))
    """
).format(wanted=_WANTED)
# What records name and v3 lacked: their form, their organization.
_NAMED = sql.SQL(
    """
    SELECT DISTINCT lower(error_detail->>%(column)s)
      FROM migration_errors
     WHERE {wanted} AND code = %(code)s AND jsonb_typeof(error_detail->%(column)s) = 'string'
    """
).format(wanted=_WANTED)
# A page is so many records, not rows: answers without Ids share a record_id, and belong together.
# Of a submission's answers, which may be a million, only the number is wanted.
_PAGE = sql.SQL(
    """
    SELECT id, v2_table, record_id, code,
           CASE jsonb_typeof(error_detail->'answers')
           WHEN 'array' THEN jsonb_array_length(error_detail->'answers')
           WHEN 'object' THEN (error_detail->'answers'->>'length')::int
           ELSE 0 END,
           jsonb_path_query_array(error_detail, '$.answers[*].Id'),
           coalesce(error_detail - 'answers', '{{}}')
      FROM migration_errors
     WHERE {wanted}
       AND table_name = %(table)s
       AND record_id IN (
           SELECT DISTINCT record_id
             FROM migration_errors
            WHERE {wanted} AND table_name = %(table)s AND record_id > %(after)s
            ORDER BY record_id
            LIMIT %(size)s)
     ORDER BY record_id, occurrence, id
    """
).format(wanted=_WANTED)


class OpenError(NamedTuple):
    """One open error.

    ``answers`` is how many answers failed with the record; ``answer_ids`` the Ids of those whose
    Ids are known (not where v2 has none, or the list was cut); ``record`` the v2 record as it was
    read then (column → value), without its answers.
    """

    id: int
    v2_table: str
    record_id: str
    code: str
    answers: int = 0
    answer_ids: tuple[str, ...] = ()
    record: Mapping[str, Any] = MappingProxyType({})

    @property
    def findable(self) -> bool:
        """Whether v2 can be trusted to find the record by its id.

        A copy made by hand may hold ids that are none: cut here, or in letters whose case its
        database does not know. An answer without an Id goes by its submission and its field,
        which may be the very thing that was repaired. That such a record is not found does not
        mean that it is gone.
        """
        return is_id(self.record_id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which open errors are meant; an empty part means any.

    ``errors`` are ids of rows of migration_errors and mean all errors of their records, which are
    only ever tried together. ``ids`` are v2's, which two tables may share in a copy made by hand.
    """

    codes: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()

    def parameters(self, migration: str) -> dict[str, Any]:
        """The parameters of the statements above."""
        return {
            "migration": migration,
            "codes": list(self.codes) or None,
            "tables": list(self.tables) or None,
            "ids": list(self.ids) or None,
            "errors": list(self.errors) or None,
        }


def count(target: Target, migration: str, wanted: Wanted) -> dict[str, int]:
    """The number of errors that are meant, by v3 table."""
    return dict(target.read(_COUNT, wanted.parameters(migration)))


def found_ids(target: Target, migration: str, wanted: Wanted) -> set[str]:
    """The v2 ids of the errors that are meant."""
    return {row[0] for row in target.read(_FOUND, wanted.parameters(migration))}


def pages(
    target: Target, migration: str, wanted: Wanted, *, table: str, size: int
) -> Iterator[list[OpenError]]:
    """The errors of one v3 table, by v2 id, ``size`` records a page.

    Each is given once, whether it is still open afterwards or not.
    """
    own = wanted.parameters(migration) | {"table": table, "size": size}
    after = ""
    while True:
        rows = target.read(_PAGE, own | {"after": after})
        page = [
            OpenError._make((*row[:5], tuple(filter(is_id, row[5] or ())), _record(row[6])))
            for row in rows
        ]
        if not page:
            return
        yield page
        after = page[-1].record_id


def of_records(
    target: Target, migration: str, *, table: str, v2_table: str, ids: Sequence[str]
) -> list[OpenError]:
    """The open errors about these records of a v2 table."""
    found: list[OpenError] = []
    for start in range(0, len(ids), IDS_AT_ONCE):
        wanted = Wanted(ids=tuple(ids[start : start + IDS_AT_ONCE]))
        for page in pages(target, migration, wanted, table=table, size=IDS_AT_ONCE):
            found += [error for error in page if error.v2_table == v2_table]
    return found


def named(target: Target, migration: str, wanted: Wanted, *, code: Code, column: str) -> list[str]:
    """The v2 ids that records failed for: those in this column of errors with this code."""
    parameters = wanted.parameters(migration) | {"code": code.value, "column": column}
    return sorted(filter(is_id, (row[0] for row in target.read(_NAMED, parameters))))


def _record(detail: object) -> dict[str, Any]:
    decoded = decode_detail(detail)
    return decoded if isinstance(decoded, dict) else {}
