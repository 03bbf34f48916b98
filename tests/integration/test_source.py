"""The connection to v2: what it is called, what it lacks, and what a lost one costs (R7, R8)."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connections

from legacy_v2 import models as v2_models
from pliers.environment import legacy
from tests.runs import query, run
from tests.v2 import make_v2, use_v2
from transfer import extract
from transfer.exceptions import RunStoppedError, SourceError, SourceLostError
from transfer.source import Source
from transfer.source_errors import Kind, explain
from transfer.source_place import describe, identity, sqlite_path
from transfer.source_values import Ids, bits, times

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(**changes: Any) -> dict[str, Any]:
    """A v2 in PostgreSQL that nobody answers for."""
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": "Pliers", "USER": "sa",
        "PASSWORD": "s3cret", "HOST": "127.0.0.1", "PORT": "1", "OPTIONS": {}, **changes,
    }  # fmt: skip


def test_a_file_that_is_not_there_is_named_and_not_made(v2_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no v2 database: .*v2\.sqlite3 does not exist; set V2_"):
        Source()

    assert not v2_path.exists()


def test_a_folder_in_place_of_a_file_is_called_one(v2_path: Path) -> None:
    v2_path.mkdir()

    with pytest.raises(SourceError, match=r"no v2 database: .*v2\.sqlite3 is a folder; set V2_"):
        Source()


@pytest.mark.usefixtures("v2_path")
def test_r8_an_option_the_driver_does_not_know_is_named_without_the_password() -> None:
    # The driver reads its options before it connects: no server is needed.
    settings, _ = legacy("X", "mssql://sa:s3cret@127.0.0.1:1/Pliers", base=Path("/"))
    settings["OPTIONS"]["extra_params"] = "bogus=s3cret"

    with use_v2(**settings), pytest.raises(SourceError) as refused:
        Source()

    message = refused.value.message
    assert message.startswith("cannot open v2, SQL Server database 'Pliers' on 127.0.0.1:1: ")
    assert "'bogus'" in message
    assert "s3cret" not in message
    assert "\n" not in message


@pytest.mark.usefixtures("v2_path")
def test_a_fault_of_our_own_in_opening_v2_is_not_dressed_up_as_one_of_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_connection: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("transfer.source.inspect", broken)
    with use_v2(**elsewhere()), pytest.raises(RuntimeError, match="a bug"):
        Source()


def test_a_file_that_is_no_database_is_named(v2_path: Path) -> None:
    v2_path.write_bytes(b"not a database" * 100)

    with pytest.raises(SourceError, match=r"cannot open v2, SQLite file .*: file is not a"):
        Source()


@pytest.mark.usefixtures("v2_path")
def test_r8_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    with use_v2(**elsewhere()), pytest.raises(SourceError) as refused:
        Source()

    message = refused.value.message
    assert message.startswith("cannot open v2, PostgreSQL database 'Pliers' on 127.0.0.1:1: ")
    assert "s3cret" not in message
    assert "\n" not in message


@pytest.mark.usefixtures("v2_path")
def test_a_v2_is_called_by_its_kind_place_and_name() -> None:
    with use_v2(**elsewhere(HOST="sql", PORT="1433")):
        assert describe("v2") == "PostgreSQL database 'Pliers' on sql:1433"


def test_a_sqlite_file_is_found_in_any_spelling(tmp_path: Path) -> None:
    assert sqlite_path("file:/a%20b/v2.db?mode=ro") == Path("/a b/v2.db")
    assert sqlite_path("/a b/v2.db") == Path("/a b/v2.db")


REQUIRED = [
    ("Organization", None), ("Organization", "Name"), ("FieldType", None), ("FormType", None),
    ("Field", None), ("Field", "SortOrder"), ("FieldSetting", None), ("Choice", None),
    ("Field_Choice_Map", None), ("FormSubmissionStatus", None), ("FormSubmission", None),
    ("FormSubmission", "LookupCode"), ("FormSubmissionMetaData", None), ("User", "Email"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column"), REQUIRED)
def test_a_table_or_column_that_is_missing_is_named_before_anything_is_begun(
    v2_path: Path, table: str, column: str | None
) -> None:
    v2 = make_v2(v2_path, organizations=[{}])
    v2.execute(f'ALTER TABLE "{table}" DROP COLUMN {column}' if column else f'DROP TABLE "{table}"')

    with pytest.raises(SourceError, match=f"{table} has no column {column}" if column else table):
        run()

    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


# Values in one form


def test_ids_are_lower_case_text_whatever_they_came_as() -> None:
    key = "0A000000-0000-4000-8000-00000000000F"
    assert list(Ids()([key, key.lower()])) == [key.lower()] * 2
    assert list(Ids()([UUID(key), None])) == [key.lower(), None]
    assert list(Ids()(())) == []


def test_bits_are_true_false_or_none() -> None:
    assert list(bits([1, 0, True, None])) == [True, False, True, None]


def test_r7_a_bit_that_is_neither_is_left_for_the_mapping_to_refuse() -> None:
    assert list(bits(["false", 2, b"\x00"])) == ["false", 2, b"\x00"]


def test_times_are_naive_and_what_is_none_is_left_to_the_mapping() -> None:
    moment = datetime(2024, 3, 1, 10, 20, 30, 123456)  # noqa: DTZ001 - v2's times have no zone
    given = ["2024-03-01 10:20:30.123456", "2024-03-01T10:20:30.1234567", moment, None, "soon", 7]
    assert list(times(given)) == [moment, moment, moment, None, "soon", 7]


# A lost connection


@pytest.fixture
def source(v2_path: Path) -> Source:
    make_v2(v2_path, organizations=[{}])
    return Source(backoff=(0, 0, 0))


def failing(source: Source, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[Any]:
    """Let the next reads fail with these errors; returns the list of tries."""
    real, tries = source._ask, []

    def fetch(*args: Any) -> Any:
        tries.append(args)
        if len(tries) <= len(errors):
            raise errors[len(tries) - 1]
        return real(*args)

    monkeypatch.setattr(source, "_ask", fetch)
    return tries


def read(source: Source) -> list[Any]:
    return list(extract.scan(source, v2_models.Organization, ("id", "name")))


def test_r7_a_busy_file_is_tried_again(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = OperationalError("database is locked")
    tries = failing(source, monkeypatch, locked, locked)

    assert len(read(source)) == 1
    assert len(tries) == 3


def test_r7_a_file_that_stays_busy_is_named_in_the_end(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(source, monkeypatch, *[OperationalError("database is locked")] * 9)

    with pytest.raises(SourceLostError, match=r"lost SQLite file .* reach it again: data"):
        read(source)


@pytest.mark.parametrize("error", [OperationalError("disk I/O error"), DatabaseError("malformed")])
def test_what_another_try_cannot_mend_is_not_tried_again(
    source: Source, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries = failing(source, monkeypatch, error)

    with pytest.raises(SourceError, match=r"SQLite file .* refused a query: (disk|malformed)"):
        read(source)
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("sqlstate", "lost"),
    [
        ("57P01", True),
        ("08006", True),
        ("25P03", True),
        (None, True),
        ("57014", False),
        ("53300", False),
    ],
)
def test_r7_a_server_s_answer_tells_whether_it_is_gone(sqlstate: str | None, *, lost: bool) -> None:
    error = OperationalError("gone")
    if sqlstate:
        error.__cause__ = psycopg.errors.lookup(sqlstate)()

    assert (explain(error, "postgresql").kind is Kind.LOST) is lost


@pytest.fixture
def lose_v2(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let v2 be away from its nth read on, with no pauses between tries."""

    def lose(after: int) -> None:
        real, reads = Source._ask, []

        def fetch(self: Source, *args: Any) -> Any:
            reads.append(1)
            if len(reads) > after:
                raise OperationalError("database is locked")
            return real(self, *args)

        monkeypatch.setattr(Source, "_ask", fetch)
        monkeypatch.setattr("transfer.source.time.sleep", lambda _seconds: None)

    return lose


