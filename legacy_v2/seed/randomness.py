"""The dice of the demo database: the same throws for the same seed, on every machine."""

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_IDS_AT_ONCE = 256


class Dice:
    """Random choices out of a seed; each purpose has a stream of its own.

    Only ``random()`` and ``getrandbits()`` are used: Python keeps their results from version to
    version, and does not promise it for the rest.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._random = random.Random(f"{purpose} {seed}")  # noqa: S311 - demo data, no secret
        self.throw = self._random.random

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, and without, the limit."""
        return int(self.throw() * limit)

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.throw() * len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in another order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in items]

    def ids(self) -> Iterator[str]:
        """Random (version 4) GUIDs without end, in upper case as SQL Server shows them."""
        while True:
            digits = f"{self._random.getrandbits(128 * _IDS_AT_ONCE):0{32 * _IDS_AT_ONCE}X}"
            for n in range(0, 32 * _IDS_AT_ONCE, 32):
                variant = "89AB"[int(digits[n + 16], 16) & 3]
                yield (
                    f"{digits[n : n + 8]}-{digits[n + 8 : n + 12]}-4{digits[n + 13 : n + 16]}"
                    f"-{variant}{digits[n + 17 : n + 20]}-{digits[n + 20 : n + 32]}"
                )
