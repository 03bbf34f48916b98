"""v3 as it is found: reached, new enough, migrated, ours to write, and what it holds already."""

import shlex
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from pliers.extensions import missing_extensions
from transfer.bare_target import BareTarget
from transfer.deferral import why_not
from transfer.exceptions import ResumeRefusedError, TargetError
from transfer.plan import TABLES
from transfer.preflight.lines import Line, blocked, listed, ok, warning
from transfer.progress import Migration, check_rolled_back, read_migrations
from transfer.put_off import open_deferrals, told
from transfer.target import NEEDED_TABLES, describe, first_line

AREA = "v3"
OLDEST = 14  # the oldest major version of PostgreSQL that v3 runs on
_RIGHTS = """
    SELECT current_user,
           has_schema_privilege(current_schema(), 'CREATE'),
           has_database_privilege(current_database(), 'TEMPORARY')
"""
_WRITES = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')"
# The import deletes its own decisions when it has to make them anew.
_DELETED_FROM = ("migration_assignments",)
_UNWRITABLE = """
    SELECT name
      FROM unnest(%s::text[]) AS name
     WHERE to_regclass(name) IS NOT NULL
       AND NOT (has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
                AND has_table_privilege(name, 'UPDATE')
                AND (name <> ALL(%s) OR has_table_privilege(name, 'DELETE')))
    UNION ALL
    SELECT DISTINCT sequence.relname::text
      FROM pg_class AS sequence
      JOIN pg_depend AS use
        ON use.classid = 'pg_class'::regclass AND use.objid = sequence.oid AND use.deptype = 'a'
     WHERE CASE WHEN sequence.relkind = 'S'
                THEN NOT has_sequence_privilege(sequence.oid, 'USAGE') END
       AND use.refobjid = ANY(SELECT to_regclass(name)::oid FROM unnest(%s::text[]) AS name)
"""


def open_target(alias: str = DEFAULT_DB_ALIAS) -> tuple[BareTarget | None, list[Line]]:
    """v3, and the line that says which; None where it cannot be used."""
    try:
        target = BareTarget("preflight_v2", exclusive=False, alias=alias)
    except TargetError as error:
        return None, [blocked(AREA, "connection", error.message, "see DATABASE_URL")]
    version = target.reader.info.server_version // 10_000
    said = f"{describe(alias)}, PostgreSQL {_setting(target, 'server_version')}"
    if version < OLDEST:
        target.close()
        action = f"upgrade the server to PostgreSQL {OLDEST} or later"
        return None, [blocked(AREA, "version", said, action)]
    return target, [ok(AREA, "connection", said)]


def target_lines(
    target: BareTarget,
    *,
    migrated: bool,
    alias: str = DEFAULT_DB_ALIAS,
) -> list[Line]:
    """What v3's role may do and what v3 holds; where it is not migrated, only the former."""
    lines: list[Line] = []
    try:
        lines += _writable(target)
        lines += _rights(target, migrated=migrated)
        if migrated:  # which makes the extensions that can be had
            lines += _extensions(alias)
            lines += _contents(target)
            lines += _put_off(target)
        if holder := target.at_work():
            lines.append(blocked(AREA, "other importers", holder, "wait for it, or end it"))
        else:
            lines.append(ok(AREA, "other importers", "none is at work"))
    except (psycopg.Error, DatabaseError) as error:
        lines.append(blocked(AREA, "looking around", first_line(error), "see DATABASE_URL"))
    return lines


def migrations_line(alias: str = DEFAULT_DB_ALIAS) -> Line:
    """Whether every migration of this program is applied."""
    try:
        executor = MigrationExecutor(connections[alias])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, psycopg.Error) as error:
        return blocked(AREA, "migrated", first_line(error), "see DATABASE_URL")
    if not missing:
        return ok(AREA, "migrated", "every migration of this program is applied")
    names = [f"{migration.app_label}.{migration.name}" for migration, _ in missing]
    found = f"{len(names)} migrations are not applied: {listed(names, 3)}"
    return blocked(AREA, "migrated", found, "run: manage.py migrate")


def _writable(target: BareTarget) -> Iterator[Line]:
    standby, read_only = target.reader.execute(_WRITES).fetchall()[0]
    if standby:
        yield blocked(
            AREA, "writable", "the server is a standby, or in recovery: it only reads",
            "name the primary in DATABASE_URL, or end the recovery",
        )  # fmt: skip
    elif read_only == "on":
        yield blocked(
            AREA, "writable", "transactions there are read-only (default_transaction_read_only)",
            "ALTER ROLE or ALTER DATABASE … RESET default_transaction_read_only",
        )  # fmt: skip


