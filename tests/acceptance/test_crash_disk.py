"""No room left on v3's disk: the run stops with the cause, and goes on once there is room (R7).

A limit on the size of the server's files stands for the disk: any user may set it, anywhere. The
server then says "File too large" where a full disk says "No space left on device" (SQLSTATE
53100), so that answer is given, too, word for word.
"""

import contextlib
import random

import pytest
from django.db import DatabaseError, connections
from pytest_django import DjangoDbBlocker

from tests.acceptance.conftest import environment
from tests.crashes import (
    NAME,
    Commands,
    Done,
    Scene,
    Undisturbed,
    crash_v2,
    undisturbed,
)
from tests.proxy import Link, Point, Proxy
from tests.runs import empty_v3, query
from tests.servers import SEGMENT_MB, PrivateServer, use_v3
from tests.v2 import guid, use_v2

pytestmark = pytest.mark.django_db(transaction=True)

# Above the write-ahead log's segments, and far above everything but the long answers below.
LIMIT = SEGMENT_MB * 1024 * 1024
LONG_ANSWERS, LENGTH = 40, 60_000


def stopped(done: Done, cause: str) -> None:
    """The run stopped with one line that names the cause, is failed, and can be resumed."""
    said = done.line()
    assert cause in said
    assert f"To go on: import_v2 --name {NAME}" in said
    ((status, message),) = query(
        "SELECT status, error_message FROM migration_progress WHERE table_name = 'submissions'"
    )
    assert status == "failed"
    assert cause in message


@pytest.fixture(scope="module")
def large(
    tmp_path_factory: pytest.TempPathFactory,
    private_server: PrivateServer,
    django_db_blocker: DjangoDbBlocker,
) -> Undisturbed:
    """Return a v2 that does not fit under the limit, and what becomes of it without one."""
    v2 = crash_v2(tmp_path_factory.mktemp("disk") / "v2.sqlite3")
    chance = random.Random(3)  # noqa: S311 - bytes that do not compress are all that is asked for
    v2.add("submissions", *({"Id": guid(11, n)} for n in range(LONG_ANSWERS)))
    v2.add(
        "answers",
        *(
            {"FormSubmissionId": guid(11, n), "FreeFormEntry": chance.randbytes(LENGTH // 2).hex()}
            for n in range(LONG_ANSWERS)
        ),
    )
    with django_db_blocker.unblock(), use_v3(private_server.settings), use_v2(v2.path):
        empty_v3()
        return undisturbed(v2)


def test_r7_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(
    large: Undisturbed, own_proxy: Proxy, server: PrivateServer
) -> None:
    with use_v2(large.v2.path), Commands(environment(large.v2.path, own_proxy)) as commands:
        scene = Scene(large, commands)
        server.limit_files(LIMIT)

        stopped(commands.import_v2(), "File too large")

        assert query("SELECT count(*) > 0 FROM submissions") == [(True,)]  # what was committed
        # Still full: the same again, and nothing is worse for it.
        stopped(commands.import_v2(), "File too large")
        server.limit_files(None)
        scene.finish()


def test_r7_no_room_for_the_log_ends_the_server_and_the_run_goes_on_when_there_is(
    own_scene: Scene, own_proxy: Proxy, server: PrivateServer, impatient: dict[str, str]
) -> None:
    """The write-ahead log may not grow: PostgreSQL stops itself, and stays away."""

    def fill_log(_link: Link) -> None:
        server.limit_files(LIMIT // 2)  # less than a segment of the log takes
        with (
            contextlib.closing(connections["default"]) as connection,  # this thread's own
            contextlib.suppress(DatabaseError),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "SELECT pg_logical_emit_message(false, 'full', repeat('x', 8000))"
                " FROM generate_series(1, 200)"
            )

    query("ALTER SYSTEM SET restart_after_crash = off")
    query("SELECT pg_reload_conf()")
    own_proxy.strike(Point.COPY, 1, fill_log, 'COPY "submissions"')
    said = own_scene.commands.import_v2(**impatient).line()
    server.kill()
    server.start()
    query("ALTER SYSTEM RESET restart_after_crash")
    query("SELECT pg_reload_conf()")

    assert "lost PostgreSQL database 'crash'" in said
    assert f"To go on: import_v2 --name {NAME}" in said
    own_scene.finish()


def test_r7_postgresql_s_own_word_for_a_full_disk(own_scene: Scene) -> None:
    query(
        """
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION USING ERRCODE = 'disk_full',
                MESSAGE = 'could not extend file "base/5/16399": No space left on device',
                HINT = 'Check free disk space.';
        END $$
        """
    )
    query(
        "CREATE TRIGGER full_disk BEFORE INSERT ON submissions"
        " FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
    try:
        done = own_scene.commands.import_v2()
    finally:
        query("DROP FUNCTION full_disk CASCADE")

    stopped(done, "No space left on device")
    own_scene.finish()
