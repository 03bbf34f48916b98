"""The migrations: each runs backwards and forwards again, by owner or superuser alike."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from pliers.extensions import WISHED, missing_extensions
from tests.migration_files import APPS

ROOT = Path(__file__).parents[2]

# Everything in the schema that a migration of ours can have made, in PostgreSQL's own words.
# What an extension brought is left out: extensions stay.
CATALOG = """
SELECT 'column', attrelid::regclass::text, attname || ' ' || format_type(atttypid, atttypmod)
       || attnotnull::text || coalesce(pg_get_expr(adbin, adrelid), '')
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid AND relkind IN ('r', 'p')
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', indrelid::regclass::text, pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class c ON c.oid = indexrelid
WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function', p.oid::regprocedure::text, prosrc
FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
WHERE pronamespace = 'public'::regnamespace AND d.objid IS NULL
UNION ALL
SELECT 'label', enumtypid::regtype::text, enumlabel || enumsortorder FROM pg_enum
UNION ALL
SELECT 'sequence', relname, '' FROM pg_class
WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""


def catalog():
    with connection.cursor() as cursor:
        cursor.execute(CATALOG)
        return set(cursor.fetchall())


def migrate(*targets):
    MigrationExecutor(connection).migrate(list(targets))


@pytest.mark.django_db(transaction=True)
def test_every_migration_runs_backwards_and_forwards_again():
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    plan = executor.migration_plan(leaves, clean_start=True)
    ours = [(m.app_label, m.name) for m, _ in plan if m.app_label in APPS]
    complete = catalog()
    before = {}
    try:
        for app, name in reversed(ours):
            before[app, name] = catalog()
            earlier = [key for key in ours if key[0] == app and key[1] < name]
            migrate(max(earlier, default=(app, None)))
        left = {f"{kind} {of}" for kind, of, _ in catalog()}
        assert not [thing for thing in left if " auth" not in thing and " django" not in thing]
        for key in ours:
            migrate(key)
            assert catalog() == before[key], key
    finally:
        migrate(*leaves)
    assert catalog() == complete


class Server:
    """The tests' server, where a role may own a database of its own."""

    def __init__(self, address):
        self.address = address
        self.name = f"pliers_owner_{uuid4().hex[:8]}"
        self.password = uuid4().hex

    def execute(self, statement, database=None):
        url = urlsplit(self.address)
        address = urlunsplit(url._replace(path=f"/{database}")) if database else self.address
        with psycopg.connect(address, autocommit=True) as superuser:
            superuser.execute(
                sql.SQL(statement).format(
                    name=sql.Identifier(self.name), password=sql.Literal(self.password)
                )
            )

    @property
    def address_of_role(self):
        url = urlsplit(self.address)
        where = url.netloc.rpartition("@")[2]
        login = f"{self.name}:{quote(self.password)}@{where}"
        return urlunsplit(url._replace(netloc=login, path=f"/{self.name}"))

    def migrate(self):
        return subprocess.run(
            [sys.executable, "manage.py", "migrate", "--skip-checks"],
            cwd=ROOT,
            env=os.environ
            | {"DATABASE_URL": self.address_of_role, "DJANGO_SETTINGS_MODULE": "pliers.settings"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def server(v3_url):
    server = Server(v3_url)
    server.execute("CREATE ROLE {name} LOGIN PASSWORD {password}")
    yield server
    server.execute("DROP DATABASE IF EXISTS {name}")
    server.execute("DROP ROLE {name}")


def offered():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_available_extensions")
        return {name for (name,) in cursor.fetchall()} & set(WISHED)


@pytest.mark.parametrize("owner", [True, False], ids=["owner", "may not create extensions"])
def test_migrate_needs_no_superuser_and_reports_each_extension_it_goes_without(server, owner):
    server.execute("CREATE DATABASE {name} TEMPLATE template0")
    if owner:
        server.execute("ALTER DATABASE {name} OWNER TO {name}")
    else:
        server.execute("GRANT ALL ON SCHEMA public TO {name}", database=server.name)

    done = server.migrate()

    assert done.returncode == 0, done.stdout + done.stderr
    missing = set(WISHED) - (offered() if owner else set())
    said = {line for line in done.stdout.splitlines() if "Going without extension" in line}
    assert {line.split()[3].rstrip(":") for line in said} == missing


@pytest.mark.django_db
def test_extensions_are_missing_only_where_the_server_does_not_offer_them():
    missing = missing_extensions(connection)
    assert {extension.name for extension in missing} == set(WISHED) - offered()
    assert all("does not offer" in extension.reason for extension in missing)
