"""The same v2 from SQLite, PostgreSQL and SQL Server gives the same v3 rows and errors."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from django.db import connections

from legacy_v2 import names as v2_names
from legacy_v2.ids import uuid_of
from legacy_v2.introspection import ASSUMED
from legacy_v2.seed import schema
from tests.acceptance.verifying import run as command
from tests.acceptance.verifying import verified
from tests.integration.test_whole_numbers import Twin
from tests.renaming import Names, lower_case
from tests.runs import TABLES, documents, empty_v3, errors, query, rich_v2, run, snapshot
from tests.sqlserver.server import publish
from tests.v2 import V2, copy_into_schema, guid, make_v2, use_v2

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver"),
]

FOUND = (*TABLES, "migration_errors", "migration_assignments")
COPY = "v2_beside_sql_server"
BATCH = 4
NUL, HALF = "\0", "\ud83d"  # which PostgreSQL cannot hold
TEXTS = {
    "nothing": "",
    "blanks": "  ends in blanks  ",
    "a letter of two bytes": "Größe",
    "a letter of four bytes": "𐍈 and 😀",
    "a combined letter": "e\u0301",
    "lines": "one\r\ntwo\ttab\\N",
    "what stands for half a pair": "\ufffd",
    "long": "ab😀" * 5_000,
}
BROKEN = {
    "zero": f"before{NUL}after",
    "half a pair at the end": f"cut off {HALF}",
    "half a pair alone": HALF,
    "halves in the wrong order": f"\ude00{HALF} x",
    "half a pair beside a whole one": f"😀{HALF}😀",
    "both": f"{NUL}{HALF}",
}


def imported(**options: Any) -> dict[str, list[str]]:
    """Import v2 as it is now into an empty v3, and return what v3 holds then."""
    empty_v3()
    run(**{"name": "night", "batch_size": BATCH} | options)
    return snapshot(*FOUND)


def from_server(v2: V2 | Path, *, proven: bool = False, **how: Any) -> dict[str, list[str]]:
    """The same, of its copy in SQL Server."""
    options, driver = how.pop("options", {}), how.pop("driver", "")
    with publish(v2, **how) as server, server.use(driver=driver):
        found = imported(**options)
        if proven:
            assert verified()[1]["all"]["status"] in ("OPEN", "PASSED", "WARNING")
    return found


def scattered(v2_id: str) -> str:
    """Another id: SQL Server's order of these is not that of their text."""
    return str(uuid5(NAMESPACE_OID, v2_id))