def test_r7_a_run_whose_v2_stays_away_is_left_failed_and_can_go_on(
    v2_path: Path, lose_v2: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_v2(v2_path, organizations=[{}], users=[{}, {}, {}])
    lose_v2(22)
    with pytest.raises(RunStoppedError, match="To go on: import_v2 --name night"):
        run(name="night", batch_size=1)
    monkeypatch.undo()

    rows = query("SELECT status, error_message FROM migration_progress WHERE status = 'failed'")
    assert len(rows) == 1
    assert "lost SQLite file" in rows[0][1]

    connections["v2"].close()
    assert run(name="night").outcome == "finished"
    assert query("SELECT count(*) FROM users") == [(3,)]
    assert query("SELECT error_message FROM migration_progress WHERE error_message <> ''") == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"HOST": "sql", "PORT": ""}, {"HOST": "sql", "PORT": "5432"}, True),
        ({"HOST": "sql", "USER": "a"}, {"HOST": "sql", "USER": "b", "PASSWORD": "c"}, True),
        ({"HOST": "/run/a"}, {"HOST": "/run/b"}, False),
        ({"NAME": "One"}, {"NAME": "Two"}, False),
        ({"OPTIONS": {"options": "-c search_path=a"}}, {"OPTIONS": {}}, False),
        ({"OPTIONS": {"sslmode": "require"}}, {"OPTIONS": {}}, True),
    ],
)
def test_a_source_is_its_server_database_and_schema(
    one: dict[str, Any], other: dict[str, Any], *, same: bool
) -> None:
    found = []
    for settings in (one, other):
        whole = {"ENGINE": "django.db.backends.postgresql", "NAME": "Pliers", "PORT": ""} | settings
        with use_v2(**whole):
            found.append(identity("v2"))
    assert (found[0] == found[1]) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"NAME": "Pliers"}, {"NAME": "pLIERS"}, True),
        ({"SCHEMA": "dbo"}, {"SCHEMA": "DBO"}, True),
        ({"HOST": "SQL"}, {"HOST": "sql", "PORT": 1433}, True),
        ({"HOST": "sql\\NIGHT"}, {"HOST": "SQL\\night"}, True),
        ({"HOST": "sql\\NIGHT"}, {"HOST": "sql"}, False),
        ({"NAME": "Pliers"}, {"NAME": "Pliers2"}, False),
        ({"SCHEMA": "dbo"}, {"SCHEMA": "forms"}, False),
    ],
)
def test_a_source_in_sql_server_is_the_same_in_upper_and_lower_case(
    one: dict[str, Any], other: dict[str, Any], *, same: bool
) -> None:
    found = []
    for settings in (one, other):
        usual = {"NAME": "Pliers", "HOST": "sql", "PORT": "", "SCHEMA": "dbo"}
        usual |= {"OPTIONS": {"python_driver": "mssql_python"}}
        with use_v2(ENGINE="legacy_v2.sqlserver", **usual | settings):
            found.append(identity("v2"))
            assert f"'{settings.get('NAME', 'Pliers')}'" in describe("v2")
    assert (found[0] == found[1]) is same


def test_a_file_this_user_may_not_look_at_is_said_to_be_one(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_v2(v2_path)

    def refused(_path: Path, **_options: bool) -> None:
        raise PermissionError(13, "Permission denied")

    # A folder's mode would not stop root, whom the tests may run as.
    monkeypatch.setattr(Path, "stat", refused)
    with pytest.raises(SourceError, match="this user may not look at"):
        Source()


def test_r9_who_asked_to_stop_waits_for_no_v2_that_is_lost(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_v2(v2_path, organizations=[{}])
    waits: list[float] = []
    said: list[str] = []
    monkeypatch.setattr("transfer.source.time.sleep", waits.append)
    source = Source(backoff=(1, 1, 30, 30))
    source.watch(lambda: len(waits) > 25, said.append)
    failing(source, monkeypatch, *[OperationalError("database is locked")] * 9)

    with pytest.raises(SourceLostError, match="could not reach it again"):
        read(source)

    assert 25 < len(waits) < 30
    assert max(waits) <= 0.1
    assert said == [f"{source.describe()} is lost: database is locked; trying again for 62 s"]
