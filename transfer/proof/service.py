"""A whole verification of the values: every record of every table, or a sample, page by page."""

import gc
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from legacy_v2 import models as v2
from transfer.answer_columns import AnswerColumns
from transfer.batch import TableState
from transfer.extract import scan
from transfer.ledger import Ledger
from transfer.models import DifferenceKind
from transfer.pace import Pace, Pacing
from transfer.pipeline import Interruption, Observer
from transfer.proof import reading
from transfer.proof.books import MAX_STORED, Books, Verification
from transfer.proof.compare_submissions import SubmissionsComparer
from transfer.proof.compared import GROUP, Compared
from transfer.proof.document import MODULUS, Mismatch, column, encode, excerpts
from transfer.proof.errors import Errors
from transfer.proof.reading import Page, Parts, Place
from transfer.proof.reference import Settings, V2Reference
from transfer.proof.rules import recorded
from transfer.proof.slugs import Slugs, wishes
from transfer.proof.stored import Stored
from transfer.source import Source

# Between two checkpoints at most, unless more was found than is good to hold.
SECONDS_BETWEEN = 2.0
FOUND_BETWEEN = 500
STRAYS_AT_ONCE = 500
ALLOCATIONS_BETWEEN = 200_000  # objects more than were freed, between two looks for cycles
COUNTS = (
    "compared", "equal", "failed", "ready", "made_since", "changed_since", "missing",
    "differing",
)  # fmt: skip


