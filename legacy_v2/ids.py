"""Ids of an older v2 that are whole numbers, and the UUID v3 has for each.

v3's ids are UUIDs. One that is made from a number holds the number, so it can be read back:

    76326964-0000-8HHH-800H-LLLLLLLLLLLL

begins with ``v2id`` in ASCII, is of UUID version 8 (the version for layouts of one's own), and
its hexadecimal digits H and L, sixteen together, are the number in two's complement of 64 bits.
It says nothing of the table: 17 is the same UUID in every table, as it is the same Id in v2. So
the rules compare ids as they do everywhere else (M15 takes one for a map's, else for a choice's).
"""

import re
from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper

_BITS = 64
_MASK = (1 << _BITS) - 1
FIRST, LAST = -(1 << _BITS - 1), (1 << _BITS - 1) - 1  # of a bigint
_DERIVED = re.compile(
    r"76326964-0000-8([0-9a-f]{3})-800([0-9a-f])-([0-9a-f]{12})", re.ASCII | re.IGNORECASE
)

# Which columns of a v2 hold such ids is found by looking at it, and kept with the connection.
_KEPT_AS = "v2_integer_columns"


def uuid_of(number: int) -> str:
    """The UUID of a v2 id that is a number: 36 characters, lower case.

    Raises:
        ValueError: the number is not one of 64 bits.
    """
    if not FIRST <= number <= LAST:
        msg = f"{number} is no id: it is beyond 64 bits"
        raise ValueError(msg)
    digits = f"{number & _MASK:016x}"
    return f"76326964-0000-8{digits[:3]}-800{digits[3]}-{digits[4:]}"


def number_of(text: str) -> int | None:
    """The number a UUID was made from; None where it was not made from one."""
    # A copy made by hand may hold ids that are no text.
    found = _DERIVED.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    number = int("".join(found.groups()), 16)
    return number - (1 << _BITS) if number > LAST else number


def written(text: str) -> str:
    """An id as v2 writes it: the number, where it was made from one."""
    number = number_of(text)
    return text if number is None else str(number)


def remember(connection: BaseDatabaseWrapper, columns: Iterable[tuple[str, str]]) -> None:
    """Keep which columns of a v2 are whole numbers: pairs of its canonical table and column."""
    vars(connection)[_KEPT_AS] = frozenset(columns)


def integer_columns(connection: BaseDatabaseWrapper) -> frozenset[tuple[str, str]]:
    """What was last remembered of the connection; nothing, where nobody looked."""
    kept: frozenset[tuple[str, str]] = vars(connection).get(_KEPT_AS, frozenset())
    return kept
