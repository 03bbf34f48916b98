"""Rows whose time in v2 lies beyond the migration: no pretext for letting them differ."""

from pathlib import Path

import pytest

from tests.integration.proof.mutations_v2 import LATER, NAME
from tests.integration.proof.test_mutations import failed, verified
from tests.runs import query, run
from tests.v2 import V2, make_v2

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def later(v2_path: Path) -> V2:
    """A v2 whose clock was wrong: every row of some tables is of 2099, and was moved."""
    v2 = make_v2(
        v2_path,
        organizations=[{"Name": "Acme"}, {"Name": "Acme", "CreatedOn": LATER}],
        users=[{"CreatedOn": LATER, "LastUpdatedOn": LATER}],
        forms=[{"Name": "Leave"}, {"Name": "Leave", "CreatedOn": LATER}],
        fields=[{"Name": "who"}],
        submissions=[{"CreatedOn": LATER, "LastUpdatedOn": LATER}, {"CreatedOn": LATER}],
        answers=[{"FreeFormEntry": "me"}],
    )
    run(name=NAME)
    return v2


def test_they_are_equal(later: V2) -> None:
    assert verified().clean


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("organizations", "slug = 'acme-7'"),
        ("organizations", "name = 'Acne'"),
        ("organizations", "created_at = created_at - interval '1 hour'"),
        ("users", "email = 'you@example.org'"),
        ("users", "updated_at = updated_at - interval '1 hour'"),
        ("forms", "slug = 'leave-7'"),
        ("submissions", "data = '{}'"),
        ("submissions", "metadata = metadata - 'legacy_updated_at'"),
        ("submissions", "updated_at = updated_at - interval '1 hour'"),
        ("submissions", "submission_number = 'V2-000a0001'"),
    ],
)
def test_a_change_is_found(later: V2, table: str, change: str) -> None:
    v2_rows = getattr(later, table)
    record = next(row["Id"] for row in v2_rows if row["CreatedOn"] == LATER)
    own = "" if "updated_at =" in change else ", updated_at = updated_at"
    query(f"UPDATE {table} SET {change}{own} WHERE id = '{record}'")

    report = verified()

    assert f"Values of {table}" in failed(report)
    assert record in report.as_text()


@pytest.mark.parametrize("table", ["organizations", "users", "forms", "submissions"])
def test_a_row_dropped_is_found_by_the_books(later: V2, table: str) -> None:
    """v2 might have gained it since, but the run counted it."""
    record = getattr(later, table)[-1]["Id"]
    query(f"DELETE FROM {table} WHERE id = '{record}'")

    assert failed(verified()) == {f"Run of {table}"}
