"""Imports of a part of v2, of a v2 that lacks a part, and dry runs."""

from pathlib import Path
from typing import Any

import pytest

from tests.factories import OrganizationFactory
from tests.runs import (
    TABLES,
    counted,
    documents,
    empty_v3,
    errors,
    query,
    rich_v2,
    row_versions,
    run,
    snapshot,
)
from tests.v2 import guid, make_v2
from transfer.batch import TableState
from transfer.exceptions import ConfigurationError
from transfer.mapping.context import MappingFile

pytestmark = pytest.mark.django_db(transaction=True)


def test_tables_moves_only_the_named_ones(v2_path: Path) -> None:
    rich_v2(v2_path)

    report = run(tables=["forms", "organizations"])

    assert [found.table for found in report.tables] == ["organizations", "forms"]
    assert documents("forms")
    assert documents("users") == documents("submissions") == []


def test_tables_before_their_parents_are_errors_of_each_row(v2_path: Path) -> None:
    rich_v2(v2_path)

    report = run(tables=["submissions"])

    assert counted(report, "submissions") == (18, 0, 18)
    assert {e["code"] for e in errors() if e["v2_table"] == "FormSubmission"} == {"form_unknown"}


def test_only_the_chosen_organization_and_what_belongs_to_it_is_moved(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    two = v2.organizations[1]["Id"]

    report = run(organizations=[two.upper()])

    assert [row["id"] for row in documents("organizations")] == [two]
    assert {row["organization_id"] for table in TABLES[1:] for row in documents(table)} == {two}
    assert [row["email"] for row in documents("users")] == ["ann@example.org"]
    assert [row["id"] for row in documents("forms")] == [v2.forms[2]["Id"]]
    for table in TABLES:
        total, processed, failed = counted(report, table)
        assert total == processed + failed
    assert all(
        row["error_detail"].get("OrganizationId") in (None, two)
        and row["v2_table"] not in ("Field", "FieldSetting", "Field_Choice_Map")
        for row in errors()
    )


def test_two_organizations_under_two_names_are_the_whole(v2_path: Path) -> None:
    """Nothing of theirs crosses: no form of one has submissions of another."""
    v2 = rich_v2(v2_path)
    one, two, three = (row["Id"] for row in v2.organizations)
    v2.execute("DELETE FROM FormSubmission WHERE OrganizationId IS NOT NULL")
    v2.execute("DELETE FROM User WHERE OrganizationId = ?", [guid(1, 99)])
    v2.execute("DELETE FROM FormSubmission WHERE FormTypeId = ?", [guid(4, 77)])
    run(name="one name")
    whole = snapshot(*TABLES)
    empty_v3()

    run(name="part B", organizations=[two])
    run(name="part A", organizations=[three, one])

    parts = snapshot(*TABLES)
    named = {
        table: sorted(
            row.replace("part A", "one name").replace("part B", "one name") for row in rows
        )
        for table, rows in parts.items()
    }
    assert named == whole


def test_an_organization_s_forms_may_be_named_by_the_mapping_file_only(
    v2_path: Path, tmp_path: Path, settings: Any
) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}, {}],
        forms=[{"Name": "A", "OrganizationId": None}, {"Name": "B", "OrganizationId": None}],
        submissions=[{}, {"FormTypeId": guid(4, 2)}, {"OrganizationId": guid(1, 2)}],
    )
    one, two = (row["Id"] for row in v2.organizations)
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text(f'[forms]\nA = "{one}"\n"{guid(4, 2).upper()}" = "{two}"\n')

    report = run(name="one", organizations=[one])

    assert counted(report, "forms") == (1, 1, 0)
    assert [row["id"] for row in documents("submissions")] == [v2.submissions[0]["Id"]]
    assert counted(report, "submissions") == (1, 1, 0)


@pytest.mark.parametrize(
    "omit",
    [
        "User", "FormType.OrganizationId", "FormType.CreatedOn", "FieldSetting.Id",
        "Field_Choice_Map.Id", "FormSubmission.OrganizationId", "FormSubmissionMetaData.Id",
    ],
)  # fmt: skip
@pytest.mark.parametrize("selected", [False, True])
def test_a_v2_without_an_assumed_part_is_migrated_all_the_same(
    v2_path: Path, omit: str, *, selected: bool
) -> None:
    rows: dict[str, Any] = {
        "organizations": [{}], "users": [{}], "forms": [{}, {}], "fields": [{}],
        "settings": [{}, {"FieldId": guid(5, 9)}], "choices": [{}],
        "maps": [{}, {"FieldId": guid(5, 9)}], "submissions": [{}, {}, {}],
        "answers": [{"FreeFormEntry": "a"}, {"FormSubmissionId": guid(10, 9)}],
    }  # fmt: skip
    rows.pop("users") if omit == "User" else None
    make_v2(v2_path, omit=[omit], **rows)

    report = run(
        batch_size=2,
        default_organization=guid(1, 1),
        organizations=[guid(1, 1)] if selected else [],
    )

    assert counted(report, "submissions") == (3, 3, 0)
    assert counted(report, "forms") == (2, 2, 0)
    assert counted(report, "users")[0] == (0 if omit == "User" else 1)
    assert report.answers().read == (1 if selected else 2)
    assert any(omit in note for note in report.notes)


# A dry run


def books(table: TableState) -> tuple[Any, ...]:
    return table.table, table.total, table.processed, table.failed, table.findings, table.answers


def test_a_dry_run_writes_nothing_and_reports_what_a_run_then_records(v2_path: Path) -> None:
    rich_v2(v2_path)
    OrganizationFactory(id=guid(1, 3), slug="kept")  # an id of v2 that is v3's own
    before = row_versions()

    tried = run(name="night", dry_run=True, batch_size=4)

    assert row_versions() == before
    assert tried.outcome == "dry run"
    assert tried.notes == ["Nothing was written."]
    done = run(name="night", batch_size=4)
    assert list(map(books, done.tables)) == list(map(books, tried.tables))
    would = {(sample.v2_table, sample.record_id, sample.code.value) for sample in tried.samples}
    assert would == {
        (row["v2_table"], row["record_id"], row["code"])
        for row in errors()
        if row["severity"] == "error"
    }


def test_a_dry_run_of_a_finished_migration_finds_its_own_rows(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")
    before = row_versions()

    tried = run(name="night", dry_run=True)

    assert row_versions() == before
    assert counted(tried, "submissions") == (18, 16, 2)


def test_a_dry_run_needs_no_lock_and_tells_at_most_twenty_samples(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}], users=[{"Email": None} for _ in range(30)])

    tried = run(dry_run=True, batch_size=7)

    assert counted(tried, "users") == (30, 0, 30)
    assert len(tried.samples) == 20


def test_m8_a_form_that_only_the_mapping_file_knows_stops_the_run_before_it_begins(
    v2_path: Path,
) -> None:
    make_v2(v2_path, organizations=[{}], forms=[{"Name": "Leave"}])
    mapping = MappingFile(forms={"Leave": guid(1, 1), "Laeve": guid(1, 1)})
    with pytest.raises(ConfigurationError, match="is no form of v2: 'Laeve'"):
        run(mapping=mapping)
    assert query("SELECT * FROM migration_progress") == []