def _rights(target: BareTarget, *, migrated: bool) -> Iterator[Line]:
    role, create, temporary = target.reader.execute(_RIGHTS).fetchall()[0]
    schema = (target.reader.execute("SELECT current_schema()").fetchone() or (None,))[0]
    if create:
        yield ok(AREA, "may create", f"the role {role!r} may create tables in schema {schema!r}")
    else:
        found = f"the role {role!r} may not create in schema {schema!r}"
        action = "GRANT CREATE ON SCHEMA …, or make it the owner"
        if migrated:
            yield warning(AREA, "may create", f"{found}; manage.py migrate needs to", action)
        else:
            yield blocked(AREA, "may create", f"{found}, and manage.py migrate needs to", action)
    if temporary:
        yield ok(AREA, "temporary tables", "may be made")
    else:
        yield blocked(
            AREA,
            "temporary tables",
            f"the role {role!r} may not make any; emails and numbers are decided in one (M6, M12)",
            "GRANT TEMPORARY ON DATABASE …",
        )
    needed = list(NEEDED_TABLES)
    asked = target.reader.execute(_UNWRITABLE, (needed, list(_DELETED_FROM), needed))
    names = [row[0] for row in asked]
    if names:
        yield blocked(
            AREA,
            "may write",
            f"the role {role!r} may not read and write {listed(names)}",
            "let the role that ran manage.py migrate run the import, or GRANT it SELECT, INSERT, "
            "UPDATE and DELETE on the tables and USAGE on the sequences",
        )
    if not migrated:
        return
    if reason := why_not(target.reader, TABLES):
        found = f"{reason}: the import loads normally, and --defer-constraints changes nothing"
        action = "give the import the role that ran manage.py migrate"
        if target.reader.info.server_version >= 150_000:
            action += ", with GRANT SET ON PARAMETER session_replication_role"
        yield ok(AREA, "keys off", f"{found} ({action})")
    else:
        yield ok(AREA, "keys off", "session_replication_role may be set: --defer-constraints works")


def _put_off(target: BareTarget) -> Iterator[Line]:
    """What loads with --defer-constraints were cut off with."""
    left = open_deferrals(target.reader)
    for name, table in dict.fromkeys((one.migration, one.table) for one in left):
        what = told([one for one in left if (one.migration, one.table) == (name, table)])
        yield warning(
            AREA,
            "keys and indexes",
            f"the load of {name!r} left {table} with {what}",
            f"import_v2 --name {shlex.quote(name)} puts them right, any other import tries to",
        )


def _extensions(alias: str) -> Iterator[Line]:
    missing = missing_extensions(connections[alias])
    if not missing:
        yield ok(AREA, "extensions", "all wished for are there")
        return
    found = "; ".join(f"{each.name} is missing: {each.reason}" for each in missing)
    action = "nothing for the import, no table needs them; ask whether v3's application does"
    yield warning(AREA, "extensions", found, action)


def _contents(target: BareTarget) -> Iterator[Line]:
    counts: dict[str, dict[str, int]] = {}
    own: dict[str, int] = {}
    for table in TABLES:
        query = f"SELECT metadata->>'migration_batch', count(*) FROM {table} GROUP BY 1"  # noqa: S608 - a name of the plan's
        for name, count in target.reader.execute(query.encode()).fetchall():
            if name is None:
                own[table] = count
            else:
                counts.setdefault(name, {})[table] = count
    every = read_migrations(target.reader)
    migrations = {migration.name: migration.status for migration in every}
    in_part = {migration.name: migration for migration in every if migration.rolling_back}
    if not counts and not own and not migrations:
        yield ok(AREA, "contents", "v3 is empty")
        return
    for name in [*migrations, *(name for name in counts if name not in migrations)]:
        status = migrations.get(name, "not in the books")
        found = f"migration {name!r}: {status}; {_rows(counts.get(name, {}))}"
        if name in in_part:
            yield blocked(AREA, "contents", found, _refusal(in_part[name]))
        elif status == "rolled_back" and name not in counts:
            yield ok(AREA, "contents", found)
        else:
            yield warning(AREA, "contents", found, _beside(name, status))
    if own:
        yield warning(
            AREA,
            "contents",
            f"rows of v3's own: {_rows(own)}",
            "they stay as they are; what v2 shares with them in slugs, emails or numbers gives way "
            "(M5, M6, M12)",
        )


def _refusal(migration: Migration) -> str:
    """What the import says of a migration that is rolled back in part."""
    try:
        check_rolled_back(migration)
    except ResumeRefusedError as refused:
        return f"import_v2 refuses: {refused.message}"
    raise AssertionError  # it was asked for that


def _beside(name: str, status: str) -> str:
    if status in ("pending", "in_progress", "failed"):
        return f"import_v2 goes on with it: --name {name!r}, or roll it back"
    return (
        "another migration of the same v2 rows is refused row by row (id_taken, M1): go on under "
        "this name, roll it back first, or take an empty v3"
    )


def _rows(counts: dict[str, int]) -> str:
    found = [f"{counts[table]:,} {table}" for table in TABLES if counts.get(table)]
    return ", ".join(found) or "no rows"


def _setting(target: BareTarget, name: str) -> Any:  # noqa: ANN401 - a setting's text
    return (target.reader.execute("SELECT current_setting(%s)", (name,)).fetchone() or ("",))[0]
