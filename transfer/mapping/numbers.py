"""M12: submission numbers, as far as one submission alone decides them."""

from typing import NamedTuple

from transfer.mapping.codes import Code
from transfer.mapping.text import clean

MAX_NUMBER = 50
PREFIX = "V2-"  # of a number made from an Id
# How many of the Id's hex digits a number made from it starts with, and can have.
FEWEST_DIGITS = 8
MOST_DIGITS = 32


class Number(NamedTuple):
    """A number that stands in for a lookup code, and why: a NUMBER_* code."""

    value: str
    code: Code


def number_fault(lookup_code: str | None) -> Code | None:
    """Why a lookup code cannot be a submission number whatever others have, or None (M12).

    One that is no text (its submission fails) counts as missing.
    """
    if not lookup_code or not isinstance(lookup_code, str):
        return Code.NUMBER_MISSING
    if len(clean(lookup_code)) > MAX_NUMBER:
        return Code.NUMBER_TOO_LONG
    return None


def fallback_number(v2_id: str, digits: int) -> str:
    """The number made from a submission's Id: ``V2-`` and its first hex digits, lower case.

    Raises:
        ValueError: digits is not between 8 and 32.
    """
    if not FEWEST_DIGITS <= digits <= MOST_DIGITS:
        raise ValueError(f"a number has {FEWEST_DIGITS} to {MOST_DIGITS} digits, not {digits}")
    return f"{PREFIX}{v2_id.replace('-', '').lower()[:digits]}"
