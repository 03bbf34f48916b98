"""Workers, their importer, or all of them killed, stopped, cut off: the same rows (R2, R6, R9)."""

import os
import re
import signal
import subprocess

import pytest
from django.db import connections

from tests.crashes import (
    EXIT_STATUS,
    NAME,
    Done,
    Scene,
    end_backends,
    ended,
    kill,
    lock_holders,
    wait_until,
)
from tests.proxy import Action, Link, Point, Proxy
from tests.runs import query, row_versions
from tests.servers import PrivateServer

pytestmark = pytest.mark.django_db(transaction=True)

RANGES = "SELECT count(*) FROM migration_progress WHERE partition > 0"
BACKENDS = """
    SELECT (regexp_match(application_name, 'worker \\d+ \\(process (\\d+)\\)'))[1]::int
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND starts_with(application_name, 'pliers import_v2 worker')
"""
SESSIONS = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database()
       AND starts_with(application_name, 'pliers import_v2 worker')
"""
GO_ON = "To go on: import_v2 --name night"


def importing(scene: Scene, workers: int) -> None:
    """Start the import with so many workers, a submission a batch."""
    scene.commands.start(
        "import_v2", "--name", NAME, "--batch-size", "1", "--workers", str(workers)
    )


def done(scene: Scene) -> Done:
    """Wait for the import started last."""
    return ended(scene.commands.last)


def finish(scene: Scene, workers: int) -> None:
    """Start it again; it comes to its end, and that is the undisturbed one."""
    importing(scene, workers)
    last = done(scene)
    assert last.status == EXIT_STATUS, last
    assert "Migration night: finished" in last.out
    assert query(RANGES) == [(0,)]
    scene.recovered()


def worker_of(link: Link) -> int:
    """The process behind a link, which is a worker's."""
    try:
        ((process,),) = query(f"{BACKENDS} AND pid = %s", [link.backend])
        return int(process)
    finally:
        connections.close_all()  # this thread's


def in_a_range(proxy: Proxy, point: Point, number: int, action: Action) -> None:
    """Strike once the first batch of a worker is on its way: what commits then are workers."""
    proxy.strike(
        Point.COPY, 1, lambda _link: proxy.strike(point, number, action), 'COPY "submissions"'
    )


@pytest.mark.parametrize(("point", "number"), [(Point.COPY, 1), (Point.COMMITTED, 5)])
def test_r2_a_worker_that_is_killed_ends_the_run_resumable(
    scene: Scene, proxy: Proxy, point: Point, number: int
) -> None:
    def strike(link: Link) -> None:
        os.kill(worker_of(link), signal.SIGKILL)
        link.close()

    in_a_range(proxy, point, number, strike)
    importing(scene, 2)
    said = done(scene).line()

    assert re.search(r"worker process [12] ended by itself \(signal 9\)", said)
    assert GO_ON in said
    ((status, message),) = query(
        "SELECT status, error_message FROM migration_progress"
        " WHERE table_name = 'submissions' AND partition = 0"
    )
    assert (status, "ended by itself" in message) == ("failed", True)
    finish(scene, 3)


@pytest.mark.parametrize(("number", "then"), [(1, 1), (4, 3)])
def test_r2_the_importer_killed_its_workers_go_with_it(
    scene: Scene, proxy: Proxy, number: int, then: int
) -> None:
    in_a_range(proxy, Point.COMMIT, number, lambda _link: kill(scene.commands.last))
    importing(scene, 2)
    assert done(scene).status == -signal.SIGKILL

    finish(scene, then)


def test_r2_all_killed_at_once_time_and_again(scene: Scene, proxy: Proxy) -> None:
    def strike(link: Link) -> None:
        os.killpg(scene.commands.last.pid, signal.SIGKILL)
        link.close()

    lives = 0
    while True:
        proxy.calm()
        in_a_range(proxy, Point.COMMITTED, 3, strike)
        importing(scene, (2, 3, 1)[lives % 3])
        if done(scene).status == EXIT_STATUS:
            break
        lives += 1
        assert lives < 20, "no life gets further than the one before"

    assert lives >= 2
    proxy.calm()
    scene.recovered()


