"""Who may still see rows that are gone, as PostgreSQL keeps them: asked of it, and told."""

import threading
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.crashes import wait_until
from tests.integration.deferral.common import another_session, role
from tests.runs import query
from transfer.older_sessions import moment, older
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM forms"
WRITING = "BEGIN; INSERT INTO organizations (name, slug) VALUES ('Acme', 'acme')"
SOMETHING = "SELECT pg_current_xact_id()"  # as if rows had gone
NEITHER = "BEGIN; SELECT FROM forms"  # READ COMMITTED: its next statement sees what is then


def named(target: Target, other: psycopg.Connection[Any], now: str) -> list[str]:
    """What is told of that session; the server's own may be at work beside it."""
    pid = other.info.backend_pid
    return [one for one in older(target.writer, now) if f"(backend {pid}" in one]


@pytest.mark.parametrize("begin", [SNAPSHOT, WRITING])
def test_a_transaction_that_began_before_is_named_until_it_ends(begin: str) -> None:
    with closing(Target("import_v2")) as target, another_session() as other:
        other.execute("SET application_name = 'admin page'")
        other.execute(begin)
        query(SOMETHING)
        now = moment(target.writer)

        (found,) = named(target, other, now)

        assert found.startswith(
            f"admin page (backend {other.info.backend_pid}, in its transaction since 20"
        )
        other.execute("ROLLBACK")
        assert named(target, other, now) == []


def test_one_that_sees_what_is_then_is_not() -> None:
    with closing(Target("import_v2")) as target, another_session() as other:
        other.execute(NEITHER)
        query(SOMETHING)
        now = moment(target.writer)
        assert named(target, other, now) == []
        other.execute("ROLLBACK")

        def is_none() -> bool:
            now = moment(target.writer)
            other.execute(SNAPSHOT)  # after the moment
            found = named(target, other, now)
            other.execute("ROLLBACK")
            return found == []

        # A snapshot is as old as the oldest transaction of all databases, other tests' among them.
        wait_until(is_none)


def test_one_that_may_not_be_looked_into_is_named_all_the_same() -> None:
    with another_session() as other:
        other.execute("SET application_name = 'admin page'")
        other.execute(SNAPSHOT)
        query(SOMETHING)
        with (
            role("onlooker", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO"),
            closing(Target("import_v2", exclusive=False)) as target,
        ):
            found = named(target, other, moment(target.writer))

        assert found == [f"admin page (backend {other.info.backend_pid})"]


def test_a_vacuum_sees_no_row_and_is_not_waited_for() -> None:
    def vacuum() -> None:
        with pytest.raises(psycopg.errors.QueryCanceled):
            other.execute("VACUUM (DISABLE_PAGE_SKIPPING) pg_proc")

    with closing(Target("import_v2")) as target, another_session() as other:
        other.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1")
        thread = threading.Thread(target=vacuum)
        thread.start()
        pid = [other.info.backend_pid]
        wait_until(lambda: query("SELECT FROM pg_stat_progress_vacuum WHERE pid = %s", pid))
        query(SOMETHING)
        try:
            assert named(target, other, moment(target.writer)) == []
            in_the_way = "SELECT FROM pg_stat_activity WHERE pid = %s AND backend_xmin IS NOT NULL"
            assert query(in_the_way, pid)  # as any other session would be
        finally:
            other.cancel()
            thread.join()
