"""A rollback removes what its migration wrote and nothing else, and an import starts anew."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.factories import SubmissionFactory
from tests.integration.rollback.common import (
    ALL,
    BATCH,
    NONE,
    books,
    others_rows,
    rollback,
    rows_of,
    tenant,
    two_tenants,
)
from tests.runs import TABLES, Quiet, query, rich_v2, run, snapshot
from tests.v2 import make_v2
from transfer.batch import TableState
from transfer.exceptions import ResumeRefusedError, RunError

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_removes_what_the_migration_wrote_and_touches_no_other_row(v2_path: Path) -> None:
    two_tenants(v2_path)
    SubmissionFactory()  # v3's own
    others = others_rows()

    report = rollback("one")

    assert report.outcome == "finished"
    assert rows_of("one") == NONE
    assert others_rows() == others
    assert rows_of("two") == ALL


@pytest.mark.parametrize("submissions", [0, 1, BATCH, BATCH + 1])
def test_it_goes_in_batches_children_first(v2_path: Path, submissions: int) -> None:
    v2 = make_v2(v2_path)
    tenant(v2, 1, submissions)
    run(name="one")
    done: list[tuple[str, int]] = []

    def note(state: TableState) -> None:
        done.append((state.table, state.processed))

    report = rollback("one", observer=Quiet(note))

    expected = [min(n, submissions) for n in range(BATCH, submissions + BATCH, BATCH)]
    assert done == [
        *(("submissions", n) for n in expected),
        ("forms", 2),
        ("users", 2),
        ("organizations", 1),
    ]
    assert report.removed == submissions + 5
    assert rows_of("one") == NONE


def test_a_migration_that_wrote_nothing_is_rolled_back_in_the_books(v2_path: Path) -> None:
    make_v2(v2_path)
    run(name="one")

    report = rollback("one")

    assert (report.outcome, report.removed) == ("finished", 0)
    assert {status for status, _ in books().values()} == {"rolled_back"}


def test_the_books_say_how_far_it_is(v2_path: Path) -> None:
    two_tenants(v2_path)
    seen: list[tuple[set[str], set[bool], int]] = []

    def look(_state: TableState) -> None:
        now = books()
        seen.append(
            (
                {status for status, _ in now.values()},
                {note["finished"] for _, note in now.values()},
                sum(note["removed"] for _, note in now.values()),
            )
        )

    rollback("one", observer=Quiet(look))

    # From the first batch on nobody can take the rest for a migration.
    assert [(statuses, finished) for statuses, finished, _ in seen] == [
        ({"rolled_back"}, {False})
    ] * 5
    assert [removed for *_, removed in seen] == [3, 4, 6, 8, 9]
    assert {table: note["removed"] for table, (_, note) in books().items()} == ALL
    assert all(note["finished"] for _, note in books().values())
    assert {status for status, _ in books("two").values()} == {"completed"}


def test_an_import_under_the_same_name_starts_anew_and_gives_the_same_rows(v2_path: Path) -> None:
    rich_v2(v2_path)
    tables = (*TABLES, "migration_progress", "migration_assignments")
    run(name="one", batch_size=4)
    before = snapshot(*tables)

    assert rollback("one").outcome == "finished"
    assert rows_of("one") == NONE
    report = run(name="one", batch_size=4)

    assert report.outcome == "finished"
    assert snapshot(*tables) == before
    assert query("SELECT count(*) FROM migration_progress WHERE ledger ? 'rollback'") == [(0,)]
    assert rollback("one").outcome == "finished"
    assert rows_of("one") == NONE


@pytest.mark.parametrize("limit", [1, 6])
def test_a_migration_that_was_stopped_is_rolled_back_too(v2_path: Path, limit: int) -> None:
    rich_v2(v2_path)
    run(name="one", limit=limit)

    assert rollback("one").outcome == "finished"

    assert rows_of("one") == NONE
    assert {status for status, _ in books().values()} == {"rolled_back"}


def test_errors_are_kept_and_differences_closed(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="one")
    ((errors,),) = query("SELECT count(*) FROM migration_errors WHERE resolved_at IS NULL")
    for name in ("one", "two"):
        ((run_id,),) = query(
            "INSERT INTO migration_verifications (migration_name, status)"
            " VALUES (%s, 'in_progress') RETURNING id",
            [name],
        )
        query(
            "INSERT INTO migration_differences (migration_name, verification_id, table_name,"
            " v2_table, record_id, kind, place)"
            " VALUES (%s, %s, 'users', 'User', 'x', 'different', 'p')",
            [name, run_id],
        )

    rollback("one")

    assert errors > 0
    assert query("SELECT count(*) FROM migration_errors WHERE resolved_at IS NULL") == [(errors,)]
    assert query(
        "SELECT d.migration_name, d.resolved_at IS NULL, v.status FROM migration_differences AS d"
        " JOIN migration_verifications AS v ON v.id = d.verification_id ORDER BY 1"
    ) == [("one", False, "abandoned"), ("two", True, "in_progress")]


def test_finished_and_run_again_it_has_nothing_to_do(v2_path: Path) -> None:
    two_tenants(v2_path)
    rollback("one")
    before = query("SELECT xmin::text FROM migration_progress ORDER BY id")

    def refuse(_preview: object) -> bool:
        raise AssertionError

    report = rollback("one", confirm=refuse)

    assert report.outcome == "nothing to do"
    assert report.note is not None
    assert report.note.removed.total() == 9
    assert query("SELECT xmin::text FROM migration_progress ORDER BY id") == before


def test_nothing_happens_in_a_dry_run_or_without_a_yes(v2_path: Path) -> None:
    two_tenants(v2_path)
    before = query("SELECT xmin::text FROM migration_progress ORDER BY id")

    report = rollback("one", dry_run=True)
    with pytest.raises(RunError, match="not confirmed; nothing was changed"):
        rollback("one", confirm=lambda _preview: False)

    assert report.outcome == "dry run"
    assert {one.table: one.going for one in report.survey.tables} == ALL
    assert rows_of("one") == ALL
    assert query("SELECT xmin::text FROM migration_progress ORDER BY id") == before


def test_an_unknown_name_lists_the_known_ones(v2_path: Path) -> None:
    two_tenants(v2_path)

    with pytest.raises(RunError, match="no migration is named 'three'; v3 knows: one, two"):
        rollback("three")


def test_a_migration_is_found_by_its_only_organization(v2_path: Path) -> None:
    v2 = two_tenants(v2_path)
    one, two = (row["Id"] for row in v2.organizations)

    assert rollback(None, organization=two).migration == "two"

    assert (rows_of("one"), rows_of("two")) == (ALL, NONE)
    with pytest.raises(RunError, match=r"exactly --organization .*9; v3 knows: one, two"):
        rollback(None, organization=one[:-1] + "9")


def test_several_migrations_of_an_organization_are_listed(v2_path: Path) -> None:
    v2 = two_tenants(v2_path)
    one = v2.organizations[0]["Id"]
    run(name="uno", organizations=[one])

    with pytest.raises(RunError, match=f"several .* exactly --organization {one}: one, uno"):
        rollback(None, organization=one)

    # One that is rolled back already is not meant.
    rollback("one")
    assert rollback(None, organization=one).migration == "uno"


def test_what_a_load_left_off_and_nobody_can_build_again_stops_no_rollback(v2_path: Path) -> None:
    two_tenants(v2_path)
    query(
        "INSERT INTO migration_deferrals (migration_name, table_name, kind, name, definition)"
        " VALUES ('two', 'submissions', 'index', 'some_index', 'CREATE INDEX')"
    )

    observer = Quiet()
    assert rollback("one", observer=observer).outcome == "finished"

    assert any("some_index" in line and "It stays open" in line for line in observer.remarks)
    assert rows_of("one") == NONE


def test_a_rollback_in_part_is_known_by_its_books_to_import_and_status(v2_path: Path) -> None:
    v2 = two_tenants(v2_path)
    query(
        "UPDATE migration_progress SET status = 'rolled_back', ledger = ledger ||"
        ' \'{"rollback": {"began_at": "2026-01-02T03:04:05+00:00", "removed": 2,'
        " \"finished\": false}}' WHERE migration_name = 'one'"
    )

    with pytest.raises(ResumeRefusedError, match=r"in part: .* First: rollback_v2 one"):
        run(name="one", organizations=[v2.organizations[0]["Id"]])

    assert rollback("one").outcome == "finished"
    assert {note["began_at"] for _, note in books().values()} == {"2026-01-02T03:04:05+00:00"}
    assert rows_of("one") == NONE


def test_m14_users_and_submissions_whose_v2_time_is_later_than_the_start_are_not_changed_ones(
    v2_path: Path,
) -> None:
    v2 = make_v2(v2_path)
    tenant(v2, 1, 2)
    later = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S")
    v2.execute('UPDATE "User" SET LastUpdatedOn = ?', (later + ".000000",))
    v2.execute("UPDATE FormSubmission SET LastUpdatedOn = ?", (later + ".123456",))
    run(name="one")
    assert query("SELECT count(*) FROM users WHERE updated_at > now()") == [(2,)]

    report = rollback("one")

    assert (report.outcome, report.survey.kept) == ("finished", 0)
    assert rows_of("one") == NONE


@pytest.fixture
def schema_named_like_the_role(transactional_db: None) -> Iterator[None]:
    """Make v3's own schema another than that which new tables go to."""
    ((role,),) = query("SELECT current_user")
    query(f'CREATE SCHEMA "{role}"')
    yield
    query(f'DROP SCHEMA "{role}"')


def test_a_schema_named_like_the_role_changes_no_count(
    v2_path: Path, schema_named_like_the_role: None
) -> None:
    two_tenants(v2_path)
    query("UPDATE users SET status = 'inactive' WHERE id = (SELECT min(id::text)::uuid FROM users)")

    report = rollback("one")

    removed = {one["table"]: one["removed"] for one in report.as_json()["tables"]}
    assert removed == ALL | {"organizations": 0, "users": 1}
    assert {table: note["kept"] for table, (_, note) in books().items()} == rows_of("one")
