"""Killed and interrupted at every commit and inside batches: the same rows in the end (R2, R9)."""

import signal
import time

import pytest

from tests.crashes import EXIT_STATUS, Scene, ended, kill, wait_until
from tests.proxy import Link, Point, Proxy
from tests.runs import query

pytestmark = pytest.mark.django_db(transaction=True)


class Lives:
    """One import that is killed and started again until nothing kills it any more."""

    def __init__(self, scene: Scene, proxy: Proxy) -> None:
        self.scene = scene
        self.proxy = proxy
        self.count = 0

    def kill(self, link: Link) -> None:
        """End this life; what is on its way in either direction is lost."""
        kill(self.scene.commands.last)
        link.close()

    def one(self) -> bool:
        """Live once more; false when nothing killed it and the import is through."""
        done = ended(self.scene.commands.start_import())
        self.proxy.calm()
        if done.status == -signal.SIGKILL:
            self.count += 1
            assert self.count < 50, "no life gets further than the one before"
            return True
        assert done.status == EXIT_STATUS, done
        return False


@pytest.fixture
def lives(scene: Scene, proxy: Proxy) -> Lives:
    return Lives(scene, proxy)


def test_r2_killed_after_every_commit_before_its_answer_came(lives: Lives, proxy: Proxy) -> None:
    # Opening the migration is every life's first commit; the second gets it one further.
    proxy.strike(Point.COMMITTED, 1, lives.kill)
    while lives.one():
        proxy.strike(Point.COMMITTED, 2, lives.kill)

    assert lives.count == 1 + lives.scene.calm.commits
    lives.scene.recovered()


def test_r2_killed_before_every_commit_arrived(lives: Lives, proxy: Proxy) -> None:
    proxy.strike(Point.COMMIT, 1, lives.kill)
    while lives.one():
        proxy.strike(Point.COMMIT, 2 if lives.count == 1 else 3, lives.kill)

    assert lives.count == 1 + lives.scene.calm.commits
    lives.scene.recovered()


def test_r2_killed_inside_every_batch_with_half_a_row_on_its_way(
    lives: Lives, proxy: Proxy
) -> None:
    def kill_in_copy(link: Link) -> None:
        link.half()
        lives.kill(link)

    def in_the_next_copy(_link: Link) -> None:
        proxy.strike(Point.COPY, 1, kill_in_copy)

    proxy.strike(Point.COPY, 1, kill_in_copy)
    while lives.one():
        proxy.strike(Point.COMMITTED, 2, in_the_next_copy)

    assert lives.count >= 7
    lives.scene.recovered()


GO_ON = "To go on: import_v2 --name night"


def test_r9_interrupted_after_every_commit_it_says_how_to_go_on(scene: Scene, proxy: Proxy) -> None:
    """Ctrl-C and SIGTERM by turns: each start is asked to stop after its first progress."""
    asked = 0
    while True:
        how = (signal.SIGINT, signal.SIGTERM)[asked % 2]
        proxy.strike(Point.COMMITTED, 2, lambda _link, how=how: kill(scene.commands.last, how))
        done = ended(scene.commands.start_import())
        proxy.calm()
        if done.status == EXIT_STATUS:
            break
        assert (done.status, GO_ON in done.out + done.err) == (130, True), done
        asked += 1
        assert asked < 50

    assert asked >= 4
    scene.recovered()


def test_r9_interrupted_while_it_decides_and_inside_a_batch(scene: Scene, proxy: Proxy) -> None:
    """In a batch, while users decide, while submissions decide, and in a batch again."""
    migrated = []
    for how, number, statement in (
        (signal.SIGTERM, 1, 'COPY "organizations"'),
        (signal.SIGINT, 1, "COPY claims"),
        (signal.SIGTERM, 2, "COPY claims"),
        (signal.SIGINT, 1, 'COPY "submissions"'),
    ):
        proxy.strike(
            Point.COPY, number, lambda _link, how=how: kill(scene.commands.last, how), statement
        )
        done = ended(scene.commands.start_import())
        assert (done.status, GO_ON in done.out + done.err) == (130, True), done
        migrated += query(
            "SELECT (SELECT count(*) FROM organizations), (SELECT count(*) FROM users),"
            " (SELECT count(*) > 0 FROM submissions)"
        )

    # The batch in hand comes in whole; where there is none, nothing does.
    assert migrated == [(2, 0, False), (2, 0, False), (2, 2, False), (2, 2, True)]
    scene.finish()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_r9_interrupted_before_it_has_begun(
    scene: Scene, proxy: Proxy, how: signal.Signals
) -> None:
    proxy.strike(Point.CONNECT, 2, lambda _link: kill(scene.commands.last, how))

    assert ended(scene.commands.start_import()).status == 130
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


def test_r9_a_second_ctrl_c_stops_at_once_whatever_it_waits_for(scene: Scene, proxy: Proxy) -> None:
    """The server has fallen silent in the middle of a batch: the batch cannot be finished."""
    proxy.strike(Point.COMMIT, 4, lambda link: link.stall(120))
    process = scene.commands.start_import()
    wait_until(lambda: proxy.struck)

    kill(process, signal.SIGINT)
    time.sleep(0.2)  # two at once are one to the kernel
    kill(process, signal.SIGINT)

    done = ended(process, seconds=20)
    assert done.status == 130
    assert GO_ON in done.err
    proxy.reset()
    scene.finish()
