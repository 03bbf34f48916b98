"""What columns of a v2 in SQL Server may hold beyond what v2's own do."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from legacy_v2.ids import uuid_of
from tests.acceptance.test_sql_server_sources import change_ids, imported
from tests.acceptance.verifying import run as command
from tests.acceptance.verifying import verified
from tests.runs import documents, errors, query
from tests.sqlserver.server import publish
from tests.v2 import V2, guid, make_v2
from transfer import extract_submissions

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver"),
]

ANSWERS, KEY = "FormSubmissionMetaData", "FormSubmissionId"
PAGE = 5  # of answers


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few answers take many pages."""
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", PAGE)


def let_be_null(v2: V2, table: str, column: str) -> None:
    """Declare a column of the file without NOT NULL."""
    with sqlite3.connect(v2.path) as connection:
        sql = "SELECT sql FROM sqlite_master WHERE name = ?"
        ((statement,),) = connection.execute(sql, (table,))
        assert f'"{column}" char(36) NOT NULL' in statement
        connection.execute(f'DROP TABLE "{table}"')
        connection.execute(
            statement.replace(f'"{column}" char(36) NOT NULL', f'"{column}" char(36)')
        )
    connection.close()


def of_nobody(v2_path: Path, *, unnamed: int, missing: int) -> V2:
    """A v2 with answers that name no submission, and with such that name a missing one."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}])
    let_be_null(v2, ANSWERS, KEY)
    v2.add(
        "answers",
        *({"FormSubmissionId": row["Id"], "FreeFormEntry": "whose"} for row in v2.submissions),
        *({"FormSubmissionId": None, "FreeFormEntry": f"nobody's {n}"} for n in range(unnamed)),
        *({"FormSubmissionId": guid(10, 4000 + n % 2)} for n in range(missing)),
    )
    return v2


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("unnamed", [0, 1, PAGE, PAGE + 1, 3 * PAGE + 2])
@pytest.mark.parametrize("driver", ["", "pyodbc"])
def test_m17_answers_that_name_no_submission_are_recorded_one_by_one(
    v2_path: Path, unnamed: int, driver: str
) -> None:
    v2 = of_nobody(v2_path, unnamed=unnamed, missing=3)

    with publish(v2, nullable=[f"{ANSWERS}.{KEY}"]) as server, server.use(driver=driver):
        imported()
        of_the_proof = verified()[1]

    found = errors("answer_orphaned")
    assert sorted(row["record_id"] for row in found) == sorted(r["Id"] for r in v2.answers[2:])
    assert of_the_proof["all"]["status"] in ("OPEN", "PASSED", "WARNING"), of_the_proof
    assert query("SELECT count(*) FROM submissions") == [(2,)]


@pytest.mark.peer_only
@pytest.mark.usefixtures("small_pages")
def test_m17_where_each_answer_names_a_submission_none_is_looked_for_that_does_not(
    v2_path: Path,
) -> None:
    v2 = of_nobody(v2_path, unnamed=0, missing=2 * PAGE + 1)

    with publish(v2) as server, server.use():
        imported()
        assert verified()[1]["all"]["status"] in ("OPEN", "PASSED", "WARNING")
        asked = server.asked(f"[{KEY}] IS NULL")

    assert len(errors("answer_orphaned")) == 2 * PAGE + 1
    assert [one.sql for one in asked if f"NOT ([{ANSWERS}].[{KEY}] IS NULL)" not in one.sql] == []


# Times


WHOLE = "2024-03-01 10:20:30.000000"  # the same in each type of time


def submitted(v2_path: Path, times: list[str]) -> V2:
    return make_v2(
        v2_path,
        organizations=[{"CreatedOn": WHOLE}],
        forms=[{"CreatedOn": WHOLE}],
        submissions=[{"CreatedOn": time, "LastUpdatedOn": time} for time in times],
    )


def made_at() -> list[datetime]:
    rows = query("SELECT created_at FROM submissions ORDER BY submission_number")
    return [found.astimezone(UTC).replace(tzinfo=None) for (found,) in rows]


def test_m3_thirds_of_a_hundredth_of_a_second_are_the_digits_that_sql_server_shows(
    v2_path: Path,
) -> None:
    shown = ["00.000", "00.003", "00.007", "00.010", "29.997", "59.993", "59.997"]
    times = [f"2024-02-29 23:59:{one}000" for one in shown]
    v2 = submitted(v2_path, times)
    from_sqlite = imported()

    for driver in ("", "pyodbc"):
        with publish(v2, time_type="datetime") as server, server.use(driver=driver):
            assert imported() == from_sqlite
            assert verified()[1]["all"]["status"] == "PASSED"
        assert made_at() == [datetime.fromisoformat(time) for time in times]


@pytest.mark.peer_only
def test_m3_the_seventh_digit_is_cut_off_not_rounded(v2_path: Path) -> None:
    times = ["2024-02-29 23:59:59.9999999", "2024-03-01 00:00:00.0000009",
             "2024-03-01 00:00:00.1234567", "2024-12-31 12:00:00.4999995"]  # fmt: skip
    v2 = submitted(v2_path, times)

    for driver in ("", "pyodbc"):
        with publish(v2) as server, server.use(driver=driver):
            imported()
            assert verified()[1]["all"]["status"] == "PASSED"
        assert made_at() == [datetime.fromisoformat(time[:-1]) for time in times]


def test_m3_times_with_zones_of_their_own_are_those_moments(
    v2_path: Path, settings: LazySettings
) -> None:
    settings.V2_TIME_ZONE = "Europe/Berlin"
    times = {
        "2024-06-01 12:00:00.000000+05:30": "2024-06-01 06:30",
        "2024-06-01 12:00:00.000000-08:00": "2024-06-01 20:00",
        "2024-10-27 02:30:00.000000+02:00": "2024-10-27 00:30",  # the hour that is there twice
        "2024-10-27 02:30:00.000000+01:00": "2024-10-27 01:30",
        "2024-10-27 01:30:00.000000+00:00": "2024-10-27 01:30",
        "2024-03-31 02:30:00.000000+01:00": "2024-03-31 01:30",  # the hour that is not there
    }
    v2 = submitted(v2_path, list(times))

    for driver in ("", "pyodbc"):
        with publish(v2, time_type="datetimeoffset") as server, server.use(driver=driver):
            query("TRUNCATE organizations, users, forms, submissions, migration_progress CASCADE")
            assert command("import_v2", "--name", "night", "--batch-size", "4")[0] == 0
            status, proof = verified("--name", "night")
        assert (status, proof["all"]["status"]) in ((0, "PASSED"), (0, "WARNING"))
        # Of the first of the two equal hours the mapping warns, though the zone tells.
        assert {row["record_id"] for row in errors()} <= {v2.submissions[2]["Id"]}
        assert made_at() == [datetime.fromisoformat(time) for time in times.values()]
        updated = {row["updated_at"] for row in documents("submissions")}
        assert len(updated) == 5


# Ids


@pytest.mark.parametrize("kind", ["tinyint", "smallint"])
def test_m1_ids_of_one_and_two_bytes(v2_path: Path, kind: Any) -> None:
    highest = {"tinyint": 255, "smallint": (1 << 15) - 1}[kind]
    lowest = {"tinyint": 0, "smallint": -(1 << 15)}[kind]
    numbers = [lowest, 1, 127, 128, 254, 255, highest - 1, highest]
    ids = [uuid_of(number) for number in sorted(set(numbers))]
    v2 = make_v2(
        v2_path,
        organizations=[{"Id": one} for one in ids],
        users=[{"Id": one} for one in ids],
        forms=[{"Id": one, "OrganizationId": one} for one in ids],
        fields=[{"Id": one, "FormTypeId": one} for one in ids],
        submissions=[{"Id": one, "FormTypeId": one} for one in ids],
        answers=[{"Id": n, "FormSubmissionId": n, "FieldId": n, "FreeFormEntry": n} for n in ids],
    )
    small = dict[str, int]()
    change_ids(
        v2, lambda v2_id: v2_id if v2_id in ids else uuid_of(small.setdefault(v2_id, len(small)))
    )
    from_sqlite = imported(batch_size=1)

    for driver in ("", "pyodbc"):
        with publish(v2, integer_ids=kind) as server, server.use(driver=driver):
            assert imported(batch_size=1) == from_sqlite
            assert verified()[1]["all"]["status"] == "PASSED"
    assert not errors()
    assert query("SELECT count(*) FROM submissions") == [(len(ids),)]