def change_ids(v2: V2, other: Callable[[str], str]) -> None:
    """Give every row another id, and every reference the same."""
    with sqlite3.connect(v2.path) as connection:
        connection.create_function("other", 1, other)
        for table, columns in v2_names.canonical().items():
            for name in columns:
                if name.endswith("Id"):
                    connection.execute(
                        f'UPDATE "{table}" SET "{name}" = other("{name}") WHERE "{name}" > \'\''
                    )
    connection.close()


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Something for every part of the engine to do, with ids in no order."""
    made = rich_v2(v2_path)
    change_ids(made, scattered)
    return made


def answered(v2_path: Path, texts: dict[str, str]) -> V2:
    """A v2 whose answers, names and codes are these texts."""
    return make_v2(
        v2_path,
        organizations=[{"Name": text[:200]} for text in texts.values()],
        users=[{"UserName": text[:200], "FirstName": text[:200]} for text in texts.values()],
        forms=[{"DisplayName": text[:200], "ShortDescription": text} for text in texts.values()],
        fields=[{"Name": f"f{n} {text[:100]}"} for n, text in enumerate(texts.values())],
        settings=[{"Name": name, "StoredValue": text} for name, text in texts.items()],
        choices=[{"DisplayName": text[:200]} for text in texts.values()],
        maps=[{"ChoiceId": guid(7, n)} for n, _ in enumerate(texts, 1)],
        submissions=[{"LookupCode": text[:40]} for text in texts.values()],
        answers=[
            {
                "FormSubmissionId": guid(10, n),
                "FieldId": guid(5, n),
                "FreeFormEntry": text,
                "FieldChoiceMapId": guid(8, n),
            }
            for n, text in enumerate(texts.values(), 1)
        ],
    )


def test_sqlite_postgresql_and_sql_server_give_the_same_rows_and_errors(v2: V2) -> None:
    own = connections["default"].settings_dict
    from_sqlite = imported()
    copy_into_schema(v2, COPY)
    try:
        with use_v2(**own | {"OPTIONS": {"options": f"-c search_path={COPY}"}}):
            from_postgres = imported()
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {COPY} CASCADE")

    assert from_postgres == from_sqlite
    assert from_server(v2, proven=True) == from_sqlite
    assert len(errors()) > 5


def test_m4_texts_arrive_character_for_character(v2_path: Path) -> None:
    v2 = answered(v2_path, TEXTS)
    from_sqlite = imported()
    copy_into_schema(v2, COPY)
    own = connections["default"].settings_dict
    try:
        with use_v2(**own | {"OPTIONS": {"options": f"-c search_path={COPY}"}}):
            assert imported() == from_sqlite
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {COPY} CASCADE")

    assert from_server(v2, proven=True) == from_sqlite

    answers = [value for row in documents("submissions") for value in row["data"].values()]
    assert {text for text in TEXTS.values() if text} <= set(answers)


def test_m4_of_a_text_with_half_a_pair_or_a_zero_the_rest_is_kept(v2_path: Path) -> None:
    v2 = answered(v2_path, BROKEN)
    from_sqlite = imported()

    assert from_server(v2, proven=True) == from_sqlite
    assert from_server(v2, proven=True, driver="pyodbc") == from_sqlite

    answers = {value for row in documents("submissions") for value in row["data"].values()}
    assert answers == {
        "before\ufffdafter", "cut off \ufffd", "\ufffd", "\ufffd\ufffd x", "😀\ufffd😀",
        "\ufffd\ufffd",
    }  # fmt: skip
    assert {error["code"] for error in errors("text_cleaned")}


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1])
def test_no_submission_one_a_batch_and_one_more(v2_path: Path, count: int) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{}] * count,
        answers=[{"FormSubmissionId": guid(10, n + 1)} for n in range(count)],
    )
    from_sqlite = imported()

    assert from_server(v2, proven=True) == from_sqlite
    assert query("SELECT count(*) FROM submissions") == [(count,)]


def test_m1_ids_that_are_whole_numbers(tmp_path: Path, point_v2_at: Callable[[Path], Path]) -> None:
    twin = Twin(tmp_path)
    point_v2_at(twin.uuids)
    as_uuids = imported()

    assert from_server(twin.numbers, integer_ids="bigint", proven=True) == as_uuids


def test_m1_ids_that_are_small_whole_numbers(v2_path: Path) -> None:
    v2, numbers = rich_v2(v2_path), dict[str, int]()
    change_ids(v2, lambda v2_id: uuid_of(numbers.setdefault(v2_id, len(numbers) + 1)))
    as_uuids = imported()

    assert from_server(v2, integer_ids="int", proven=True) == as_uuids


# Each width that a driver may give a number begins or ends here: one byte, which has no sign in
# SQL Server, two, four and eight.
EDGES = [
    -(1 << 31), *range(-32_770, -32_766), *range(-130, -126), -1, *range(2), *range(126, 130),
    *range(254, 258), *range(32_766, 32_770), (1 << 31) - 2, (1 << 31) - 1,
]  # fmt: skip
BEYOND = [-(1 << 63), -(1 << 31) - 1, 1 << 31, (1 << 31) + 1, 1 << 53, (1 << 63) - 1]


@pytest.mark.parametrize(("kind", "ids"), [("int", EDGES), ("bigint", EDGES + BEYOND)])
def test_m1_ids_across_the_widths_of_numbers(v2_path: Path, kind: Any, ids: list[int]) -> None:
    wide = [uuid_of(number) for number in ids]
    v2 = make_v2(
        v2_path,
        organizations=[{"Id": one} for one in wide],
        users=[{"Id": one} for one in wide],
        forms=[{"Id": one, "OrganizationId": one} for one in wide],
        fields=[{"Id": one, "FormTypeId": one} for one in wide],
        submissions=[{"Id": one, "FormTypeId": one} for one in wide],
        answers=[
            {"Id": one, "FormSubmissionId": one, "FieldId": one, "FreeFormEntry": one}
            for one in wide
        ],
    )
    numbers = dict[str, int]()
    change_ids(
        v2,
        lambda v2_id: (
            v2_id if v2_id in wide else uuid_of(numbers.setdefault(v2_id, 1_000 + len(numbers)))
        ),
    )
    from_sqlite = imported(batch_size=1)

    with publish(v2, integer_ids=kind) as server, server.use():
        assert imported(batch_size=1) == from_sqlite
        assert verified()[1]["all"]["status"] == "PASSED"
    assert not errors()
    answers = {value for row in documents("submissions") for value in row["data"].values()}
    assert answers == set(wide)


def renamed() -> Names:
    """Names with blanks, words of SQL and letters beyond ASCII; two tables' are exchanged."""
    return Names(
        {
            "Field": "Choice",
            "Choice": "Field",
            "FormSubmission": "tbl Submission",
            "FormSubmissionMetaData": "Größe select",
            "User": "Person",
        },
        {
            "FormSubmissionMetaData": {"FormSubmissionId": "Owner", "FreeFormEntry": "from"},
            "FormSubmission": {"Id": "Key", "LookupCode": "Code der Suche"},
            "FormType": {"CreatedOn": "order"},
        },
    )


