"""One v2 record while it is being mapped: its columns checked and cleaned, its findings kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from transfer.exceptions import RecordError
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Finding
from transfer.mapping.record_detail import detail
from transfer.mapping.text import clean, is_clean, shorten
from transfer.mapping.times import to_utc

# What migration_errors.record_id holds: an Id that is none (a hand-made copy of v2) may be longer.
MAX_KEY = 255


class UnmappableError(RecordError):
    """The record cannot become a v3 row, for the cause ``code``, found in ``column``."""

    def __init__(self, code: Code, message: str, column: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.column = column


class RecordInHand:
    """Reads the columns of one v2 record by M3 and M4 and gathers its findings.

    Args:
        table: the v2 table.
        key: the record's v2 Id, or what findings are to call it.
        row: the record, as its type in transfer.records.
        findings: where its warnings go; a list of its own unless given.
    """

    __slots__ = ("findings", "key", "row", "table")

    def __init__(
        self, table: str, key: object, row: Sequence[Any], findings: list[Finding] | None = None
    ) -> None:
        self.table = table
        self.key = clean(str(key))[:MAX_KEY]
        self.row = row
        self.findings: list[Finding] = [] if findings is None else findings

    def warn(self, code: Code, message: str, column: str = "") -> None:
        """Add a warning that holds the record."""
        self.findings.append(self.finding(code, message, column))

    def finding(self, code: Code, message: str, column: str = "") -> Finding:
        """A finding about this record, holding it."""
        return Finding(code, self.table, self.key, message, column, detail(self.table, self.row))

    def failure(self, error: UnmappableError) -> Finding:
        """The one finding of a record that fails: its warnings are about a row that is not."""
        return self.finding(error.code, error.message, error.column)

    def identifier(self, value: object, column: str) -> str:
        """An id, as the reader gives it: 36 characters, lower case.

        Raises:
            UnmappableError: not text, or text no id can be.
        """
        if not isinstance(value, str) or not value.isascii():
            raise self.unusable(value, column, "an id")
        return value

    def text(self, value: object, column: str) -> str:
        """Text that v2 requires, cleaned (M4).

        Raises:
            UnmappableError: not text.
        """
        if not isinstance(value, str):
            raise self.unusable(value, column, "text")
        if is_clean(value):
            return value
        self.warn(
            Code.TEXT_CLEANED,
            f"{column} {shorten(value)} holds characters PostgreSQL cannot store; "
            "each became U+FFFD",
            column,
        )
        return clean(value)

    def optional_text(self, value: object, column: str) -> str | None:
        """Text or None, cleaned (M4).

        Raises:
            UnmappableError: neither.
        """
        return None if value is None else self.text(value, column)

    def optional_integer(self, value: object, column: str) -> int | None:
        """An int of 32 bits, as SQL Server's, or None.

        Raises:
            UnmappableError: neither.
        """
        if value is None or (type(value) is int and -(2**31) <= value < 2**31):
            return value
        raise self.unusable(value, column, "a whole number of 32 bits")

    def time(self, value: object, column: str, ctx: MappingContext) -> datetime:
        """A v2 time in UTC (M3).

        Raises:
            UnmappableError: not a naive datetime.
        """
        if not isinstance(value, datetime) or value.tzinfo is not None:
            raise self.unusable(value, column, "a time without a zone")
        moment, code = to_utc(value, ctx.time_zone)
        if code is not None:
            self.warn(
                code,
                f"{column} {value} ({ctx.time_zone.key}): {code.info.meaning}",
                column,
            )
        return moment

    def flag(self, value: object, column: str) -> bool:
        """A bit.

        Raises:
            UnmappableError: neither true nor false.
        """
        if value is True or value is False:
            return value
        raise self.unusable(value, column, "true or false")

    def unusable(self, value: object, column: str, wanted: str) -> UnmappableError:
        """What to raise for null where v2's schema allows none, or a value of another type (R7)."""
        return UnmappableError(
            Code.VALUE_MISSING if value is None else Code.VALUE_UNUSABLE,
            f"{self.table} {self.key[:80]}: {column} is {shorten(value)}, not {wanted}",
            column,
        )
