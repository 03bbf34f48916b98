"""What the commands do when SQL Server or the way to it fails: go on by themselves, or one line.

That a login, a database, a table or a certificate is refused is shown in test_sql_server_commands.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.crashes import Commands, Done, ended, kill, startup
from tests.runs import TABLES, empty_v3, query, run, snapshot
from tests.sqlserver.messages import AT_LOGIN, TEXTS
from tests.sqlserver.server import V2Server, publish
from tests.v2 import V2, make_v2, use_v2

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver"),
    pytest.mark.peer_only,
]

IMPORT = ("import_v2", "--name", "night", "--batch-size", "10")
SUBMISSIONS = r"^SELECT .*\[FormSubmission\]\.\[LookupCode\]"
ANSWERS = r"^SELECT .* FROM \[dbo\]\.\[FormSubmissionMetaData\]"
# Half a minute of patience is over in three seconds, or in a third of one.
HURRIED, HASTY = startup(PLIERS_TEST_HASTE="10"), startup(PLIERS_TEST_HASTE="100")
DRIVERS = ["mssql-python", "pyodbc"]
SHUTTING_DOWN = "SQL Server cannot accept new connections, because it is shutting down."
PASSING = {
    596: "Cannot continue the execution because the session is in the kill state.",
    1205: "Transaction (Process ID 52) was deadlocked on lock resources with another process and"
    " has been chosen as the deadlock victim. Rerun the transaction.",
    1222: "Lock request time out period exceeded.",
    3960: "Snapshot isolation transaction aborted due to update conflict.",
    3961: "Snapshot isolation transaction failed in database 'Pliers' because the object accessed"
    " by the statement has been modified by a DDL statement in another concurrent transaction"
    " since the start of this transaction.",
    40501: "The service is currently busy. Retry the request after 10 seconds.",
}


@pytest.fixture(scope="module")
def v2(tmp_path_factory: pytest.TempPathFactory) -> V2:
    made = make_v2(
        tmp_path_factory.mktemp("errors") / "v2.sqlite3",
        organizations=[{}], users=[{}], forms=[{}], fields=[{}], submissions=[{}] * 35,
    )  # fmt: skip
    made.add("answers", *({"FormSubmissionId": row["Id"]} for row in made.submissions))
    return made


@pytest.fixture(scope="module")
def undisturbed(
    v2: V2, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> dict[str, list[str]]:
    """What v3 holds after the same v2 was imported from SQLite."""
    with django_db_blocker.unblock(), use_v2(v2.path):
        run(name="night", batch_size=10)
        found = snapshot(*TABLES)
        empty_v3()
    return found


@pytest.fixture
def driver() -> str:
    """Return the driver, where a test does not name it."""
    return "mssql-python"


@pytest.fixture
def server(v2: V2, driver: str) -> Iterator[V2Server]:
    with publish(v2, environment={"V2_SQL_SERVER_DRIVER": driver}) as made:
        yield made


@pytest.fixture
def commands(server: V2Server, v3_url: str) -> Iterator[Commands]:
    with Commands(server.env | {"DATABASE_URL": v3_url}) as made:
        yield made


def call(commands: Commands, *words: str, **changes: str) -> Done:
    done = ended(commands.start(*words, **changes))
    assert "s3c" not in done.out + done.err  # R8: the password's beginning
    assert "Traceback" not in done.err
    return done


def waited(done: Done) -> bool:
    """Whether all that was said on stderr, if anything was, is that it waits."""
    return all("is lost: " in line and "trying again" in line for line in done.err.splitlines())


@pytest.mark.parametrize("driver", DRIVERS)
def test_r7_what_passes_is_asked_again_and_the_rows_are_the_same(
    server: V2Server, commands: Commands, undisturbed: dict[str, list[str]]
) -> None:
    for count, (number, text) in enumerate(PASSING.items()):
        # Every other one: between two of them the statement is answered.
        where, nth = (ANSWERS, SUBMISSIONS)[count % 2], count // 2 * 2 + 1
        server.peer.harm.fail(where, number, text, nth=nth)

    done = call(commands, *IMPORT, **HASTY)

    assert (done.status, done.err) == (0, "")
    assert server.peer.harm.done == len(PASSING)
    assert snapshot(*TABLES) == undisturbed


@pytest.mark.parametrize("driver", DRIVERS)
def test_r7_a_server_that_is_away_for_a_while_is_waited_for(
    server: V2Server, commands: Commands, undisturbed: dict[str, list[str]]
) -> None:
    harm = server.peer.harm

    def go(_session: dict[str, Any]) -> None:
        harm.login_error = (17188, SHUTTING_DOWN)
        threading.Timer(0.3, harm.heal).start()
        server.peer.disconnect()

    harm.on(ANSWERS, go, nth=2)

    done = call(commands, *IMPORT, **HURRIED)

    assert done.status == 0, done
    assert waited(done)
    assert harm.login_error is None
    assert snapshot(*TABLES) == undisturbed


def test_r7_a_right_that_is_taken_away_stops_the_run_and_once_given_back_it_goes_on(
    server: V2Server, commands: Commands, undisturbed: dict[str, list[str]]
) -> None:
    harm = server.peer.harm

    def take(_session: dict[str, Any]) -> None:
        harm.deny("FormSubmissionMetaData")

    harm.on(ANSWERS, take, nth=2)

    said = call(commands, *IMPORT).line()

    assert "error 229: The SELECT permission was denied on the object" in said
    assert "GRANT SELECT ON [dbo].[FormSubmissionMetaData] TO" in said
    assert "To go on: import_v2 --name night" in said
    assert [text for (text,) in query("SELECT error_message FROM migration_progress WHERE status"
                                      " = 'failed'") if "229" in text]  # fmt: skip

    harm.heal()
    assert call(commands, *IMPORT).status == 0
    assert snapshot(*TABLES) == undisturbed


def test_nobody_there_is_one_line_that_names_the_address(
    server: V2Server, commands: Commands, tmp_path: Path
) -> None:
    server.peer.close()

    said = call(commands, *IMPORT, V2_DATABASE_URL=server.with_options(connection_timeout="1"))

    assert f"SQL Server database 'Pliers' on 127.0.0.1:{server.peer.port}: " in said.line()
    assert "in V2_DATABASE_URL" in said.line()
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


def test_preflight_names_a_refused_login_beside_what_it_finds_in_v3(
    server: V2Server, commands: Commands
) -> None:
    text = "Login failed for user 'reader'. Reason: The account is disabled."
    server.peer.harm.login_error = (18470, text)

    done = call(commands, "preflight_v2", "--json")

    assert done.status == 3
    blocked = [line for line in json.loads(done.out)["lines"] if line["status"] == "BLOCKED"]
    assert len(blocked) == 1
    assert "error 18470: Login failed for user. Reason: The account is disabled" in str(blocked)
    assert "ALTER LOGIN" in str(blocked)


COMMANDS = {
    "verify_v2": ("verify_v2", "--name", "night", "--json"),
    "preflight_v2": ("preflight_v2", "--json"),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_r7_what_only_looks_gets_over_a_deadlock_and_a_cut_too(
    server: V2Server, commands: Commands, words: tuple[str, ...]
) -> None:
    if words[0] == "verify_v2":
        assert call(commands, *IMPORT).status == 0
    calm = call(commands, *words)
    harm = server.peer.harm
    harm.fail(r"FROM \[dbo\]\.\[FormSubmission\]", 1205, PASSING[1205], nth=1)
    harm.cut(r"FROM \[dbo\]\.\[FormSubmissionMetaData\]", nth=1)
    harm.cut(r"FROM \[dbo\]\.\[Form", nth=6)

    done = call(commands, *words, **HASTY)

    assert harm.done == 3
    assert (done.status, done.err) == (calm.status, calm.err)
    assert "could not be looked at" not in done.out
    assert found_in(done) == found_in(calm)


def found_in(done: Done) -> list[tuple[str, str]]:
    """The names of what was looked at, and what became of it."""
    document = json.loads(done.out)
    lines = document.get("checks") or document["lines"]
    assert len(lines) > 10
    return [(str(line.get("name") or line.get("check")), line["status"]) for line in lines]


RECOVERING = {4060: AT_LOGIN[4060]} | {
    number: (AT_LOGIN | TEXTS)[number] for number in (926, 927, 942)
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_r7_a_database_that_is_not_back_yet_when_its_server_is_is_waited_for(
    server: V2Server, commands: Commands, undisturbed: dict[str, list[str]]
) -> None:
    harm = server.peer.harm

    def restart(_session: dict[str, Any]) -> None:
        harm.login_errors[:] = RECOVERING.items()
        server.peer.disconnect()

    harm.on(ANSWERS, restart, nth=2)

    done = call(commands, *IMPORT, **HASTY)

    assert done.status == 0, done
    assert waited(done)
    assert harm.login_errors == []
    assert snapshot(*TABLES) == undisturbed


@pytest.mark.parametrize("number", RECOVERING)
def test_a_database_that_cannot_be_opened_at_the_beginning_is_not_waited_for(
    server: V2Server, commands: Commands, number: int
) -> None:
    server.peer.harm.login_errors[:] = [(number, RECOVERING[number])]

    said = call(commands, *IMPORT).line()

    assert f"error {number}" in said
    assert len(server.peer.logins) == 1


@pytest.mark.parametrize("driver", ["pyodbc"])
def test_r9_a_second_ctrl_c_stops_at_once_however_long_v2_takes(
    server: V2Server, commands: Commands, undisturbed: dict[str, list[str]]
) -> None:
    asked, over = threading.Semaphore(0), threading.Event()

    def dawdle(_session: dict[str, Any]) -> None:
        asked.release()
        over.wait(60)

    server.peer.harm.on(ANSWERS, dawdle, nth=2, times=99)
    process = commands.start(*IMPORT)
    try:
        assert asked.acquire(timeout=30)
        kill(process, signal.SIGINT)
        # A signal may end what pyodbc waits for; then the statement is asked again.
        asked.acquire(timeout=3)
        time.sleep(0.2)  # until it waits
        kill(process, signal.SIGINT)
        done = ended(process, seconds=20)
    finally:
        over.set()

    assert done.status == 130
    assert "Stopped at once" in done.err
    assert "To go on: import_v2 --name night" in done.err
    server.peer.harm.heal()
    assert call(commands, *IMPORT).status == 0
    assert snapshot(*TABLES) == undisturbed