def test_other_names_in_another_schema(v2: V2) -> None:
    from_sqlite = imported()

    assert from_server(v2, names=renamed(), schema="Formulare 2", proven=True) == from_sqlite


def test_names_in_another_case_need_no_mapping(v2: V2) -> None:
    from_sqlite = imported()

    assert from_server(v2, names=lower_case(), tell_names=False) == from_sqlite


def test_a_v2_without_the_assumed_tables_and_columns(
    tmp_path: Path, point_v2_at: Callable[[Path], Path]
) -> None:
    rich = rich_v2(tmp_path / "rich.sqlite3")
    with sqlite3.connect(rich.path) as connection:
        for item in ASSUMED:
            if item.column is None:
                connection.execute(f'DROP TABLE "{item.table}"')
                continue
            (statement,) = connection.execute(
                "SELECT sql FROM sqlite_master WHERE name = ?", (item.table,)
            ).fetchone()
            # SQLite drops no column that is a key.
            connection.execute(f'ALTER TABLE "{item.table}" RENAME TO "whole"')
            connection.execute(statement.replace(" PRIMARY KEY", ""))
            connection.execute(f'INSERT INTO "{item.table}" SELECT * FROM "whole"')
            connection.execute('DROP TABLE "whole"')
            connection.execute(f'ALTER TABLE "{item.table}" DROP COLUMN "{item.column}"')
        connection.execute(schema.create_answer_index())
    connection.close()
    point_v2_at(rich.path)
    home = {"default_organization": rich.organizations[0]["Id"]}
    from_sqlite = imported(**home)

    assert from_server(rich, options=home, proven=True) == from_sqlite
    assert query("SELECT count(*) > 10 FROM submissions") == [(True,)]


@pytest.mark.parametrize("time_type", ["datetime", "datetimeoffset"])
def test_m3_times_of_older_and_newer_types(v2: V2, time_type: Any) -> None:
    if time_type == "datetime":
        # It holds three digits, and the last is 0, 3 or 7.
        with sqlite3.connect(v2.path) as connection:
            for table, column in (
                ("Organization", "CreatedOn"), ("User", "CreatedOn"), ("FormType", "CreatedOn"),
                ("FormSubmission", "CreatedOn"), ("FormSubmission", "LastUpdatedOn"),
            ):  # fmt: skip
                connection.execute(
                    f"""UPDATE "{table}" SET "{column}" = substr("{column}", 1, 19) || '.123000'"""
                )
        connection.close()
    from_sqlite = imported()

    assert from_server(v2, time_type=time_type, proven=True) == from_sqlite


@pytest.mark.peer_only
def test_r4_v2_is_only_read_and_the_session_holds_nobody_up(v2: V2) -> None:
    with publish(v2) as server, server.use():
        imported()
        assert command("verify_v2", "--name", "night")[0] == 3
        words = {one.sql.split()[0].upper() for one in server.statements}
        assert words <= {"SELECT", "SET", "BEGIN", "COMMIT", "ROLLBACK", "WITH", "IF"}
        assert server.asked("SET DEADLOCK_PRIORITY LOW")
        assert server.asked("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
