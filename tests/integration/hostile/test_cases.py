"""Single cases: what is too large or too lonely for a property to draw."""

import hashlib
from itertools import cycle, islice
from pathlib import Path

import pytest
from django.db import connections

from tests.integration.hostile.world import World
from tests.runs import answers_in, counted, documents, errors, query, run, state
from tests.v2 import FIELD_TYPES, STATUSES, Row, guid, make_v2, use_v2

pytestmark = pytest.mark.django_db(transaction=True)

# Each costs most in one of the escapes between v2 and a page of PostgreSQL, and in UTF-8.
HOSTILE = "\\\n\t\r\"'\x01\x1f\\N\\.\u202eé😀a"
COPY = "hostile_copy"


def megabytes(count: int) -> str:
    """Text of so many megabytes of UTF-8, nearly."""
    return HOSTILE * (count * 1_000_000 // len(HOSTILE.encode()))


def test_an_answer_of_20_mb_is_stored_to_the_last_character(v2_path: Path) -> None:
    text = megabytes(20)
    make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{"Name": "essay"}],
        submissions=[{}, {}],
        answers=[{"FreeFormEntry": text}],
    )

    report = run()

    assert counted(report, "submissions") == (2, 2, 0)
    ((length, digest),) = query(
        "SELECT length(data->>'essay'), md5(convert_to(data->>'essay', 'UTF8'))"
        " FROM submissions WHERE data ? 'essay'"
    )
    assert length == len(text)
    assert digest == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_r7_a_very_long_answer_whose_submission_fails_is_cut_in_the_error(v2_path: Path) -> None:
    text = megabytes(3)
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{"FormTypeId": guid(4, 77)}, {}],
        answers=[{"FreeFormEntry": text}, {"FreeFormEntry": "short"}],
    )
    v2.add("answers", {"FormSubmissionId": v2.submissions[1]["Id"], "FreeFormEntry": "fine"})

    report = run()

    assert counted(report, "submissions") == (2, 1, 1)
    (error,) = errors("form_unknown")
    long, short = sorted(
        (answer["FreeFormEntry"] for answer in error["error_detail"]["answers"]),
        key=lambda entry: isinstance(entry, str),
    )
    assert (long["cut"], long["length"]) == (text[:200], len(text))
    assert long["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert short == "short"


def many_answers(count: int, form: str) -> World:
    """One submission to a form of a thousand fields, with so many answers."""
    world = World()
    rows = world.rows
    organization, field_type = guid(1, 1), FIELD_TYPES["TextBox"]
    rows["organizations"] = [{"Id": organization, "Name": "A", "CreatedOn": "2024-01-01"}]
    rows["field_types"] = [{"Id": field_type, "Name": "TextBox"}]
    rows["statuses"] = [{"Id": STATUSES["Submitted"], "Name": "Submitted"}]
    rows["forms"] = [
        {"Id": guid(4, 1), "Name": "F", "DisplayName": None, "ShortDescription": None,
         "OrganizationId": organization, "CreatedOn": None}
    ]  # fmt: skip
    rows["fields"] = [
        {"Id": guid(5, n), "FormTypeId": guid(4, 1), "FieldTypeId": field_type, "Name": f"f{n}",
         "DisplayName": None, "Required": False, "SortOrder": n}
        for n in range(1000)
    ]  # fmt: skip
    rows["submissions"] = [
        {"Id": guid(10, 1), "FormTypeId": form, "FormSubmissionStatusId": STATUSES["Submitted"],
         "LookupCode": "L", "CreatedOn": "2024-01-01", "LastUpdatedOn": None,
         "OrganizationId": None}
    ]  # fmt: skip
    letters = cycle(HOSTILE)
    rows["answers"] = [
        {"Id": guid(11, n), "FormSubmissionId": guid(10, 1), "FieldId": guid(5, n % 1000),
         "FreeFormEntry": f"{n} {next(letters)}", "FieldChoiceMapId": None}
        for n in range(count)
    ]  # fmt: skip
    return world


def test_m16_10_000_answers_in_one_submission(v2_path: Path) -> None:
    many_answers(10_000, guid(4, 1)).write(v2_path)

    report = run()

    (row,) = documents("submissions")
    letters = list(islice(cycle(HOSTILE), 10_000))
    assert row["data"] == {
        f"f{n}": [f"{m} {letters[m]}" for m in range(n, 10_000, 1000)] for n in range(1000)
    }
    assert report.answers().merged == report.answers().read == 10_000
    assert state(report, "submissions").findings == {"answers_merged": 1000}


def test_r7_a_submission_of_very_many_answers_that_fails_keeps_the_first_and_their_number(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.detail.MAX_DOCUMENT", 500_000)
    many_answers(10_000, guid(4, 77)).write(v2_path)

    report = run()

    assert counted(report, "submissions") == (1, 0, 1)
    assert report.answers().failed == {"form_unknown": 10_000}
    (error,) = errors("form_unknown")
    assert answers_in(error["error_detail"]) == 10_000
    assert len(error["error_detail"]["answers"]["cut"]) == 1000


def test_a_form_without_a_field_and_a_submission_without_an_answer(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}], forms=[{}], submissions=[{}])

    report = run()

    assert report.failed == 0
    (form,) = documents("forms")
    assert form["definition"]["fields"] == []
    (submission,) = documents("submissions")
    assert submission["data"] == {}
    assert submission["metadata"].keys() == {"migration_batch"}


