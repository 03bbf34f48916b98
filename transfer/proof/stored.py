"""v3's rows as the documents they are compared as: v2's answers rebuilt from the JSON."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeAlias

import orjson
import psycopg
from django.db import connections
from psycopg import sql
from psycopg.types.string import TextLoader

from transfer.proof.expected import Document
from transfer.proof.submissions import STRANGER
from transfer.records import is_id

# Values of COLUMNS, as text; None for NULL.
Row: TypeAlias = tuple[Any, ...]
# PostgreSQL's own text for times: no other library has to be able to hold them.
SESSION = "SET datestyle TO 'ISO'; SET TimeZone TO 'UTC'"
TIMES = ("created_at", "updated_at", "deleted_at")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "organizations": ("id", "slug", "name", "settings", "metadata", *TIMES),
    "users": ("id", "organization_id", "email", "status", "auth_data", "metadata", *TIMES),
    "forms": (
        "id", "organization_id", "name", "slug", "version", "status", "definition", "metadata",
        *TIMES,
    ),
    "submissions": (
        "id", "organization_id", "form_id", "submission_number", "status", "data", "metadata",
        *TIMES, "submitted_at",
    ),
}  # fmt: skip
DOCUMENTS = frozenset({"settings", "auth_data", "definition", "data", "metadata"})
UNREADABLE = "(unreadable JSON)"
DEEPEST = 100  # levels; the mapping writes six at most
COPIES = "(rows of this id)"

# OFFSET 0 keeps the planner from reading all of the migration's rows, by the index there is on what
# the second condition asks, for every page of ids.
_BY_ID = """
SELECT {columns}
  FROM (SELECT {columns} FROM {table} WHERE id = ANY(%(ids)s::uuid[]) OFFSET 0) AS row
 WHERE metadata->>'migration_batch' = %(migration)s
"""
_COUNT = "SELECT count(*) FROM {table} WHERE metadata->>'migration_batch' = %(migration)s"
# By the key's own order: that of its text would have all that are left sorted for each page.
_IDS = """
SELECT id::text
  FROM (SELECT id, metadata
          FROM {table}
         WHERE %(after)s::uuid IS NULL OR id > %(after)s::uuid
         ORDER BY id OFFSET 0) AS row
 WHERE metadata->>'migration_batch' = %(migration)s
 ORDER BY row.id
 LIMIT %(size)s
"""
_FORM_FIELDS = """
SELECT form.id::text, field->>'name', field->>'id'
  FROM forms AS form
 CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(form.definition->'fields')
                                         WHEN 'array' THEN form.definition->'fields' END) AS field
 WHERE form.metadata ? 'migration_batch'
   AND field->>'name' IS NOT NULL
   AND field->>'id' IS NOT NULL
"""
_FAILED = """
SELECT record_id, code
  FROM migration_errors
 WHERE migration_name = %(migration)s
   AND table_name = %(table_name)s
   AND v2_table = %(v2_table)s
   AND record_id = ANY(%(ids)s::text[])
   AND severity = 'error'
   AND resolved_at IS NULL
