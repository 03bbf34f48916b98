"""What in v3's database is v3's own, and what others have put there that hangs on it.

A database may be shared with other applications. A dump and a restore are of v3 alone: the tables
of this project and of Django with their partitions, and the functions, types and sequences that
the project's migrations make.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.apps import apps
from django.db.migrations.recorder import MigrationRecorder

from transfer.target import Connection

# Made by this project's migrations, and no part of a table.
FUNCTIONS = (
    "check_migration_ranges",
    "check_migration_settled",
    "check_migration_transition",
    "check_verification_transition",
    "create_events_partition",
    "keep_updated_at",
    "ledger_balances",
    "update_updated_at",
)
TYPES = (
    "aggregate_type",
    "form_status",
    "plugin_status",
    "plugin_type",
    "submission_status",
    "user_status",
    "workflow_status",
    "workflow_trigger_type",
)
SEQUENCES = ("submission_number_seq",)

_TABLES = """
    WITH RECURSIVE own (oid) AS (
        SELECT class.oid
          FROM pg_class AS class
         WHERE class.relname = ANY(%(names)s) AND class.relkind IN ('r', 'p')
           AND class.relnamespace = current_schema()::regnamespace
        UNION
        SELECT part.inhrelid
          FROM own
          JOIN pg_inherits AS part ON part.inhparent = own.oid
    )
    SELECT class.oid::bigint, space.nspname, class.relname
      FROM own
      JOIN pg_class AS class ON class.oid = own.oid
      JOIN pg_namespace AS space ON space.oid = class.relnamespace
     ORDER BY 2, 3
"""
# Functions, types and sequences, as they are dropped.
_OBJECTS = """
    SELECT 'SEQUENCE', format('%%I.%%I', space.nspname, class.relname),
           pg_has_role(class.relowner, 'USAGE')
      FROM pg_class AS class
      JOIN pg_namespace AS space ON space.oid = class.relnamespace
     WHERE class.relkind = 'S' AND class.relname = ANY(%(sequences)s)
       AND space.nspname = current_schema()
    UNION ALL
    SELECT 'FUNCTION', format('%%I.%%I(%%s)', space.nspname, proc.proname,
                              pg_get_function_identity_arguments(proc.oid)),
           pg_has_role(proc.proowner, 'USAGE')
      FROM pg_proc AS proc
      JOIN pg_namespace AS space ON space.oid = proc.pronamespace
     WHERE proc.proname = ANY(%(functions)s) AND space.nspname = current_schema()
    UNION ALL
    SELECT 'TYPE', format('%%I.%%I', space.nspname, type.typname),
           pg_has_role(type.typowner, 'USAGE')
      FROM pg_type AS type
      JOIN pg_namespace AS space ON space.oid = type.typnamespace
     WHERE type.typname = ANY(%(types)s) AND space.nspname = current_schema()
"""
# Every relation of these schemas that is neither v3's nor a part of it (indexes are a table's).
_OTHERS = """
    SELECT space.nspname, class.relname
      FROM pg_class AS class
      JOIN pg_namespace AS space ON space.oid = class.relnamespace
     WHERE space.nspname = ANY(%(schemas)s) AND class.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
       AND class.oid <> ALL(%(oids)s::oid[])
       AND NOT (class.relkind = 'S' AND class.relname = ANY(%(sequences)s)
                AND space.nspname = current_schema())
       AND NOT EXISTS (SELECT
                         FROM pg_depend AS part
                        WHERE part.classid = 'pg_class'::regclass AND part.objid = class.oid
                          AND part.refclassid = 'pg_class'::regclass
                          AND part.refobjid = ANY(%(oids)s::oid[])
                          AND part.deptype IN ('a', 'i') AND class.relkind = 'S')
     ORDER BY 1, 2
"""
_NOT_OWNED = """
    SELECT class.relname
      FROM pg_class AS class
     WHERE class.oid = ANY(%s::oid[]) AND NOT pg_has_role(class.relowner, 'USAGE')
     ORDER BY 1
"""
# Views on v3's tables, and views on those: the last one on top comes first.
_VIEWS = """
    WITH RECURSIVE above (oid, height) AS (
        SELECT own, 0 FROM unnest(%s::oid[]) AS own
        UNION
        SELECT rule.ev_class, above.height + 1
          FROM above
          JOIN pg_depend AS use
            ON use.refclassid = 'pg_class'::regclass AND use.refobjid = above.oid
           AND use.classid = 'pg_rewrite'::regclass
          JOIN pg_rewrite AS rule ON rule.oid = use.objid AND rule.ev_class <> above.oid
    )
    SELECT class.relkind::text, space.nspname, class.relname,
           pg_has_role(class.relowner, 'USAGE')
      FROM (SELECT oid, max(height) AS height FROM above WHERE height > 0 GROUP BY oid) AS view
      JOIN pg_class AS class ON class.oid = view.oid AND class.relkind IN ('v', 'm')
      JOIN pg_namespace AS space ON space.oid = class.relnamespace
     ORDER BY view.height DESC, class.oid
"""
_KEYS = """
    SELECT space.nspname, class.relname, key.conname, pg_get_constraintdef(key.oid),
           pg_has_role(class.relowner, 'USAGE')
      FROM pg_constraint AS key
      JOIN pg_class AS class ON class.oid = key.conrelid
      JOIN pg_namespace AS space ON space.oid = class.relnamespace
     WHERE key.contype = 'f' AND key.conparentid = 0
       AND key.confrelid = ANY(%(oids)s::oid[]) AND key.conrelid <> ALL(%(oids)s::oid[])
     ORDER BY 1, 2, 3
