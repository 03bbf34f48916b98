"""What v3's application changed since the migration is told and kept, with what it refers to."""

import os
import shutil
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.factories import UserFactory
from tests.integration.rollback.common import (
    ALL,
    NONE,
    books,
    first,
    rollback,
    rows_of,
    tenant,
    two_tenants,
)
from tests.runs import TABLES, query, run
from tests.v2 import make_v2
from transfer import rollback_marks
from transfer.exceptions import ResumeRefusedError

pytestmark = pytest.mark.django_db(transaction=True)


def kept(report: object) -> dict[str, tuple[int, int]]:
    """By table: rows kept for being changed, and for being referred to."""
    tables = report.survey.tables  # type: ignore[attr-defined]
    return {one.table: (one.kept_modified, one.kept_parents) for one in tables if one.kept}


def marks() -> dict[str, tuple[str, datetime]]:
    """What each row of the migration one is marked with, and its updated_at."""
    return {
        str(key): (mark, updated_at)
        for table in TABLES
        for key, mark, updated_at in query(
            f"SELECT id, metadata->>'kept_by_rollback', updated_at FROM {table}"
            " WHERE metadata->>'migration_batch' = 'one'"
        )
    }


def test_m14_a_changed_submission_stays_with_its_form_and_organization(v2_path: Path) -> None:
    two_tenants(v2_path)
    changed = first("submissions")
    query("UPDATE submissions SET status = 'approved' WHERE id = %s", [changed])

    report = rollback("one")

    expected = {"organizations": (0, 1), "forms": (0, 1), "submissions": (1, 0)}
    assert (report.outcome, kept(report)) == ("finished", expected)
    assert rows_of("one") == {"organizations": 1, "users": 0, "forms": 1, "submissions": 1}
    assert first("submissions") == changed
    assert "Kept: 1 rows that were changed in v3 since, and 2 to which they refer" in (
        report.as_text()
    )
    assert {table: note["kept"] for table, (_, note) in books().items()} == rows_of("one")
    assert all(note["finished"] for _, note in books().values())

    again = rollback("one")
    assert (again.outcome, again.survey.kept) == ("nothing to do", 3)

    last = rollback("one", include_modified=True)
    assert (last.outcome, last.survey.kept, last.removed) == ("finished", 0, 3)
    assert rows_of("one") == NONE
    assert {table: note["removed"] for table, (_, note) in books().items()} == ALL


@pytest.mark.parametrize("table", ["organizations", "users", "forms"])
def test_m14_changed_rows_of_each_table_stay(v2_path: Path, table: str) -> None:
    two_tenants(v2_path)
    query(f"UPDATE {table} SET deleted_at = now() WHERE id = %s", [first(table)])

    report = rollback("one")

    own = {table: (1, 0)}
    assert kept(report) == own | ({} if table == "organizations" else {"organizations": (0, 1)})
    assert rows_of("one") == NONE | dict.fromkeys(kept(report), 1)


def test_with_include_modified_all_of_it_goes_at_once(v2_path: Path) -> None:
    two_tenants(v2_path)
    query("UPDATE submissions SET status = 'approved'")
    query("UPDATE organizations SET name = 'renamed'")

    assert rollback("one", include_modified=True).outcome == "finished"

    assert rows_of("one") == NONE
    assert rows_of("two") == ALL


def test_v3s_own_rows_that_refer_to_kept_rows_do_not_block(v2_path: Path) -> None:
    two_tenants(v2_path)
    organization = first("organizations")
    query("UPDATE organizations SET name = 'renamed' WHERE id = %s", [organization])
    UserFactory(organization_id=organization)

    report = rollback("one")

    assert (report.outcome, kept(report)) == ("finished", {"organizations": (1, 0)})
    assert rows_of("one") == NONE | {"organizations": 1}
    assert query("SELECT count(*) FROM users WHERE organization_id = %s", [organization]) == [(1,)]


def test_what_a_kept_row_refers_to_is_kept_through_v3s_own_rows_and_never_cascaded(
    v2_path: Path,
) -> None:
    """A changed submission was moved to a form of v3's own in the migrated organization."""
    two_tenants(v2_path)
    query(
        "INSERT INTO forms (id, organization_id, name, slug, definition)"
        " VALUES ('00000000-0000-4000-8000-00000000abcd', %s, 'own', 'own', '{}')",
        [first("organizations")],
    )
    query(
        "UPDATE submissions SET form_id = '00000000-0000-4000-8000-00000000abcd' WHERE id = %s",
        [first("submissions")],
    )

    report = rollback("one", cascade=True)

    assert report.outcome == "finished"
    assert kept(report) == {"organizations": (0, 1), "submissions": (1, 0)}
    assert report.note is not None
    assert not report.note.cascaded
    assert query("SELECT count(*) FROM forms WHERE slug = 'own'") == [(1,)]


def test_a_copy_that_the_application_made_with_all_its_metadata_counts_as_changed(
    v2_path: Path,
) -> None:
    two_tenants(v2_path)
    query(
        "INSERT INTO forms (organization_id, name, slug, definition, metadata)"
        " SELECT organization_id, name, 'copy', definition, metadata FROM forms WHERE id = %s",
        [first("forms")],
    )

    report = rollback("one")

    assert kept(report) == {"organizations": (0, 1), "forms": (1, 0)}
    assert query("SELECT slug FROM forms WHERE metadata->>'migration_batch' = 'one'") == [("copy",)]


