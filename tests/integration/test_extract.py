"""Keyset batches out of v2: every record once, with its children, whatever the batch's size."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from legacy_v2 import models as v2_models
from legacy_v2.seed import schema
from tests.runs import TABLES, empty_v3, query, rich_v2, run, snapshot, state
from tests.v2 import V2, copy_into_schema, guid, make_v2, use_v2
from transfer import extract, extract_submissions
from transfer.extract_submissions import SubmissionBatch
from transfer.extract_submissions import submissions as read_submissions
from transfer.mapping.codes import Code, Severity
from transfer.source import Source

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = v2_models.FormSubmission._default_manager.all()


def submissions(size: int, after: str = "") -> list[SubmissionBatch]:
    with closing(Source()) as source:
        return list(read_submissions(source, EVERYTHING, lambda: size, after))


def forms(size: int) -> list[extract.FormBatch]:
    with closing(Source()) as source:
        return list(extract.forms(source, extract.lookups(source), lambda: size))


# Batches


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_record_is_read_once_with_its_children(v2_path: Path, count: int, size: int) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{} for _ in range(count)],
    )
    for row in v2.submissions:
        v2.add(
            "answers", *[{"FormSubmissionId": row["Id"], "FreeFormEntry": row["LookupCode"]}] * 2
        )

    batches = submissions(size)

    assert [len(batch.rows) for batch in batches] == [
        min(size, count - start) for start in range(0, count, size)
    ]
    assert [row.id for batch in batches for row in batch.rows] == [
        row["Id"] for row in v2.submissions
    ]
    for batch in batches:
        assert batch.last_key == batch.rows[-1].id
        assert batch.orphans == []
        for row in batch.rows:
            assert [answer[2] for answer in batch.answers[row.id]] == [row.lookup_code] * 2


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_m17_an_orphan_falls_out_once_wherever_it_lies(v2_path: Path, size: int) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}],
                 submissions=[{} for _ in range(5)])  # fmt: skip
    strays = [guid(10, 0), guid(10, 1)[:-1] + "f", guid(10, 3)[:-1] + "f", guid(10, 6), guid(11, 0)]
    for owner in (*strays, v2.submissions[0]["Id"]):
        v2.add("answers", {"FormSubmissionId": owner})

    batches = submissions(size)

    assert sorted(answer[0] for batch in batches for answer in batch.orphans) == sorted(strays)
    assert sum(len(rows) for batch in batches for rows in batch.answers.values()) == 1


def test_orphans_beyond_the_last_submission_come_page_by_page(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", 3)
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    for number in (1, 1, 1, 2, 3):  # three of one submission, more than a page
        v2.add("answers", {"FormSubmissionId": guid(10, number)})

    batches = submissions(1000)

    assert [len(batch.orphans) for batch in batches] == [3, 2]
    assert submissions(1000, after=batches[0].last_key)[0].orphans == batches[1].orphans
    assert submissions(1000, after=batches[1].last_key) == []


def test_a_limit_that_is_spent_among_the_orphans_stops_there(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", 1)
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    v2.add("answers", *({"FormSubmissionId": guid(10, number)} for number in (1, 2, 3)))
    sizes = iter([5, 5, 0])

    with closing(Source()) as source:
        read = list(read_submissions(source, EVERYTHING, lambda: next(sizes)))

    assert [len(batch.orphans) for batch in read] == [1]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_form_comes_with_its_own_parts_only(v2_path: Path, size: int) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}, {}, {}],
        fields=[{"FormTypeId": guid(4, n)} for n in (1, 3, 3, 0, 9)],
        choices=[{}],
    )
    for field in v2.fields:
        v2.add("settings", {"FieldId": field["Id"]})
        v2.add("maps", {"FieldId": field["Id"]})

    batches = forms(size)

    fields = {form: rows for batch in batches for form, rows in batch.fields.items()}
    assert {form: [row.id for row in rows] for form, rows in fields.items()} == {
        guid(4, 1): [guid(5, 1)],
        guid(4, 3): [guid(5, 2), guid(5, 3)],
    }
    for form, rows in fields.items():
        (batch,) = (batch for batch in batches if form in {row.id for row in batch.rows})
        own = [row.id for row in rows]
        assert [row.field_id for row in batch.settings[form]] == own
        assert [row.field_id for row in batch.maps[form]] == own
        assert all(row.type_name == "TextBox" for row in rows)
    assert sorted(row.id for batch in batches for row in batch.stray_fields) == [
        guid(5, 4), guid(5, 5),
    ]  # fmt: skip


def test_parts_without_a_parent_are_found_page_by_page(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "SCAN_SIZE", 2)
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], choices=[{}],
                 settings=[{}], maps=[{}])  # fmt: skip
    for number in (0, 7, 8, 9, 9):
        v2.add("fields", {"FormTypeId": guid(4, 90 + number)})
        v2.add("settings", {"FieldId": guid(5, 90 + number)})
        v2.add("maps", {"FieldId": guid(5, 90 + number), "ChoiceId": guid(7, number)})

    with closing(Source()) as source:
        known = extract.lookups(source)
        fields = list(extract.fields_without_form(source, known))
        settings = list(extract.settings_without_field(source))
        maps = list(extract.maps_without_field(source, known))

    assert sorted(row.id for row in fields) == [guid(5, n) for n in (2, 3, 4, 5, 6)]
    assert all(
        row.type_name == "TextBox" and row.sort_order > 1 for row in fields if row.sort_order
    )
    assert sorted(row.id or "" for row in settings) == [guid(6, n) for n in (2, 3, 4, 5, 6)]
    assert [(row.name, row.stored_value) for row in settings[:1]] == [("setting2", "1")]
    assert sorted(row.id or "" for row in maps) == [guid(8, n) for n in (2, 3, 4, 5, 6)]
    assert not any(row.choice_exists for row in maps)


def test_lookups_hold_the_small_tables(v2_path: Path) -> None:
    make_v2(
        v2_path,
        field_types=[{"Id": guid(3, 1), "Name": "Slider"}],
        statuses=[{"Id": guid(9, 1), "Name": "Parked"}],
        choices=[{"DisplayName": None}, {"DisplayName": "Blue"}],
    )

    with closing(Source()) as source:
        known = extract.lookups(source)

    assert known.field_types == {guid(3, 1): "Slider"}
    assert known.statuses == {guid(9, 1): "Parked"}
    assert known.choices == {guid(7, 1): None, guid(7, 2): "Blue"}


def test_no_statement_carries_a_list_as_long_as_the_batch(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL Server takes at most 2,100 parameters."""
    rich_v2(v2_path)
    most, real = [], Source._run

    def fetch(self: Source, statement: str, parameters: Any, *rest: Any) -> Any:
        most.append(len(parameters))
        return real(self, statement, parameters, *rest)

    monkeypatch.setattr(Source, "_run", fetch)

    run(batch_size=1000)

    assert most
    assert max(most) <= 5


