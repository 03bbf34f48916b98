"""Whole imports inside this process: from a v2 file to v3's rows and the engine's books."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory, UserFactory
from tests.runs import (
    TABLES,
    Quiet,
    empty_v3,
    errors,
    query,
    rich_v2,
    row_versions,
    run,
    snapshot,
    state,
)
from tests.v2 import STATUSES, guid, make_v2
from transfer.batch import TableState
from transfer.exceptions import ConfigurationError, RunStoppedError, SourceError
from transfer.mapping.codes import Code, Severity
from transfer.mapping.context import MappingFile
from transfer.source import Page, Source

pytestmark = pytest.mark.django_db(transaction=True)


def documents(table: str, order: str = "id") -> list[dict[str, Any]]:
    return [json.loads(r[0]) for r in query(f"SELECT to_jsonb(t) FROM {table} t ORDER BY {order}")]


def counted(report: Any, table: str) -> tuple[int | None, int, int]:
    found = state(report, table)
    return found.total, found.processed, found.failed


# A whole run


def test_a_small_v2_arrives_row_for_row(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{"Name": "Acme Ltd"}],
        users=[{"Email": "Ann@Example.org", "IsActive": False}],
        forms=[{"Name": "Leave Request", "DisplayName": "Leave request"}],
        fields=[{"Name": "why", "Required": True}],
        settings=[{"Name": "rows", "StoredValue": "3"}],
        choices=[{"DisplayName": "Holiday"}],
        maps=[{}],
        submissions=[
            {"FormSubmissionStatusId": STATUSES["Draft"], "LookupCode": "LR-1"},
            {"LastUpdatedOn": "2024-03-02 00:00:00", "LookupCode": "LR-2"},
        ],
    )
    one, two = (row["Id"] for row in v2.submissions)
    v2.add("answers", {"FormSubmissionId": two, "FieldChoiceMapId": v2.maps[0]["Id"]})

    report = run(name="night")

    assert report.outcome == "finished"
    (organization,) = documents("organizations")
    assert organization["id"] == v2.organizations[0]["Id"]
    assert (organization["name"], organization["slug"]) == ("Acme Ltd", "acme-ltd")
    assert organization["settings"].items() >= {"migrated_from": "v2"}.items()
    assert organization["created_at"] == "2024-03-01T10:20:30.123456+00:00"
    (user,) = documents("users")
    assert (user["email"], user["status"]) == ("Ann@Example.org", "inactive")
    assert user["auth_data"]["user_name"] == "person1"
    (form,) = documents("forms")
    assert (form["name"], form["slug"], form["version"]) == (
        "Leave request", "leave-request", "1.0.0",
    )  # fmt: skip
    assert form["status"] == "draft"
    assert form["definition"] == {
        "title": "Leave request",
        "description": None,
        "legacy_id": v2.forms[0]["Id"],
        "fields": [
            {
                "id": v2.fields[0]["Id"], "name": "why", "label": "Field 1", "type": "text",
                "required": True, "order": 1, "settings": {"rows": "3"},
                "choices": [{"value": v2.choices[0]["Id"], "label": "Holiday"}],
            }
        ],
    }  # fmt: skip
    submissions = {row["id"]: row for row in documents("submissions")}
    assert submissions.keys() == {one, two}
    assert submissions[one].items() >= {
        "submission_number": "LR-1", "status": "draft", "data": {}, "submitted_at": None,
        "organization_id": organization["id"], "form_id": form["id"],
    }.items()  # fmt: skip
    assert submissions[two].items() >= {
        "submission_number": "LR-2", "status": "submitted", "data": {"why": "Holiday"},
        "updated_at": "2024-03-02T00:00:00+00:00", "submitted_at": "2024-03-02T00:00:00+00:00",
    }.items()  # fmt: skip
    for table in TABLES:
        assert all(row["metadata"] == {"migration_batch": "night"} for row in documents(table))
        assert counted(report, table) == (state(report, table).total,) * 2 + (0,)
    assert errors() == []


def test_an_empty_v2_is_migrated_and_finished(v2_path: Path) -> None:
    make_v2(v2_path)

    report = run()

    assert report.outcome == "finished"
    assert {counted(report, table) for table in TABLES} == {(0, 0, 0)}
    assert report.failed == 0
    assert report.migration.startswith("v2_migration_2")


def test_r1_every_record_of_a_hard_v2_is_a_row_or_an_error(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)

    report = run()

    for table, name in (("organizations", "organizations"), ("users", "users"),
                        ("forms", "forms"), ("submissions", "submissions")):  # fmt: skip
        ids = {row["Id"] for row in getattr(v2, name)}
        present = {row["id"] for row in documents(table)}
        failed = {
            row["record_id"]
            for row in errors()
            if row["severity"] == "error" and row["table_name"] == table
            and row["v2_table"] != "FormSubmissionMetaData"
        }  # fmt: skip
        assert present | failed == ids
        assert not present & failed
        assert counted(report, table) == (len(ids), len(present), len(failed))
    assert report.answers().read == len(v2.answers)
    assert {row["record_id"] for row in errors("answer_orphaned")} == {
        answer["Id"]
        for answer in v2.answers
        if answer["FormSubmissionId"] not in {row["Id"] for row in v2.submissions}
    }


def test_r4_v2_is_the_same_file_afterwards(v2_path: Path) -> None:
    rich_v2(v2_path)
    before = hashlib.sha256(v2_path.read_bytes()).hexdigest(), sorted(v2_path.parent.iterdir())

    run()

    after = hashlib.sha256(v2_path.read_bytes()).hexdigest(), sorted(v2_path.parent.iterdir())
    assert after == before


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    """The snapshot of an undisturbed run over rich_v2; the first test that needs it fills it."""
    return {}


@pytest.mark.parametrize("size", [1, 2, 7, 17, 18, 19, 1000])
def test_m1_the_batch_size_changes_nothing(
    v2_path: Path, undisturbed: dict[str, Any], size: int
) -> None:
    rich_v2(v2_path)

    run(name="night", batch_size=size)

    found = snapshot(*TABLES, "migration_errors", "migration_assignments")
    assert found == undisturbed.setdefault("rows", found)


def test_r3_a_finished_migration_run_again_changes_nothing(v2_path: Path) -> None:
    rich_v2(v2_path)
    first = run(name="night")
    before = row_versions()

    again, by_name = run(), run(name="night", batch_size=3)

    assert row_versions() == before
    assert again.outcome == by_name.outcome == "nothing to do"
    assert again.migration == "night"
    assert again.failed == first.failed > 0


# Stopped and gone on with


@pytest.mark.parametrize("size", [1, 2, 7])
def test_r2_stopped_at_every_batch_and_resumed_equals_an_undisturbed_run(
    v2_path: Path, size: int
) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=size)
    whole = snapshot()
    empty_v3()

    rounds = 0
    while (report := run(name="night", batch_size=size, limit=size)).outcome == "limited":
        rounds += 1
        assert report.notes == ["Stopped at --limit. To go on: import_v2 --name night"]
        assert rounds < 100

    assert report.outcome == "finished"
    assert rounds >= 30 // size
    assert snapshot() == whole


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("size", [1, 3])
def test_r2_a_run_that_dies_after_each_batch_and_is_started_again_equals_an_undisturbed_run(
    v2_path: Path, size: int
) -> None:
    """Also in the orphans beyond the last submission, and before a table's end is noted."""
    rich_v2(v2_path)
    run(name="night", batch_size=size)
    whole = snapshot()
    empty_v3()

    def die(_state: TableState) -> None:
        raise PowerCutError

    deaths = 0
    for _ in range(100):
        try:
            report = run(Quiet(die), name="night", batch_size=size)
        except PowerCutError:
            deaths += 1
        else:
            break

    assert report.outcome == "nothing to do"
    assert deaths >= 30 // size
    assert snapshot() == whole


