"""A page of v2's rows, in columns or row by row, and the key that it ends with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(slots=True)
class Page:
    """The rows of one query, column by column, every value in the form the mapping takes.

    ``last_key`` is the last row's first value as the server gave it, as text, empty where it is
    none. ``cut``: the page ends before the query does, for its texts are long.
    """

    columns: Sequence[Sequence[Any]]
    last_key: str
    length: int
    cut: bool = False

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as plain tuples."""
        return zip(*self.columns, strict=True)


@dataclass(slots=True)
class RowPage:
    """The rows of one query as the server gave them; ``cut`` as Page's.

    ``whole``: the ids in the first column are whole numbers.
    """

    rows: list[tuple[Any, ...]]
    cut: bool = False
    whole: bool = False

    @property
    def length(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def last_key(self) -> str:
        """The last row's first value, as Page's."""
        return self.key(-1) if self.rows else ""

    def key(self, row: int) -> str:
        """A row's first value, as ``last_key``."""
        return key_text(self.rows[row][0], whole=self.whole)


def key_text(key: object, *, whole: bool) -> str:
    """A key as a checkpoint holds it and the server takes it back; empty where it is none.

    ``whole``: the column's ids are whole numbers. In SQLite a column of texts can hold a number
    too, which sorts before every text: nothing would be behind it if it came back as one.
    """
    is_key = isinstance(key, str | UUID | int) and not isinstance(key, bool)
    return str(key) if is_key and (whole or not isinstance(key, int)) else ""
