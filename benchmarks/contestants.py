"""Who takes part: each runs once a round, from v3 as it has to find it to a result looked over."""

import json
import sys
from dataclasses import dataclass, field

from benchmarks import database
from benchmarks.common import Place, manage
from benchmarks.database import Connection
from benchmarks.dataset import Dataset
from benchmarks.figures import Series
from benchmarks.processes import Memory, Run, run

NAME = "bench"
NAMES = {
    "a": "import_v2",
    "b": "read floor",
    "c": "COPY floor",
    "d": "strategy.md's SQL, v2 staged",
    "e": "pgloader, then that SQL",
    "f": "plain bulk_create importer",
    "g": "verify_v2",
    "h": "import_v2, nothing to do",
    "k": "import_v2 after a kill at 90 %",
}


@dataclass(slots=True)
class Contest:
    """The contestants of one benchmark, and what they have taken so far.

    Args:
        at: where they run.
        v3: a connection of the benchmark's own, in autocommit.
        data: the v2.
        words: further words for import_v2.
    """

    at: Place
    v3: Connection
    data: Dataset
    words: tuple[str, ...] = ()
    series: dict[str, Series] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Of every command: this v2, this v3."""
        return self.at.v2(self.data.path)

    def round(self) -> None:
        """Every contestant once; what leans on a finished import follows it."""
        self.read_floor()
        self.imported()
        self.again()
        self.verified()
        self.copy_floor()

    def imported(self, *, watch: bool = False) -> Run:
        """The import as a user runs it, into empty tables; not timed where it is watched (a)."""
        database.reset(self.v3)
        done = manage(self.environment, "import_v2", "--name", NAME, *self.words, watch=watch)
        if watch:
            return done
        self._add("a", done.seconds, done.cpu)
        database.expect(self.v3, self.data, NAMES["a"])
        self._look("a")
        return done

    def again(self) -> None:
        """The same command where all is there already (h)."""
        done = manage(self.environment, "import_v2", "--name", NAME, *self.words)
        self._add("h", done.seconds, done.cpu)
        database.expect(self.v3, self.data, NAMES["h"])

    def verified(self, *, watch: bool = False) -> Run:
        """The full proof of what the import left (g)."""
        done = manage(self.environment, "verify_v2", "--name", NAME, watch=watch)
        if not watch:
            self._add("g", done.seconds, done.cpu)
        return done

    def read_floor(self) -> None:
        """Reading alone (b)."""
        took = self._program("benchmarks.read_floor", str(self.data.path))
        if took["rows"] < self.data.submissions * (1 + self.data.answers):
            raise SystemExit(f"the read floor has read {took['rows']:.0f} rows only")
        self._add("b", took["seconds"], took["cpu"])

    def copy_floor(self) -> None:
        """COPY alone, of the bytes the first import has left (c)."""
        folder = self.at.folder / "copied"
        if not folder.exists():
            folder.mkdir()
            sizes = database.take_out(self.v3, folder)
            (folder / "sizes.json").write_text(json.dumps(sizes))
        database.reset(self.v3)
        took = self._program("benchmarks.copy_floor", str(folder))
        database.expect(self.v3, self.data, NAMES["c"])
        self._add("c", took["seconds"], took["cpu"])
        self._look("c")

    def peaks(self) -> None:
        """Peak memory of the import and of the proof, in runs of their own (i)."""
        for name, done in (
            ("import_v2", self.imported(watch=True)),
            ("verify_v2", self.verified(watch=True)),
        ):
            if done.memory:
                self.memory[name] = done.memory

    def _program(self, module: str, *words: str) -> dict[str, float]:
        """Run one of the benchmark's own programs; what it prints."""
        environment = self.environment | {"BENCH_V3": self.at.dsn()}
        done = run([sys.executable, "-m", module, *words], environment)
        found: dict[str, float] = json.loads(done.output)
        return found

    def _add(self, key: str, seconds: float, cpu: float | None = None) -> None:
        self.series.setdefault(key, Series(NAMES[key])).add(seconds, cpu)
        print(f"  {key}. {NAMES[key]}: {seconds:.2f} s", file=sys.stderr, flush=True)

    def _look(self, key: str) -> None:
        """See once what a contestant leaves; later rounds have their rows counted only."""
        if not self.series[key].facts:
            self.series[key].facts = database.facts(self.v3)