def test_a_limit_is_of_records_over_all_tables(v2_path: Path) -> None:
    rich_v2(v2_path)

    report = run(name="night", batch_size=1000, limit=10)

    assert report.outcome == "limited"
    assert [counted(report, table)[1:] for table in TABLES] == [(3, 0), (2, 3), (2, 0), (0, 0)]
    assert [state(report, table).status for table in TABLES] == [
        "completed", "completed", "in_progress", "pending",
    ]  # fmt: skip


def test_r7_a_killed_writer_is_got_again_and_the_run_equals_an_undisturbed_one(
    v2_path: Path,
) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=2)
    whole = snapshot()
    empty_v3()
    killed: list[Any] = []

    def kill(_state: TableState) -> None:
        if len(killed) < 4:
            killed.append(
                query(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'pliers import_v2%%' AND state = 'idle'"
                    " AND datname = current_database()"
                )
            )

    report = run(Quiet(kill), name="night", batch_size=2)

    assert sum(found[0][0] for found in killed) >= 4
    assert report.outcome == "finished"
    assert snapshot() == whole


# Parts of v2


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
    assert bool(report.notes) is (omit == "User")


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


# v3 is not empty


def test_m1_rows_of_v3_s_own_are_never_touched(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    acme = OrganizationFactory(id=guid(1, 1), name="Elsewhere", slug="acme")
    form = FormFactory(id=guid(4, 2), organization=acme, name="Elsewhere", slug="leave-request")
    UserFactory(id=guid(2, 3), organization=acme, email="elsewhere@example.org")
    SubmissionFactory(id=v2.submissions[6]["Id"], form=form, submission_number="B")
    own = {table: query(f"SELECT ctid::text, xmin::text, id FROM {table}") for table in TABLES}

    run(name="night")

    for table, rows in own.items():
        for row in rows:
            assert row in query(f"SELECT ctid::text, xmin::text, id FROM {table}")
    assert {row["record_id"] for row in errors("id_taken")} == {
        guid(1, 1), guid(4, 2), guid(2, 3), v2.submissions[6]["Id"],
    }  # fmt: skip
    assert [e["record_id"] for e in errors("refused_by_postgresql")] == [v2.forms[3]["Id"]]


def test_m5_a_slug_of_v3_s_own_row_is_avoided_even_under_an_id_of_v2(v2_path: Path) -> None:
    make_v2(
        v2_path,
        organizations=[{"Name": "One"}, {"Name": "Two"}],
        forms=[{"Name": "Alpha"}, {"Name": "Beta"}],
    )
    own = OrganizationFactory(id=guid(1, 1), slug="two")
    FormFactory(id=guid(4, 1), organization=own, slug="beta")

    run()

    assert query("SELECT slug FROM organizations ORDER BY id") == [("two",), ("two-2",)]
    assert query("SELECT slug FROM forms ORDER BY id") == [("beta",), ("beta-2",)]


# A v2 that is alive


def test_m5_an_organization_or_form_added_while_the_run_goes_gets_a_free_slug(
    v2_path: Path,
) -> None:
    v2 = make_v2(v2_path, organizations=[{"Name": "Acme"}], forms=[{"Name": "Leave"}])

    class Live(Quiet):
        def table_started(self, state: TableState) -> None:
            if state.table in ("organizations", "forms"):
                v2.add(
                    state.table, {"Name": {"organizations": "Acme", "forms": "Leave"}[state.table]}
                )

    report = run(Live(), batch_size=1)

    assert report.outcome == "finished"
    assert query("SELECT slug FROM organizations ORDER BY id") == [("acme",), ("acme-2",)]
    assert query("SELECT slug FROM forms ORDER BY id") == [("leave",), ("leave-2",)]


def test_m5_a_name_changed_between_two_starts_takes_nobody_s_slug(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{"Name": "Acme"}, {"Name": "Acme"}], forms=[{}])
    run(name="m", limit=1)
    v2.execute("UPDATE Organization SET Name = 'Zeta' WHERE Id = ?", [guid(1, 1)])

    report = run(name="m")

    assert report.outcome == "finished"
    assert query("SELECT name, slug FROM organizations ORDER BY id") == [
        ("Acme", "acme"),
        ("Acme", "acme-2"),
    ]
    assert report.failed == 0


