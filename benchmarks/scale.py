"""Whether a submission costs the same, in time and memory, however many there are (j)."""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import database
from benchmarks.common import Place, manage
from benchmarks.contestants import NAME
from benchmarks.database import Connection
from benchmarks.dataset import Dataset, dataset
from benchmarks.figures import Goal, Result, Series, ratio
from benchmarks.processes import Memory, Run
from benchmarks.render import Findings

TIME = Goal("time_at_scale", "time a submission, {large} ÷ {small}", 1.1, 1.0)
MEMORY = Goal("memory_at_scale", "peak memory, {large} ÷ {small}", 1.1)


def measure(
    at: Place,
    v3: Connection,
    folder: Path,
    sizes: Sequence[int],
    found: Findings,
    *,
    answers: int,
    rounds: int,
    words: tuple[str, ...] = (),
) -> None:
    """Import a small v2 and a large one, in turn; add what they take to the findings.

    Args:
        at: where.
        v3: a connection, in autocommit.
        folder: where the v2 files are kept.
        sizes: submissions of the small one and the large one.
        found: what to add to.
        answers: of each submission.
        rounds: imports of each.
        words: further words for import_v2.
    """
    data = [dataset(at, folder, size, answers) for size in sizes]
    series = [Series(f"import_v2 of {size:,}") for size in sizes]
    for number in range(1, rounds + 1):
        print(f"scale, round {number} of {rounds}", file=sys.stderr)
        for one, took in zip(data, series, strict=True):
            done = _imported(at, v3, one, words)
            took.add(done.seconds, done.cpu)
            print(f"  {took.name}: {done.seconds:.2f} s", file=sys.stderr, flush=True)
    peaks = [_imported(at, v3, one, words, watch=True).memory for one in data]
    for key, took, peak in zip(("j1", "j2"), series, peaks, strict=True):
        found.series[key] = took
        if peak:
            found.memory[took.name] = peak
    found.results += results(sizes, series, peaks)


def results(
    sizes: Sequence[int], series: Sequence[Series], peaks: Sequence[Memory | None]
) -> list[Result]:
    """The large one against the small one: seconds a submission, and peak memory."""
    small, large = (
        Series(took.name, [one / size for one in took.seconds])
        for size, took in zip(sizes, series, strict=True)
    )
    names = {"small": f"{sizes[0]:,}", "large": f"{sizes[1]:,}"}
    time, memory = (
        Goal(goal.key, goal.text.format(**names), goal.bar, goal.hoped) for goal in (TIME, MEMORY)
    )
    less, more = peaks
    value = more.pss / less.pss if more and less else None
    why = "" if value else "this system does not tell it (/proc/PID/smaps_rollup)"
    return [ratio(time, large, small), Result(memory, value, why=why)]


def _imported(
    at: Place, v3: Connection, data: Dataset, words: tuple[str, ...], *, watch: bool = False
) -> Run:
    database.reset(v3)
    done = manage(at.v2(data.path), "import_v2", "--name", NAME, *words, watch=watch)
    database.expect(v3, data, "import_v2")
    return done
