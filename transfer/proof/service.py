"""A whole verification of the values: every record of every table, or a sample, page by page."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from legacy_v2 import models as v2
from transfer.batch import TableState
from transfer.extract import scan
from transfer.models import DifferenceKind
from transfer.pace import Pace, Pacing
from transfer.pipeline import Interruption, Observer
from transfer.proof import reading
from transfer.proof.books import Books, Verification
from transfer.proof.compared import Compared
from transfer.proof.document import Mismatch, encode, excerpts
from transfer.proof.keeper import Keeper
from transfer.proof.paging import PageProver, Proved, rare_collections
from transfer.proof.reading import Page, Parts
from transfer.proof.reference import Settings, V2Reference
from transfer.proof.side_by_side import PAGES_A_RANGE, SideBySide, Team
from transfer.proof.slugs import Slugs, wishes
from transfer.proof.stored import Stored
from transfer.proof.tally import Proof, TableProof
from transfer.source import Source

STRAYS_AT_ONCE = 500


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
        pacing: how fast v2 is read; where that is limited, this process alone reads it.
        team: who compares the submissions; None: this process alone.
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
    team: Team | None = None
    _side_by_side: SideBySide | None = None

    @property
    def _pace(self) -> Pace | None:
        return Pace(self.pacing, lambda: self.stop.asked) if self.pacing.limited else None

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
        if "submissions" in proof.tables and not proof.tables["submissions"].done:
            self._begin_side_by_side()
        self.stored.open()
        prover = PageProver(self.source, self.stored, self.ref, self.since, self._pace)
        keeper = Keeper(self.books, self.stored, verification, proof)
        with closing(self.stored), self.stop.finishing(), rare_collections():
            for table, own in proof.tables.items():
                if not own.done and not self.stop.asked:
                    self._prove(table, own, prover, keeper)
            keeper.keep()
        return proof

    def _begin_side_by_side(self) -> None:
        """Have the crew get ready for the submissions, where there are enough for it."""
        if self.team is None or self.pacing.limited or self.sample is not None:
            return
        number = self.team.number_for(self._total("submissions"))
        if number > 1:
            self._side_by_side = SideBySide(
                self.team, number, self.stop, self.observer, again=self.books.has_open
            )

    def _prove(self, table: str, own: TableProof, prover: PageProver, keeper: Keeper) -> None:
        state = TableState(table, "in_progress", total=self._total(table))
        own.show(state)
        self.observer.table_started(state)
        if table in ("organizations", "forms"):
            prover.know(table, self._slugs(table))
        for place, found in self._proved(table, own, prover):
            own.add(found)
            own.place = place
            keeper.add(table, own, found)
            own.show(state)
            self.observer.batch_loaded(state)
        # Asked to stop, the pages end before the table does.
        own.done = not self.stop.asked and (
            not self._is_whole(table) or self._found_strays(table, own, keeper)
        )
        keeper.keep()
        self.observer.table_ended(state)

    def _proved(self, table: str, own: TableProof, prover: PageProver) -> Iterator[Proved]:
        if table == "submissions" and self._side_by_side:
            rows = self.size * PAGES_A_RANGE
            ranges = reading.ranges(self.source, self.parts, rows, own.place)
            yield from self._side_by_side.proved(ranges)
            return
        for page in prover.proved(table, self._pages(table, own)):
            yield page
            if self.stop.asked:
                return

    def aside(self) -> Any:  # noqa: ANN401 - what the team did beside it
        """What was done beside the comparison of the submissions; None: nothing was."""
        return self._side_by_side.aside() if self._side_by_side else None

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

    def _slugs(self, table: str) -> Slugs:
        model: Any = v2.Organization if table == "organizations" else v2.FormType
        rows = scan(self.source, model, ("id", "name", "created_on"))
        owners = {form: owner for form, (_, owner) in self.ref.forms.items()}
        return Slugs(
            self.stored, table, wishes(rows, owners if table == "forms" else {}), self.since
        )

    def _found_strays(self, table: str, own: TableProof, keeper: Keeper) -> bool:
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
