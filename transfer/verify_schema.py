"""Whether v3's tables have the keys, indexes and triggers they are declared with.

An index may have been dropped for a load, a foreign key left unproven, or triggers off: rows alone
do not show it.
"""

import shlex
from collections.abc import Iterable, Iterator

from django.apps import apps
from django.db import connections, models

from pliers.constraints import ForeignKeyConstraint
from transfer.plan import TABLES
from transfer.verify_report import Check

_KEYS = """
SELECT key.conname
  FROM pg_constraint AS key
  JOIN pg_class AS tab ON tab.oid = key.conrelid
 WHERE key.contype IN ('p', 'f', 'u')
   AND key.convalidated
   AND tab.relname = ANY(%(tables)s)
   AND pg_table_is_visible(tab.oid)
   -- Its triggers, which do the work, can be off.
   AND NOT EXISTS (SELECT FROM pg_trigger AS work
                    WHERE work.tgconstraint = key.oid AND work.tgenabled <> 'O')
"""
_INDEXES = """
SELECT idx.relname
  FROM pg_index AS own
  JOIN pg_class AS idx ON idx.oid = own.indexrelid
  JOIN pg_class AS tab ON tab.oid = own.indrelid
 WHERE own.indisvalid
   AND own.indisready
   AND tab.relname = ANY(%(tables)s)
   AND pg_table_is_visible(tab.oid)
"""
_TRIGGERS = """
SELECT work.tgname
  FROM pg_trigger AS work
  JOIN pg_class AS tab ON tab.oid = work.tgrelid
 WHERE NOT work.tgisinternal
   AND work.tgenabled = 'O'
   AND tab.relname = ANY(%(tables)s)
   AND pg_table_is_visible(tab.oid)
"""


_DROPPED = """
SELECT name, migration_name
  FROM migration_deferrals
 WHERE settled_at IS NULL
   AND kind = 'index'
   AND table_name = ANY(%(tables)s)
 ORDER BY id DESC
"""


def schema_checks(alias: str, tables: Iterable[str]) -> Iterator[Check]:
    """That each declared key of these tables is there and proven, each index and trigger there.

    Args:
        alias: v3.
        tables: those the migration fills.
    """
    wanted = list(tables)
    keys, indexes = _declared(wanted)
    # Without them the application's changes keep the time of the migration (M14).
    triggers = {f"{work}_{table}_updated_at" for table in wanted for work in ("keep", "update")}
    for name, statement, declared, what in (
        ("Keys", _KEYS, keys, "is missing, off or not validated"),
        ("Indexes", _INDEXES, indexes, "is missing or not valid"),
        ("Triggers", _TRIGGERS, triggers, "is missing or off"),
    ):
        with connections[alias].cursor() as cursor:
            cursor.execute(statement, {"tables": wanted})
            found = {row[0] for row in cursor.fetchall()}
            lost = sorted(declared - found)
            cursor.execute(_DROPPED, {"tables": wanted})
            dropped = dict(cursor.fetchall()) if lost and name == "Indexes" else {}
        faults = tuple(f"{one} {what}{_by_whom(dropped.get(one))}" for one in lost)
        yield Check(name, len(declared) - len(lost), faults=faults)


def _by_whom(migration: str | None) -> str:
    """Which load dropped an index and did not come to build it again, and what does; or nothing."""
    if migration is None:
        return ""
    go_on = f"import_v2 --name {shlex.quote(migration)} builds it again"
    return f": the load of {migration!r} dropped it, and {go_on}"


def _declared(tables: Iterable[str]) -> tuple[set[str], set[str]]:
    """The names of the keys and of the indexes that the models of v3's tables declare."""
    keys: set[str] = set()
    indexes: set[str] = set()
    wanted = set(tables) & set(TABLES)
    for model in apps.get_models():
        if model._meta.db_table in wanted:
            own = model._meta.constraints
            keys.add(f"{model._meta.db_table}_pkey")
            keys |= {
                one.name
                for one in own
                if isinstance(one, ForeignKeyConstraint | models.UniqueConstraint)
            }
            indexes |= {index.name for index in model._meta.indexes}
    return keys, indexes
