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


def test_r7_killed_again_and_again_and_back_the_same_process_goes_on(
    own_scene: Scene, own_proxy: Proxy, server: PrivateServer
) -> None:
    """All of it, as a COMMIT arrives at nobody's, when it died with the answer, inside a batch;
    and one backend, which makes the others go."""

    def crash(link: Link) -> None:
        server.kill()
        link.close()

    process = own_scene.commands.start_import()
    for point, number, statement in (
        (Point.COMMIT, 5, ""),
        (Point.COMMITTED, 3, ""),
        (Point.COPY, 1, SUBMISSIONS),
    ):
        own_proxy.strike(point, number, crash, statement)
        assert server.down.wait(30), process.poll()
        if point is Point.COPY:
            own_proxy.strike(
                Point.COPY, 1, lambda link: os.kill(link.backend, signal.SIGKILL), SUBMISSIONS
            )
        server.start()
    done = ended(process)

    assert done.status == EXIT_STATUS, done
    assert "Migration night: finished" in done.out
    assert len(own_proxy.struck) == 4
    own_scene.recovered()


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
