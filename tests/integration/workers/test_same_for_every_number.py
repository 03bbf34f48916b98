"""--workers N: the same rows, errors, warnings and books for every N, in one go and resumed."""

from pathlib import Path

import pytest

from tests.runs import Quiet, empty_v3, query, rich_v2, run, snapshot
from tests.v2 import V2
from transfer.batch import TableState

# How many ranges there are, and how many of them are at their end.
RANGES = """
    SELECT count(*), count(*) FILTER (WHERE status = 'completed')
      FROM migration_progress
     WHERE partition > 0
"""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_any_number_of_workers_ends_with_the_same(v2: V2, workers: int, batch_size: int) -> None:
    run(name="night", batch_size=batch_size, workers=1)
    alone = snapshot()
    empty_v3()

    report = run(name="night", batch_size=batch_size, workers=workers)

    assert report.outcome == "finished"
    assert snapshot() == alone


def test_ranges_are_moved_by_workers_and_gone_at_the_end(v2: V2) -> None:
    seen: list[tuple[int, int]] = []

    def look(_state: TableState) -> None:
        seen.extend(query(RANGES))

    report = run(Quiet(look), name="night", batch_size=1, workers=2)

    assert max(seen) == (9, 9)
    assert query(RANGES) == [(0, 0)]
    assert [one.status for one in report.tables] == ["completed"] * 4
