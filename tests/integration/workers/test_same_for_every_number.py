"""--workers N: the same rows, errors, warnings and books for every N, in one go and resumed."""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from legacy_v2.seed.service import seed
from tests.runs import Quiet, empty_v3, query, rich_v2, run, snapshot
from tests.v2 import V2, guid, make_v2
from transfer.batch import TableState
from transfer.exceptions import RunStoppedError
from transfer.tolerance import Tolerance

pytestmark = pytest.mark.django_db(transaction=True)

# How many ranges there are, and how many of them are at their end.
RANGES = """
    SELECT count(*), count(*) FILTER (WHERE status = 'completed')
      FROM migration_progress
     WHERE partition > 0
"""
# A zone with summer time, so that every fault shows; few warnings, so that their bound is met in
# the middle of a range, and of several.
SETTINGS = {"name": "night", "time_zone": ZoneInfo("Europe/Berlin"), "max_stored_warnings": 3}


def with_faults(path: Path) -> None:
    """A believable v2 and one of every faulty record."""
    seed(path, submissions=60, answers=3, faults=True)


def rich(path: Path) -> None:
    """Something for every part of the engine; answers of nobody before, among and behind."""
    v2 = rich_v2(path)
    v2.loosen("FormSubmissionMetaData")
    v2.add("answers", {"FormSubmissionId": None, "FreeFormEntry": "nobody's"})
    for stray in (4003, 0, 4002):  # one Id of several answers, in several ranges
        v2.add(
            "answers",
            {"Id": guid(11, 999), "FormSubmissionId": guid(10, stray), "FreeFormEntry": f"{stray}"},
        )


def mixed_case(path: Path) -> None:
    """Ids that v2 compares whatever their case."""
    v2 = rich_v2(path)
    for column, table in (("Id", "FormSubmission"), ("FormSubmissionId", "FormSubmissionMetaData")):
        v2.execute(f"UPDATE {table} SET {column} = upper({column}) WHERE rowid % 2 = 0")


@pytest.mark.parametrize("make", [with_faults, rich, mixed_case])
def test_r2_any_number_of_workers_ends_with_the_same(
    v2_path: Path, make: Callable[[Path], None]
) -> None:
    make(v2_path)
    run(batch_size=4, workers=1, **SETTINGS)
    alone = snapshot()
    assert all(alone.values())

    for workers, batch_size in ((2, 4), (3, 1)):
        empty_v3()
        report = run(batch_size=batch_size, workers=workers, **SETTINGS)
        assert report.outcome == "finished"
        assert snapshot() == alone, f"{workers} workers"
        assert query(RANGES) == [(0, 0)]


@pytest.mark.parametrize(("make", "limit"), [(with_faults, 40), (rich, 9)])
def test_r2_stopped_and_gone_on_with_by_other_numbers_it_ends_with_the_same(
    v2_path: Path, make: Callable[[Path], None], limit: int
) -> None:
    make(v2_path)
    run(batch_size=4, workers=1, **SETTINGS)
    alone = snapshot()
    empty_v3()

    numbers = cycle((2, 1, 3, 4, 1))
    outcomes = []
    while outcomes[-1:] != ["finished"]:
        report = run(batch_size=2, workers=next(numbers), limit=limit, **SETTINGS)
        outcomes.append(report.outcome)
        assert len(outcomes) < 20

    assert len(outcomes) > 2
    assert snapshot() == alone


def test_ranges_are_moved_by_workers_and_gone_at_the_end(v2_path: Path) -> None:
    rich_v2(v2_path)
    seen: list[tuple[int, int]] = []

    def look(_state: TableState) -> None:
        seen.extend(query(RANGES))

    report = run(Quiet(look), name="night", batch_size=1, workers=2)

    assert max(seen) == (9, 9)
    assert query(RANGES) == [(0, 0)]
    assert [one.status for one in report.tables] == ["completed"] * 4


@pytest.mark.parametrize("submissions", [0, 1, 4, 5, 9])
def test_whatever_the_number_of_submissions(v2_path: Path, submissions: int) -> None:
    """None, one, a batch, a batch and one, two of them, two and one: with one and more ranges."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    v2.add("submissions", *({} for _ in range(submissions)))
    for row in v2.submissions:
        v2.add("answers", {"FormSubmissionId": row["Id"], "FreeFormEntry": "text"})
    v2.add("answers", {"FormSubmissionId": guid(10, 4000), "FreeFormEntry": "nobody's"})
    run(name="night", batch_size=4, workers=1)
    alone = snapshot()
    empty_v3()

    run(name="night", batch_size=4, workers=3)

    assert snapshot() == alone
    assert query("SELECT count(*) FROM submissions") == [(submissions,)]


def test_a_selection_of_organizations(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    two = v2.organizations[1]["Id"]
    v2.add("submissions", *({"OrganizationId": two} for _ in range(6)))
    run(name="night", batch_size=1, workers=1, organizations=[two])
    alone = snapshot()
    empty_v3()

    run(name="night", batch_size=1, workers=3, organizations=[two])

    assert snapshot() == alone


def test_loaded_with_constraints_deferred(v2: V2) -> None:
    """Keys are off in the workers too; the importer builds and proves at the end, over them all."""
    run(name="night", batch_size=1, workers=1)
    alone = snapshot()
    empty_v3()

    report = run(name="night", batch_size=1, workers=3, defer_constraints=True)

    assert report.outcome == "finished"
    assert snapshot() == alone
    assert query("SELECT count(*) > 0, bool_and(settled_at IS NOT NULL) FROM migration_deferrals")[
        0
    ] == (True, True)


def test_limit_is_for_all_workers_together(v2: V2) -> None:
    report = run(name="night", batch_size=1, workers=3, limit=12 + 7)

    assert report.outcome == "limited"
    assert report.moved == 12 + 7
    assert query(
        "SELECT sum(processed_records + failed_records), max(partition) > 1"
        " FROM migration_progress WHERE table_name = 'submissions'"
    ) == [(7, True)]


def test_max_errors_counts_what_all_workers_found(v2: V2) -> None:
    v2.add("submissions", *({"FormTypeId": guid(4, 77)} for _ in range(20)))
    allowed = 10

    with pytest.raises(RunStoppedError, match="errors are recorded, and --max-errors allows 10"):
        run(name="night", batch_size=1, workers=2, tolerance=Tolerance(errors=allowed))

    ((status, errors),) = query(
        "SELECT status, (SELECT count(*) FROM migration_errors WHERE severity = 'error')"
        "  FROM migration_progress WHERE table_name = 'submissions' AND partition = 0"
    )
    assert (status, errors > allowed) == ("failed", True)
    assert run(name="night", batch_size=1, workers=3).outcome == "finished"


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)
