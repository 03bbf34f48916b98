"""A rollback killed at every commit, interrupted, or begun while an importer is at work."""

import signal

import pytest

from tests.crashes import EXIT_STATUS, Scene, ended, kill, wait_until
from tests.integration.rollback.common import NONE, books, rows_of
from tests.proxy import Link, Point, Proxy
from tests.runs import query, row_versions, snapshot

pytestmark = pytest.mark.django_db(transaction=True)

ROLLBACK = ("rollback_v2", "night", "--no-input", "--batch-size", "4")
# The commits of a start: the preview's, the books', a survey's, a cursor's, and then the batches'.
BOOKS_MARKED, FIRST_BATCH = 2, 5
TABLES = ("organizations", "users", "forms", "submissions", "migration_progress")


def imported(scene: Scene) -> dict[str, list[str]]:
    """Import; the rows that it comes to."""
    assert scene.commands.import_v2().status == EXIT_STATUS
    return snapshot(*TABLES)


def test_killed_at_every_commit_and_started_again_it_ends_the_same(
    scene: Scene, proxy: Proxy
) -> None:
    """The import that then starts anew gives the rows of the first."""
    whole = imported(scene)
    total = sum(rows_of("night").values())
    # Once when the books are marked and no row is gone, once before a batch's commit arrives, and
    # from then on after each batch's commit, before its answer comes.
    strikes = [(Point.COMMITTED, BOOKS_MARKED), (Point.COMMIT, FIRST_BATCH)]
    left: list[int] = []

    def end_it(link: Link) -> None:
        kill(scene.commands.last)
        link.close()

    while True:
        point, number = strikes[len(left)] if len(left) < 2 else (Point.COMMITTED, FIRST_BATCH)
        proxy.strike(point, number, end_it)
        done = ended(scene.commands.start(*ROLLBACK))
        proxy.calm()
        if done.status != -signal.SIGKILL:
            break
        left.append(sum(rows_of("night").values()))
        removed = sum(note["removed"] for _, note in books("night").values())
        assert removed == total - left[-1]  # rows and books go together
        assert len(left) < 20, "no life gets further than the one before"
        if len(left) == 3:
            refused = scene.commands.import_v2()
            assert "First: rollback_v2 night" in refused.line()

    assert left == [12, 12, 8, 5, 4, 2, 0]
    assert (done.status, "Rollback of night: finished" in done.out) == (0, True), done
    assert rows_of("night") == NONE
    assert imported(scene) == whole


def test_r9_interrupted_it_finishes_the_batch_and_says_how_to_go_on(
    scene: Scene, proxy: Proxy
) -> None:
    """Ctrl-C in the first start, SIGTERM in the next."""
    imported(scene)
    left = []
    for how in (signal.SIGINT, signal.SIGTERM):
        proxy.strike(
            Point.COMMITTED, FIRST_BATCH, lambda _link, how=how: kill(scene.commands.last, how)
        )
        done = ended(scene.commands.start(*ROLLBACK))
        assert (done.status, "To go on: rollback_v2 night" in done.out) == (130, True), done
        left.append(sum(rows_of("night").values()))
        proxy.calm()

    assert left == [8, 5]
    assert ended(scene.commands.start(*ROLLBACK)).status == 0
    assert rows_of("night") == NONE


def test_r6_while_an_importer_is_at_work_it_says_who_and_only_looks(
    scene: Scene, proxy: Proxy
) -> None:
    proxy.strike(
        Point.COPY, 1, lambda _link: kill(scene.commands.last, signal.SIGSTOP), 'COPY "submissions"'
    )
    process = scene.commands.start_import()
    wait_until(lambda: proxy.struck or process.poll() is not None)
    before = row_versions()

    said = ended(scene.commands.start(*ROLLBACK)).line()
    looked = ended(scene.commands.start(*ROLLBACK, "--dry-run"))

    assert f"pliers import_v2 (process {process.pid})" in said
    assert (looked.status, "Rollback of night: dry run" in looked.out) == (0, True), looked
    assert row_versions() == before
    assert query("SELECT count(*) FROM migration_progress WHERE ledger ? 'rollback'") == [(0,)]
    process.send_signal(signal.SIGCONT)
    assert ended(process).status == EXIT_STATUS
