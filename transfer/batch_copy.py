"""COPY of many rows, and what to do where PostgreSQL refuses some of them.

PostgreSQL names the line it refused. The rows before it go in again, it is left out, and the
rest follows: a refusal costs about one more COPY of the rows before it. A foreign key is looked
at only once all rows are in, and its refusal names no line but the value that leads nowhere: all
rows with that value are left out at once. Where neither is named, halves find the row.
"""

import re
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from transfer.batch import Refusal
from transfer.target import Connection, first_line

# After a refusal the next COPY takes about as many rows as went in before it, so that a table
# full of refusals does not send its tail again and again; never fewer than this.
SMALLEST_COPY = 16
# Where in a COPY an error is: line and column. Lines of context may stand before it: those of
# the JSON parser have a "line" of their own. The words are in the server's language.
_COPY_CONTEXT = re.compile(r"^COPY \w+, \S+ (\d+)(?:, \S+ (\w+))?", re.MULTILINE)
# The key a foreign key's refusal names, in whatever language: (column)=(value).
_KEY = re.compile(r"\((\w+)\)=\(([^)]*)\)")


def copy_statement(table: sql.Identifier, columns: Sequence[str]) -> sql.Composed:
    """The COPY that takes lines as copy_line makes them."""
    return sql.SQL("COPY {table} ({columns}) FROM STDIN").format(
        table=table, columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )


def is_refusal(error: psycopg.Error) -> bool:
    """Whether the error is about a row, not about the connection, the rights or the schema."""
    # Class 54 (a value over one of PostgreSQL's limits) is an OperationalError to psycopg.
    return isinstance(error, psycopg.IntegrityError | psycopg.DataError) or (
        error.sqlstate or ""
    ).startswith("54")


class BatchCopy:
    """COPYs rows into one table, inside an open transaction.

    ``copied`` counts the rows the server says it took.

    Args:
        connection: with a transaction open.
        table: what to COPY into.
        columns: the columns of each line, in order.
    """

    def __init__(
        self, connection: Connection, table: sql.Identifier, columns: Sequence[str]
    ) -> None:
        self._connection = connection
        self._statement = copy_statement(table, columns)
        self._columns = tuple(columns)
        self.copied = 0

    def whole(self, lines: Sequence[bytes]) -> psycopg.Error | None:
        """COPY all the lines in; where v3 refuses one of them none is in, and why comes back."""
        if not lines:
            return None
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                with cursor.copy(self._statement) as copy:
                    copy.write(b"".join(lines))
                self.copied += cursor.rowcount
        except psycopg.Error as error:
            if self._connection.closed or not is_refusal(error):
                raise
            return error
        return None

    def rest(self, lines: Sequence[bytes], error: psycopg.Error | None = None) -> Iterator[Refusal]:
        """COPY the lines in; yield each one v3 refuses.

        Args:
            lines: such as ``copy_line`` makes.
            error: why ``whole`` did not take these very lines; None where it was not asked.
        """
        at = _line_of(error, len(lines)) if error else None
        if error is None or at is None:
            yield from self._in_parts(lines, error)
            return
        # Most often it is the only one, and all the others go in at once.
        yield refusal_of(at, error)
        others = [*lines[:at], *lines[at + 1 :]]
        if (again := self.whole(others)) is not None:
            for refusal in self._in_parts(others, again):
                yield refusal._replace(place=refusal.place + (refusal.place >= at))

    def _in_parts(self, lines: Sequence[bytes], error: psycopg.Error | None) -> Iterator[Refusal]:
        start, step = 0, len(lines)
        while start < len(lines):
            end = min(start + step, len(lines))
            error = error or self.whole(lines[start:end])
            if error is None:
                start, step = end, 2 * step
                continue
            at = _line_of(error, end - start)
            if at is None and end - start > 1:
                if suspects := self._suspects(lines[start:end], error):
                    yield from _shifted(self._without(lines[start:end], suspects, error), start)
                    start = end
                else:
                    step = (end - start) // 2
            else:
                yield from _shifted(self._in_parts(lines[start : start + (at or 0)], None), start)
                start += at or 0
                yield refusal_of(start, error)
                start, step = start + 1, max(SMALLEST_COPY, 2 * (at or 0))
            error = None

    def _without(
        self, lines: Sequence[bytes], suspects: set[int], error: psycopg.Error
    ) -> Iterator[Refusal]:
        """COPY the lines but for the suspects, which are refused for this error."""
        others = [place for place in range(len(lines)) if place not in suspects]
        rows = [lines[place] for place in others]
        found = [refusal_of(place, error) for place in suspects]
        # Where another value leads nowhere too, halves: with a COPY of all for each such value
        # a batch of a thousand orphans would be a million rows.
        if (again := self.whole(rows)) is not None:
            half = (len(rows) + 1) // 2
            told = again if half == len(rows) else None
            found += [r._replace(place=others[r.place]) for r in self._in_parts(rows[:half], told)]
            rest = self._in_parts(rows[half:], None)
            found += [r._replace(place=others[half + r.place]) for r in rest]
        yield from found

    def _suspects(self, lines: Sequence[bytes], error: psycopg.Error) -> set[int]:
        """The lines that hold the value a foreign key's refusal names."""
        if not isinstance(error, psycopg.errors.ForeignKeyViolation):
            return set()
        found = _KEY.search(error.diag.message_detail or "")
        if found is None or found.group(1) not in self._columns:
            return set()
        column, value = self._columns.index(found.group(1)), found.group(2).encode()
        return {n for n, line in enumerate(lines) if line.split(b"\t")[column] == value}


def _shifted(refusals: Iterator[Refusal], by: int) -> Iterator[Refusal]:
    return (refusal._replace(place=refusal.place + by) for refusal in refusals)


def _line_of(error: psycopg.Error, copied: int) -> int | None:
    """The 0-based line PostgreSQL names in a COPY error's context, None where it names none."""
    found = _COPY_CONTEXT.search(error.diag.context or "")
    if found and 1 <= int(found.group(1)) <= copied:
        return int(found.group(1)) - 1
    return None


def refusal_of(place: int, error: psycopg.Error) -> Refusal:
    """What PostgreSQL says about the row at a place."""
    diagnosis = error.diag
    message = diagnosis.message_primary or first_line(error)
    column = diagnosis.column_name or diagnosis.constraint_name or _context_column(error)
    return Refusal(place, error.sqlstate or "", message, column)


def _context_column(error: psycopg.Error) -> str:
    found = _COPY_CONTEXT.search(error.diag.context or "")
    return (found.group(2) or "") if found else ""
