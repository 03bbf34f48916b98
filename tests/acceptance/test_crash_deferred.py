"""A load with foreign keys off, killed at its commits: every index and key back, the same rows."""

import signal
from collections.abc import Iterator

import pytest

from tests.crashes import BATCH, EXIT_STATUS, NAME, Scene, ended, kill, wait_until
from tests.proxy import Link, Point, Proxy
from tests.runs import query

pytestmark = pytest.mark.django_db(transaction=True)

IMPORT = ("import_v2", "--name", NAME, "--batch-size", BATCH)
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
BACKENDS = "SELECT FROM pg_stat_activity WHERE starts_with(application_name, 'pliers import_v2')"
OPEN = "SELECT kind FROM migration_deferrals WHERE settled_at IS NULL"


@pytest.fixture
def built(transactional_db: None) -> Iterator[list[tuple[str, str]]]:
    """Return the indexes of v3; what a failing test leaves dropped is built again."""
    before = query(INDEXES)
    yield before
    for statement in {definition for _, definition in set(before) - set(query(INDEXES))}:
        query(statement)


def test_r2_killed_again_and_again_with_the_option_and_without(
    scene: Scene, proxy: Proxy, built: list[tuple[str, str]]
) -> None:
    """Every fourth commit is a life's last, its answer lost; each fourth life loads normally.

    A commit of a deferred load is a drop, a batch, an index that is built, or keys that are proven.
    """

    def end(link: Link) -> None:
        kill(scene.commands.last)
        link.close()

    lives = left_open = 0
    while True:
        proxy.strike(Point.COMMITTED, 5, end)
        option = () if lives % 4 == 3 else ("--defer-constraints",)
        done = ended(scene.commands.start(*IMPORT, *option))
        proxy.calm()
        if done.status != -signal.SIGKILL:
            break
        wait_until(lambda: not query(BACKENDS))
        left_open += bool(query(OPEN))
        lives += 1
        assert lives < 50, "no life gets further than the one before"

    assert done.status == EXIT_STATUS, done
    assert lives >= 3
    assert left_open >= 2
    assert query(INDEXES) == built
    assert query(OPEN) == []
    scene.recovered()


def test_r2_killed_while_an_index_is_built_again(
    scene: Scene, proxy: Proxy, built: list[tuple[str, str]]
) -> None:
    # Its statement is on its way twice: when it is written down, and when it is run.
    statement = "CREATE INDEX idx_submissions_form"
    proxy.strike(Point.STATEMENT, 2, lambda _link: kill(scene.commands.last), statement)
    done = ended(scene.commands.start(*IMPORT, "--defer-constraints"))
    assert done.status == -signal.SIGKILL
    wait_until(lambda: not query(BACKENDS))
    assert query(INDEXES) != built

    done = ended(scene.commands.start(*IMPORT))

    assert done.status == EXIT_STATUS, done
    assert query(INDEXES) == built
    scene.recovered()


def test_r9_ctrl_c_among_the_batches_says_what_is_put_off(
    scene: Scene, proxy: Proxy, built: list[tuple[str, str]]
) -> None:
    proxy.strike(
        Point.COPY, 1, lambda _link: kill(scene.commands.last, signal.SIGINT), 'COPY "submissions"'
    )
    done = ended(scene.commands.start(*IMPORT, "--defer-constraints"))

    assert done.status == 130
    assert "submissions: " in done.out
    assert "2 foreign key(s) unproven until it is completed." in done.out

    done = ended(scene.commands.start(*IMPORT, "--defer-constraints"))

    assert done.status == EXIT_STATUS, done
    assert query(INDEXES) == built
    scene.recovered()