# Rows of a copy made by hand that refer to nothing at all

NULLS: dict[str, Row] = {
    "settings": {"Id": guid(6, 1), "FieldId": None, "Name": "a", "StoredValue": "b"},
    "maps": {"Id": guid(8, 1), "FieldId": None, "ChoiceId": guid(7, 1), "SortOrder": 1},
    "fields": {
        "Id": guid(5, 1), "FormTypeId": None, "FieldTypeId": guid(3, 1), "Name": "f",
        "DisplayName": None, "Required": False, "SortOrder": 1,
    },
    "answers": {
        "Id": guid(11, 1), "FormSubmissionId": None, "FieldId": guid(5, 1),
        "FreeFormEntry": "x", "FieldChoiceMapId": None,
    },
}  # fmt: skip


def lonely() -> World:
    world = many_answers(0, guid(4, 1))
    world.loose = True
    world.rows["submissions"] = []
    for name, row in NULLS.items():
        world.rows[name] = [row]
    return world


def check_lonely() -> None:
    report = run()

    assert report.outcome == "finished"
    assert {(e["code"], e["record_id"]) for e in errors()} == {
        ("setting_without_field", guid(6, 1)),
        ("map_without_field", guid(8, 1)),
        ("field_without_form", guid(5, 1)),
        ("answer_orphaned", guid(11, 1)),
    }
    assert report.answers().failed == {"answer_orphaned": 1}


def test_r1_a_row_that_refers_to_nothing_is_recorded(v2_path: Path) -> None:
    lonely().write(v2_path)

    check_lonely()


@pytest.mark.usefixtures("v2_path")
def test_r1_a_row_that_refers_to_nothing_is_recorded_from_postgresql_too() -> None:
    alias = dict(connections["default"].settings_dict)
    alias["OPTIONS"] = {**alias["OPTIONS"], "options": f"-c search_path={COPY}"}
    lonely().write_to_postgresql(COPY)
    try:
        with use_v2(**alias):
            check_lonely()
    finally:
        query(f"DROP SCHEMA {COPY} CASCADE")


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_r1_orphans_of_nothing_come_once_whatever_the_batches(v2_path: Path, size: int) -> None:
    world = many_answers(3, guid(4, 1))
    world.loose = True
    first = world.rows["submissions"][0]
    world.rows["submissions"] += [first | {"Id": guid(10, n), "LookupCode": str(n)} for n in (2, 3)]
    world.rows["answers"] += [
        {**NULLS["answers"], "Id": guid(11, 100 + n), "FormSubmissionId": where}
        for n, where in enumerate([None, None, guid(10, 0), guid(10, 99)])
    ]
    world.write(v2_path)

    report = run(batch_size=size)

    assert counted(report, "submissions") == (3, 3, 0)
    assert len(errors("answer_orphaned")) == 4
    assert report.answers().read == 7
