"""PostgreSQL killed with -9 in mid-run: it comes back, and the same process goes on (R2, R7)."""

import os
import signal

import pytest

from tests.crashes import EXIT_STATUS, Scene, ended
from tests.proxy import Link, Point, Proxy
from tests.runs import query
from tests.servers import PrivateServer

pytestmark = pytest.mark.django_db(transaction=True)

SUBMISSIONS = 'COPY "submissions"'


@pytest.mark.parametrize(
    ("point", "number", "where"),
    [
        (Point.COPY, 2, SUBMISSIONS),  # inside a batch
        (Point.COMMIT, 5, ""),  # a COMMIT arrives at nobody's
        (Point.COMMITTED, 9, ""),  # it committed, and died with the answer
    ],
)
def test_r7_killed_whole_and_back_the_same_process_goes_on(
    own_scene: Scene, own_proxy: Proxy, server: PrivateServer, point: Point, number: int, where: str
) -> None:
    def crash(link: Link) -> None:
        server.kill()
        link.close()

    own_proxy.strike(point, number, crash, where)
    process = own_scene.commands.start_import()
    assert server.down.wait(30)
    server.start()
    done = ended(process)

    assert done.status == EXIT_STATUS, done
    assert "Migration night: finished" in done.out
    own_scene.recovered()


def test_r7_one_backend_killed_makes_the_server_recover_and_the_same_process_goes_on(
    own_scene: Scene, own_proxy: Proxy
) -> None:
    pids: list[int] = []

    def kill_writer(link: Link) -> None:
        os.kill(link.backend, signal.SIGKILL)
        pids.append(link.backend)

    own_proxy.strike(Point.COPY, 2, kill_writer, SUBMISSIONS)

    own_scene.finish()

    assert len(pids) == 1


def test_r7_a_server_that_stays_away_stops_the_run_and_it_can_go_on(
    own_scene: Scene, own_proxy: Proxy, server: PrivateServer, impatient: dict[str, str]
) -> None:
    own_proxy.strike(Point.COPY, 2, lambda _link: server.kill(), SUBMISSIONS)

    said = ended(own_scene.commands.start_import(**impatient)).line()

    assert "lost PostgreSQL database 'crash'" in said
    assert "import_v2 --name night" in said
    server.start()
    assert query("SELECT status FROM migration_progress WHERE table_name = 'submissions'") == [
        ("in_progress",)
    ]  # nobody was there to be told
    own_scene.finish()