def test_an_import_anew_takes_a_kept_row_for_migrated(v2_path: Path) -> None:
    v2 = two_tenants(v2_path)
    query("UPDATE submissions SET status = 'approved' WHERE id = %s", [first("submissions")])
    rollback("one")

    report = run(name="one", organizations=[v2.organizations[0]["Id"]])

    assert (report.outcome, report.failed) == ("finished", 0)
    assert rows_of("one") == ALL
    assert query("SELECT count(*) FROM submissions WHERE status = 'approved'") == [(1,)]


def test_what_was_kept_once_is_kept_by_every_later_rollback(v2_path: Path) -> None:
    """The import that starts anew begins later than the change to the row it finds there."""
    v2 = two_tenants(v2_path)
    began = query("SELECT min(started_at) FROM migration_progress WHERE migration_name = 'one'")
    changed = first("submissions")
    query("UPDATE submissions SET status = 'approved' WHERE id = %s", [changed])
    ((edited,),) = query("SELECT updated_at FROM submissions WHERE id = %s", [changed])
    rollback("one")
    marked = marks()
    assert marked[changed][1] == edited
    assert {mark for mark, _ in marked.values()} == {began[0][0].isoformat()}
    assert marked.keys() == {changed, first("forms"), first("organizations")}
    for _ in range(2):
        run(name="one", organizations=[v2.organizations[0]["Id"]])
        assert rows_of("one") == ALL
        report = rollback("one")

        assert (report.outcome, report.survey.kept) == ("finished", 3)
        assert rows_of("one") == {"organizations": 1, "users": 0, "forms": 1, "submissions": 1}
        assert marks() == marked
        assert "or kept by an earlier rollback" in report.as_text()

    assert rollback("one", include_modified=True).removed == 3
    assert rows_of("one") == NONE


@pytest.mark.parametrize("table", ["organizations", "users", "forms", "submissions"])
def test_m14_a_change_in_a_transaction_begun_before_the_import_is_kept_where_it_can_be_told(
    v2_path: Path, table: str
) -> None:
    """Its updated_at is the transaction's start, earlier than the migration's."""
    two_tenants(v2_path)
    if table == "users":  # v2's own time is known of it, for it lies after the start
        query(
            "UPDATE users SET metadata = metadata || jsonb_build_object('legacy_updated_at',"
            " '2099-01-02T03:04:05+00:00'), updated_at = '2020-01-01' WHERE id = %s",
            [first("users")],
        )
    query(
        f"UPDATE {table} SET updated_at = (SELECT min(started_at) - interval '1 second'"
        " FROM migration_progress) WHERE id = %s",
        [first(table)],
    )

    report = rollback("one", dry_run=True)

    assert {one.table: one.kept_modified for one in report.survey.tables if one.kept_modified} == {
        table: 1
    }


def test_ctrl_c_while_rows_are_marked_leaves_it_in_part_and_it_goes_on(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_tenants(v2_path)
    query("UPDATE submissions SET status = 'approved'")
    real = rollback_marks._mark

    def interrupted(*given: Any) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(rollback_marks, "_mark", interrupted)
        report = rollback("one")

    assert (report.outcome, report.survey.going) == ("interrupted", 0)
    assert not any(note["finished"] for _, note in books().values())
    assert rollback("one").outcome == "finished"
    assert {mark for mark, _ in marks().values()} != {None}


@pytest.mark.parametrize("other", ["organizations", "tables", "source"])
def test_no_other_selection_begins_under_the_name_of_kept_rows(
    v2_path: Path, point_v2_at: Callable[[Path], Path], tmp_path: Path, other: str
) -> None:
    """They would be its own rows, with a start that is not theirs."""
    v2 = two_tenants(v2_path)
    options: dict[str, Any] = {"organizations": [v2.organizations[0]["Id"]]}
    query("UPDATE users SET status = 'inactive' WHERE id = %s", [first("users")])
    rollback("one")
    before = query("SELECT xmin::text FROM migration_progress ORDER BY id")

    if other == "source":
        shutil.copy(v2_path, point_v2_at(tmp_path / "other.sqlite3"))
    elif other == "tables":
        options["tables"] = ["organizations"]
    else:
        options["organizations"] = [v2.organizations[1]["Id"]]
    with pytest.raises(
        ResumeRefusedError,
        match=r"'one' was rolled back and kept 2 rows, and was begun otherwise: .*"
        r"first remove what it kept: rollback_v2 one --include-modified$",
    ) as refused:
        run(name="one", **options)

    assert {"source": "the v2 database was"}.get(other, f"--{other}"[:-1]) in str(refused.value)
    assert query("SELECT xmin::text FROM migration_progress ORDER BY id") == before
    rollback("one", include_modified=True)
    assert run(name="one", **options).outcome == "finished"


def test_the_report_says_how_exactly_this_migration_begins_anew(v2_path: Path) -> None:
    v2 = make_v2(v2_path)
    organization = tenant(v2, 1)
    run(name="my night", organizations=[organization], tables=["organizations", "users"])

    report = rollback("my night")

    selection = f"--tables organizations users --organization {organization}"
    assert report.notes == [f"Anew: import_v2 --name 'my night' {selection}"]
