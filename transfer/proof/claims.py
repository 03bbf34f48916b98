"""Wishes for what an organization has once, kept on this machine's disk while a proof goes on.

Emails and lookup codes are compared folded, and by code point, as no two of v2's servers do, nor
has v2 an index on either: asked page by page it would read a whole table each time. So it is read
once, and only if any page needs it, into a SQLite file without a name, which nobody else can
open. A few megabytes of it are in memory. A proof that was stopped and goes on reads v2 again.
"""

import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

FEWEST = 8  # digits of an Id that numbers are made of


class Claim(NamedTuple):
    """A row and the value it wants.

    Args:
        organization: its organization's id.
        value: what it wants, as v3 would hold it.
        id: its id.
        timeless: 1: it has no CreatedOn, and comes after all that have (M1); -1: it comes before
            all of v2, for it is v3's own.
        created_on: v2's time as text that sorts as it does, else empty.
        failed: 1: as an error of the run tells it; 0: as v2 has it.
        sure: 1: it was there with this wish when the migration began, by all that v2 tells.
    """

    organization: str
    value: str
    id: str
    timeless: int
    created_on: str
    failed: int = 0
    sure: int = 0

    @property
    def rank(self) -> tuple[int, str, str]:
        """Who has the less was first: (CreatedOn, Id), what has no time last (M1)."""
        return self.timeless, self.created_on, self.id


def at(made: object) -> tuple[int, str]:
    """A CreatedOn as a Claim has it: timeless, created_on."""
    return (0, str(made)) if isinstance(made, datetime) else (1, "")


class Claims:
    """The claims of one table, any number of them."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._file.close)
        self._file.executescript(
            """
            CREATE TABLE claims (organization, value, id, timeless, created_on, failed, sure);
            CREATE TEMPORARY TABLE wishes (organization, value);
            """
        )
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", claims)
        self._file.execute("COMMIT")
        self._file.executescript(
            f"""
            CREATE INDEX by_value ON claims (organization, value);
            CREATE INDEX failed_by_digits ON claims (substr(id, 1, {FEWEST})) WHERE failed;
            CREATE INDEX failed_by_id ON claims (id) WHERE failed;
            """
        )

    def of(self, wishes: Iterable[tuple[str, str]]) -> Iterator[Claim]:
        """The claims to any of these: (organization, value).

        A row that failed once, and was repaired since, is sure of what its errors tell alone.
        """
        self._wish(wishes)
        statement = """
            SELECT claims.organization, claims.value, id, timeless, created_on, failed,
                   sure AND (failed OR NOT EXISTS (SELECT 1 FROM claims AS own
                                                    WHERE own.failed AND own.id = claims.id))
              FROM temp.wishes AS wish
              JOIN claims USING (organization, value)
        """
        with closing(self._file.execute(statement)) as rows:
            yield from map(Claim._make, rows)

    def failed_of_digits(self, wishes: Iterable[tuple[str, str]]) -> Iterator[Claim]:
        """The rows that failed and whose Ids begin with one of these: (organization, 8 digits)."""
        self._wish(wishes)
        statement = f"""
            SELECT claims.*
              FROM temp.wishes AS wish
              JOIN claims ON claims.failed
                         AND substr(claims.id, 1, {FEWEST}) = wish.value
                         AND claims.organization = wish.organization
        """  # noqa: S608 - a number of this module's own
        with closing(self._file.execute(statement)) as rows:
            yield from map(Claim._make, rows)

    def _wish(self, wishes: Iterable[tuple[str, str]]) -> None:
        self._file.execute("BEGIN")
        self._file.execute("DELETE FROM temp.wishes")
        self._file.executemany("INSERT INTO temp.wishes VALUES (?, ?)", set(wishes))
        self._file.execute("COMMIT")
