"""Given a SQL Server that lists no table the login may not read, none is taken for one v2 lacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.preflight.checking import lines, of_v2
from tests.runs import Quiet, query, rich_v2, run
from tests.sqlserver.server import V2Server, publish
from tests.v2 import V2
from transfer.exceptions import SourceError
from transfer.preflight.lines import Status
from transfer.source_session import BLOCKING_REMARK

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver"),
    pytest.mark.peer_only,
]
DENIED = "The SELECT permission was denied on the object '{}', database 'Pliers', schema 'dbo'."


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)


@pytest.fixture(params=["User", "FieldSetting"])
def without_right(v2: V2, request: pytest.FixtureRequest) -> Iterator[V2Server]:
    """A server whose catalog has no such table for this login, and whose table is there."""
    table: str = request.param
    with publish(v2, omit=[table]) as server, server.use():
        where = rf"FROM \[dbo\]\.\[{table}\]"
        server.peer.harm.fail(where, 229, DENIED.format(table), times=10**6)
        yield server


def test_a_table_out_of_sight_stops_the_import_with_the_grant(without_right: V2Server) -> None:
    with pytest.raises(SourceError) as refused:
        run(name="night")

    assert "the login may not read v2's table " in refused.value.message
    assert ": GRANT SELECT ON [dbo].[" in refused.value.message
    assert "v2 has no" not in refused.value.message
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


def test_preflight_v2_is_blocked_by_it(without_right: V2Server) -> None:
    (found,) = lines(of_v2(), "v2 schema", "required")
    assert found.status is Status.BLOCKED
    assert found.found.startswith("the login may not read v2's table ")


def test_a_schema_with_none_of_the_tables_is_named(v2: V2) -> None:
    with publish(v2) as server, server.use() as connection:
        connection.settings_dict["SCHEMA"] = "forms"
        with pytest.raises(SourceError, match=r"schema 'forms' \(V2_SCHEMA\) has none of v2's tab"):
            run(name="night")


@pytest.mark.parametrize(
    ("updateability", "isolation", "warned"),
    [
        ("READ_WRITE", "read committed", True),
        ("READ_ONLY", "read committed, of a database that takes no writes", False),
    ],
)
def test_readers_and_writers_wait_for_each_other_only_where_there_are_writers(
    v2: V2, updateability: str, isolation: str, *, warned: bool
) -> None:
    with publish(v2) as server:
        server.peer.options["snapshot_isolation_state"] = 0
        server.peer.options["is_read_committed_snapshot_on"] = False
        server.peer.database_properties["Updateability"] = updateability
        observer = Quiet()
        with server.use():
            report = run(observer, name="night")

    assert query("SELECT DISTINCT ledger -> 'source' ->> 'isolation' FROM migration_progress") == [
        (isolation,)
    ]
    assert (BLOCKING_REMARK in observer.remarks) is warned
    assert any(note.endswith(f"isolation {isolation}.") for note in report.notes)
