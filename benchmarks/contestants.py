"""Who takes part: each runs once a round, from v3 as it has to find it to a result looked over."""

import json
import sys
from dataclasses import dataclass, field

from benchmarks import database, pgloader, resume, strategy
from benchmarks.asked import AUTO, Asked, batches
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
WRITERS = frozenset("acdefk")
DEAR = frozenset("ek")
ALL = frozenset(NAMES) | {"i"}
# A small v2 has ten batches at least: or it could not be killed at 90 % of them.
BATCHES = 10


@dataclass(slots=True)
class Contest:
    """The contestants of one benchmark, and what they have taken so far.

    Args:
        at: where they run.
        v3: a connection of the benchmark's own, in autocommit.
        data: the v2.
        asked: which take part; a always does.
        manner: with how many workers and in which batches a imports this v2.
        dear: how many rounds e and k take part in; they take longest, or are nobody's rival.
        words: further words for import_v2.

    Attributes:
        series: times, by contestant.
        memory: peaks, by command.
        left_out: why a contestant did not take part.
        killed: by round, the share of the submissions that the books had when k was killed.
    """

    at: Place
    v3: Connection
    data: Dataset
    asked: frozenset[str]
    manner: Asked
    dear: int
    words: tuple[str, ...] = ()
    series: dict[str, Series] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    killed: dict[int, float] = field(default_factory=dict)
    _dsn: str = ""
    _round: int = 1

    @property
    def environment(self) -> dict[str, str]:
        """Of every command: this v2, this v3."""
        self._dsn = self._dsn or self.at.dsn()
        return self.at.v2(self.data.path) | {"BENCH_V3": self._dsn}

    def prepare(self) -> None:
        """What is made once, and counted for nobody."""
        if "d" in self.asked:
            print("v2 into the same PostgreSQL, for strategy.md's SQL", file=sys.stderr, flush=True)
            strategy.stage(self.v3, self.data.path)

    def round(self, number: int) -> None:
        """Every contestant once; what leans on a finished import follows it."""
        self._round = number
        for key, run_it in (
            ("b", self.read_floor),
            ("a", self.imported),
            ("h", self.again),
            ("g", self.verified),
            ("c", self.copy_floor),
            ("d", self.strategy),
            ("f", self.plain),
            ("e", self.pgloader),
            ("k", self.resumed),
        ):
            if key in self.asked and (number <= self.dear or key not in DEAR):
                run_it()

    def imported(self, *, watch: bool = False) -> Run:
        """The import as a user runs it, into empty tables; not timed where it is watched (a)."""
        database.reset(self.v3)
        done = manage(self.environment, "import_v2", "--name", NAME, *self.words, watch=watch)
        if not watch:
            self._take("a", done.seconds, done.cpu)
        return done

    def again(self) -> None:
        """The same command where all is there already (h)."""
        done = manage(self.environment, "import_v2", "--name", NAME, *self.words)
        self._take("h", done.seconds, done.cpu)

    def verified(self, *, watch: bool = False) -> Run:
        """The full proof of what the import left (g)."""
        done = manage(self.environment, "verify_v2", "--name", NAME, watch=watch)
        if not watch:
            self._take("g", done.seconds, done.cpu)
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
        self._take("c", took["seconds"], took["cpu"])

    def strategy(self) -> None:
        """strategy.md's SQL, v2 being there already (d)."""
        database.reset(self.v3)
        self._take("d", strategy.migrate(self.v3))

    def pgloader(self) -> None:
        """The same with v2 brought there by pgloader, which counts (e)."""
        if "e" in self.left_out:
            return
        database.reset(self.v3)
        try:
            staging = pgloader.stage(
                self.v3, self.environment["BENCH_V3"], self.data.path, self.at.folder
            )
        except pgloader.PgloaderError as error:
            self.left_out["e"] = str(error)
            return
        self._take("e", staging + strategy.migrate(self.v3, pgloader.STAGED))
        self.v3.execute(f"DROP SCHEMA {pgloader.STAGED} CASCADE")

    def plain(self) -> None:
        """What one would write oneself (f)."""
        database.reset(self.v3)
        done = run([sys.executable, "-m", "benchmarks.plain_import"], self.environment)
        self._take("f", done.seconds, done.cpu)

    def resumed(self) -> None:
        """The second start of an import that was killed at 90 % (k)."""
        database.reset(self.v3)
        # Smaller batches would be worth more workers than a has; the last word counts.
        own = ("--batch-size", self.batch_of_k, "--workers", str(self.manner.workers[0]))
        words = ("import_v2", "--name", NAME, *self.words, *own)
        try:
            done, reached = resume.killed_and_resumed(
                self.v3, self.environment, words, NAME, self.data.submissions
            )
        except resume.TooFastError as error:
            if "k" not in self.series:
                self.left_out["k"] = str(error)
            return
        self.left_out.pop("k", None)
        self.killed[self._round] = reached / self.data.submissions
        self._take("k", done.seconds, done.cpu)

    @property
    def batch_of_k(self) -> str:
        """Batch size of the import that is killed: that of a, or a tenth of v2 if that is less."""
        if (size := self.manner.batch_size) == AUTO:
            return AUTO
        return str(max(1, min(int(size), self.data.submissions // BATCHES)))

    def about_k(self) -> list[str]:
        """What a reader has to know of k: where it was killed, and what it has unlike a."""
        if not self.killed:
            return []
        own, of_a = self.batch_of_k, self.manner.batch_size
        unlike = f"k ran with {batches(own)}, a with {batches(of_a)}: or it is over too soon"
        return [self.how_far(), *([unlike] if own != of_a else [])]

    def how_far(self) -> str:
        """How far the imports were that were killed: the more they had, the less k had to do."""
        shares = (f"{share * 100:.1f} % in round {n}" for n, share in self.killed.items())
        return f"what k resumes was killed when the books said {', '.join(shares)}"

    def peaks(self) -> None:
        """Peak memory of the import and of the proof, in runs of their own (i)."""
        if "i" not in self.asked:
            return
        print("memory", file=sys.stderr, flush=True)
        for name, done in (
            ("import_v2", self.imported(watch=True)),
            ("verify_v2", self.verified(watch=True)),
        ):
            if done.memory:
                self.memory[name] = done.memory

    def _program(self, module: str, *words: str) -> dict[str, float]:
        """Run one of the benchmark's own programs; what it prints."""
        done = run([sys.executable, "-m", module, *words], self.environment)
        found: dict[str, float] = json.loads(done.output)
        return found

    def _take(self, key: str, seconds: float, cpu: float | None = None) -> None:
        """Take a time, if v3 holds all it has to; look at it more closely the first time."""
        database.expect(self.v3, self.data, NAMES[key])
        self._add(key, seconds, cpu)
        if key in WRITERS and not self.series[key].facts:
            self.series[key].facts = found = database.facts(self.v3)
            if found["fields"] != self.data.fields:
                raise SystemExit(
                    f"{NAMES[key]} left {found['fields']:,} answered fields in v3, and v2 has"
                    f" {self.data.fields:,}: nothing is compared"
                )

    def _add(self, key: str, seconds: float, cpu: float | None = None) -> None:
        self.series.setdefault(key, Series(NAMES[key])).add(seconds, cpu, self._round)
        print(f"  {key}. {NAMES[key]}: {seconds:.2f} s", file=sys.stderr, flush=True)
