"""Submission numbers of records that are tried again (M12)."""

from pathlib import Path

import pytest

from tests.integration.retry.common import NOWHERE, assert_balanced, retry
from tests.runs import (
    empty_v3,
    errors,
    query,
    run,
    snapshot,
)
from tests.v2 import V2, guid, make_v2

pytestmark = pytest.mark.django_db(transaction=True)


def test_m12_a_number_taken_in_v3_meanwhile_gives_way(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"FormTypeId": NOWHERE, "LookupCode": "A"}, {"LookupCode": "B"}],
    )
    run(name="night")
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?, LookupCode = 'B'", (guid(4, 1),))

    assert retry().still == 0

    rows = dict(query("SELECT id::text, submission_number FROM submissions"))
    assert rows[v2.submissions[1]["Id"]] == "B"
    assert rows[v2.submissions[0]["Id"]] == f"V2-{v2.submissions[0]['Id'].replace('-', '')}"
    assert [e["code"] for e in errors() if e["resolved_at"] is None] == ["number_duplicate"]
    assert_balanced()


def a_later_duplicate_that_failed(v2_path: Path) -> V2:
    """Two submissions with one code, imported; the later one's form does not exist."""
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"LookupCode": "A"}, {"FormTypeId": NOWHERE, "LookupCode": "A"}],
    )
    v2.execute("UPDATE FormSubmission SET OrganizationId = ?", (guid(1, 1),))
    run(name="night")
    return v2


def test_m12_the_number_decided_for_a_record_stays_its_own(v2_path: Path) -> None:
    v2 = a_later_duplicate_that_failed(v2_path)
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (guid(4, 1),))

    assert retry().still == 0

    after = snapshot("submissions")
    empty_v3()
    run(name="night")
    assert snapshot("submissions") == after


def test_m12_a_record_whose_code_was_repaired_wants_another_number(v2_path: Path) -> None:
    v2 = a_later_duplicate_that_failed(v2_path)
    v2.execute(
        "UPDATE FormSubmission SET FormTypeId = ?, LookupCode = 'B' WHERE FormTypeId = ?",
        (guid(4, 1), NOWHERE),
    )

    assert retry().still == 0

    assert query("SELECT submission_number FROM submissions ORDER BY 1") == [("A",), ("B",)]
    assert [e for e in errors("number_duplicate") if e["resolved_at"] is None] == []


def test_m12_two_repaired_records_with_one_code_get_two_numbers(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"FormTypeId": NOWHERE, "LookupCode": code} for code in "AB"],
    )
    run(name="night")
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?, LookupCode = 'C'", (guid(4, 1),))

    assert retry().still == 0

    assert len(set(query("SELECT submission_number FROM submissions"))) == 2


@pytest.mark.parametrize("size", [1, 200])
def test_m12_a_record_that_fails_again_takes_nobody_s_number(v2_path: Path, size: int) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"FormTypeId": NOWHERE, "LookupCode": code} for code in "BA"],
    )
    run(name="night")
    v2.execute(
        "UPDATE FormSubmission SET LookupCode = 'A', OrganizationId = ? WHERE LookupCode = 'B'",
        (guid(1, 1),),
    )
    v2.execute(
        "UPDATE FormSubmission SET FormTypeId = ? WHERE Id = ?",
        (guid(4, 1), v2.submissions[1]["Id"]),
    )

    assert retry(size=size).still == 1

    assert query("SELECT submission_number FROM submissions") == [("A",)]