# The same v2 in other shapes


@pytest.fixture
def as_it_is(v2_path: Path) -> tuple[V2, dict[str, list[str]]]:
    """rich_v2, and what its import gives."""
    v2 = rich_v2(v2_path)
    run(name="night", batch_size=5)
    whole = snapshot(*TABLES, "migration_errors", "migration_assignments")
    empty_v3()
    return v2, whole


def imported() -> dict[str, list[str]]:
    run(name="night", batch_size=5)
    return snapshot(*TABLES, "migration_errors", "migration_assignments")


def remake(v2: V2, change: Callable[[str], str], *, nocase: bool) -> None:
    """Write the file anew with every id changed, as a copy by hand may have them."""
    old = v2.path.with_suffix(".old")
    shutil.move(v2.path, old)
    make_v2(v2.path, nocase=nocase, index=nocase, field_types=[], statuses=[])
    with sqlite3.connect(old) as reading, sqlite3.connect(v2.path) as writing:
        for table in schema.tables():
            names = schema.columns(table)
            rows = [
                [
                    change(value) if name.endswith("Id") and isinstance(value, str) else value
                    for name, value in zip(names, row, strict=True)
                ]
                for row in reading.execute(f'SELECT * FROM "{table}"')
            ]
            marks = ", ".join("?" * len(names))
            writing.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)
    reading.close()
    writing.close()
    old.unlink()


