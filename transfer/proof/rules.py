"""Rules about single values, derived anew for the proof: M3 and M4, and what makes a row fail."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from transfer.records import is_id

# U+0000 and the halves of surrogate pairs: what text and jsonb of PostgreSQL do not hold.
_NOT_STORED = re.compile("[\x00\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_MARK = "\ufffd"
_SPELLINGS = re.compile("(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}")
UUID_LENGTH = 36
LONGEST_KEY = 255  # migration_errors.record_id


class Impossible(Exception):  # noqa: N818 - no error of the program: v2's record can be no row
    """By the rules the v2 record cannot be in v3; the message says why."""


def storable(text: str) -> str:
    """The text as PostgreSQL can hold it (M4)."""
    if _NOT_STORED.search(text) is None:
        return text
    whole = _PAIR.sub(_character, text)
    return _NOT_STORED.sub(_MARK, whole)


def _character(pair: re.Match[str]) -> str:
    high, low = map(ord, pair.group())
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def storable_document(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A JSON document with every text in it, keys too, as PostgreSQL can hold it (M4)."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable_document(key): storable_document(one) for key, one in value.items()}
    if isinstance(value, list):
        return [storable_document(one) for one in value]
    return value


def moment(value: object, column: str, zone: ZoneInfo) -> str:
    """A v2 time as PostgreSQL writes it in UTC, like ``2024-03-01 10:20:30.12+00`` (M3).

    Raises:
        Impossible: it is no time without a zone.
    """
    return as_stored(instant(value, column, zone))


def instant(value: object, column: str, zone: ZoneInfo) -> datetime:
    """A v2 time as an aware one in UTC (M3).

    Raises:
        Impossible: it is no time without a zone.
    """
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise Impossible(f"{column} is no time: {value!r:.60}")
    offset = zone.utcoffset(value)  # its fold is 0 but where v2's time had a zone of its own
    try:
        return (value - offset if offset else value).replace(tzinfo=UTC)
    except OverflowError:
        return value.replace(tzinfo=UTC)


def as_stored(at: datetime) -> str:
    """An aware time in UTC as PostgreSQL writes it: no more digits of fraction than it takes."""
    text = at.isoformat(" ").removesuffix("+00:00")
    return f"{text.rstrip('0') if at.microsecond else text}+00"


def text(value: object, column: str) -> str:
    """Text that must be there, as v3 holds it.

    Raises:
        Impossible: it is none.
    """
    if not isinstance(value, str):
        raise Impossible(f"{column} is no text: {value!r:.60}")
    return storable(value)


def optional_text(value: object, column: str) -> str | None:
    """Text as v3 holds it, or None.

    Raises:
        Impossible: it is neither.
    """
    return None if value is None else text(value, column)


def identifier(value: object, column: str) -> str:
    """An id as v3 has it.

    Raises:
        Impossible: it is none.
    """
    spelled = as_spelled(value, column)
    return spelled if len(spelled) == UUID_LENGTH else recorded(spelled)


def as_spelled(value: object, column: str) -> str:
    """An id as v2 spells it, and as documents keep it.

    Raises:
        Impossible: it is none.
    """
    if not isinstance(value, str) or not value.isascii():
        raise Impossible(f"{column} is no id: {value!r:.60}")
    return value


def recorded(key: object) -> str:
    """A v2 Id as v3 has it: PostgreSQL takes some spellings that only a hand-made copy has."""
    if is_id(key):
        return key
    name = in_error(key)
    bare = name[1:-1] if name.startswith("{") and name.endswith("}") else name
    return str(UUID(bare)) if _SPELLINGS.fullmatch(bare) else name


def in_error(key: object) -> str:
    """A v2 Id as errors call their record."""
    return storable(str(key))[:LONGEST_KEY]


def flag(value: object, column: str) -> bool:
    """A bit.

    Raises:
        Impossible: it is none.
    """
    if value not in (True, False) or not isinstance(value, bool):
        raise Impossible(f"{column} is neither true nor false: {value!r:.60}")
    return value


def integer(value: object, column: str) -> int | None:
    """A whole number of 32 bits, or None.

    Raises:
        Impossible: it is neither.
    """
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**31) <= value < 2**31:
        raise Impossible(f"{column} is no whole number of 32 bits: {value!r:.60}")
    return value