def test_m12_a_submission_without_a_code_added_while_the_run_goes_gets_all_its_digits(
    v2_path: Path,
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], submissions=[{}])

    class Live(Quiet):
        def table_started(self, state: TableState) -> None:
            if state.table == "submissions":
                v2.add("submissions", {"LookupCode": None}, {"LookupCode": ""})

    report = run(Live())

    late = [row["Id"].replace("-", "") for row in v2.submissions[1:]]
    assert counted(report, "submissions") == (3, 3, 0)
    assert query("SELECT submission_number FROM submissions ORDER BY id OFFSET 1") == [
        (f"V2-{digits}",) for digits in late
    ]
    assert report.findings(Severity.WARNING) == {Code.NUMBER_MISSING: 2}


@pytest.fixture
def before_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """Run something once, just before the first query of a v2 table's rows."""

    def install(table: str, act: Callable[[], object]) -> None:
        real, done = Source.read, []

        def read(self: Source, query: Any, columns: Any) -> Page:
            if query.model._meta.db_table == table and not done:
                done.append(True)
                act()
            return real(self, query, columns)

        monkeypatch.setattr(Source, "read", read)

    return install


def test_m17_answers_of_a_submission_added_meanwhile_are_no_orphans(
    v2_path: Path, before_reading: Callable[[str, Callable[[], object]], None]
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}])
    between = v2.submissions[0]["Id"][:-1] + "f"

    def submit() -> None:
        for new in (between, guid(10, 99)):
            v2.add("submissions", {"Id": new})
            v2.add("answers", {"FormSubmissionId": new, "FreeFormEntry": "late"})
        v2.add("answers", {"FormSubmissionId": guid(10, 77), "FreeFormEntry": "nobody's"})

    before_reading("FormSubmissionMetaData", submit)

    run()

    assert [e["error_detail"]["FormSubmissionId"] for e in errors("answer_orphaned")] == [
        guid(10, 77)
    ]


