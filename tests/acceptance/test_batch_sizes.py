"""The same v2 gives the same v3 and the same books at any batch size (R2).

Within one process: what the batch size decides is decided behind the command.
"""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from legacy_v2.seed.faults import FAULTS
from legacy_v2.seed.service import seed
from tests.runs import empty_v3, query, rich_v2, run, snapshot
from transfer.mapping.codes import Severity

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = (1, 7, 1000, 50_000)
# A zone with summer time, so that every fault shows; few warnings, so that their bound is met in
# the middle of a table.
SETTINGS = {"name": "night", "time_zone": ZoneInfo("Europe/Berlin"), "max_stored_warnings": 2}

Make = Callable[[Path], object]


def with_faults(path: Path) -> None:
    """A believable v2 and one of every faulty record."""
    seed(path, submissions=40, answers=4, faults=True)


@pytest.mark.parametrize("make", [with_faults, rich_v2])
def test_r2_any_batch_size_gives_the_same_rows_and_the_same_errors(
    v2_path: Path, make: Make
) -> None:
    make(v2_path)
    found = {}
    for size in SIZES:
        report = run(batch_size=size, **SETTINGS)
        found[size] = snapshot()
        assert report.outcome == "finished"
        assert query("SELECT DISTINCT batch_size FROM migration_progress") == [(size,)]
        empty_v3()

    for size in SIZES[1:]:
        assert found[size] == found[1], f"batches of {size}"
    assert all(found[1].values())


def test_the_faults_compared_are_of_every_kind_and_the_bound_of_warnings_is_met(
    v2_path: Path,
) -> None:
    """What the test above compares is worth comparing."""
    with_faults(v2_path)
    report = run(batch_size=7, **SETTINGS)

    stored = dict(query("SELECT code, count(*) FROM migration_errors GROUP BY 1"))
    assert stored.keys() == {str(fault.code) for fault in FAULTS if fault.code}
    warned = report.findings(Severity.WARNING)
    assert sum(count > stored[code.value] for code, count in warned.items()) >= 3


@pytest.mark.parametrize("make", [with_faults, rich_v2])
def test_r2_a_run_resumed_with_other_batch_sizes_gives_the_same(v2_path: Path, make: Make) -> None:
    make(v2_path)
    run(batch_size=1000, **SETTINGS)
    whole = snapshot()
    empty_v3()

    rounds = 0
    for size in cycle((1, 7, 3, 50_000, 2)):
        rounds += 1
        if run(batch_size=size, limit=13, **SETTINGS).outcome == "finished":
            break

    assert rounds > 2
    assert snapshot() == whole
