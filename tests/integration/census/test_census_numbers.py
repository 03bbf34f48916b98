"""A v2 whose ids are whole numbers: the census counts what the run records.

Here in SQLite and PostgreSQL; in SQL Server: test_census_sql_server.
"""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from legacy_v2.ids import number_of, uuid_of
from tests.integration.census.counted import census, check, one
from tests.integration.preflight.checking import check as preflight
from tests.integration.preflight.checking import line
from tests.integration.test_whole_numbers import Twin
from tests.runs import empty_v3, query
from tests.v2 import V2, copy_into_schema, use_v2

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("v2_path")]

COPY = "census_numbers"
NUMBERS = {"Field_Choice_Map": "Id", "FormSubmissionMetaData": "FieldChoiceMapId"}


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    return Twin(tmp_path)


def told(hazards: list[Any]) -> set[tuple[Any, ...]]:
    return {(h.code, h.v2_table, h.count, h.samples) for h in hazards}


def with_number(statement: str) -> str:
    """A table as it was, but for the ids of NUMBERS, which are numbers."""
    for table, name in NUMBERS.items():
        if statement.startswith(f'CREATE TABLE "{table}"'):
            made, times = re.subn(
                rf'("{name}") char\(36\)(.*) COLLATE NOCASE', r"\1 int\2", statement
            )
            assert times == 1
            return made
    return statement


def test_numbers_are_counted_and_shown_as_the_uuids_made_from_them(twin: Twin) -> None:
    owner = uuid_of(twin.organizations[0])
    found = []
    for path in (twin.uuids, twin.numbers):
        with use_v2(path):
            found.append(told(census(default_organization=owner)))
            check(default_organization=owner)
        empty_v3()
    assert found[0] == found[1]
    assert len(found[0]) > 10


def test_samples_are_the_record_ids_of_the_errors(twin: Twin) -> None:
    owner = uuid_of(twin.organizations[0])
    with use_v2(twin.numbers):
        hazards = census(default_organization=owner)
        check(default_organization=owner)
    stored = query("SELECT code, record_id FROM migration_errors")
    for hazard in hazards:
        ids = {record_id for code, record_id in stored if code == hazard.code}
        assert not ids or set(hazard.samples) <= ids, hazard


def test_numbers_in_postgresql_are_counted_as_the_run_records_them(twin: Twin) -> None:
    owner = uuid_of(twin.organizations[0])
    with use_v2(twin.uuids):
        there = told(census(default_organization=owner))
    copy_into_schema(V2(twin.uuids), COPY)
    tables = query(
        "SELECT table_name, column_name FROM information_schema.columns"
        f" WHERE table_schema = '{COPY}' AND column_name LIKE '%%Id'"
    )
    for table, column in tables:
        # The number out of its UUID: sixteen digits, three before the "800".
        digits = f"""replace("{column}"::text, '-', '')"""
        number = f"('x' || substr({digits}, 14, 3) || substr({digits}, 20, 13))::bit(64)::bigint"
        query(f'ALTER TABLE {COPY}."{table}" ALTER "{column}" TYPE bigint USING {number}')
    alias = dict(connections["default"].settings_dict)
    alias["OPTIONS"] = {**alias["OPTIONS"], "options": f"-c search_path={COPY}"}
    try:
        with use_v2(**alias):
            assert told(census(default_organization=owner)) == there
            check(default_organization=owner)
    finally:
        query(f"DROP SCHEMA {COPY} CASCADE")


def test_preflight_counts_and_samples_them(twin: Twin) -> None:
    owner = uuid_of(twin.organizations[0])
    found = []
    for path in (twin.uuids, twin.numbers):
        with use_v2(path):
            report = preflight(default_organization=owner)
        assert not report.blocked
        assert report.volumes is not None
        found.append(report.volumes.as_json())
    assert found[0] == found[1]
    number = next(h.samples[0] for h in report.hazards if h.code == "form_unknown")
    shown = f"form_unknown (FormSubmission): {number} (in v2: {number_of(number)})"
    assert shown in report.as_text()
    found = line(report, "hazards", "form_unknown").found
    assert f"such as {number} (in v2: {number_of(number)})" in found
    said = line(report, "v2 schema", "whole numbers").found
    assert "17 is 76326964-0000-8000-8000-000000000011 everywhere" in said


def test_m15_a_choice_map_may_have_numbers_where_choices_have_none(twin: Twin) -> None:
    """Only the map's own Id, and the answers' references to it, are numbers."""
    owner = uuid_of(twin.organizations[0])
    mixed = twin.uuids.with_name("mixed.sqlite3")
    with sqlite3.connect(twin.uuids) as uuids:
        uuids.execute(
            "UPDATE FormSubmissionMetaData SET FieldChoiceMapId = ?, FreeFormEntry = NULL"
            " WHERE rowid IN (SELECT rowid FROM FormSubmissionMetaData"
            " WHERE FieldChoiceMapId IS NOT NULL LIMIT 1)",
            [uuid_of(1_000_000)],  # a choice that exists nowhere
        )
    with sqlite3.connect(mixed) as made, sqlite3.connect(twin.uuids) as uuids:
        for statement in uuids.iterdump():
            made.execute(with_number(statement))
        for table, name in NUMBERS.items():
            for (value,) in made.execute(f'SELECT DISTINCT "{name}" FROM "{table}"').fetchall():
                made.execute(
                    f'UPDATE "{table}" SET "{name}" = ? WHERE "{name}" = ?',
                    [number_of(value or ""), value],
                )
    with use_v2(twin.uuids):
        there = told(census(default_organization=owner))
    with use_v2(mixed):
        assert told(census(default_organization=owner)) == there
        assert one(
            census(default_organization=owner), "answer_choice_unknown", "FormSubmissionMetaData"
        )
        check(default_organization=owner)
