"""A file on this machine's disk for what must be compared as a whole, and deleted when closed.

"The same email whatever its case" is Python's case folding of the cleaned text, and "the same
lookup code" is a comparison by code point; no two of v2's servers do either alike. The rows that
may be the same are put here, where text and ids compare as they do in the run's own decision
(transfer.uniqueness), in any number: SQLite keeps a few megabytes of them in memory and the rest
in a file without a name, which nobody else can open.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from types import TracebackType
from typing import Any, NamedTuple, Self

AT_ONCE = 500  # ids a statement


class Wish(NamedTuple):
    """A row's wish for a value its organization has once; form and own say whose row it is."""

    id: str
    organization: str
    created_on: str | None
    value: str
    form: str | None = None
    own: str | None = None


class Spool:
    """The emails and lookup codes of one census, and the submissions looked at one by one."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(
            """
            CREATE TABLE wishes (
                id TEXT, organization TEXT, created_on TEXT, value TEXT, form TEXT, own TEXT
            );
            CREATE TABLE later (id TEXT PRIMARY KEY, form TEXT, own TEXT) WITHOUT ROWID;
            CREATE TABLE singled (id TEXT PRIMARY KEY) WITHOUT ROWID;
            """
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def decide(self, wishes: Iterable[Wish]) -> None:
        """Find the rows whose value an earlier one of the organization has: (CreatedOn, Id), M1.

        What was decided before is forgotten.
        """
        self._file.execute("BEGIN")
        self._file.execute("DELETE FROM wishes")
        self._file.execute("DELETE FROM later")
        self._file.executemany("INSERT INTO wishes VALUES (?, ?, ?, ?, ?, ?)", wishes)
        self._file.execute(
            """
            INSERT OR IGNORE INTO later
            SELECT id, form, own
              FROM (SELECT id, form, own, row_number() OVER (
                               PARTITION BY organization, value
                               ORDER BY created_on IS NULL, created_on, id) AS place
                      FROM wishes) AS ranked
             WHERE place > 1
            """
        )
        self._file.execute("COMMIT")

    def later(self, ids: Sequence[str]) -> set[str]:
        """Those of the rows that come too late."""
        return self._among("later", ids)

    def later_by_form(self) -> Iterator[tuple[str | None, str | None, int, str, str]]:
        """Late submissions that are not singled out: form, own organization, count, two ids."""
        statement = """
            SELECT form, own, count(*), min(id), max(id)
              FROM later WHERE id NOT IN (SELECT id FROM singled)
             GROUP BY form, own
        """
        with closing(self._file.execute(statement)) as rows:
            yield from rows

    def single_out(self, ids: Iterable[str]) -> None:
        """Note submissions that are mapped one by one, and not counted in any group."""
        self._file.execute("BEGIN")
        self._file.executemany("INSERT OR IGNORE INTO singled VALUES (?)", ((i,) for i in ids))
        self._file.execute("COMMIT")

    def singled(self) -> Iterator[list[str]]:
        """The submissions singled out, a page of ids at a time."""
        last = ""
        while page := self._ids("SELECT id FROM singled WHERE id > ? ORDER BY id LIMIT 200", last):
            yield page
            last = page[-1]

    def singled_among(self, ids: Sequence[str]) -> set[str]:
        """Those of the submissions that are singled out."""
        return self._among("singled", ids)

    def _among(self, table: str, ids: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            marks = ", ".join("?" * len(part))
            found.update(self._ids(f"SELECT id FROM {table} WHERE id IN ({marks})", *part))  # noqa: S608 - a table of this file and placeholders
        return found

    def _ids(self, statement: str, *parameters: Any) -> list[str]:
        return [row[0] for row in self._file.execute(statement, parameters)]
