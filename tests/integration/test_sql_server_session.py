"""What is asked of a SQL Server before v2 is read, and what is made of its answers."""

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

import mssql_python
import pyodbc
import pytest

from legacy_v2 import models as v2_models
from tests.acceptance.verifying import run as command
from tests.renaming import lower_case
from tests.runs import Quiet, query, run
from tests.sqlserver import types
from tests.sqlserver.server import V2Server, publish
from tests.sqlserver.tables import Index, made
from tests.v2 import V2, make_v2
from transfer.exceptions import SourceError, SourceLostError
from transfer.source import Source
from transfer.source_session import BLOCKING_REMARK

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver", "v2_path"),
    pytest.mark.peer_only,
]

DRIVERS = ["mssql-python", "pyodbc"]
STATE, COMMITTED = "snapshot_isolation_state", "is_read_committed_snapshot_on"
TRIES = 3  # of a statement that takes too long
LEVEL = "SET TRANSACTION ISOLATION LEVEL "


@pytest.fixture(scope="module")
def v2(tmp_path_factory: pytest.TempPathFactory) -> V2:
    path = tmp_path_factory.mktemp("session") / "v2.sqlite3"
    return make_v2(path, organizations=[{}], users=[{}], forms=[{}], submissions=[{}])


@pytest.fixture
def server(v2: V2) -> Iterator[V2Server]:
    with publish(v2) as made_here:
        yield made_here


def levels(server: V2Server) -> list[str]:
    """The isolation levels that were set, in their order."""
    found = (re.search(rf"{LEVEL}([A-Z ]+)", one.sql) for one in server.statements)
    return [one.group(1).strip() for one in found if one]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_session_speaks_english_and_gives_way_before_it_asks_anything(
    server: V2Server, driver: str
) -> None:
    with server.use(driver=driver) as connection:
        connection.ensure_connection()

    asked = [one.sql for one in server.statements]
    session = next(n for n, sql in enumerate(asked) if "SET LANGUAGE us_english" in sql)
    assert "SET DEADLOCK_PRIORITY LOW" in asked[session]
    # The language sets an order of dates, which another statement sets anew.
    assert session < next(n for n, sql in enumerate(asked) if "SET DATEFORMAT ymd" in sql)
    assert not [sql for sql in asked[:session] if " FROM " in sql]


@pytest.mark.parametrize(
    ("state", "committed", "asked_for", "isolation", "set_last"),
    [
        (1, False, "", "snapshot", ["SNAPSHOT"]),
        (1, True, "", "snapshot", ["SNAPSHOT"]),
        (0, False, "", "read committed", []),
        (2, False, "", "read committed", []),  # on its way off
        (3, False, "", "read committed", []),  # on its way on
        (3, True, "", "read committed snapshot", []),
        (1, False, "READ COMMITTED", "read committed", ["READ COMMITTED"]),
        (1, True, "READ COMMITTED", "read committed snapshot", ["READ COMMITTED"]),
        (1, True, "REPEATABLE READ", "repeatable read", ["REPEATABLE READ"]),
    ],
)
def test_the_isolation_is_the_address_s_or_else_snapshot_where_that_is_on(
    server: V2Server, state: int, committed: bool, asked_for: str, isolation: str,
    set_last: list[str],
) -> None:  # fmt: skip
    server.peer.options |= {STATE: state, COMMITTED: committed}
    options = {"isolation_level": asked_for.replace(" ", "%20")} if asked_for else {}
    with server.use(server.with_options(**options)) as connection:
        connection.ensure_connection()
        assert connection.isolation == isolation

    assert levels(server)[-1:] == set_last


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("state", "committed", "isolation"),
    [(1, False, "snapshot"), (0, True, "read committed snapshot"), (0, False, "read committed")],
)
def test_a_run_s_record_says_how_v2_was_read(
    server: V2Server, state: int, committed: bool, isolation: str, driver: str
) -> None:
    server.peer.options |= {STATE: state, COMMITTED: committed}
    with server.use(driver=driver):
        observer = Quiet()
        report = run(observer, name="night")
        document = json.loads(command("import_v2", "--name", "night", "--json")[1])

    records = [found for (found,) in query("SELECT ledger->'source' FROM migration_progress")]
    recorded = [json.loads(one) if isinstance(one, str) else one for one in records]
    assert len(recorded) == 4
    assert len({json.dumps(one, sort_keys=True) for one in recorded}) == 1
    assert recorded[0]["isolation"] == isolation
    assert recorded[0]["server"] == "SQL Server 16.0.4135.4 (Developer Edition (64-bit))"
    assert re.fullmatch(rf"{driver} \d+\.\d+.*", recorded[0]["driver"])
    assert document["source"] == recorded[0]
    assert (BLOCKING_REMARK in observer.remarks) == (isolation == "read committed")
    assert f"isolation {isolation}." in report.as_text()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_statement_that_takes_too_long_is_asked_three_times_not_for_ever(
    server: V2Server, driver: str
) -> None:
    with server.use(driver=driver):
        source = Source(backoff=(0,) * 8)
        server.peer.harm.fail("FormSubmission", 50001, "Query timeout expired", times=99)
        with pytest.raises(SourceLostError, match="query_timeout"):
            source.read(v2_models.FormSubmission._default_manager.order_by("id")[:5], ("id",))
        source.close()

    assert server.peer.harm.done == TRIES


