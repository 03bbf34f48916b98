"""A rollback killed at its commits, interrupted, or begun while an importer is at work."""

import signal

import pytest

from tests.crashes import BATCH, EXIT_STATUS, Scene, ended, kill, wait_until
from tests.integration.rollback.common import NONE, books, rollback, rows_of
from tests.proxy import Link, Point, Proxy
from tests.runs import query, row_versions, run, snapshot
from transfer.exceptions import LockHeldError, ResumeRefusedError

pytestmark = pytest.mark.django_db(transaction=True)

ROLLBACK = ("rollback_v2", "night", "--no-input", "--batch-size", "4")
# The commits of a start: the preview's, the books', a survey's, a cursor's, and then the batches',
# from the second table on each behind its cursor's.
BOOKS_MARKED, FIRST_BATCH, LAST_BATCH = 2, 5, 11
TABLES = ("organizations", "users", "forms", "submissions", "migration_progress")


def imported() -> dict[str, list[str]]:
    """Import, undisturbed; the rows that it comes to."""
    assert run(name="night", batch_size=int(BATCH)).outcome == "finished"
    return snapshot(*TABLES)


def test_killed_at_commits_and_started_again_it_ends_the_same(scene: Scene, proxy: Proxy) -> None:
    """The import that then starts anew gives the rows of the first."""
    whole = imported()
    total = sum(rows_of("night").values())
    # When the books are marked and no row is gone; before a batch's commit arrives; after it,
    # before its answer comes; and when no row is left. Ended after any batch, in this process, it
    # goes on in tests/integration/rollback.
    strikes = [
        (Point.COMMITTED, BOOKS_MARKED),
        (Point.COMMIT, FIRST_BATCH),
        (Point.COMMITTED, FIRST_BATCH),
        (Point.COMMITTED, LAST_BATCH),
    ]
    left: list[int] = []

    def end_it(link: Link) -> None:
        kill(scene.commands.last)
        link.close()

    for point, number in strikes:
        proxy.strike(point, number, end_it)
        done = ended(scene.commands.start(*ROLLBACK))
        proxy.calm()
        assert done.status == -signal.SIGKILL, done
        left.append(sum(rows_of("night").values()))
        removed = sum(note["removed"] for _, note in books("night").values())
        assert removed == total - left[-1]  # rows and books go together
        with pytest.raises(ResumeRefusedError, match="First: rollback_v2 night"):
            run(name="night")

    assert left == [12, 12, 8, 0]
    done = ended(scene.commands.start(*ROLLBACK))
    assert (done.status, "Rollback of night: finished" in done.out) == (0, True), done
    assert rows_of("night") == NONE
    assert imported() == whole


def test_r9_interrupted_it_finishes_the_batch_and_says_how_to_go_on(
    scene: Scene, proxy: Proxy
) -> None:
    """Ctrl-C in the first start, SIGTERM in the next."""
    imported()
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
    assert rollback("night").outcome == "finished"
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

    with pytest.raises(LockHeldError) as refused:
        rollback("night")
    looked = rollback("night", dry_run=True)

    assert f"pliers import_v2 (process {process.pid})" in str(refused.value)
    assert looked.outcome == "dry run"
    assert row_versions() == before
    assert query("SELECT count(*) FROM migration_progress WHERE ledger ? 'rollback'") == [(0,)]
    process.send_signal(signal.SIGCONT)
    assert ended(process).status == EXIT_STATUS
