"""The embedded server: where it runs, what it survives, and that nothing of it stays behind."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.db.utils import OperationalError

from pliers.embedded import EmbeddedError, Server
from pliers.embedded.account import Account
from pliers.embedded.cluster import ROLE, programs
from pliers.embedded.files import is_locked, server_processes
from pliers.embedded.server import PORT
from pliers.postgresql.base import DatabaseWrapper
from pliers.settings import embedded_database

FAST = {"fsync": "off", "full_page_writes": "off"}
USER_PROGRAM = """
import sys, time
from pathlib import Path
from pliers.embedded import Server
server = Server(Path(sys.argv[1]), options={"fsync": "off"}, linger=float(sys.argv[2]))
server.use()
print((server.data / "postmaster.pid").read_text().splitlines()[0], flush=True)
time.sleep(60)
"""


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    made = []

    def make(var: Path = tmp_path / "var", linger: float = 0.0, **options: str) -> Server:
        server = Server(var, options=FAST | options, linger=linger)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop(force=True)
        assert server_processes(server.data) == []


@pytest.fixture
def start_user() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Return a function that starts another process which uses the server."""
    users = []

    def start(server: Server, var: Path | None = None) -> "subprocess.Popen[str]":
        words = [str(var or server.var), str(server.linger)]
        command = [sys.executable, "-c", USER_PROGRAM, *words]
        users.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return users[-1]

    yield start
    for user in users:
        user.kill()
        user.communicate()


def connect(server: Server) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=str(server.socket_directory),
        port=PORT,
        user=ROLE,
        dbname=server.database,
        autocommit=True,
    )


def ask(server: Server, question: str) -> object:
    with connect(server) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[call-overload] # a test's own
    assert row is not None
    return row[0]


def postmaster(server: Server) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


@pytest.mark.parametrize("folder", ["a path with blanks", "/".join(["a" * 50] * 5)])
def test_serves_from_a_path_with_blanks_and_from_a_long_one(tmp_path, make_server, folder):
    server = make_server(tmp_path / folder / "var")

    server.use()

    assert ask(server, "SELECT current_database()") == "pliers"
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SELECT datlocale FROM pg_database WHERE datname = 'pliers'") == "C.UTF-8"
    assert ask(server, "SHOW listen_addresses") == ""
    assert len(bytes(server.socket_directory / f".s.PGSQL.{PORT}")) <= 107


@pytest.mark.parametrize("spelling", ["link/var", "real/../real/var", "real/var/"])
def test_every_spelling_of_a_var_directory_is_one_server(tmp_path, make_server, spelling):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    server, same = make_server(tmp_path / "real" / "var"), make_server(Path(tmp_path, spelling))

    assert same.socket_directory == server.socket_directory
    assert same == server


def test_a_process_that_comes_by_a_symlink_shares_the_running_server(
    tmp_path, make_server, start_user
):
    server = make_server(tmp_path / "var")
    server.use()
    (tmp_path / "link").symlink_to(tmp_path)

    # A process of its own, since it has to find the lock and the socket by the path alone.
    user = start_user(server, var=tmp_path / "link" / "var")

    assert int(user.stdout.readline()) == postmaster(server)


def test_runs_as_an_ordinary_user_and_leaves_other_directories_as_they_were(tmp_path, make_server):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    parents = [closed, *closed.parents, programs()]
    before = [(path.stat().st_mode, path.stat().st_uid) for path in parents]
    server = make_server(closed / "var")

    server.use()

    runs_as = Path(f"/proc/{postmaster(server)}").stat().st_uid
    assert runs_as != 0
    assert server.data.stat().st_uid == runs_as
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700
    assert [(path.stat().st_mode, path.stat().st_uid) for path in parents] == before


def test_programs_in_a_closed_directory_can_be_run_on_data_that_lies_elsewhere(tmp_path):
    # As in a project below /root whose tests keep their data in /tmp.
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in ("postgres", "initdb"):
        (closed / name).write_text("#!/bin/sh\nexit 0\n")
        (closed / name).chmod(0o755)
    with tempfile.TemporaryDirectory() as folder:
        account = Account.for_data(Path(folder) / "pg")
        os.chown(folder, account.uid, account.gid)

        words = account.prefix(closed, Path(folder))

        start_by_another = [*words, "/bin/sh", "-c", '"$0"; exit $?', str(closed / "initdb")]
        assert subprocess.run(start_by_another, cwd="/", check=False).returncode == 0


def test_stops_by_itself_when_its_only_user_is_killed(make_server, start_user):
    server = make_server()
    user = start_user(server)
    pid = int(user.stdout.readline())
    assert server_processes(server.data)

    user.kill()

    eventually(lambda: server_processes(server.data) == [] and not is_locked(server._supervised))
    assert not Path(f"/proc/{pid}").exists()


def test_two_starters_at_once_share_one_server(make_server, start_user):
    server = make_server()

    first, second = start_user(server), start_user(server)

    assert first.stdout.readline() == second.stdout.readline() != ""