def test_a_table_of_that_name_in_another_schema_is_another_one(v2: V2) -> None:
    with publish(v2, omit=["User", "FormType.CreatedOn"]) as server:
        ids = [("Id", types.Integer(4))]
        other = made("archive", "FormSubmissionMetaData", [*ids, ("FormSubmissionId", types.Bit())],
                     [])  # fmt: skip
        server.peer.add(
            made("archive", "User", ids, []),
            made("archive", "FormType", [*ids, ("CreatedOn", types.DateTimeOffset())], []),
            other,
        )
        other.indexes.append(Index("IX", ("FormSubmissionId",)))
        answers = server.peer.table("FormSubmissionMetaData")
        answers.indexes[:] = [one for one in answers.indexes if one.primary]
        with server.use():
            found = Source().schema

    assert "User" not in found.tables
    assert not found.has("FormType", "CreatedOn")
    assert found.types["FormType", "Id"] == "uniqueidentifier"
    assert not found.integer_ids
    assert not found.answers_indexed


@pytest.mark.parametrize("collation", ["Latin1_General_CS_AS", "Latin1_General_100_BIN2"])
def test_where_names_are_told_apart_by_case_another_case_is_said_and_not_taken(
    v2: V2, collation: str
) -> None:
    for told in (False, True):
        with publish(v2, names=lower_case(), tell_names=told) as server:
            server.peer.options["collation_name"] = collation
            with server.use():
                source = Source()
                assert not source.schema.ignores_case
                if told:
                    source.require()
                    continue
                assert not source.schema.tables
                assert source.schema.similar["FormSubmission"] == "formsubmission"
                with pytest.raises(SourceError):
                    source.require()


@pytest.mark.parametrize("broken", [None, "disabled", "filtered", "hypothetical", "columnstore"])
def test_an_index_that_serves_no_search_is_none(server: V2Server, broken: str | None) -> None:
    answers = server.peer.table("FormSubmissionMetaData")
    changes: dict[str, Any] = {broken: True} if broken else {}
    answers.indexes[:] = [
        one if one.primary else dataclasses.replace(one, **changes) for one in answers.indexes
    ]
    with server.use():
        assert Source().schema.answers_indexed is (broken is None)


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_connection_is_a_new_one(
    server: V2Server, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyodbc, "pooling", True)
    with mock.patch.object(mssql_python, "pooling", wraps=mssql_python.pooling) as pooling:
        for _ in range(2):
            with server.use(driver=driver) as connection:
                connection.ensure_connection()

    assert server.peer.logins == ["reader", "reader"]
    if driver == "pyodbc":
        assert pyodbc.pooling is False
    else:
        assert pooling.call_args_list == [mock.call(enabled=False)] * 2
