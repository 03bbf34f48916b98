"""Whether a submission costs the same, in time and memory, however many there are (j)."""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import database
from benchmarks.common import Place, manage
from benchmarks.contestants import NAME
from benchmarks.database import Connection
from benchmarks.dataset import Dataset, dataset
from benchmarks.figures import Series
from benchmarks.goals import scaled
from benchmarks.processes import Run
from benchmarks.render import Findings


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
            took.add(done.seconds, done.cpu, number)
            print(f"  {took.name}: {done.seconds:.2f} s", file=sys.stderr, flush=True)
    peaks = [_imported(at, v3, one, words, watch=True).memory for one in data]
    for key, took, peak in zip(("j1", "j2"), series, peaks, strict=True):
        found.series[key] = took
        if peak:
            found.memory[took.name] = peak
    found.results += scaled(sizes, series, peaks)


def _imported(
    at: Place, v3: Connection, data: Dataset, words: tuple[str, ...], *, watch: bool = False
) -> Run:
    database.reset(v3)
    done = manage(at.v2(data.path), "import_v2", "--name", NAME, *words, watch=watch)
    database.expect(v3, data, "import_v2")
    return done
