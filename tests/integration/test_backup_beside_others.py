"""A dump and a restore of a v3 that shares its database: what others put there is theirs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from tests.dumped import copied_v3
from tests.runs import query
from tests.servers import use_v3
from transfer import replay
from transfer.backup import dump, inspect, restore
from transfer.bare_target import BareTarget
from transfer.exceptions import TargetError
from transfer.own_objects import FUNCTIONS, SEQUENCES, TYPES
from transfer.pgprograms import login_environment

pytestmark = pytest.mark.django_db(transaction=True)  # what a test puts into v3 is committed

OURS = "INSERT INTO organizations (name, slug) VALUES ('Acme', 'acme')"


@pytest.fixture(scope="module")
def shared(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """One v3 for all tests of this module; v3's own tables are emptied after each."""
    with copied_v3(django_db_blocker, "shared") as name:
        yield name


@pytest.fixture(autouse=True)
def own(shared: str) -> Iterator[None]:
    """What others made goes after each test."""
    query("CREATE SCHEMA billing")
    yield
    query("DROP SCHEMA billing CASCADE")
    query('DROP TABLE IF EXISTS orders, "users old" CASCADE')


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A place for a dump."""
    return tmp_path / "v3.dump"


@contextmanager
def role(name: str, *statements: str) -> Iterator[None]:
    """A role, for as long as it is needed."""
    query(f"DROP ROLE IF EXISTS {name}")
    query(f"CREATE ROLE {name} LOGIN")
    try:
        for statement in statements:
            query(statement)
        connection.close()
        yield
    finally:
        query(f"DROP OWNED BY {name} CASCADE")
        query(f"DROP ROLE {name}")


def test_every_function_type_and_sequence_of_v3_is_known_as_its_own() -> None:
    of_extensions = "NOT EXISTS (SELECT FROM pg_depend WHERE objid = own.oid AND deptype = 'e')"
    here = f"'public'::regnamespace AND {of_extensions}"

    functions = query(f"SELECT proname FROM pg_proc own WHERE pronamespace = {here}")
    types = query(
        f"SELECT typname FROM pg_type own WHERE typtype IN ('e', 'd') AND typnamespace = {here}"
    )
    sequences = query(
        f"SELECT relname FROM pg_class own WHERE relkind = 'S' AND relnamespace = {here}"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = own.oid AND deptype IN ('a', 'i'))"
    )

    assert {name for (name,) in functions} == set(FUNCTIONS)
    assert {name for (name,) in types} == set(TYPES)
    assert {name for (name,) in sequences} == set(SEQUENCES)


def test_tables_whose_names_begin_like_a_dumped_one_stay(kept: Path) -> None:
    query('CREATE TABLE "users old" (id int)')
    dump(kept)
    query("CREATE TABLE orders AS SELECT 1 AS id")
    query('INSERT INTO "users old" VALUES (7)')
    connection.close()

    restore(kept)

    assert query("SELECT id FROM orders") == [(1,)]
    assert query('SELECT id FROM "users old"') == [(7,)]


def test_other_peoples_rows_are_neither_dumped_nor_set_back(kept: Path) -> None:
    query("CREATE TABLE billing.invoices AS SELECT 1 AS id")
    query("CREATE TABLE orders (id serial, total int)")
    query("CREATE FUNCTION billing.rate() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    info = dump(kept)
    query(OURS)
    query("INSERT INTO billing.invoices VALUES (2)")
    query("INSERT INTO orders (total) VALUES (3)")
    query("CREATE OR REPLACE FUNCTION billing.rate() RETURNS int LANGUAGE sql AS 'SELECT 2'")
    connection.close()

    restore(kept)

    assert b"invoices" not in kept.read_bytes()
    assert info.tables == inspect(kept).tables
    assert query("SELECT count(*) FROM organizations") == [(0,)]
    assert query("SELECT id, billing.rate() FROM billing.invoices ORDER BY 1") == [(1, 2), (2, 2)]
    assert query("SELECT id, total FROM orders") == [(1, 3)]


def test_a_dump_of_the_whole_database_puts_back_v3_alone(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made by hand: pg_dump takes everything there is."""
    query("CREATE TABLE orders (id int PRIMARY KEY)")
    query("CREATE TABLE billing.invoices (organization_id uuid REFERENCES organizations)")
    monkeypatch.setattr("transfer.backup.dump_words", lambda _connection: [])
    dump(kept)
    query("INSERT INTO orders VALUES (1)")
    query(OURS)
    connection.close()

    restore(kept)

    assert query("SELECT id FROM orders") == [(1,)]
    assert query("SELECT count(*) FROM organizations") == [(0,)]


