"""What a load may leave behind in v3's schema, and rows that only a broken schema lets in."""

import pytest

from tests.integration.proof.mutations import Place
from tests.integration.proof.mutations_v2 import ABROAD, ANN, FULL, LEAVE, LONELY, SILENT
from tests.integration.proof.test_mutations import failed, kept, verified
from tests.runs import TABLES, query
from tests.v2 import V2
from transfer.verify_report import VerifyReport

pytestmark = pytest.mark.django_db(databases=["default", "v2"])

FOREIGN = {
    "users_organization_id_fkey": ("users", "organization_id", "organizations"),
    "forms_organization_id_fkey": ("forms", "organization_id", "organizations"),
    "submissions_organization_id_fkey": ("submissions", "organization_id", "organizations"),
    "submissions_form_id_fkey": ("submissions", "form_id", "forms"),
}
UNIQUE = {
    "organizations_slug_key": "organizations",
    "unique_email_per_org": "users",
    "unique_form_slug_per_org": "forms",
    "unique_submission_number": "submissions",
    "users_pkey": "users",
    "submissions_pkey": "submissions",
}
INDEXES = (
    "idx_forms_organization", "idx_submissions_form", "idx_submissions_status",
    *(f"idx_{table}_migration_batch" for table in TABLES),
)  # fmt: skip
NOBODY = "eeeeeeee-0000-4000-8000-00000000dead"


def told(report: VerifyReport, name: str) -> str:
    """What fails a check."""
    (found,) = [check for check in report.checks if check.name == name]
    return " ".join(found.faults)


@pytest.mark.parametrize("key", [*FOREIGN, *UNIQUE])
def test_a_key_that_was_dropped_is_named(tampered: V2, key: str) -> None:
    table = FOREIGN[key][0] if key in FOREIGN else UNIQUE[key]
    query(f"ALTER TABLE {table} DROP CONSTRAINT {key} CASCADE")

    report = verified()

    assert failed(report) == {"Keys"}
    assert key in told(report, "Keys")


@pytest.mark.parametrize("key", FOREIGN)
def test_a_foreign_key_that_was_not_validated_is_named(tampered: V2, key: str) -> None:
    table, column, parent = FOREIGN[key]
    query(f"ALTER TABLE {table} DROP CONSTRAINT {key}")
    query(
        f"ALTER TABLE {table} ADD CONSTRAINT {key} FOREIGN KEY ({column})"
        f" REFERENCES {parent} NOT VALID"
    )

    assert key in told(verified(), "Keys")


@pytest.mark.parametrize("table", TABLES)
def test_triggers_that_are_off_are_named(tampered: V2, table: str) -> None:
    query(f"ALTER TABLE {table} DISABLE TRIGGER ALL")

    report = verified()

    assert f"update_{table}_updated_at" in told(report, "Triggers")
    assert all(key in told(report, "Keys") for key in FOREIGN if table in (FOREIGN[key][0::2]))


@pytest.mark.parametrize("table", TABLES)
def test_a_trigger_that_was_dropped_is_named(tampered: V2, table: str) -> None:
    query(f"DROP TRIGGER keep_{table}_updated_at ON {table}")

    report = verified()

    assert failed(report) == {"Triggers"}
    assert f"keep_{table}_updated_at" in told(report, "Triggers")


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_that_was_dropped_is_named(tampered: V2, index: str) -> None:
    query(f"DROP INDEX {index}")

    report = verified()

    assert failed(report) == {"Indexes"}
    assert index in told(report, "Indexes")


def test_an_index_that_is_not_valid_is_named(tampered: V2) -> None:
    query(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_submissions_form'::regclass"
    )

    assert "idx_submissions_form" in told(verified(), "Indexes")


@pytest.mark.parametrize(("table", "record"), [("users", ANN), ("submissions", FULL)])
def test_a_row_there_twice_under_its_own_id_is_found(tampered: V2, table: str, record: str) -> None:
    for key in (f"{table}_pkey", *(key for key, own in UNIQUE.items() if own == table)):
        query(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {key} CASCADE")
    query(f"INSERT INTO {table} SELECT * FROM {table} WHERE id = '{record}'")

    report = verified()

    assert failed(report) >= {table.capitalize(), "Keys", f"Values of {table}"}
    assert {place.record for place in kept()} == {record}


@pytest.mark.parametrize(
    ("key", "record"),
    [
        ("users_organization_id_fkey", ANN),
        ("submissions_organization_id_fkey", ABROAD),
        ("submissions_form_id_fkey", SILENT),
    ],
)
def test_a_reference_into_nothing_is_found(tampered: V2, key: str, record: str) -> None:
    table, column, parent = FOREIGN[key]
    query("SET session_replication_role = replica")
    query(
        f"UPDATE {table} SET {column} = '{NOBODY}', updated_at = updated_at WHERE id = '{record}'"
    )
    query("SET session_replication_role = DEFAULT")

    report = verified()

    singular = {"organizations": "organization", "forms": "form"}[parent]
    assert failed(report) == {f"{table.capitalize()} without {singular}", f"Values of {table}"}
    assert Place(table, record, "different", column) in kept()


def test_a_parent_that_is_lost_is_found(tampered: V2) -> None:
    query("SET session_replication_role = replica")
    query(f"DELETE FROM forms WHERE id = '{LEAVE}'")
    query("SET session_replication_role = DEFAULT")

    report = verified()

    assert failed(report) >= {"Forms", "Submissions without form", "Values of forms"}
    places = kept()
    assert Place("forms", LEAVE, "missing_in_v3", "") in places
    assert Place("submissions", FULL, "different", "data[who]") in places


def test_a_row_of_the_application_is_nobody_s_business(tampered: V2) -> None:
    query(
        "INSERT INTO users (organization_id, email) VALUES (%s, 'new@example.org')",
        [LONELY],
    )

    assert verified().clean