"""


class Stored:
    """A migration's rows in v3.

    Args:
        alias: v3.
        migration: the migration's name.
    """

    def __init__(self, alias: str, migration: str) -> None:
        self._alias = alias
        self._migration = migration
        self.field_ids: dict[str, dict[str, str]] = {}
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="stored")
        self._asked: dict[tuple[str, tuple[str, ...]], Future[list[Row]]] = {}

    def open(self, name: str = "") -> None:
        """Make the session one whose times come as expected, and learn the forms' fields.

        Args:
            name: what the session is to be called; empty: as it is.
        """
        self.ask(SESSION, plain=True)
        if name:
            called = {"name": f"{name} (process {os.getpid()})"}
            self.ask("SELECT set_config('application_name', %(name)s, false)", called)
        for form_id, field, field_id in self.ask(_FORM_FIELDS):
            self.field_ids.setdefault(form_id, {})[field] = field_id

    def ask(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        plain: bool = False,
        **names: str,
    ) -> list[tuple[Any, ...]]:
        """Rows of a query; ``{names}`` in it are identifiers, %(migration)s is known."""
        query = sql.SQL(statement).format(**{k: sql.Identifier(v) for k, v in names.items()})
        with connections[self._alias].cursor() as cursor:
            cursor.execute(
                query, None if plain else {"migration": self._migration, **(parameters or {})}
            )
            return list(cursor.fetchall()) if cursor.description else []

    def rows(self, table: str, ids: Sequence[str]) -> dict[str, Document]:
        """Those of these ids that are the migration's rows: id → its columns, JSON parsed."""
        return documents(table, self.fetched(table, ids))

    def fetched(self, table: str, ids: Sequence[str]) -> list[Row]:
        """The same as rows: the values of COLUMNS, as text."""
        asked = self._asked.pop((table, tuple(ids)), None)
        with connections[self._alias].wrap_database_errors:
            return asked.result() if asked else self._fetch(self._connection(), table, ids)

    def expect(self, table: str, ids: Sequence[str]) -> None:
        """Ask for the rows of these ids already; ``rows`` then has them sooner.

        The connection is the session's own, and takes one statement after the other.
        """
        self._asked[table, tuple(ids)] = self._asking.submit(
            self._fetch, self._connection(), table, ids
        )

    def settle(self) -> None:
        """Wait for what was asked already: a transaction of another's may begin then."""
        wait(self._asked.values())

    def close(self) -> None:
        """Wait for what was asked, and ask ahead no more."""
        self._asking.shutdown()
        self._asked.clear()

    def _connection(self) -> Any:  # noqa: ANN401 - psycopg's, under Django's
        wrapper = connections[self._alias]
        wrapper.ensure_connection()
        return wrapper.connection

    def _fetch(
        self, connection: psycopg.Connection[Any], table: str, ids: Sequence[str]
    ) -> list[Row]:
        query = sql.SQL(_BY_ID).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table])),
            table=sql.Identifier(table),
        )
        known = {"ids": f"{{{','.join(filter(is_id, ids))}}}", "migration": self._migration}
        with psycopg.Cursor(connection) as cursor:
            # As the server writes them: a Python object a value would be of no use here.
            for kind in ("uuid", "jsonb", "timestamptz"):
                cursor.adapters.register_loader(kind, TextLoader)
            return cursor.execute(query, known).fetchall()

    def failed(self, table: str, v2_table: str, ids: Sequence[str]) -> dict[str, str]:
        """Those of these ids that are open errors, with the error's code."""
        named = {"table_name": table, "v2_table": v2_table, "ids": list(ids)}
        return dict(self.ask(_FAILED, named)) if ids else {}

    def count(self, table: str) -> int:
        """The migration's rows in a table."""
        ((number,),) = self.ask(_COUNT, table=table)
        return int(number)

    def ids(self, table: str, after: str | None, size: int) -> list[str]:
        """The next ids of the migration's rows beyond one, in order; from the first on: None."""
        return [found for (found,) in self.ask(_IDS, {"after": after, "size": size}, table=table)]

    def names(self, form_id: str) -> Mapping[str, str]:
        """The fields of a form in v3: name → id."""
        return self.field_ids.get(form_id, {})


def documents(table: str, rows: Sequence[Row]) -> dict[str, Document]:
    """Rows of COLUMNS as documents: id → its columns, JSON parsed."""
    columns = COLUMNS[table]
    found = {row[0]: _columns(columns, row) for row in rows}
    if len(found) < len(rows):  # there is no primary key
        for own_id, number in Counter(row[0] for row in rows).items():
            if number > 1:
                found[own_id] |= {COPIES: number}
    return found


def _columns(columns: Sequence[str], row: Sequence[Any]) -> Document:
    document: Document = dict(zip(columns, row, strict=True))
    for name in columns:
        if name in DOCUMENTS and document[name] is not None:
            document[name] = _parsed(document[name])
    return document


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    """A JSON document; one nested deeper than anything the mapping writes is not looked into."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return UNREADABLE
    level, below = 0, [value]
    if text.count("[") + text.count("{") > DEEPEST:
        while below := [
            inner
            for one in below
            if isinstance(one, list | dict)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]:
            level += 1
            if level > DEEPEST:
                return UNREADABLE
    return value


def form(row: Document) -> Document:
    """A form's row with its fields by id and their order beside them, where they have ids."""
    definition = row["definition"]
    fields = definition.get("fields") if isinstance(definition, dict) else None
    if not isinstance(fields, list):
        return row
    ids = [field.get("id") if isinstance(field, dict) else None for field in fields]
    if not all(isinstance(one, str) for one in ids) or len(set(ids)) < len(ids):
        return row
    return row | {
        "definition": {key: one for key, one in definition.items() if key != "fields"},
        "fields": dict(zip(ids, fields, strict=True)),
        "field_order": ids,
    }


def submission(row: Document, names: Mapping[str, str]) -> Document:
    """A submission's row with its answers under the ids of their fields.

    Args:
        row: its columns.
        names: the fields of its form in v3: name → id.
    """
    metadata, choices = row["metadata"], None
    if isinstance(metadata, dict) and isinstance(metadata.get("choices"), dict):
        choices = metadata["choices"]
    if choices:  # none at all is no key of metadata
        metadata = {key: one for key, one in metadata.items() if key != "choices"}
    return row | {
        "data": _by_id(row["data"], names),
        "choices": _by_id(choices or {}, names),
        "metadata": metadata,
    }


def _by_id(answers: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(answers, dict):
        return answers
    get = names.get
    return {get(name) or STRANGER + name: value for name, value in answers.items()}


def answers_in(row: Document) -> int:
    """How many answers a submission's row holds: in data, each of a list, and in unmapped."""
    data = row["data"] if isinstance(row["data"], dict) else {}
    number = sum(len(one) if type(one) is list else 1 for one in data.values())
    metadata = row["metadata"]
    unmapped = metadata.get("unmapped") if isinstance(metadata, dict) else None
    if isinstance(unmapped, dict):
        number += sum(len(one) for one in unmapped.values() if isinstance(one, list))
    return number