def test_views_and_keys_of_others_are_taken_off_and_put_on_again(kept: Path) -> None:
    query("CREATE VIEW billing.names AS SELECT name FROM organizations")
    query("CREATE MATERIALIZED VIEW billing.kept AS SELECT count(*) AS n FROM billing.names")
    query("CREATE TABLE billing.invoices (organization_id uuid REFERENCES organizations)")
    dump(kept)
    query("CREATE VIEW billing.since AS SELECT n FROM billing.kept")
    query(OURS)
    query("REFRESH MATERIALIZED VIEW billing.kept")
    with role("reader", "GRANT USAGE ON SCHEMA billing TO reader",
              "GRANT SELECT ON billing.names TO reader"):  # fmt: skip
        assert restore(kept).notes == ()

        assert query("SELECT has_table_privilege('reader', 'billing.names', 'SELECT')") == [(True,)]
    assert query("SELECT n FROM billing.since") == [(0,)]
    assert query(
        "SELECT count(*) FROM pg_constraint"
        " WHERE conrelid = 'billing.invoices'::regclass AND convalidated"
    ) == [(1,)]


def test_a_row_that_would_refer_to_nothing_stops_the_restore(kept: Path) -> None:
    dump(kept)
    query(OURS)
    query("CREATE TABLE billing.invoices (organization_id uuid REFERENCES organizations)")
    query("INSERT INTO billing.invoices SELECT id FROM organizations")
    connection.close()

    with pytest.raises(TargetError, match=r'"invoices" violates foreign key.*Nothing was changed'):
        restore(kept)
    assert query("SELECT count(*) FROM organizations") == [(1,)]


def test_a_privilege_of_a_role_that_is_gone_is_left_out_and_said(kept: Path) -> None:
    with role("auditor", "GRANT SELECT ON organizations TO auditor"):
        dump(kept)
    query("CREATE ROLE reader")
    query("GRANT SELECT ON organizations TO PUBLIC")
    connection.close()
    try:
        (note,) = restore(kept).notes
    finally:
        query("DROP ROLE reader")
    assert 'role "auditor" does not exist' in note
    assert query("SELECT count(*) FROM organizations") == [(0,)]


def test_a_publication_has_its_tables_again(kept: Path) -> None:
    query("CREATE PUBLICATION changes FOR TABLE organizations, users")
    try:
        dump(kept)
        connection.close()
        assert restore(kept).notes == ()
        assert query(
            "SELECT tablename FROM pg_publication_tables WHERE pubname = 'changes' ORDER BY 1"
        ) == [("organizations",), ("users",)]
    finally:
        query("DROP PUBLICATION changes")


def test_what_the_role_could_not_put_back_is_said_with_the_dump(kept: Path) -> None:
    settings = dict(connections["default"].settings_dict)
    query("CREATE VIEW billing.names AS SELECT name FROM organizations")
    read = (
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO keeper",
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO keeper",
    )
    with role("keeper", *read), use_v3(settings | {"USER": "keeper"}):
        owned, views, *_ = dump(kept).notes

    assert "the role 'keeper' could not put it back: it does not own" in owned
    assert "does not own auth_group, " in owned
    assert "billing.names" in views


def test_a_restore_waits_for_no_role_and_no_prepared_transaction(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ordinary role sees of others' sessions that they are there, and not what they are."""
    settings = dict(connections["default"].settings_dict)
    dump(kept)
    with role("plain"), closing(BareTarget("the application", exclusive=False)) as other:
        other.writer.execute("BEGIN; SELECT count(*) FROM users")
        with (
            use_v3(settings | {"USER": "plain"}),
            pytest.raises(TargetError, match=r"in the middle of a transaction: .*backend"),
        ):
            restore(kept)
        other.writer.execute("ROLLBACK; BEGIN; SELECT count(*) FROM forms")
        try:
            other.writer.execute("PREPARE TRANSACTION 'left'")
        except psycopg.errors.ObjectNotInPrerequisiteState:
            return  # this server allows none
        try:
            with pytest.raises(TargetError, match="a prepared transaction"):
                restore(kept)
        finally:
            query("ROLLBACK PREPARED 'left'")


def test_a_role_s_own_time_limit_stops_no_restore(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the role had it: a tenth of a second for a statement."""
    dump(kept)
    limits = {"PGOPTIONS": "-c statement_timeout=100ms"}
    monkeypatch.setattr(
        "transfer.replay.login_environment", lambda alias: login_environment(alias) | limits
    )
    monkeypatch.setattr(replay, "_BEGIN", f"{replay._BEGIN} SELECT pg_sleep(0.3);")

    assert restore(kept).notes == ()


def test_figures_that_cannot_be_gathered_do_not_undo_a_restore(kept: Path) -> None:
    """Somebody's index raises when ANALYZE computes it; ours raises too, and is a note."""
    query("CREATE TABLE orders AS SELECT 0 AS id")
    query("CREATE FUNCTION billing.odd(int) RETURNS int IMMUTABLE LANGUAGE plpgsql"
          " AS 'BEGIN RETURN 1 / $1; END'")  # fmt: skip
    query("ALTER TABLE orders DISABLE TRIGGER ALL")
    query("CREATE INDEX ON orders (billing.odd(id)) WHERE id > 0")
    dump(kept)
    query("CREATE OR REPLACE FUNCTION billing.odd(int) RETURNS int IMMUTABLE LANGUAGE plpgsql"
          " AS 'BEGIN RAISE division_by_zero; END'")  # fmt: skip
    query("INSERT INTO orders SELECT -n FROM generate_series(1, 50) n")
    connection.close()

    assert restore(kept).notes == ()