"""
# A row filter or a list of columns (PostgreSQL 15) is nothing that can be added back blindly.
_PUBLISHED = """
    SELECT publication.pubname, space.nspname, class.relname,
           coalesce(to_jsonb(member)->>'prqual', to_jsonb(member)->>'prattrs') IS NOT NULL
      FROM pg_publication_rel AS member
      JOIN pg_publication AS publication ON publication.oid = member.prpubid
      JOIN pg_class AS class ON class.oid = member.prrelid
      JOIN pg_namespace AS space ON space.oid = class.relnamespace
     WHERE member.prrelid = ANY(%s::oid[])
     ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class OwnTables:
    """v3's tables, their partitions among them: oids, and (schema, name) in the same order."""

    oids: tuple[int, ...]
    names: tuple[tuple[str, str], ...]

    @property
    def schemas(self) -> list[str]:
        """The schemas they are in."""
        return sorted({schema for schema, _ in self.names})


@dataclass(frozen=True, slots=True)
class View:
    """Somebody's view on v3's tables, or on such a view; ``held``: the role owns it."""

    materialized: bool
    schema: str
    name: str
    held: bool


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key that leads from somebody's table into v3's; ``held``: the role owns that table."""

    schema: str
    table: str
    name: str
    definition: str
    held: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A table of v3 in a publication; ``in_part``: only some of its rows or columns."""

    publication: str
    schema: str
    table: str
    in_part: bool


def table_names() -> frozenset[str]:
    """The names of the tables that the project's and Django's migrations make."""
    models = apps.get_models(include_auto_created=True)
    own = {model._meta.db_table for model in models if model._meta.managed}
    return frozenset(own | {MigrationRecorder.Migration._meta.db_table})


def own_tables(connection: Connection) -> OwnTables:
    """v3's tables as they are there now."""
    rows = connection.execute(_TABLES, {"names": list(table_names())}).fetchall()
    return OwnTables(tuple(row[0] for row in rows), tuple((row[1], row[2]) for row in rows))


def own_objects(connection: Connection) -> list[tuple[str, str, bool]]:
    """v3's sequences, functions and types: the kind, the quoted name, and whether it is held."""
    given = {"sequences": list(SEQUENCES), "functions": list(FUNCTIONS), "types": list(TYPES)}
    return [(kind, name, held) for kind, name, held in connection.execute(_OBJECTS, given)]


def dump_words(connection: Connection) -> list[str]:
    """The words that make pg_dump leave out what others have; none where v3 is not there.

    A schema that is named brings neither large objects nor publications or the like along.
    """
    own = own_tables(connection)
    given = {"schemas": own.schemas, "oids": list(own.oids), "sequences": list(SEQUENCES)}
    others = connection.execute(_OTHERS, given).fetchall()
    return [
        *(f"--schema={pattern(schema)}" for schema in own.schemas),
        *(f"--exclude-table={pattern(schema)}.{pattern(name)}" for schema, name in others),
    ]


def views(connection: Connection, own: OwnTables) -> list[View]:
    """Others' views on v3's tables, in the order in which they can be dropped."""
    rows = connection.execute(_VIEWS, (list(own.oids),)).fetchall()
    return [View(kind == "m", *rest) for kind, *rest in rows]


def foreign_keys(connection: Connection, own: OwnTables) -> list[ForeignKey]:
    """Keys from others' tables to v3's, their definitions with every name's schema."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        rows = connection.execute(_KEYS, {"oids": list(own.oids)}).fetchall()
    return [ForeignKey(*row) for row in rows]


def published(connection: Connection, own: OwnTables) -> list[Published]:
    """v3's tables that publications name: a table that is dropped is in them no more."""
    return [Published(*row) for row in connection.execute(_PUBLISHED, (list(own.oids),))]


def hindrances(connection: Connection) -> list[str]:
    """Why this role could not put a dump of v3 back, in sentences; none where it could.

    Whoever restores drops and makes v3's tables, and takes off what others hang on them.
    """
    own = own_tables(connection)
    tables = [row[0] for row in connection.execute(_NOT_OWNED, (list(own.oids),))]
    mine = tables + [name for _, name, held in own_objects(connection) if not held]
    found = []
    role = connection.info.user
    if row := connection.execute("SELECT current_user").fetchone():
        role = row[0]
    start = f"the role {role!r} could not put it back: it"
    if mine:
        found.append(f"{start} does not own {_some(mine)}")
    others = [f"the view {one.schema}.{one.name}" for one in views(connection, own) if not one.held]
    others += [
        f"{key.schema}.{key.table}, whose key {key.name} leads into v3"
        for key in foreign_keys(connection, own)
        if not key.held
    ]
    if others:
        found.append(f"{start} may not take off what hangs on v3's tables: {_some(others)}")
    may = connection.execute("SELECT has_schema_privilege(current_schema(), 'CREATE')").fetchone()
    if not (may and may[0]):
        found.append(f"{start} may not create tables in v3's schema")
    return found


def pattern(name: str) -> str:
    """A name as pg_dump's options take it: itself and no wildcard."""
    quoted = name.replace('"', '""')
    return f'"{quoted}"'


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