@dataclass
class TableProof:
    """What was found in one table so far; ``as_json`` and ``from_json`` keep it in the books.

    Args:
        place: the place reached in v2.
        done: every record was looked at.
        strays_after: the last of v3's ids that v2 was asked for; None: none yet.
        counts: by the names in COUNTS, and ``strays``: rows of v3 that v2 has no record for.
        digest_v2: of all that v3 has to hold, of the records compared.
        digest_v3: of what it holds.
        places: (kind, place) → how many.
        stored: kind → how many of them are kept.
    """

    place: Place = field(default_factory=Place)
    done: bool = False
    strays_after: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    digest_v2: int = 0
    digest_v3: int = 0
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)

    @property
    def different(self) -> int:
        """Records that differ from what they have to be, are missing, or are of nobody in v2."""
        return self.counts["differing"] + self.counts["missing"] + self.counts["strays"]

    def add(self, found: Compared) -> None:
        """Count what a page added."""
        for name in COUNTS:
            self.counts[name] += getattr(found, name)
        self.digest_v2 = (self.digest_v2 + found.digest_v2) % MODULUS
        self.digest_v3 = (self.digest_v3 + found.digest_v3) % MODULUS

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON document."""
        return {
            "place": list(self.place),
            "done": self.done,
            "strays_after": self.strays_after,
            "counts": dict(self.counts),
            "digests": [f"{self.digest_v2:064x}", f"{self.digest_v3:064x}"],
            "places": [[*key, number] for key, number in self.places.items()],
            "stored": dict(self.stored),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "TableProof":
        """What ``as_json`` made."""
        digest_v2, digest_v3 = (int(one, 16) for one in document["digests"])
        return cls(
            Place(*document["place"]),
            document["done"],
            document["strays_after"],
            Counter(document["counts"]),
            digest_v2,
            digest_v3,
            Counter({(kind, place): n for kind, place, n in document["places"]}),
            Counter(document["stored"]),
        )


@dataclass
class Proof:
    """Everything a verification of the values found.

    Args:
        tables: by v3's table.
        groups: (organization, form), empty where v2 has none → numbers as compare.GROUP names
            them.
    """

    tables: dict[str, TableProof] = field(default_factory=dict)
    groups: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def compared(self) -> int:
        """Records of all tables that were compared."""
        return sum(proof.counts["compared"] for proof in self.tables.values())

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON document."""
        return {
            "tables": {table: proof.as_json() for table, proof in self.tables.items()},
            "groups": [[*key, *numbers] for key, numbers in self.groups.items()],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Proof":
        """What ``as_json`` made; of an empty one, nothing yet."""
        return cls(
            {key: TableProof.from_json(one) for key, one in document.get("tables", {}).items()},
            {(one[0], one[1]): list(one[2:]) for one in document.get("groups", [])},
        )


@dataclass
class Prover:
    """Verifies the values of one migration.

    Args:
        source: v2.
        stored: v3's rows.
        settings: the migration's.
        since: v2's time at which it began.
        parts: v2's queries for a table, those of its scope.
        tables: those to look at, parents first.
        books: where what is found is kept.
        size: records a page.
        sample: records of each large table that are looked at; None: all.
        seed: decides which.
        stop: whether the user asked to stop.
        observer: who watches.
        pacing: how fast v2 is read.
    """

    source: Source
    stored: Stored
    settings: Settings
    since: datetime
    parts: Parts
    tables: Sequence[str]
    books: Books
    size: int
    sample: int | None
    seed: int
    stop: Interruption
    observer: Observer
    pacing: Pacing

    @cached_property
    def _pace(self) -> Pace:
        return Pace(self.pacing, lambda: self.stop.asked)

    @cached_property
    def ref(self) -> V2Reference:
        """v2's small tables."""
        return V2Reference(self.source, self.settings)

    def run(self, verification: Verification) -> Proof:
        """Look at everything that has not been looked at.

        Returns:
            What was found; where the user asked to stop, so far.
        """
        proof = Proof.from_json(verification.state)
        # In their order, which jsonb does not keep. Where something differed it may have been
        # mended since: looked at anew.
        before = {key: one for key, one in proof.tables.items() if not one.different}
        if "submissions" not in before:
            proof.groups.clear()
        proof.tables = {one: before.get(one, TableProof()) for one in self.tables}
        self.stored.open()
        errors = Errors(self.source, self.stored)
        comparer = SubmissionsComparer(self.source, self.stored, self.ref, self.since, errors)
        keeper = _Keeper(self.books, self.stored, verification, proof)
        with closing(self.stored), self.stop.finishing(), rare_collections():
            for table, own in proof.tables.items():
                if not own.done and not self.stop.asked:
                    self._prove(table, own, comparer, keeper)
            keeper.keep()
        return proof

    def _prove(
        self, table: str, own: TableProof, comparer: SubmissionsComparer, keeper: "_Keeper"
    ) -> None:
        state = TableState(table, "in_progress", total=self._total(table))
        _show(state, own)
        self.observer.table_started(state)
        if table in ("organizations", "forms"):
            comparer.slugs[table] = self._slugs(table)
        for page in self._ahead(table, self._pages(table, own)):
            found = self._compare(table, page, comparer)
            own.add(found)
            own.place = page.place
            keeper.add(table, own, found)
            _show(state, own)
            self.observer.batch_loaded(state)
            if self.stop.asked:
                break
        else:
            # Asked to stop in a pause, the pages end before the table does.
            own.done = not self.stop.asked and (
                not self._is_whole(table) or self._found_strays(table, own, keeper)
            )
        keeper.keep()
        self.observer.table_ended(state)

    def _is_whole(self, table: str) -> bool:
        return self.sample is None or table not in reading.SAMPLED

    def _total(self, table: str) -> int:
        if table == "users" and not self.source.has(v2.User):
            return 0
        total = sum(self.source.count(part) for part in self.parts(table))
        return total if self._is_whole(table) or self.sample is None else min(total, self.sample)

    def _pages(self, table: str, own: TableProof) -> Iterator[Page]:
        if self._is_whole(table) or self.sample is None:
            return reading.pages(self.source, self.parts, table, self.size, own.place)
        ids = reading.sample(self.source, self.parts, table, self.sample, self.seed)
        return reading.sampled(self.source, table, ids)

    def _ahead(self, table: str, pages: Iterator[Page]) -> Iterator[Page]:
        """The pages, each while v3 is asked for the next one's rows and v2 for its records.

        With pauses between them each is compared before the pause, so none is read ahead.
        """
        if self.pacing.limited:
            for page in self._pace.between(pages):
                self.stored.expect(table, [recorded(row[0]) for row in page.rows])
                yield page
            return
        before = None
        for page in pages:
            self.stored.expect(table, [recorded(row[0]) for row in page.rows])
            if before is not None:
                yield before
            before = page
        if before is not None:
            yield before

    def _compare(self, table: str, page: Page, comparer: SubmissionsComparer) -> Compared:
        rows: Any = page.rows
        if table == "organizations":
            return comparer.organizations(rows)
        if table == "users":
            return comparer.users(rows)
        if table == "forms":
            return comparer.forms(rows, page.settings)
        return comparer.submissions(rows, page.answers or AnswerColumns(()))

    def _slugs(self, table: str) -> Slugs:
        model: Any = v2.Organization if table == "organizations" else v2.FormType
        rows = scan(self.source, model, ("id", "name", "created_on"))
        owners = {form: owner for form, (_, owner) in self.ref.forms.items()}
        return Slugs(
            self.stored, table, wishes(rows, owners if table == "forms" else {}), self.since
        )

    def _found_strays(self, table: str, own: TableProof, keeper: "_Keeper") -> bool:
        """Look for the migration's rows that v2 has no record for, if there must be some.

        Returns:
            Whether all were looked at; not where the user asked to stop.
        """
        if self.stored.count(table) == own.counts["compared"]:
            return True
        while ids := self.stored.ids(table, own.strays_after, STRAYS_AT_ONCE):
            if self.stop.asked:
                return False
            known = reading.present(self.source, self.parts, table, ids)
            strays = self.stored.rows(table, [one for one in ids if one not in known])
            kind = DifferenceKind.MISSING_IN_V2.value
            found = Compared(ids=list(strays))
            for key, row in strays.items():
                shown = excerpts(None, encode(row).decode())[1]
                found.mismatches.append(Mismatch(table, key, kind, "", None, shown))
            own.counts["strays"] += len(strays)
            own.strays_after = ids[-1]
            keeper.add(table, own, found)
        return True


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let Python look for garbage in cycles seldom: pages are many small tuples and no cycle.

    A third of the time would go into looking through them again and again.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BETWEEN, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class _Keeper:
    """Holds what was found until it is stored with the place behind it."""

    def __init__(
        self, books: Books, stored: Stored, verification: Verification, proof: Proof
    ) -> None:
        self._books = books
        self._stored = stored
        self._verification = verification
        self._proof = proof
        self._ids: dict[str, list[str]] = {}
        self._mismatches: list[Mismatch] = []
        self._beyond: list[Mismatch] = []
        self._last = time.monotonic()

    def add(self, table: str, own: TableProof, found: Compared) -> None:
        """Take in what a page found; store it if it is time."""
        self._ids.setdefault(table, []).extend(found.ids)
        for one in found.mismatches:
            own.places[one.kind, column(one.place)] += 1
            if own.stored[one.kind] < MAX_STORED:
                own.stored[one.kind] += 1
                self._mismatches.append(one)
            else:
                self._beyond.append(one)
        own.places.update(found.untold)
        for key, numbers in found.groups.items():
            sums = self._proof.groups.setdefault(key, [0] * len(GROUP))
            for at, number in enumerate(numbers):
                sums[at] += number
        is_late = time.monotonic() - self._last > SECONDS_BETWEEN
        if is_late or len(self._mismatches) + len(self._beyond) >= FOUND_BETWEEN:
            self.keep()

    def keep(self) -> None:
        """Store it."""
        self._stored.settle()
        self._verification.state = self._proof.as_json()
        self._books.keep(self._verification, self._ids, self._mismatches, self._beyond)
        self._ids, self._mismatches, self._beyond = {}, [], []
        self._last = time.monotonic()


def _show(state: TableState, own: TableProof) -> None:
    done = own.counts["compared"] + own.counts["missing"] + own.counts["made_since"]
    failed = own.counts["failed"]
    state.records = Ledger(done + failed, done)
    if failed:
        state.records.failed["errors"] = failed
