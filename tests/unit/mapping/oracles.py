"""Slow and obviously right ways to the results that the engine reaches in SQL."""

from collections.abc import Container, Iterable
from datetime import datetime
from typing import TypeAlias

from transfer.mapping.codes import Code
from transfer.mapping.numbers import MOST_DIGITS, Number, fallback_number, number_fault
from transfer.mapping.text import clean

# id, organization, CreatedOn, LookupCode
NumberRow: TypeAlias = tuple[str, str | None, datetime, str | None]


def assign_numbers(
    rows: Iterable[NumberRow], taken: Container[tuple[str | None, str]]
) -> dict[str, Number]:
    """What stands in for the lookup codes that cannot be submission numbers (M12, M1).

    Args:
        rows: every v2 submission, those that will fail and unselected ones too.
        taken: (organization, number) of v3's own submissions.

    Returns:
        v2 Id → number, of the rows that do not keep their lookup code.
    """
    rows = sorted(rows, key=lambda row: (row[2], row[0]))
    lookup_codes = {(row[1], clean(row[3])) for row in rows if row[3]}
    given: set[tuple[str | None, str]] = set()
    numbers: dict[str, Number] = {}
    for v2_id, organization, _, lookup_code in rows:
        fault = number_fault(lookup_code)
        if fault is None:
            assert lookup_code is not None
            key = (organization, clean(lookup_code))
            if key not in given and key not in taken:
                given.add(key)
                continue
            fault = Code.NUMBER_DUPLICATE
        for digits in range(8, MOST_DIGITS + 1):
            key = (organization, fallback_number(v2_id, digits))
            if key not in lookup_codes and key not in given and key not in taken:
                break
        else:
            raise AssertionError(f"every number of {v2_id} is taken")
        given.add(key)
        numbers[v2_id] = Number(key[1], fault)
    return numbers
