"""What a refused row costs a batch: the loader alone, in this process, against a real PostgreSQL.

    python -m benchmarks.fallback
    python -m benchmarks.fallback --server postgres://user@host:5432 --sizes 1000

A clean batch and the same batch with one refused row (first, in the middle, last, anywhere), or
with every tenth row refused, go into empty tables in turn. The bar: one refused row costs no more
than twice the clean batch. Rows are refused in three ways, for PostgreSQL tells of them at three
moments: ``value`` while the row is read (a number too long), ``unique`` while it is written, and
``reference`` at the statement's end, where it names no row.
"""

import dataclasses
import os
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, NamedTuple
from unittest import mock

from benchmarks.common import MIB, arguments, heed_ends, manage, place, spread, where
from benchmarks.processes import run

SEED = 7
BAR = 2.0


class Case(NamedTuple):
    """A batch to load: which of its rows are refused, and how."""

    name: str
    kind: str
    places: Callable[[int], list[int]]


def _cases() -> list[Case]:
    dice = random.Random(SEED)  # noqa: S311 - nothing here is a secret
    positions: dict[str, Callable[[int], list[int]]] = {
        "first": lambda _n: [0],
        "middle": lambda n: [n // 2],
        "last": lambda n: [n - 1],
        "anywhere": lambda n: [dice.randrange(1, n - 1)],
        "every tenth": lambda n: list(range(5, n, 10)),
    }
    return [Case("clean", "", lambda _n: [])] + [
        Case(name, kind, found)
        for kind in ("value", "unique", "reference")
        for name, found in positions.items()
    ]


def _spoiled(row: Any, kind: str, other: Any) -> Any:  # noqa: ANN401 - a v3 row, whatever its columns
    match kind:
        case "value":
            return row._replace(submission_number="x" * 60)
        case "unique":
            return row._replace(
                organization_id=other.organization_id, submission_number=other.submission_number
            )
    return row._replace(form_id=row.id)  # each refused row's form is another, and nowhere


class Bench:
    """A v3 with organizations, users and forms in it, and submissions mapped but not loaded."""

    def __init__(self, largest: int) -> None:
        from transfer.load import Loader  # noqa: PLC0415 - Django has to be set up before
        from transfer.options import ImportOptions  # noqa: PLC0415 - as above
        from transfer.target import Target  # noqa: PLC0415 - as above

        captured: list[Any] = []
        real = Loader.load

        def capture(loader: Loader, batch: Any) -> Any:  # noqa: ANN401 - as Loader.load
            if batch.step.table == "submissions" and batch.outcomes:
                captured.append(batch)
                raise KeyboardInterrupt
            return real(loader, batch)

        options = ImportOptions.build(name="fill", batch_size=largest)
        with mock.patch.object(Loader, "load", capture), suppress(KeyboardInterrupt):
            _import(options)
        (self._whole,) = captured
        self.target = Target("benchmark")

    def batch(self, size: int, case: Case) -> Any:  # noqa: ANN401 - a MappedBatch
        """The first rows, some of them spoiled."""
        outcomes = self._whole.outcomes[:size]
        rows = [outcome.row for outcome in outcomes]
        for spot in case.places(size):
            other = rows[1] if spot == 0 else rows[0]
            rows[spot] = _spoiled(rows[spot], case.kind, other)
        kept = [
            dataclasses.replace(outcome, row=row)
            for outcome, row in zip(outcomes, rows, strict=True)
        ]
        records = {o.record_id: self._whole.records[o.record_id] for o in outcomes}
        return dataclasses.replace(
            self._whole,
            outcomes=kept,
            records=records,
            number=1,
            read=size,
            answers_read=sum(outcome.answers.read for outcome in kept),
        )

    def load(self, batch: Any) -> tuple[float, int]:  # noqa: ANN401 - a MappedBatch
        """Seconds to load a batch into empty tables, and how many of its rows were refused."""
        from transfer.journal import DatabaseJournal  # noqa: PLC0415 - as above
        from transfer.load import Loader  # noqa: PLC0415 - as above
        from transfer.options import ImportOptions  # noqa: PLC0415 - as above
        from transfer.progress import open_migration, start_table  # noqa: PLC0415 - as above

        writer = self.target.writer
        writer.execute("TRUNCATE submissions, migration_progress, migration_errors CASCADE")
        size = len(batch.outcomes)
        fingerprint = ImportOptions().fingerprint("here")
        migration = open_migration(writer, "bench", [batch.step], fingerprint, size)
        start_table(writer, "bench", migration.states["submissions"], size)
        journal = DatabaseJournal(
            "bench", migration.started_at, migration.states, max_stored_warnings=1000
        )
        loader = Loader(self.target, journal)
        began = time.perf_counter()
        loader.load(batch)
        seconds = time.perf_counter() - began
        rows = writer.execute("SELECT count(*) FROM migration_errors WHERE severity = 'error'")
        return seconds, sum(row[0] for row in rows)


def _import(options: Any) -> None:  # noqa: ANN401 - ImportOptions
    from transfer.console import ConsoleObserver  # noqa: PLC0415 - as above
    from transfer.importer import run_import  # noqa: PLC0415 - as above

    with ConsoleObserver() as observer:
        run_import(options, observer)


def _set_up(environment: dict[str, str]) -> None:
    os.environ.update(environment, DJANGO_SETTINGS_MODULE="pliers.settings")
    import django  # noqa: PLC0415 - it reads the environment

    django.setup()


def _compare(bench: Bench, size: int, kinds: list[str], rounds: int) -> float:
    """Print the medians of each case at a batch size; the worst ratio of a single refusal."""
    cases = [case for case in _cases() if case.kind in ("", *kinds)]
    times: dict[Case, list[float]] = {case: [] for case in cases}
    for case in cases:
        bench.load(bench.batch(size, case))  # once to warm up
    refused: dict[Case, int] = {}
    for _ in range(rounds):
        for case in cases:
            seconds, refused[case] = bench.load(bench.batch(size, case))
            times[case].append(seconds)
    clean = statistics.median(times[cases[0]])
    print(f"\nbatches of {size:,} submissions, {rounds} rounds")
    worst = 0.0
    for case in cases:
        ratio = statistics.median(times[case]) / clean
        best = min(times[case]) / min(times[cases[0]])
        print(
            f"  {case.kind:<10} {case.name:<12} {refused[case]:>5} refused {spread(times[case])}"
            f"  ratio {ratio:.2f}, of the least {best:.2f}"
        )
        if refused[case] == 1:
            worst = max(worst, ratio)
    return worst


def _memory(environment: dict[str, str], size: int, kind: str, name: str) -> tuple[int, int]:
    """The peak memory, in bytes, of a process of its own that maps and loads one such batch.

    Returns:
        The whole process's, and what Python itself took on top while the batch was loaded.
    """
    words = ["--peak", f"{kind}:{name}", "--sizes", str(size)]
    done = run([sys.executable, "-m", "benchmarks.fallback", *words], environment)
    return done.peak, int(done.output)


def main() -> None:
    """Run it."""
    parser = arguments("What a refused row costs a batch.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--kinds", nargs="+", default=["value", "unique", "reference"])
    parser.add_argument("--rounds", type=int, help="of each case (default: by the size)")
    parser.add_argument("--peak", help="for this program's own use")
    chosen = parser.parse_args()
    largest = max(chosen.sizes)
    if chosen.peak:
        _set_up({})
        kind, _, name = chosen.peak.partition(":")
        bench = Bench(largest)
        (case,) = (c for c in _cases() if (c.kind, c.name) == (kind, name))
        batch = bench.batch(largest, case)
        with closing(bench.target):
            tracemalloc.start()
            bench.load(batch)
            print(tracemalloc.get_traced_memory()[1])
        return
    heed_ends()
    with place(chosen.server) as at:
        v2 = at.v2(at.folder / "v2.sqlite3")
        manage(v2, "seed_v2", "--submissions", str(largest))
        _set_up(v2)
        bench = Bench(largest)
        with closing(bench.target):
            print(where(bench.target.writer))
            worst = {
                size: _compare(bench, size, chosen.kinds, chosen.rounds or _rounds(size))
                for size in chosen.sizes
            }
        print(f"\na single refused row, the worst ratio (the bar: {BAR:.0f})")
        for size, ratio in worst.items():
            print(f"  batches of {size:>6,}: {ratio:.2f}")
        print(f"\npeak memory of a process that loads one batch of {largest:,}")
        for kind, name in (("", "clean"), *((kind, "every tenth") for kind in chosen.kinds)):
            whole, loading = _memory(v2, largest, kind, name)
            print(
                f"  {kind:<10} {name:<12} {whole / MIB:6.0f} MiB, of which Python took"
                f" {loading / MIB:.1f} MiB while loading"
            )


def _rounds(size: int) -> int:
    return 5 if size >= 10_000 else 15 if size >= 1_000 else 25


if __name__ == "__main__":
    main()