def test_a_field_added_meanwhile_does_not_stop_the_run(
    v2_path: Path, before_reading: Callable[[str, Callable[[], object]], None]
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], choices=[{}])

    def design() -> None:
        v2.add("fields", {})
        v2.add("settings", {})
        v2.add("maps", {})

    before_reading("FieldSetting", design)

    assert run(tables=["organizations", "forms"]).outcome == "finished"
    assert documents("forms")[0]["definition"]["fields"] == []


# Values no column of v2 could hold


@pytest.mark.parametrize(
    ("table", "column", "v3_table"),
    [
        ("User", "Email", "users"), ("User", "CreatedOn", "users"),
        ("FormSubmission", "LookupCode", "submissions"),
        ("FormSubmission", "CreatedOn", "submissions"),
        ("FormSubmission", "FormTypeId", "submissions"),
        ("Organization", "Name", "organizations"), ("Organization", "CreatedOn", "organizations"),
        ("FormType", "Name", "forms"), ("FormType", "OrganizationId", "forms"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [b"\xff\x00", "no such thing", 7])
def test_r7_a_value_of_another_kind_costs_its_own_record_at_most(
    v2_path: Path, table: str, column: str, v3_table: str, value: object
) -> None:
    """SQLite holds anything anywhere, and a copy of v2 may have been made by hand."""
    v2 = make_v2(
        v2_path,
        organizations=[{}, {}],
        users=[{"OrganizationId": guid(1, 2)} for _ in range(3)],
        forms=[{"OrganizationId": guid(1, 2)} for _ in range(3)],
        fields=[{"FormTypeId": guid(4, 2)}],
        submissions=[{"FormTypeId": guid(4, 2)} for _ in range(3)],
    )
    stored = "CAST(? AS BLOB)" if isinstance(value, bytes) else "?"
    v2.execute(
        f'UPDATE "{table}" SET "{column}" = {stored} WHERE Id = (SELECT min(Id) FROM "{table}")',
        [value],
    )

    report = run()

    total, processed, failed = counted(report, v3_table)
    assert total == processed + failed
    usable = column in ("Name", "Email", "LookupCode") and not isinstance(value, bytes)
    assert failed == (0 if usable else 1)
    for other in TABLES:
        if other != v3_table:
            assert counted(report, other)[2] == 0


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    ("key", "migrated"),
    [
        ("no such thing", 2), ("[/]", 2), ("x" * 300, 2),
        ("000a00020000400080000000aa000000", 3), ("{000A0002-0000-4000-8000-000000000009}", 3),
    ],
)  # fmt: skip
def test_r7_a_submission_whose_key_is_no_guid_costs_itself_at_most(
    v2_path: Path, size: int, key: str, migrated: int
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}, {}])
    for row in v2.submissions:
        v2.add("answers", {"FormSubmissionId": row["Id"], "FreeFormEntry": "a"})
    v2.execute("UPDATE FormSubmission SET Id = ? WHERE Id = ?", [key, guid(10, 2)])
    v2.execute(
        "UPDATE FormSubmissionMetaData SET FormSubmissionId = ? WHERE FormSubmissionId = ?",
        [key, guid(10, 2)],
    )

    report = run(batch_size=size)

    assert report.outcome == "finished"
    assert counted(report, "submissions") == (3, migrated, 3 - migrated)
    assert report.answers().read == 3
    assert errors("answer_orphaned") == []