def mixed_case() -> Callable[[str], str]:
    """Every other time a value comes by in upper case: a key and a reference to it differ."""
    turn = [False]

    def change(value: str) -> str:
        turn[0] = not turn[0]
        return value.upper() if turn[0] else value

    return change


@pytest.mark.parametrize("nocase", [True, False])
def test_ids_in_mixed_case_give_the_same(
    as_it_is: tuple[V2, dict[str, list[str]]], *, nocase: bool
) -> None:
    v2, whole = as_it_is
    remake(v2, mixed_case(), nocase=nocase)

    assert imported() == whole


@pytest.fixture
def postgresql_copy(as_it_is: tuple[V2, dict[str, list[str]]]) -> Iterator[dict[str, list[str]]]:
    """The same v2 in a schema of the test's PostgreSQL, as the v2 database; yields what the
    import of the SQLite file gave."""
    v2, whole = as_it_is
    settings = dict(connections["default"].settings_dict)
    settings["OPTIONS"] = {**settings["OPTIONS"], "options": "-c search_path=copy_of_v2"}
    try:
        copy_into_schema(v2, "copy_of_v2")
        with use_v2(**settings):
            yield whole
    finally:
        query("DROP SCHEMA copy_of_v2 CASCADE")


def test_m1_a_copy_in_postgresql_gives_the_same(postgresql_copy: dict[str, list[str]]) -> None:
    assert imported() == postgresql_copy


def test_r7_a_time_past_python_s_last_year_costs_its_own_record_only(
    postgresql_copy: dict[str, list[str]],
) -> None:
    # What PostgreSQL makes of SQL Server's usual "for ever", 9999-12-31 23:59:59.9999999.
    with connections["default"].cursor() as cursor:
        cursor.execute('UPDATE copy_of_v2."Organization" SET "CreatedOn" = %s', ["10000-01-01"])

    report = run(name="night", tables=["organizations"])

    assert report.outcome == "finished"
    assert state(report, "organizations").processed == 0
    assert set(report.findings(Severity.ERROR)) == {Code.VALUE_UNUSABLE}


def test_a_selection_of_a_copy_in_postgresql_gives_the_same(
    postgresql_copy: dict[str, list[str]],
) -> None:
    two = guid(1, 2)

    run(name="night", organizations=[two], batch_size=1)

    theirs = {
        table: [row for row in rows if f'"organization_id": "{two}"' in row]
        for table, rows in postgresql_copy.items()
        if table in ("users", "forms")
    }
    assert snapshot("users", "forms") == theirs
    assert query("SELECT count(*) FROM submissions WHERE organization_id <> %s", [two]) == [(0,)]


# Text that is no text


def test_m4_a_lone_surrogate_and_broken_utf_8_come_through(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path, organizations=[{"Name": "before \ud800 after"}, {"Name": "x"}, {"Name": "fine ü"}]
    )
    v2.execute("UPDATE Organization SET Name = CAST(? AS TEXT) WHERE Name = 'x'", [b"a\xffb"])

    report = run(tables=["organizations"])

    assert query("SELECT name FROM organizations ORDER BY id") == [
        ("before \ufffd after",), ("a\ufffdb",), ("fine ü",),
    ]  # fmt: skip
    assert report.tables[0].findings == {"text_cleaned": 2}
