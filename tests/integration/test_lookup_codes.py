"""Lookup codes as they are read for M12: as they lie in a SQLite file, or a page at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.v2 import Row, guid, make_v2
from transfer import lookup_codes
from transfer.lookup_codes import Keys, V2Codes, Wishes, keys_of
from transfer.source import Source

ACME, OTHER = guid(1, 1), guid(1, 2)
FORMS = [{"OrganizationId": ACME}, {"OrganizationId": OTHER}]
OWNERS = {guid(4, 1): ACME, guid(4, 2): OTHER, guid(4, 3): None}


@pytest.fixture(autouse=True)
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_codes, "SCAN_SIZE", 2)


def codes_of(path: Path, rows: Sequence[Row], *, omit: Sequence[tuple[str, str]] = ()) -> V2Codes:
    make_v2(path, organizations=[{}, {}], forms=FORMS, submissions=rows, omit=omit)
    return V2Codes(Source(), OWNERS)


def keys(codes: V2Codes) -> list[int]:
    return [key for page in codes.all_keys() for key in page.keys]


def wishes(codes: V2Codes) -> list[tuple[Any, ...]]:
    return [row for page in codes.wishes() for row in zip(*page, strict=True)]


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5])
def test_every_code_is_read_once_whatever_the_pages(v2_path: Path, rows: int) -> None:
    codes = codes_of(v2_path, [{"LookupCode": f"C{number}"} for number in range(rows)])

    expected = [(ACME, f"C{number}") for number in range(rows)]
    assert sorted(keys(codes)) == sorted(map(hash, expected))
    assert [row[1:3] for row in wishes(codes)] == expected


@pytest.mark.parametrize("omit", [(), [("FormSubmission", "OrganizationId")]])
def test_m8_a_submission_wants_its_number_in_its_own_organization_or_its_form_s(
    v2_path: Path, omit: Sequence[tuple[str, str]]
) -> None:
    own = {} if omit else {"OrganizationId": OTHER.upper()}
    rows = [
        {"Id": guid(10, 1).upper(), "FormTypeId": guid(4, 1).upper(), **own},
        {"Id": guid(10, 2), "FormTypeId": guid(4, 1)},
        {"Id": guid(10, 3), "FormTypeId": guid(4, 2)},
        {"Id": guid(10, 4), "FormTypeId": guid(4, 3)},
        {"Id": guid(10, 5), "FormTypeId": guid(4, 9)},
    ]
    codes = codes_of(v2_path, [{"LookupCode": "A", **row} for row in rows], omit=omit)

    homes = [ACME if omit else OTHER, ACME, OTHER, None, None]
    assert [row[1] for row in wishes(codes)] == homes
    assert sorted(keys(codes)) == sorted(hash((home, "A")) for home in homes)


def test_m4_text_that_is_none_is_read_all_the_same(v2_path: Path) -> None:
    """What SQLite's module cannot decode is found on the way: the pages are read instead."""
    rows = ["A", "B", "n\ud800", "n\ufffd", "\ud83d\ude00", "\U0001f600", "n\x00", None, ""]
    codes = codes_of(v2_path, [{"LookupCode": code} for code in rows])

    found = keys(codes)
    assert {hash((ACME, value)) for value in ("A", "B", "n\ufffd", "\U0001f600")} <= set(found)
    twice = {key for key in found if found.count(key) > 1}
    assert {hash((ACME, value)) for value in ("n\ufffd", "\U0001f600")} <= twice
    assert any(page.faulty for page in codes.all_keys())


@pytest.mark.parametrize(
    ("codes", "faulty"),
    [
        ([], False),
        (["A", "x" * 50], False),
        (["A", None], True),
        (["", "A"], True),
        (["x" * 51], True),
        ([7], True),
    ],
)
def test_m12_a_code_that_can_be_no_number_is_seen(codes: list[Any], faulty: bool) -> None:
    assert keys_of([ACME] * len(codes), codes).faulty is faulty


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_keys_are_copied_as_postgresql_reads_them(count: int) -> None:
    numbers = [(-1) ** n * (2**63 - 1 - n) for n in range(count)]

    rows = b"".join(
        (1).to_bytes(2) + (8).to_bytes(4) + number.to_bytes(8, signed=True) for number in numbers
    )
    assert Keys(numbers, faulty=False).copy_rows() == rows


def test_r7_what_will_fail_claims_no_number() -> None:
    some = Wishes(
        ids=["no id", guid(10, 1), guid(10, 2), guid(10, 3)],
        organizations=[ACME, None, ACME, ACME],
        codes=["A", "A", 7, "A"],
        created=[None] * 4,
    )

    assert some.copy_lines() == f"{guid(10, 3)}\t{ACME}\t\\N\tA\t\\N\n".encode()
