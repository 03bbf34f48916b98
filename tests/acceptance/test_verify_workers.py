"""verify_v2 --workers N as a person calls it, on every kind of v2."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from tests.acceptance.test_sql_server_sources import change_ids, scattered
from tests.acceptance.test_workers_sources import ANSWERS
from tests.crashes import Commands, ended, startup
from tests.integration.proof.proving import OF_ITS_RUN, proved
from tests.runs import query, rich_v2, run
from tests.sqlserver.bounds import unbounded
from tests.sqlserver.server import V2Server, publish
from tests.v2 import V2, copy_into_schema, use_v2

pytestmark = pytest.mark.django_db(transaction=True)

COPY = "v2_of_verifiers"
# With pages of one record there are several ranges.
VERIFY = ("verify_v2", "--name", "night", "--batch-size", "1", "--json", "--workers")
WRONG = """
    UPDATE submissions SET submission_number = submission_number || '.', updated_at = updated_at
"""


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Something for every part of the engine to do, with ids in no order."""
    made = rich_v2(v2_path)
    change_ids(made, scattered)
    return made


@pytest.fixture
def server(v2: V2, sql_server_driver: None) -> Iterator[V2Server]:
    with publish(v2) as made:
        yield made


@pytest.fixture
def commands(server: V2Server, v3_url: str) -> Iterator[Commands]:
    """A migration out of SQL Server, tampered with."""
    with Commands(server.env | {"DATABASE_URL": v3_url}) as made:
        assert ended(made.start("import_v2", "--name", "night")).status == 3
        query(WRONG)
        yield made


def document(commands: Commands, workers: int, **changes: str) -> dict[str, Any]:
    """What a verification with so many workers says of it, but for what is of the run."""
    done = ended(commands.start(*VERIFY, str(workers), **changes))
    assert done.status == 3, done
    found: dict[str, Any] = json.loads(done.out)
    return {key: value for key, value in found.items() if key not in OF_ITS_RUN}


def begin_anew() -> None:
    query("TRUNCATE migration_verifications, migration_differences")


@pytest.mark.parametrize("workers", ["0", "33", "two"])
def test_a_number_that_is_none_is_refused(workers: str) -> None:
    with pytest.raises(CommandError, match="takes a whole number from 1 to 32"):
        call_command("verify_v2", "--workers", workers)


def test_postgresql(v2: V2) -> None:
    own = connections["default"].settings_dict
    copy_into_schema(v2, COPY)
    try:
        with use_v2(**own | {"OPTIONS": {"options": f"-c search_path={COPY}"}}):
            run(name="night")
            query(WRONG)
            alone, beside = (proved("night", batch_size=1, workers=number) for number in (1, 3))
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {COPY} CASCADE")

    assert alone["tables"] == beside["tables"]
    assert alone["differences"] == beside["differences"]
    assert alone["differences"]["total"] > 2


@pytest.mark.parametrize("driver", ["mssql-python", "pyodbc"])
def test_sql_server(commands: Commands, driver: str) -> None:
    alone = document(commands, 1, V2_SQL_SERVER_DRIVER=driver)
    begin_anew()

    assert document(commands, 3, V2_SQL_SERVER_DRIVER=driver) == alone
    assert alone["differences"]["total"] > 2


@pytest.mark.peer_only
def test_no_statement_of_a_worker_is_unbounded(server: V2Server, commands: Commands) -> None:
    document(commands, 1)
    begin_anew()
    alone = set(unbounded(server.statements))
    server.statements.clear()

    document(commands, 2)

    more = set(unbounded(server.statements)) - alone
    assert [sql for sql in more if "ROW_NUMBER()" not in sql] == []
    assert any("ROW_NUMBER()" in one.sql for one in server.statements)


@pytest.mark.peer_only
def test_workers_wait_for_a_v2_that_is_gone_for_a_moment(
    server: V2Server, commands: Commands
) -> None:
    alone = document(commands, 1)
    begin_anew()
    server.peer.harm.cut(ANSWERS, nth=2)
    server.peer.harm.cut(ANSWERS, nth=5)

    assert document(commands, 2, **startup(PLIERS_TEST_HASTE="10")) == alone
    assert server.peer.harm.done == 2


@pytest.mark.peer_only
def test_a_v2_that_stays_away_ends_all_workers_with_one_line(
    server: V2Server, commands: Commands
) -> None:
    alone = document(commands, 1)
    begin_anew()

    server.peer.go_away(ANSWERS, nth=3)
    said = ended(commands.start(*VERIFY, "2", **startup(PLIERS_TEST_HASTE="100"))).line()
    assert "Pliers" in said
    assert "To go on: verify_v2 --name night" in said

    server.peer.harm.heal()
    assert document(commands, 3) == alone
