"""v3 as it is found: reached, new enough, migrated, ours to write, and what it holds already."""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from pliers.extensions import missing_extensions
from transfer.bare_target import BareTarget
from transfer.exceptions import TargetError
from transfer.plan import TABLES
from transfer.preflight.lines import Line, blocked, listed, ok, warning
from transfer.progress import read_migrations
from transfer.target import NEEDED_TABLES, describe, first_line

AREA = "v3"
OLDEST = 14  # the oldest major version of PostgreSQL that v3 runs on
_RIGHTS = """
    SELECT current_user,
           has_schema_privilege(current_schema(), 'CREATE'),
           has_database_privilege(current_database(), 'TEMPORARY'),
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""
_MAY_SET = "SELECT has_parameter_privilege('session_replication_role', 'SET')"
_UNWRITABLE = """
    SELECT name
      FROM unnest(%s::text[]) AS name
     WHERE to_regclass(name) IS NOT NULL
       AND NOT (has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
                AND has_table_privilege(name, 'UPDATE'))
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
        lines += _rights(target, migrated=migrated)
        if migrated:  # which makes the extensions that can be had
            lines += _extensions(alias)
            lines += _contents(target)
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


def _rights(target: BareTarget, *, migrated: bool) -> Iterator[Line]:
    role, create, temporary, superuser = target.reader.execute(_RIGHTS).fetchall()[0]
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
    names = [row[0] for row in target.reader.execute(_UNWRITABLE, (list(NEEDED_TABLES),))]
    if names:
        yield blocked(
            AREA,
            "may write",
            f"the role {role!r} may not read and write {listed(names)}",
            "let the role that ran manage.py migrate run the import, or GRANT it all of them",
        )
    newer = target.reader.info.server_version >= 150_000
    may = superuser or (newer and target.reader.execute(_MAY_SET).fetchall()[0][0])
    if may:
        yield ok(AREA, "keys off", "session_replication_role may be set: --defer-constraints works")
    else:
        how = "GRANT SET ON PARAMETER session_replication_role TO …" if newer else "a superuser may"
        found = f"the role {role!r} may not set session_replication_role: the import loads normally"
        yield ok(AREA, "keys off", f"{found}, and --defer-constraints changes nothing ({how})")


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
    migrations = {migration.name: migration.status for migration in read_migrations(target.reader)}
    if not counts and not own and not migrations:
        yield ok(AREA, "contents", "v3 is empty")
        return
    for name in [*migrations, *(name for name in counts if name not in migrations)]:
        status = migrations.get(name, "not in the books")
        found = f"migration {name!r}: {status}; {_rows(counts.get(name, {}))}"
        if status == "rolled_back" and name not in counts:
            yield ok(AREA, "contents", found)
        elif status in ("pending", "in_progress", "failed"):
            yield warning(
                AREA,
                "contents",
                found,
                f"import_v2 goes on with it: --name {name!r}, or roll it back",
            )
        else:
            yield warning(
                AREA,
                "contents",
                found,
                "another migration of the same v2 rows is refused row by row (id_taken, M1): go on "
                "under this name, roll it back first, or take an empty v3",
            )
    if own:
        yield warning(
            AREA,
            "contents",
            f"rows of v3's own: {_rows(own)}",
            "they stay as they are; what v2 shares with them in slugs, emails or numbers gives way "
            "(M5, M6, M12)",
        )


def _rows(counts: dict[str, int]) -> str:
    found = [f"{counts[table]:,} {table}" for table in TABLES if counts.get(table)]
    return ", ".join(found) or "no rows"


def _setting(target: BareTarget, name: str) -> Any:  # noqa: ANN401 - a setting's text
    return (target.reader.execute("SELECT current_setting(%s)", (name,)).fetchone() or ("",))[0]
