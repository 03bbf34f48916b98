"""The census of a v2 in SQL Server says what the census of the same v2 elsewhere, and the run, say.

Its statements go over Microsoft's driver; texts are compared by a collation that ignores case and
blanks at the end, and ids have an order of their own.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from legacy_v2.ids import uuid_of
from legacy_v2.names import canonical
from legacy_v2.seed.service import seed
from tests.integration.census.counted import census, check, foretold, one
from tests.renaming import Names
from tests.runs import empty_v3, rich_v2
from tests.sqlserver.server import publish
from tests.v2 import guid, make_v2, use_v2
from transfer.census import Hazard

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver", "v2_path"),
]

# The tests' own server cannot read stranger names of columns; stranger ones are tried elsewhere.
OTHER = Names(
    {table: f"tbl {table} größer" for table in canonical()},
    {
        table: {name: f"its_{name.lower()}" for name in columns}
        for table, columns in canonical().items()
    },
)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A v2 with faults of every kind that SQL Server can hold."""
    path = tmp_path_factory.mktemp("census") / "v2.sqlite3"
    seed(path, submissions=60, faults=True)
    with sqlite3.connect(path) as connection:
        connection.execute("""DELETE FROM "User" WHERE CreatedOn LIKE '2024-02-30%'""")
    connection.close()
    return path


def told(hazards: list[Hazard]) -> set[tuple[Any, ...]]:
    """All that is said of each, but for the samples where there are more than are shown."""
    return {
        (h.code, h.v2_table, h.severity, h.count, h.basis, h.samples if h.count <= 10 else ())
        for h in hazards
    }


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_every_fault_of_a_seeded_v2_is_told_as_of_sqlite(seeded: Path, zone: str) -> None:
    options: dict[str, Any] = {"time_zone": ZoneInfo(zone)}
    with use_v2(seeded):
        there = [census(full=full, **options) for full in (True, False)]
    with publish(seeded) as server, server.use():
        here = [census(full=full, **options) for full in (True, False)]

    assert list(map(told, here)) == list(map(told, there))
    assert len(foretold(here[0])) > 20


def test_its_counts_are_what_the_run_records(seeded: Path) -> None:
    with publish(seeded) as server, server.use():
        check(time_zone=ZoneInfo("Europe/Berlin"))


def test_other_names_schemas_and_types_of_times_are_counted_the_same(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    owner = v2.organizations[0]["Id"]
    there = census(default_organization=owner)
    how: dict[str, Any] = {"schema": "old] forms", "time_type": "datetimeoffset"}
    with publish(v2, names=OTHER, **how) as server, server.use():
        assert told(census(default_organization=owner)) == told(there)
        check(default_organization=owner)


@pytest.mark.parametrize("kind", ["int", "bigint"])
def test_numbers_for_ids_are_counted_as_the_run_records_them(v2_path: Path, kind: Any) -> None:
    v2 = rich_v2(v2_path)
    there = foretold(census(default_organization=v2.organizations[0]["Id"]))
    with publish(v2, integer_ids=kind) as server, server.use():
        organization = uuid_of(1)  # the first row of the first table
        hazards = census(default_organization=organization)
        assert foretold(hazards) == there
        for hazard in hazards:
            shown = "/".join(hazard.samples).split("/")
            assert all(s.startswith("76326964-0000-8") for s in shown if len(s) == 36), hazard
        assert check(default_organization=organization) == there


def test_m12_codes_are_told_apart_by_code_point_not_by_the_collation(v2_path: Path) -> None:
    codes = ["a", "A", "a ", " a", "\uff41", "\u00e4", "a\u0308", "a", "\u00c4", "x", "X"]
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"LookupCode": code} for code in codes],
    )
    with publish(v2) as server, server.use():
        assert check() == {"number_duplicate": 1}
        assert one(census(), "number_duplicate").samples == (guid(10, 8),)


def test_m4_half_a_pair_is_found_in_all_texts(v2_path: Path) -> None:
    texts = ["a\ud83d", "\ude00b", "\ud83d\ude00", "\ude00\ud83d", "\0", "\ufffd", "plain", ""]
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{"LookupCode": f"code {text}"} for text in texts],
        answers=[
            {"FormSubmissionId": guid(10, n), "FreeFormEntry": text}
            for n, text in enumerate(texts, 1)
        ],
    )
    with publish(v2) as server, server.use():
        counts = check(sample=3)
        found = {h.v2_table: h.samples for h in census() if h.code == "text_cleaned"}
    dirty = (1, 2, 4, 5)
    assert counts["text_cleaned"] == 2 * len(dirty)
    assert found == {
        "FormSubmission": tuple(guid(10, n) for n in dirty),
        "FormSubmissionMetaData": tuple(guid(11, n) for n in dirty),
    }


@pytest.mark.peer_only
def test_an_id_that_no_key_guards_and_is_there_twice_blocks(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}])
    with publish(v2) as server, server.use():
        table = server.peer.table("FormType")
        table.rows.append(list(table.rows[0]))
        assert not census()  # its key is believed
        table.indexes.clear()
        assert one(census(), "id_twice", "FormType").count == 1


@pytest.mark.peer_only
def test_v2_is_asked_as_often_for_many_submissions_as_for_few(
    v2_path: Path, point_v2_at: Callable[[Path], Path]
) -> None:
    rows: dict[str, Any] = {"organizations": [{}], "forms": [{}]}
    asked = []
    for number in (2, 400):
        path = v2_path.with_suffix(f".{number}")
        codes = [{"LookupCode": None if n % 2 else f"n{n}"} for n in range(number)]
        with publish(make_v2(path, **rows, submissions=codes)) as server, server.use():
            census()
            asked.append(len(server.asked(" FROM [dbo].")))
            assert all(len(one.parameters) <= 2100 for one in server.statements)
    point_v2_at(path)
    assert asked[1] <= asked[0] + 2  # to fill the ten ids, and to find who shares a code
    empty_v3()


@pytest.mark.peer_only
def test_ids_below_nought_are_shown_as_the_run_records_them(v2_path: Path) -> None:
    below = [-(1 << 63), -(1 << 31) - 1, -7, -1]
    with publish(make_v2(v2_path, organizations=[{}], forms=[{}]), integer_ids="bigint") as server:
        rows = [{"Id": n, "FormTypeId": n} for n in below]
        server.peer.insert("FormSubmission", *rows)
        with server.use():
            found = one(census(), "form_unknown")
            assert set(found.samples) == {uuid_of(n) for n in below}
            assert check() == {"form_unknown": len(below)}
