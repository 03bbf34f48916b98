"""The commands on a v2 in SQL Server, through Microsoft's driver and TLS."""

import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from legacy_v2.seed.service import seed
from tests.crashes import Commands, Done, ended, kill, startup
from tests.runs import TABLES, empty_v3, query, run, snapshot
from tests.sqlserver.bounds import unbounded
from tests.sqlserver.server import V2Server, publish
from tests.v2 import use_v2

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver"),
]

FOUND = (*TABLES, "migration_errors", "migration_assignments")
IMPORT = ("import_v2", "--name", "night", "--batch-size", "50")
DRIVERS = ["mssql-python", "pyodbc"]
ANSWERS = r"^SELECT TOP \d+ \[FormSubmissionMetaData\].*FROM .*<= @P2"  # of a range of keys


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A v2 of 240 submissions and faults of every kind that SQL Server can hold."""
    path = tmp_path_factory.mktemp("sqlserver") / "v2.sqlite3"
    seed(path, submissions=240, answers=6, faults=True)
    with sqlite3.connect(path) as connection:
        # The 30th of February.
        connection.execute("""DELETE FROM "User" WHERE CreatedOn LIKE '2024-02-30%'""")
    connection.close()
    return path


@pytest.fixture(scope="module")
def from_sqlite(
    seeded: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> dict[str, list[str]]:
    """What v3 holds after the same v2 was imported from SQLite."""
    with django_db_blocker.unblock(), use_v2(seeded):
        run(name="night", batch_size=50)
        found = snapshot(*FOUND)
        empty_v3()
    return found


@pytest.fixture
def server(seeded: Path) -> Iterator[V2Server]:
    with publish(seeded) as made:
        yield made


@pytest.fixture
def commands(server: V2Server, v3_url: str) -> Iterator[Commands]:
    with Commands(server.env | {"DATABASE_URL": v3_url}) as made:
        yield made


def call(commands: Commands, *words: str, **changes: str) -> Done:
    return ended(commands.start(*words, **changes))


@pytest.mark.parametrize("driver", DRIVERS)
def test_preflight_import_and_verify_give_what_a_sqlite_copy_gives(
    server: V2Server, commands: Commands, from_sqlite: dict[str, list[str]], driver: str
) -> None:
    commands.environment["V2_SQL_SERVER_DRIVER"] = driver
    before = call(commands, "preflight_v2")
    assert (before.status, before.err) == (0, "")
    assert "ready, once the warnings are read" in before.out
    assert "could not be looked at" not in before.out

    done = call(commands, *IMPORT)
    assert done.status == 3, done
    assert "Migration night: finished" in done.out
    assert snapshot(*FOUND) == from_sqlite
    assert query("SELECT count(*) > 200 FROM submissions") == [(True,)]

    proof = call(commands, "verify_v2", "--name", "night")
    assert proof.status == 3, proof
    assert ", 4 open, 0 failed" in proof.out


@pytest.mark.peer_only
def test_no_statement_reads_without_a_bound_or_with_a_list_that_grows_with_the_batch(
    server: V2Server, commands: Commands
) -> None:
    assert call(commands, *IMPORT).status == 3
    assert max(len(one.parameters) for one in server.statements) <= 3
    assert call(commands, "verify_v2", "--name", "night").status == 3
    assert [one for one in server.statements if of_answers(one.sql)]
    assert unbounded(server.statements) == []


@pytest.mark.peer_only
@pytest.mark.parametrize("driver", DRIVERS)
def test_r1_r2_a_run_that_was_killed_goes_on_to_the_same_end(
    server: V2Server, commands: Commands, from_sqlite: dict[str, list[str]], driver: str
) -> None:
    commands.environment["V2_SQL_SERVER_DRIVER"] = driver
    server.peer.harm.on(ANSWERS, lambda _session: kill(commands.last), nth=3)

    assert commands.start(*IMPORT).wait(60) == -signal.SIGKILL
    ((loaded,),) = query("SELECT count(*) FROM submissions")
    assert 0 < loaded < 240

    asked = len(server.statements)
    assert call(commands, *IMPORT).status == 3
    assert snapshot(*FOUND) == from_sqlite
    again = [one for one in server.statements[asked:] if is_page_of_submissions(one.sql)]
    assert all(one.parameters for one in again)  # from the last key on, not from the beginning


def is_page_of_submissions(sql: str) -> bool:
    return sql.startswith("SELECT TOP 50 [FormSubmission].")


@pytest.mark.peer_only
def test_r7_a_connection_cut_in_a_range_is_opened_again_at_the_last_key(
    server: V2Server, commands: Commands, from_sqlite: dict[str, list[str]]
) -> None:
    harm = server.peer.harm
    harm.cut(ANSWERS, nth=1)
    harm.cut(ANSWERS, after=9_000, nth=3)  # bytes into the answer
    harm.fail(ANSWERS, 1205, nth=5)  # a deadlock's victim

    done = call(commands, *IMPORT, **startup(PLIERS_TEST_HASTE="10"))

    assert done.status == 3, done
    assert harm.done == 3
    assert snapshot(*FOUND) == from_sqlite
    ranges = [(one.sql, one.parameters) for one in server.statements if of_answers(one.sql)]
    # What was cut was asked for again, from and to the same keys, and nothing else was.
    assert [ranges.count(one) for one in dict.fromkeys(ranges)][:4] == [2, 2, 2, 1]
    assert len(ranges) == len(set(ranges)) + 3


def of_answers(sql: str) -> bool:
    return re.search(ANSWERS, sql) is not None


@pytest.mark.peer_only
def test_a_server_that_stays_away_stops_the_run_with_one_line_and_it_can_go_on(
    server: V2Server, commands: Commands, from_sqlite: dict[str, list[str]]
) -> None:
    def go(_session: dict[str, Any]) -> None:
        server.peer.harm.login_error = (40613, "Database 'Pliers' is not currently available.")
        server.peer.disconnect()

    server.peer.harm.on(ANSWERS, go, nth=2)
    said = call(commands, *IMPORT, **startup(PLIERS_TEST_HASTE="100")).line()
    assert "Pliers" in said
    assert "To go on: import_v2 --name night" in said

    server.peer.harm.heal()
    assert call(commands, *IMPORT).status == 3
    assert snapshot(*FOUND) == from_sqlite


REFUSALS: dict[str, tuple[Callable[[V2Server], Any], str]] = {
    "18456, the login": (
        lambda server: setattr(
            server.peer.harm, "login_error", (18456, "Login failed for user 'reader'.")
        ),
        "error 18456: Login failed for user; check user, password and database",
    ),
    "4060, the database": (
        lambda server: setattr(
            server.peer.harm,
            "login_error",
            (4060, 'Cannot open database "Pliers" requested by the login. The login failed.'),
        ),
        "Pliers",
    ),
    "229, a table": (lambda server: server.peer.harm.deny("FormSubmission"), "FormSubmission"),
}


@pytest.mark.peer_only
@pytest.mark.parametrize(("refuse", "named"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_server_refuses_is_one_line_without_a_secret(
    server: V2Server, commands: Commands, refuse: Callable[[V2Server], Any], named: str
) -> None:
    refuse(server)

    said = call(commands, *IMPORT).line()

    assert named in said
    assert "s3c" not in said


@pytest.mark.peer_only
def test_a_certificate_that_nobody_vouches_for_is_refused_unless_the_address_says_otherwise(
    seeded: Path, v3_url: str
) -> None:
    with (
        publish(seeded, trusted=False) as server,
        Commands(server.env | {"DATABASE_URL": v3_url}) as commands,
    ):
        said = call(commands, *IMPORT).line()
        assert "certificate" in said
        assert server.statements == []

        url = server.with_options(TrustServerCertificate="yes")
        assert call(commands, *IMPORT, "--limit", "1", V2_DATABASE_URL=url).status in (0, 3)
