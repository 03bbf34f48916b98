"""Holds what was found until it is stored, with the place behind it."""

import time

from transfer.proof.books import MAX_STORED, Books, Verification
from transfer.proof.compared import GROUP, Compared
from transfer.proof.document import Mismatch, column
from transfer.proof.stored import Stored
from transfer.proof.tally import Proof, TableProof

# Between two checkpoints at most, unless more was found than is good to hold.
SECONDS_BETWEEN = 2.0
FOUND_BETWEEN = 500


class Keeper:
    """Stores what a verification finds, every now and then.

    Args:
        books: where.
        stored: v3, of which nothing may be asked meanwhile.
        verification: the one at hand.
        proof: all that it has found.
    """

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
