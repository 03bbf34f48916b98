"""Whole imports inside this process: from a v2 file to v3's rows and the engine's books."""

import hashlib
from pathlib import Path

import pytest

from tests.runs import (
    TABLES,
    counted,
    documents,
    empty_v3,
    errors,
    rich_v2,
    row_versions,
    run,
    snapshot,
    state,
)
from tests.v2 import STATUSES, make_v2

pytestmark = pytest.mark.django_db(transaction=True)


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


@pytest.mark.parametrize("size", [1, 2, 7, 17, 18, 19])
def test_m1_the_batch_size_changes_nothing(v2_path: Path, size: int) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=1000)
    in_one = snapshot()
    empty_v3()

    run(name="night", batch_size=size)

    assert snapshot() == in_one


def test_r3_a_finished_migration_run_again_changes_nothing(v2_path: Path) -> None:
    rich_v2(v2_path)
    first = run(name="night")
    before = row_versions()

    again, by_name = run(), run(name="night", batch_size=3)

    assert row_versions() == before
    assert again.outcome == by_name.outcome == "nothing to do"
    assert again.migration == "night"
    assert again.failed == first.failed > 0
