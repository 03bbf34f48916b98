"""verify_v2 after imports of an odd v2: answers to other forms' fields, and times of any shape."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, connections

from tests.acceptance.verifying import run, verified
from tests.v2 import copy_into_schema, guid, make_v2, use_v2

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def strangers(v2_path: Path) -> Path:
    """Answers to another form's fields: five in metadata.unmapped, for their name is taken (M17).

    And one each in data, to a field of a form in v3, of one that fails, and of one nowhere.
    """
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}, {}, {"OrganizationId": guid(1, 77)}],
        fields=[{"Name": "name"}, {"Name": "own"}],
        submissions=[{}] * 10,
    )
    other, failing = (row["Id"] for row in v2.forms[1:])
    taken, theirs, _, twice, dangling = v2.add(
        "fields",
        {"FormTypeId": other, "Name": "name"},
        {"FormTypeId": other, "Name": "theirs"},
        {"FormTypeId": failing, "Name": "failed"},
        {"FormTypeId": failing, "Name": "failed"},
        {"FormTypeId": guid(4, 77), "Name": "loose\x00"},
    )
    fields = [taken] * 5 + [theirs, twice, dangling]
    for row, field in zip(v2.submissions, fields, strict=False):
        v2.add("answers", {"FormSubmissionId": row["Id"], "FieldId": field["Id"]})
    for row in v2.submissions:
        v2.add("answers", {"FormSubmissionId": row["Id"], "FieldId": v2.fields[1]["Id"]})
    return v2_path


def test_m17_answers_to_other_forms_fields_are_accepted(strangers: Path) -> None:
    run("import_v2")

    _, checks = verified()

    found = checks["Answers under names their form lacks"]
    assert (found["status"], found["target_count"]) == ("WARNING", 3)
    assert checks["all"]["status"] == "OPEN"  # the form that failed


def test_m17_answers_in_metadata_excuse_no_garbage_in_data(strangers: Path) -> None:
    run("import_v2")
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE submissions
                  SET data = data - 'own' || jsonb_build_object('garbage ' || id, data->'own')
                WHERE submission_number >= 'L-0006'"""
        )
        assert cursor.rowcount == 5

    status, checks = verified()

    assert status == 3
    assert {n for n in checks if checks[n]["status"] == "FAILED"} - {"all"} == {
        "Answers under names their form lacks",
        "Values of submissions",
    }
    assert checks["Values of submissions"]["note"].startswith("5 differ: ")
    note = checks["Answers under names their form lacks"]["note"]
    assert "5 names in data are no field's of any form: 'garbage " in note


def test_m3_times_the_reader_takes_are_before_or_since_as_it_takes_them(v2_path: Path) -> None:
    """The first three on the migration's own day; the others long after it."""
    now = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
    times = [
        now.isoformat(),
        now.isoformat(timespec="seconds"),
        now.strftime("%Y%m%dT%H%M%S"),
        "2099-01-01T00:00:01",
        "2099-01-01",
        "20990101",
        "2099-01-01 00:00:01Z",
        "2099-W01-1",
    ]
    v2 = make_v2(
        v2_path,
        organizations=[{"CreatedOn": times[0]}],
        users=[{"CreatedOn": time} for time in times],
        forms=[{"CreatedOn": times[0]}],
        fields=[{}],
        submissions=[{"CreatedOn": time} for time in times],
    )
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    assert run("import_v2")[0] == 0

    status, checks = verified()

    assert (status, checks["all"]["status"]) == (0, "PASSED")
    assert checks["Answers"]["source_count"] == len(times)


UNREADABLE = [
    99_999_999,
    20_990_101,
    2_099.5,
    b"2099-01-01 00:00:00.000000",
    "infinity",
    "2099-02-30 00:00:00",
    "2099-02-30T00:00:00.000000",
    "2099-01-01 00:00:00 " + "x" * 200_000,
    "2099-01-01 00:00:00\ud800",
    "~",
]


@pytest.mark.parametrize("affinity", ["TEXT", "NUMERIC"])
def test_r7_a_time_that_is_none_is_an_open_error_and_no_more(v2_path: Path, affinity: str) -> None:
    v2 = make_v2(v2_path, organizations=[{}], users=[{}], forms=[{}], fields=[{}])
    for table in ("FormSubmission", "User"):
        v2.execute(f'ALTER TABLE "{table}" DROP COLUMN "CreatedOn"')
        v2.execute(f'ALTER TABLE "{table}" ADD COLUMN "CreatedOn" {affinity}')
    v2.execute('UPDATE "User" SET "CreatedOn" = ?', ["2024-03-01T10:20:30"])
    v2.add("users", *({"CreatedOn": time} for time in UNREADABLE))
    v2.add("submissions", *({"CreatedOn": time} for time in UNREADABLE))
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    assert run("import_v2")[0] == 3

    status, checks = verified()

    assert (status, checks["all"]["status"]) == (3, "OPEN")
    for name in ("Users", "Submissions", "Answers"):
        note = checks[name]["note"]
        assert note.endswith(" recorded as errors")


def test_r7_a_time_that_only_postgresql_has_is_an_open_error_and_no_more(v2_path: Path) -> None:
    times = ("infinity", "-infinity", "10000-01-01 00:00:00", "0044-03-15 00:00:00 BC")
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{"CreatedOn": time} for time in times],
    )
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    own = connections["default"].settings_dict
    with connection.cursor() as cursor:
        try:
            copy_into_schema(v2, "copy_of_v2")
            with use_v2(**own | {"OPTIONS": {"options": "-c search_path=copy_of_v2"}}):
                assert run("import_v2")[0] == 3

                status, checks = verified()
        finally:
            cursor.execute("DROP SCHEMA IF EXISTS copy_of_v2 CASCADE")

    assert (status, checks["all"]["status"]) == (3, "OPEN")
    assert checks["Submissions"]["note"] == "4 recorded as errors"
