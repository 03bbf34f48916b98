"""Any v2 through the real import: what PostgreSQL returns is what the rules say (M1 to M18, R1)."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from hypothesis import example, given

from tests.integration.hostile import values
from tests.integration.hostile.books import Books
from tests.integration.hostile.museum import museum
from tests.integration.hostile.oracle import Oracle
from tests.integration.hostile.world import REFERENCES, World, fears, worlds
from tests.properties import SEARCH, examples
from tests.runs import TABLES as V3_TABLES
from tests.runs import answers_in, empty_v3, query, run
from tests.v2 import TABLES, use_v2
from transfer.detail import decode_detail
from transfer.mapping.context import parse_mapping_file
from transfer.mapping.record_detail import V2_COLUMNS
from transfer.report import MigrationReport

pytestmark = pytest.mark.django_db(transaction=True)

COPY = "hostile_copy"


def moved(world: World) -> MigrationReport:
    """Import the world that the v2 alias points at into an empty v3."""
    empty_v3()
    return run(
        name="night",
        batch_size=world.batch_size,
        default_organization=world.rows["organizations"][0]["Id"],
        time_zone=ZoneInfo(world.zone),
        mapping=parse_mapping_file(world.mapping),
        max_stored_warnings=10_000,
    )


def judged(world: World) -> Books:
    ((started,),) = query("SELECT DISTINCT started_at FROM migration_progress")
    return Oracle(world, "night", started.astimezone(UTC)).judge()


def in_v3(table: str) -> dict[str, dict[str, Any]]:
    rows = {}
    for (text,) in query(f"SELECT to_jsonb(t)::text FROM {table} AS t"):
        row = json.loads(text)
        for column in ("created_at", "updated_at", "submitted_at", "deleted_at"):
            if row.get(column) is not None:
                row[column] = datetime.fromisoformat(row[column])
        rows[row["id"]] = row
    return rows


def check_rows(world: World, books: Books) -> None:
    for table in V3_TABLES:
        found = in_v3(table)
        assert found.keys() == books.rows[table].keys()
        for v2_id, row in found.items():
            expected = books.rows[table][v2_id]
            if "FormSubmissionMetaData.Id" in world.omit:
                # Two answers alike in all but an empty text have no order of their own.
                for document in (row, expected):
                    for entries in document["metadata"].get("unmapped", {}).values():
                        entries.sort(key=in_one_order)
            assert row == expected


def recorded() -> list[dict[str, Any]]:
    rows = query("SELECT to_jsonb(e)::text FROM migration_errors AS e")
    return [json.loads(row[0]) for row in rows]


def check_findings(world: World, books: Books) -> None:
    errors = [row for row in recorded() if row["severity"] == "error"]
    warnings = [row for row in recorded() if row["severity"] == "warning"]
    told = Counter(
        (row["v2_table"], row["record_id"], row["code"], row["column_name"]) for row in warnings
    )
    assert told == books.warnings
    orphans = Counter(row["record_id"] for row in errors if row["code"] == "answer_orphaned")
    assert orphans == books.orphans
    others = {
        (row["v2_table"], row["record_id"]): row["code"]
        for row in errors
        if row["code"] != "answer_orphaned"
    }
    assert len(others) + orphans.total() == len(errors)
    assert others.keys() == books.errors.keys()
    for record, code in others.items():
        assert code in books.errors[record], (record, code, books.errors[record])
    for row in errors:
        check_detail(world, row)


def check_detail(world: World, error: dict[str, Any]) -> None:
    """The whole v2 record is in the error, character for character."""
    detail = decode_detail(error["error_detail"])
    assert isinstance(detail, dict)
    answers = detail.pop("answers", [])
    assert answers_in(error["error_detail"]) == len(answers)
    name = next(name for name, table in TABLES.items() if table == error["v2_table"])
    own = [as_recorded(world, name, row) for row in world.rows[name]]
    assert detail in own
    if name == "submissions":
        everyone = [as_recorded(world, "answers", row) for row in world.rows["answers"]]
        mine = [row for row in everyone if row["FormSubmissionId"] == detail["Id"]]
        assert sorted(map(in_one_order, answers)) == sorted(map(in_one_order, mine))


def in_one_order(document: object) -> str:
    return json.dumps(document, sort_keys=True)


def as_recorded(world: World, name: str, row: dict[str, Any]) -> dict[str, Any]:
    table = TABLES[name]
    kept: dict[str, Any] = {}
    for column in V2_COLUMNS[table]:
        value = row[column]
        if f"{table}.{column}" in world.omit:
            value = None
        elif column.endswith("Id") and value is not None:
            value = value.lower()
        elif column.endswith("On") and isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value).isoformat(" ")
        elif isinstance(value, bytes):
            value = repr(value)
        kept[column] = value
    return kept


def check_balance(report: MigrationReport, world: World, books: Books) -> None:
    """R1: every record and every answer went somewhere, and nowhere twice."""
    names = {"organizations": "Organization", "users": "User", "forms": "FormType"}
    for state in report.tables:
        v2_table = names.get(state.table, "FormSubmission")
        failed = sum(table == v2_table for table, _ in books.errors)
        assert (state.total, state.processed, state.failed) == (
            0 if v2_table in world.omit else len(world.rows[state.table]),
            len(books.rows[state.table]),
            failed,
        )
        assert state.records.balanced
    answers = report.answers()
    assert answers.read == len(world.rows["answers"])
    assert answers.balanced
    counted = Counter(migrated=answers.migrated, merged=answers.merged, failed=answers.failures)
    assert +(counted + answers.set_aside) == +books.answers


def check(world: World) -> Books:
    report = moved(world)
    assert report.outcome == "finished"
    books = judged(world)
    check_rows(world, books)
    check_findings(world, books)
    check_balance(report, world, books)
    return books


DANGLING = {f"dangling {TABLES[name]}.{column}" for name, column in REFERENCES}
# Every hazard there is a name for; what no example held was not tested.
EVERYWHERE = {
    *DANGLING,
    "empty", "blank", "control character", "backslash", "only a backslash", "\\N", "\\.",
    "tab or line end", "quote", "right to left", "emoji", "combining", "number", "literal", "JSON",
    "255 characters", "too long", "trailing blank", "only symbols", "null", "null reference",
    "year 1", "year 9999", "equal names", "equal sort orders", "null sort order", "no time",
    "id not in lower case", "form with no field", "submission with no answer", "loose copy",
}  # fmt: skip
ZONES = {f"zone {zone}" for zone in values.ZONES}
ONLY_IN_SQLITE = {"U+0000", "lone surrogate", "two halves", "bytes", "unusable time"}


def check_seen(museum_books: Books) -> None:
    """What is an error shows nothing of how its values come through."""
    migrated = sum(map(len, museum_books.rows.values()))
    failed = Counter(code for codes in museum_books.errors.values() for code in codes)
    assert migrated > 4 * failed.total(), failed
    answers = museum_books.answers
    assert answers["failed"] < answers.total() / 10, answers
    assert min(answers[kind] for kind in ("migrated", "merged", "choices", "unmapped")) > 20, (
        answers
    )


def check_reached(drawn: Counter[str], everything: World, wanted: set[str]) -> None:
    """The museum holds each hazard, a search has to find each by itself."""
    if SEARCH:
        print("\n" + "\n".join(f"{count:8} {fear}" for fear, count in sorted(drawn.items())))  # noqa: T201 - what a search is to tell
        assert (wanted | ZONES) - drawn.keys() == set()
    assert wanted - fears(everything).keys() == set()


def test_any_v2_in_a_sqlite_file_comes_through_as_the_rules_say(
    tmp_path: Path, point_v2_at: Callable[[Path], Path]
) -> None:
    drawn: Counter[str] = Counter()
    everything = museum(sqlite=True)

    @examples(24, 1500, slow=True)
    @given(worlds())
    @example(everything)
    def comes_through(world: World) -> None:
        drawn.update(() if world is everything else fears(world).keys())
        path = tmp_path / "v2.sqlite3"
        path.unlink(missing_ok=True)
        world.write(path)
        point_v2_at(path)
        books = check(world)
        if world is everything:
            check_seen(books)

    comes_through()
    check_reached(drawn, everything, EVERYWHERE | ONLY_IN_SQLITE)


@pytest.mark.usefixtures("v2_path")
def test_any_v2_in_postgresql_comes_through_as_the_rules_say() -> None:
    drawn: Counter[str] = Counter()
    everything = museum(sqlite=False)
    alias = dict(connections["default"].settings_dict)
    alias["OPTIONS"] = {**alias["OPTIONS"], "options": f"-c search_path={COPY}"}

    @examples(10, 500, slow=True)
    @given(worlds(sqlite=False))
    @example(everything)
    def comes_through(world: World) -> None:
        drawn.update(() if world is everything else fears(world).keys())
        world.write_to_postgresql(COPY)
        with use_v2(**alias):
            books = check(world)
        if world is everything:
            check_seen(books)

    try:
        comes_through()
    finally:
        query(f"DROP SCHEMA IF EXISTS {COPY} CASCADE")
    check_reached(drawn, everything, EVERYWHERE)
