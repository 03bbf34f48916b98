"""The connection to v3 is cut, stalled or ended: the same process goes on by itself (R7)."""

import signal
import time

import pytest

from tests.crashes import NAME, Scene, end_backends, ended, kill, wait_until
from tests.proxy import Action, Link, Point, Proxy
from tests.runs import query

pytestmark = pytest.mark.django_db(transaction=True)

SUBMISSIONS = 'COPY "submissions"'
READER = 'FROM "migration_assignments"'


def half_then(action: Action) -> Action:
    """Let half of a message through, then act."""

    def act(link: Link) -> None:
        link.half()
        action(link)

    return act


def test_r7_one_run_gets_over_every_kind_of_cut(scene: Scene, proxy: Proxy) -> None:
    """Torn and closed: inside a COPY, between statements, and while COMMIT is on its way, before
    and after it arrived."""
    # Each waits for a moment of its own, so that all of them come to pass.
    proxy.strike(Point.COPY, 1, half_then(Link.reset), 'COPY "organizations"')
    proxy.strike(Point.COMMIT, 4, Link.reset)
    proxy.strike(Point.COMMITTED, 5, Link.reset)
    proxy.strike(Point.STATEMENT, 1, Link.close, 'COPY "forms"')
    proxy.strike(Point.COMMIT, 10, Link.close)
    proxy.strike(Point.COMMITTED, 11, Link.close)
    proxy.strike(Point.COPY, 2, half_then(Link.close), SUBMISSIONS)
    proxy.strike(Point.STATEMENT, 1, Link.reset, READER)

    scene.finish()

    assert sorted(point.name for point in proxy.struck) == [
        "COMMIT", "COMMIT", "COMMITTED", "COMMITTED", "COPY", "COPY", "STATEMENT", "STATEMENT",
    ]  # fmt: skip


def test_r7_one_run_gets_over_stalls_and_backends_that_an_administrator_ends(
    scene: Scene, proxy: Proxy
) -> None:
    count: list[int] = []
    proxy.strike(Point.COPY, 1, lambda link: link.stall(1.0), 'COPY "organizations"')
    proxy.strike(Point.COMMITTED, 4, lambda link: link.stall(1.0))
    # The writer and the reader are ended while the one works, and while the other does.
    proxy.strike(Point.COPY, 1, lambda _link: count.append(end_backends()), SUBMISSIONS)
    proxy.strike(Point.STATEMENT, 1, lambda _link: count.append(end_backends()), READER)

    scene.finish()

    assert len(proxy.struck) == 4
    assert count[0] == 2


def test_r7_a_network_that_breaks_without_a_word_to_the_server(scene: Scene, proxy: Proxy) -> None:
    """The server goes on waiting for a client it has lost, and would hold the lock for it."""
    proxy.strike(Point.COPY, 1, half_then(Link.desert), SUBMISSIONS)

    scene.finish()

    assert proxy.struck == [Point.COPY]


def test_r7_a_v3_that_stays_away_stops_the_run_and_it_can_go_on(
    scene: Scene, proxy: Proxy, impatient: dict[str, str]
) -> None:
    proxy.strike(Point.COPY, 1, lambda _link: proxy.down(), SUBMISSIONS)

    said = ended(scene.commands.start_import(**impatient)).line()

    assert "lost PostgreSQL database" in said
    assert "could not reach it again" in said
    assert f"import_v2 --name {NAME}" in said
    # v3 could not be told: it still says what it said last, and resumes all the same.
    assert query("SELECT count(*) FROM submissions") == [(0,)]
    proxy.up()
    scene.finish()


def test_r9_two_ctrl_c_while_v3_is_away_do_not_wait_for_it(scene: Scene, proxy: Proxy) -> None:
    proxy.strike(Point.COPY, 1, lambda _link: proxy.down(), SUBMISSIONS)
    process = scene.commands.start_import()
    wait_until(lambda: proxy.struck)

    kill(process, signal.SIGINT)
    time.sleep(0.2)
    kill(process, signal.SIGINT)

    assert ended(process, seconds=20).status == 130
    proxy.up()
    scene.finish()
