"""After a correct import v3 is tampered with, in every way there is a name for, one at a time."""

import pytest

from tests.integration.proof import mutations_forms, mutations_submissions
from tests.integration.proof.mutations import Mutation, Place, organizations, users
from tests.integration.proof.mutations_v2 import NAME
from tests.runs import query
from tests.v2 import V2
from transfer import verify as verifying
from transfer.proof.stored import COLUMNS
from transfer.verify import VerifyOptions, verify
from transfer.verify_report import Verdict, VerifyReport

pytestmark = pytest.mark.django_db(databases=["default", "v2"])

MUTATIONS = [
    *organizations(),
    *users(),
    *mutations_forms.forms(),
    *mutations_submissions.submissions(),
]


def verified() -> VerifyReport:
    return verify(VerifyOptions(name=NAME))


def kept() -> set[Place]:
    """The differences that are in the books."""
    found = query(
        "SELECT table_name, record_id, kind, column_name FROM migration_differences"
        " WHERE migration_name = %s AND resolved_at IS NULL",
        [NAME],
    )
    return {Place(*row) for row in found}


def shown(report: VerifyReport) -> set[Place]:
    """The differences that the report shows."""
    assert report.values is not None
    return {
        Place(one["table"], one["record_id"], one["kind"], one["column"])
        for one in report.values.shown
    }


def failed(report: VerifyReport) -> set[str]:
    return {check.name for check in report.checks if check.status is Verdict.FAILED}


@pytest.fixture
def no_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the counts out: the values have to find it by themselves."""
    empty = VerifyReport(NAME, "v2", "v3", [], 0)
    monkeypatch.setattr(verifying, "_counted", lambda _subject: empty)


def test_a_v3_that_nobody_touched_is_clean(tampered: V2) -> None:
    report = verified()

    assert report.clean
    assert shown(report) == kept() == set()
    assert {check.status for check in report.checks} == {Verdict.PASSED, Verdict.WARNING}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_tampering_is_found_by_the_values_and_the_record_named(
    tampered: V2, no_counts: None, mutation: Mutation
) -> None:
    for statement in mutation.statements:
        query(statement)

    report = verified()

    assert not report.clean
    found = kept()
    assert found >= mutation.places if mutation.more else found == mutation.places
    assert shown(report) == found
    assert failed(report) == {f"Values of {place.table}" for place in found}
    assert report.values is not None
    assert all(one["v2_value"] != one["v3_value"] for one in report.values.shown)
    text = report.as_text()
    assert all(place.record in text for place in mutation.places)


def test_every_column_of_every_table_is_tampered_with() -> None:
    places = {place for mutation in MUTATIONS for place in mutation.places}
    for table, columns in COLUMNS.items():
        touched = {place.column.partition("[")[0] for place in places if place.table == table}
        # An id that is another is a row lost and one of nobody.
        assert touched >= set(columns) - {"id"}
        assert {place.kind for place in places if place.table == table} >= {
            "different", "missing_in_v3", "missing_in_v2",
        }  # fmt: skip


@pytest.mark.parametrize("table", COLUMNS)
def test_a_row_written_again_without_a_change_is_found_by_its_time(
    tampered: V2, table: str
) -> None:
    ((record,),) = query(
        f"UPDATE {table} SET deleted_at = deleted_at"
        f" WHERE id = (SELECT id FROM {table} ORDER BY id LIMIT 1) RETURNING id::text"
    )

    assert failed(verified()) == {f"Values of {table}"}
    assert kept() == {Place(table, record, "different", "updated_at")}


def test_what_was_mended_is_closed(tampered: V2) -> None:
    query("UPDATE users SET email = email || '.', updated_at = updated_at")
    assert not verified().clean
    assert len(kept()) == 3

    query("UPDATE users SET email = rtrim(email, '.'), updated_at = updated_at")

    assert verified().clean
    assert kept() == set()