@pytest.mark.parametrize("key", [b"\xff", None, "", "a\x00"])
def test_a_key_that_no_checkpoint_could_hold_stops_the_run_before_it_begins(
    v2_path: Path, key: bytes | str | None
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], users=[{}])
    v2.execute("CREATE TABLE copy AS SELECT * FROM User")
    v2.execute("UPDATE copy SET Id = ?", [key])
    v2.execute("DROP TABLE User")
    v2.execute("ALTER TABLE copy RENAME TO User")

    with pytest.raises(RunStoppedError, match="v2's User holds a key that is no text, empty, or"):
        run()

    assert query("SELECT count(*) FROM users") == [(0,)]


def test_an_id_that_is_there_twice_stops_the_run_before_it_begins(v2_path: Path) -> None:
    one = guid(0xA, 1).replace("0", "a")
    make_v2(
        v2_path,
        nocase=False,
        organizations=[{}],
        forms=[{}],
        submissions=[{"Id": one}, {"Id": one.upper()}],
    )
    with pytest.raises(SourceError, match=rf"FormSubmission holds the Id {one} more than once"):
        run()
    assert query("SELECT * FROM migration_progress") == []


def test_m8_a_form_that_only_the_mapping_file_knows_stops_the_run_before_it_begins(
    v2_path: Path,
) -> None:
    make_v2(v2_path, organizations=[{}], forms=[{"Name": "Leave"}])
    mapping = MappingFile(forms={"Leave": guid(1, 1), "Laeve": guid(1, 1)})
    with pytest.raises(ConfigurationError, match="is no form of v2: 'Laeve'"):
        run(mapping=mapping)
    assert query("SELECT * FROM migration_progress") == []


def test_r7_a_time_limit_of_the_database_stops_nothing(
    v2_path: Path, before_reading: Callable[[str, Callable[[], object]], None]
) -> None:
    rich_v2(v2_path)
    (database,) = query("SELECT quote_ident(current_database())")[0]
    # The numbers are decided in one COPY, which lasts as long as reading v2's submissions does.
    before_reading("FormSubmission", lambda: time.sleep(1.5))
    query(f"ALTER DATABASE {database} SET statement_timeout = 1000")
    try:
        assert run().outcome == "finished"
    finally:
        query(f"ALTER DATABASE {database} RESET statement_timeout")