def test_stays_up_while_any_process_uses_it(make_server, start_user):
    server = make_server()
    first, second = start_user(server), start_user(server)
    pid = int(first.stdout.readline())
    second.stdout.readline()

    first.kill()
    first.wait()
    time.sleep(0.6)  # the supervisor looks every 0.2 s, and does not linger here

    assert postmaster(server) == pid
    assert ask(server, "SELECT 1") == 1


def test_a_stale_pid_file_that_names_a_foreign_process_is_not_believed(make_server):
    server = make_server()
    server.use()
    server.stop()
    account = Account.for_data(server.data)
    # As the server's own user: PostgreSQL itself would take it for a running server.
    command = [*account.prefix(programs(), server.data), "sleep", "60"]
    with subprocess.Popen(command) as foreign:
        try:
            lines = [str(foreign.pid), str(server.data), "1", str(PORT), "", "", "", "ready"]
            (server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
            os.chown(server.data / "postmaster.pid", account.uid, account.gid)

            assert not server.is_running()
            server.use()

            assert ask(server, "SELECT 1") == 1
            assert foreign.poll() is None, "the foreign process was killed"
        finally:
            foreign.kill()


def test_comes_back_with_its_data_after_the_server_was_killed(make_server):
    server = make_server()
    server.use()
    with connect(server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        connection.execute("CHECKPOINT")
    killed = postmaster(server)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{killed}").exists())

    server.ensure_running()

    assert postmaster(server) != killed
    assert ask(server, "SELECT n FROM kept") == 7


def test_a_killed_supervisor_leaves_no_server_that_nobody_would_stop(make_server):
    server = make_server()
    server.use()
    first = postmaster(server)
    supervisor = int(Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(supervisor, signal.SIGKILL)

    eventually(lambda: server_processes(server.data) == [])
    server.ensure_running()
    assert postmaster(server) != first


def test_a_throwaway_server_takes_its_directories_with_it(tmp_path):
    server = Server(tmp_path / "var", options=FAST, throwaway=True, linger=0.0)
    server.use()
    assert server.var.exists()

    server.release()

    eventually(lambda: not server.var.exists() and not server.socket_directory.exists())


def test_stop_refuses_while_another_process_uses_it(make_server, start_user):
    server = make_server()
    user = start_user(server)
    user.stdout.readline()

    with pytest.raises(EmbeddedError, match="in use by another process"):
        server.stop()
    assert ask(server, "SELECT 1") == 1

    assert server.stop(force=True)
    assert not server.is_running()
    assert not server.stop()


def test_a_first_start_that_was_cut_short_is_begun_again(make_server):
    server = make_server()
    half_made = server.var / "pg.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")

    server.use()

    assert ask(server, "SELECT 1") == 1
    assert not half_made.exists()


def test_says_in_one_line_what_keeps_it_from_starting(tmp_path, make_server):
    server = make_server(work_mem="a lot")
    with pytest.raises(EmbeddedError, match=r"did not start: .*work_mem.*pg\.log\)$") as caught:
        server.use()
    assert "\n" not in str(caught.value)
    server.release()

    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 9"):
        make_server().use()

    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"cannot use .*file"):
        Server(tmp_path / "file" / "var").use()


def test_django_starts_it_at_the_first_connection_and_again_when_it_has_gone(make_server):
    server = make_server()
    wrapper = DatabaseWrapper(
        embedded_database(server)
        | {"PASSWORD": "", "OPTIONS": {}, "TIME_ZONE": None, "CONN_MAX_AGE": 0}
        | {"CONN_HEALTH_CHECKS": False, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False, "TEST": {}},
        "elsewhere",
    )
    assert not server.data.exists()

    for _ in range(2):
        wrapper.get_new_connection(wrapper.get_connection_params()).close()
        os.kill(postmaster(server), signal.SIGKILL)
        eventually(lambda: server_processes(server.data) == [])

    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(OperationalError, match="was made by PostgreSQL 9"):
        wrapper.get_new_connection(wrapper.get_connection_params())


def by_hand(server: Server, *words: str) -> tuple[int, str]:
    """Run ``python -m pliers.embedded`` for a server; return its exit status and words."""
    done = subprocess.run(
        [sys.executable, "-m", "pliers.embedded", *words],
        env=os.environ | {"PLIERS_VAR_DIR": str(server.var)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_can_be_asked_and_stopped_by_hand(make_server, start_user):
    server = make_server()
    assert by_hand(server, "stop") == (0, "embedded PostgreSQL: not running\n")
    user = start_user(server)
    user.stdout.readline()

    code, said = by_hand(server, "status")
    assert (code, "running, in use" in said) == (0, True)
    assert by_hand(server, "stop", "--idle") == (0, "")
    code, said = by_hand(server, "stop")
    assert (code, said.count("\n"), "in use by another process" in said) == (1, 1, True)

    assert by_hand(server, "stop", "--force") == (0, "embedded PostgreSQL: stopped\n")
    assert by_hand(server, "status") == (0, "embedded PostgreSQL: not running\n")


def test_dbshell_brings_its_own_psql(make_server):
    server = make_server()
    done = subprocess.run(
        [sys.executable, "manage.py", "dbshell", "--", "-Atc", "SELECT 6 * 7"],
        env=os.environ
        | {"PLIERS_VAR_DIR": str(server.var), "DJANGO_SETTINGS_MODULE": "pliers.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "42\n"
