"""The same v2 gives the same v3 and the same books at any batch size (R2).

Within one process: what the batch size decides is decided behind the command.
"""

import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from legacy_v2.seed.faults import FAULTS
from legacy_v2.seed.service import seed
from tests.runs import Quiet, empty_v3, query, rich_v2, run, snapshot
from transfer.batch import TableState
from transfer.mapping.codes import Severity

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = (1, 7, 1000, 50_000, "auto")
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
        if size != "auto":
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
    for size in cycle((1, "auto", 7, 3, 50_000, "auto", 2)):
        rounds += 1
        if run(batch_size=size, limit=13, **SETTINGS).outcome == "finished":
            break

    assert rounds > 2
    assert snapshot() == whole


def test_auto_finds_its_size_while_the_run_goes_on(v2_path: Path) -> None:
    seed(v2_path, submissions=300, answers=4)
    sizes: list[int] = []

    def look(state: TableState) -> None:
        if state.table == "submissions" and state.batch_size:
            sizes.append(state.batch_size)

    run(Quiet(look), name="night", batch_size="auto", workers=1)

    assert sizes[0] == 1
    assert sizes == sorted(sizes)
    assert sizes[-1] > 50
    stored = "SELECT batch_size FROM migration_progress WHERE table_name = 'submissions'"
    assert query(stored) == [(sizes[-1],)]


def test_r2_each_worker_finds_a_size_of_its_own_and_the_rows_are_the_same(v2_path: Path) -> None:
    seed(v2_path, submissions=2_000, answers=1)
    run(name="night", batch_size=1000, workers=1)
    alone = snapshot()
    empty_v3()
    ranges: list[int | None] = []
    sizes = "SELECT batch_size FROM migration_progress WHERE partition > 0"

    def look(_state: TableState) -> None:
        ranges.extend(size for (size,) in query(sizes))

    run(Quiet(look), name="night", batch_size="auto", workers=2)

    assert snapshot() == alone
    assert max(filter(None, ranges)) > 50


def test_auto_reads_no_more_than_a_limit(v2_path: Path) -> None:
    seed(v2_path, submissions=50, answers=1)

    for limit in (1, 7):
        report = run(name="night", tables=["submissions"], batch_size="auto", limit=limit)
        assert report.moved == limit


@pytest.mark.parametrize("size", ["fast", "AUTO", "0", "-1", "1.5", "100001", ""])
def test_a_batch_size_nobody_can_have_is_a_wrong_option_and_told_what_is_allowed(size: str) -> None:
    allowed = "takes a whole number from 1 to 100,000 (a batch is held in memory), or auto, got "
    with pytest.raises(CommandError, match=re.escape(f"--batch-size: {allowed}{size!r}")):
        call_command("import_v2", f"--batch-size={size}")


@pytest.mark.parametrize("command", ["verify_v2", "rollback_v2"])
def test_only_the_import_finds_a_size_by_itself(command: str) -> None:
    name = ["night"] if command == "rollback_v2" else []
    with pytest.raises(CommandError, match=r"from 1 to 100,000 .*, got 'auto'"):
        call_command(command, *name, "--batch-size=auto")


def test_a_log_gets_lines_of_progress_where_asked_for_and_none_otherwise(
    v2_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(v2_path, submissions=20, answers=1)

    call_command("import_v2", "--name=one", "--limit=30")
    assert capsys.readouterr().err == ""
    call_command("import_v2", "--name=one", "--progress-every=60")

    lines = capsys.readouterr().err.splitlines()
    assert any(
        re.fullmatch(r"submissions: 20 of 20 \(100 %\), .* kB copied.*", one) for one in lines
    )
    with pytest.raises(CommandError, match="--progress-every: takes a whole number of at least 1"):
        call_command("import_v2", "--progress-every=0")