def test_r6_no_importer_begins_while_a_batch_of_a_killed_one_s_worker_is_on_its_way_in(
    scene: Scene, proxy: Proxy
) -> None:
    """The workers are killed with it; the network still has what one of them sent last."""

    def strike(link: Link) -> None:
        on_its_way.append(link.backend)
        kill(scene.commands.last)
        link.stall(60)

    on_its_way: list[int] = []
    in_a_range(proxy, Point.COMMIT, 2, strike)
    importing(scene, 2)
    assert scene.commands.last.wait(30) == -signal.SIGKILL
    wait_until(lambda: query(SESSIONS) == [(on_its_way[0],)])
    before = row_versions()

    importing(scene, 2)
    said = ended(scene.commands.last).line()

    assert "workers of an import that has ended are still at work" in said
    assert re.search(rf"import_v2 worker [12] .* \(backend {on_its_way[0]}\)\. Start again", said)
    assert row_versions() == before
    proxy.over.set()
    wait_until(lambda: not lock_holders())
    finish(scene, 2)


def test_r9_ctrl_c_lets_every_worker_finish_its_batch(scene: Scene, proxy: Proxy) -> None:
    def strike(_link: Link) -> None:
        # It reaches the whole group.
        os.killpg(scene.commands.last.pid, signal.SIGINT)

    in_a_range(proxy, Point.COMMIT, 3, strike)
    importing(scene, 3)
    stopped = done(scene)

    assert (stopped.status, GO_ON in stopped.out) == (130, True), stopped
    assert "Stopped after the batch in hand" in stopped.out
    ((status, migrated, counted),) = query(
        "SELECT status, (SELECT count(*) FROM submissions), processed_records"
        " FROM migration_progress WHERE table_name = 'submissions' AND partition = 0"
    )
    assert (status, migrated > 0) == ("in_progress", True)
    assert counted == migrated  # the table's books are whole
    finish(scene, 1)


def test_r9_a_second_ctrl_c_waits_for_no_worker(scene: Scene, proxy: Proxy) -> None:
    in_a_range(proxy, Point.COMMIT, 2, lambda link: link.stall(120))
    importing(scene, 2)
    process = scene.commands.last
    wait_until(lambda: len(proxy.struck) == 2)

    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGINT)

    stopped = ended(process, 20)
    assert (stopped.status, GO_ON in stopped.err) == (130, True), stopped
    proxy.over.set()
    proxy.reset()
    wait_until(lambda: not lock_holders())
    finish(scene, 2)


def test_r7_connections_that_an_administrator_ends_are_opened_again(
    scene: Scene, proxy: Proxy
) -> None:
    """The importer's, too: it gets its lock again, and its workers wait for that."""
    in_a_range(proxy, Point.COMMITTED, 3, lambda _link: ended_backends.append(end_backends()))
    ended_backends: list[int] = []
    importing(scene, 2)
    last = done(scene)

    assert ended_backends == [6]
    assert last.status == EXIT_STATUS, last
    assert "Migration night: finished" in last.out
    scene.recovered()


def test_r7_a_v3_that_stays_away_ends_the_run_with_one_line(
    scene: Scene, proxy: Proxy, impatient: dict[str, str]
) -> None:
    in_a_range(proxy, Point.COMMIT, 3, lambda _link: proxy.down())
    scene.commands.start(
        "import_v2", "--name", NAME, "--batch-size", "1", "--workers", "2", **impatient
    )
    said = done(scene).line()

    assert "lost PostgreSQL database" in said
    assert GO_ON in said
    proxy.up()
    finish(scene, 3)


def test_r7_a_server_that_crashes_and_comes_back_finds_all_workers_again(
    own_scene: Scene, own_proxy: Proxy, server: PrivateServer
) -> None:
    """Each of them waits until the importer has its lock again."""

    def crash(link: Link) -> None:
        server.kill()
        link.close()

    in_a_range(own_proxy, Point.COMMITTED, 3, crash)
    importing(own_scene, 2)
    assert server.down.wait(30)
    server.start()
    last = done(own_scene)

    assert last.status == EXIT_STATUS, last
    assert "Migration night: finished" in last.out
    own_scene.recovered()
