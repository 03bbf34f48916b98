"""--workers N on a v2 in PostgreSQL and in SQL Server, which orders ids in a way of its own."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from tests.acceptance.test_sql_server_sources import change_ids, scattered
from tests.crashes import Commands, ended, kill, startup
from tests.runs import TABLES, empty_v3, rich_v2, run, snapshot
from tests.sqlserver.bounds import unbounded
from tests.sqlserver.server import V2Server, publish
from tests.v2 import V2, copy_into_schema, use_v2

pytestmark = pytest.mark.django_db(transaction=True)

FOUND = (*TABLES, "migration_errors", "migration_assignments")
COPY = "v2_of_workers"
IMPORT = ("import_v2", "--name", "night", "--batch-size", "2", "--workers")
ANSWERS = r"^SELECT TOP \d+ \[FormSubmissionMetaData\].*FROM .*<= @P2"  # of a range of keys


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Something for every part of the engine to do, with ids in no order."""
    made = rich_v2(v2_path)
    change_ids(made, scattered)
    return made


@pytest.fixture
def alone(v2: V2) -> dict[str, list[str]]:
    """What one worker makes of the same v2 in SQLite; v3 is empty again."""
    run(name="night", batch_size=2, workers=1)
    found = snapshot(*FOUND)
    empty_v3()
    return found


@pytest.fixture
def server(v2: V2, alone: object, sql_server_driver: None) -> Iterator[V2Server]:
    with publish(v2) as made:
        yield made


@pytest.fixture
def commands(server: V2Server, v3_url: str) -> Iterator[Commands]:
    with Commands(server.env | {"DATABASE_URL": v3_url}) as made:
        yield made


def test_postgresql(v2: V2, alone: dict[str, list[str]]) -> None:
    own = connections["default"].settings_dict
    copy_into_schema(v2, COPY)
    try:
        with use_v2(**own | {"OPTIONS": {"options": f"-c search_path={COPY}"}}):
            run(name="night", batch_size=2, workers=3)
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {COPY} CASCADE")

    assert snapshot(*FOUND) == alone


def test_sql_server_through_the_other_driver(
    commands: Commands, alone: dict[str, list[str]]
) -> None:
    done = ended(commands.start(*IMPORT, "3", V2_SQL_SERVER_DRIVER="pyodbc"))

    assert done.status == 3, done
    assert "Migration night: finished" in done.out
    assert snapshot(*FOUND) == alone


@pytest.mark.peer_only
def test_ranges_are_cut_by_the_server_in_one_statement_and_read_within_their_ends(
    server: V2Server, commands: Commands, alone: dict[str, list[str]]
) -> None:
    assert ended(commands.start(*IMPORT, "2")).status == 3
    assert snapshot(*FOUND) == alone

    (cut,) = [one for one in server.statements if "ROW_NUMBER()" in one.sql]
    assert len(cut.parameters) < 10
    pages = [one.sql for one in server.statements if "[LookupCode]" in one.sql]
    assert any(re.search(r"\[Id\] <= .*\[Id\] > |\[Id\] > .*\[Id\] <= ", sql) for sql in pages)
    assert [sql for sql in unbounded(server.statements) if sql != cut.sql] == []


@pytest.mark.peer_only
def test_r7_workers_wait_for_a_v2_that_is_gone_for_a_moment(
    server: V2Server, commands: Commands, alone: dict[str, list[str]]
) -> None:
    server.peer.harm.cut(ANSWERS, nth=2)
    server.peer.harm.cut(ANSWERS, nth=5)

    done = ended(commands.start(*IMPORT, "2", **startup(PLIERS_TEST_HASTE="10")))

    assert done.status == 3, done
    assert server.peer.harm.done == 2
    assert snapshot(*FOUND) == alone


@pytest.mark.peer_only
def test_r7_a_v2_that_stays_away_ends_all_workers_with_one_line(
    server: V2Server, commands: Commands, alone: dict[str, list[str]]
) -> None:
    server.peer.go_away(ANSWERS, nth=3)
    said = ended(commands.start(*IMPORT, "2", **startup(PLIERS_TEST_HASTE="100"))).line()
    assert "Pliers" in said
    assert "To go on: import_v2 --name night" in said

    server.peer.harm.heal()
    assert ended(commands.start(*IMPORT, "3")).status == 3
    assert snapshot(*FOUND) == alone


@pytest.mark.peer_only
def test_r2_killed_it_goes_on_from_the_ranges_there_are(
    server: V2Server, commands: Commands, alone: dict[str, list[str]]
) -> None:
    server.peer.harm.on(ANSWERS, lambda _session: kill(commands.last), nth=4)
    assert commands.start(*IMPORT, "2").wait(60) == -signal.SIGKILL

    assert ended(commands.start(*IMPORT, "3")).status == 3
    assert snapshot(*FOUND) == alone
