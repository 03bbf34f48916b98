"""v2 goes away in mid-run: what comes back is waited for, what stays away can be resumed (R7)."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import pytest
from django.conf import settings as project
from django.db import connections

from pliers.environment import legacy
from tests.crashes import (
    NAME,
    SECRET,
    Commands,
    Done,
    Scene,
    ended,
    kill,
    lock_holders,
    startup,
    undisturbed,
    wait_until,
)
from tests.proxy import Link, Point, Proxy
from tests.runs import empty_v3, query
from tests.v2 import copy_into_schema, use_v2

pytestmark = pytest.mark.django_db(transaction=True)

SUBMISSIONS = 'COPY "submissions"'
# What reads v2: once for the numbers' decisions, and a batch's answers.
NUMBERS, BATCHES = '"FormSubmission"."LookupCode"', 'FROM "FormSubmissionMetaData" WHERE ('
# Patience for v2 is over in 10 seconds, or in one.
HURRIED, HASTY = startup(PLIERS_TEST_HASTE="10"), startup(PLIERS_TEST_HASTE="100")


def stopped(done: Done, lost: str) -> None:
    """The run told of the loss, then stopped with one line; it is failed, and can be resumed."""
    waiting, said = done.err.strip().splitlines()
    assert f"{lost} is lost: " in waiting
    assert waiting.endswith("; trying again for 90 s")
    assert (done.status, done.out) == (1, "")
    assert f"lost {lost}" in said
    assert "could not reach it again" in said
    assert f"To go on: import_v2 --name {NAME}" in said
    assert query(
        "SELECT status, error_message LIKE '%%could not reach it again%%' FROM migration_progress"
        " WHERE table_name = 'submissions'"
    ) == [("failed", True)]


# A SQLite file that another process has locked


@pytest.fixture
def lock(scene: Scene) -> Iterator[Callable[[], Callable[[], None]]]:
    """Return a function that locks the file against readers, and gives one that releases it."""
    with closing(sqlite3.connect(scene.calm.v2.path, check_same_thread=False)) as connection:
        connection.isolation_level = None

        def release() -> None:
            connection.execute("ROLLBACK")

        def take() -> Callable[[], None]:
            connection.execute("BEGIN EXCLUSIVE")
            return release

        yield take
        with suppress(sqlite3.OperationalError):
            release()


def test_r7_a_file_locked_for_a_while_is_waited_for(
    scene: Scene, proxy: Proxy, lock: Callable[[], Callable[[], None]]
) -> None:
    # Longer than SQLite itself waits for a lock (5 s, here half a second).
    proxy.strike(Point.COPY, 1, lambda _link: threading.Timer(1.2, lock()).start(), SUBMISSIONS)

    scene.finish(**HURRIED)

    assert proxy.struck


def test_r7_a_file_that_stays_locked_stops_the_run_and_it_can_go_on(
    scene: Scene, proxy: Proxy, lock: Callable[[], Callable[[], None]]
) -> None:
    releases: list[Callable[[], None]] = []
    proxy.strike(Point.COPY, 1, lambda _link: releases.append(lock()), SUBMISSIONS)

    stopped(scene.commands.import_v2(**HASTY), f"SQLite file {scene.calm.v2.path}")

    releases[0]()
    scene.finish()


# A copy of v2 in PostgreSQL, behind a proxy of its own


@dataclass
class Copy:
    """A scene whose v2 is a PostgreSQL schema."""

    scene: Scene
    proxy: Proxy


@pytest.fixture
def copy(scene: Scene) -> Iterator[Copy]:
    """Return a scene whose v2 is behind a second proxy, and its undisturbed end."""
    settings = connections["default"].settings_dict
    with Proxy(str(settings["HOST"]), settings["PORT"] or 5432) as proxy:
        login = f"{settings['USER']}:{settings['PASSWORD'] or SECRET}"
        where = f"127.0.0.1:{proxy.port}/{settings['NAME']}"
        address = f"postgres://{login}@{where}?options=-c%20search_path%3Dcopy_of_v2"
        v2, _ = legacy("V2_DATABASE_URL", address, base=project.BASE_DIR)
        try:
            copy_into_schema(scene.calm.v2, "copy_of_v2")
            with (
                use_v2(**v2),
                Commands(scene.commands.environment | {"V2_DATABASE_URL": address}) as commands,
            ):
                calm = undisturbed(scene.calm.v2)
                empty_v3()
                yield Copy(Scene(calm, commands), proxy)
        finally:
            query("DROP SCHEMA copy_of_v2 CASCADE")


def test_r7_one_run_gets_over_cuts_and_a_server_that_is_away_for_a_while(copy: Copy) -> None:
    def away(_link: Link) -> None:
        copy.proxy.down()
        threading.Timer(1.0, copy.proxy.up).start()

    def end(link: Link) -> None:
        query("SELECT pg_terminate_backend(%s)", [link.backend])
        connections.close_all()  # this thread's own

    copy.proxy.strike(Point.STATEMENT, 1, Link.close, 'COUNT(*) AS "__count" FROM "User"')
    copy.proxy.strike(Point.STATEMENT, 1, Link.reset, '"Field_Choice_Map"."ChoiceId"')
    copy.proxy.strike(Point.STATEMENT, 1, end, NUMBERS)
    copy.proxy.strike(Point.STATEMENT, 1, end, BATCHES)
    copy.proxy.strike(Point.STATEMENT, 3, Link.reset, BATCHES)

    copy.proxy.strike(Point.STATEMENT, 4, away, BATCHES)

    copy.scene.finish(**HURRIED)

    assert len(copy.proxy.struck) == 6


def test_r7_a_server_that_stays_away_stops_the_run_and_it_can_go_on(copy: Copy) -> None:
    copy.proxy.strike(Point.STATEMENT, 4, lambda _link: copy.proxy.down(), 'FROM "FormSubmission"')

    done = ended(copy.scene.commands.start_import(**HASTY))

    name = connections["default"].settings_dict["NAME"]
    stopped(done, f"PostgreSQL database '{name}' on 127.0.0.1:{copy.proxy.port}")
    copy.proxy.up()
    copy.scene.finish()


def test_r6_workers_whose_v2_says_nothing_any_more_do_not_outlive_their_killed_importer(
    copy: Copy,
) -> None:
    copy.proxy.strike(Point.STATEMENT, 2, lambda link: link.stall(120), BATCHES)
    process = copy.scene.commands.start(
        "import_v2", "--name", NAME, "--batch-size", "1", "--workers", "2"
    )
    wait_until(lambda: copy.proxy.struck)

    kill(process)

    wait_until(lambda: not lock_holders())
    copy.proxy.over.set()
    copy.scene.finish()
