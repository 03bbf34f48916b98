"""Given a v2 in SQL Server that is thus, preflight_v2 says so, over Microsoft's driver."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.preflight.checking import check, line, lines, of_v2
from tests.renaming import every_name
from tests.sqlserver import types
from tests.sqlserver.server import V2Server, publish
from tests.sqlserver.tables import Index
from tests.v2 import V2, make_v2, use_v2
from transfer.preflight.lines import Status

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sql_server_driver")]
PEER_ONLY = pytest.mark.peer_only


def retype(server: V2Server, table: str, column: str, kind: Any) -> None:
    """Have another type for a column, as the catalog and the wire tell it."""
    found = server.peer.table(table)
    at = found.column_names.index(column)
    found.columns[at] = type(found.columns[at])(column, kind)


def without_bytes(found: Any) -> Any:
    """Volumes, but for what each server counts in its own way."""
    if isinstance(found, dict):
        return {name: without_bytes(value) for name, value in found.items() if name != "bytes"}
    return [without_bytes(one) for one in found] if isinstance(found, list) else found


@pytest.mark.usefixtures("server")
def test_a_sound_v2_is_ready_for_a_login_that_only_reads() -> None:
    report = of_v2()

    assert not report.blocked
    said = line(report, "v2", "connection").found
    assert re.search(r"SQL Server \d+\.\d+\.\d+.*; compatibility level \d+, collation \w+", said)
    assert line(report, "v2", "reading").found == "the login reads all of 11 tables"
    assert line(report, "v2", "writing").found == "the login may write none of the tables"
    assert line(report, "v2", "isolation").found == (
        "snapshot: reading waits for no writer and holds up none"
    )
    assert line(report, "v2 schema", "index of answers").status is Status.OK
    assert line(report, "v2 schema", "unique Ids").status is Status.OK
    assert line(report, "v2 schema", "types").status is Status.OK


def test_volumes_are_those_of_the_same_v2_in_sqlite(server: V2Server, v2: V2) -> None:
    here = check(default_organization=v2.organizations[0]["Id"])
    with use_v2(v2.path):
        there = check(default_organization=v2.organizations[0]["Id"])

    assert server.url
    assert not [one for one in here.lines if "could not be looked at" in one.found]
    assert here.volumes is not None
    assert there.volumes is not None
    assert without_bytes(here.volumes.as_json()) == without_bytes(there.volumes.as_json())
    # Characters, of which a few take more than one byte.
    assert 0.9 * there.volumes.total.bytes < here.volumes.total.bytes <= there.volumes.total.bytes


@PEER_ONLY
def test_a_login_that_may_write_is_warned_about_by_table_and_role(server: V2Server) -> None:
    server.peer.writable |= {"FormSubmission", "User"}
    found = line(of_v2(), "v2", "writing")
    assert found.status is Status.WARNING
    assert found.found == (
        "the login may write 2 of the tables: FormSubmission, User; the import never writes (R4)"
    )

    server.peer.writable.clear()
    server.peer.roles.add("db_owner")
    found = line(of_v2(), "v2", "writing")
    assert "is a member of db_owner and may write 11 of the tables" in found.found
    assert "db_datareader alone" in found.action


@PEER_ONLY
def test_a_table_the_login_may_not_read_blocks_with_the_grant(server: V2Server) -> None:
    server.peer.harm.deny("FieldSetting")
    found = line(of_v2(), "v2", "reading")
    assert found.status is Status.BLOCKED
    assert found.found == "the login may not read 1 of the tables: FieldSetting"
    assert found.action == "as v2's owner: GRANT SELECT ON [dbo].[FieldSetting] TO …;"


@PEER_ONLY
def test_sizes_are_told_where_the_login_may_know_them(server: V2Server, v2: V2) -> None:
    rows = f"FormSubmission {len(v2.submissions)} rows"
    found = line(of_v2(), "v2", "size")
    assert found.status is Status.OK
    assert f"{rows} in " in found.found
    assert f"FormSubmissionMetaData {len(v2.answers)} rows in " in found.found

    server.peer.harm.deny_database_state()
    found = line(of_v2(), "v2", "size")
    assert found.status is Status.OK
    assert f"{rows}, " in found.found
    assert "without VIEW DATABASE STATE it does not tell" in found.found


@PEER_ONLY
@pytest.mark.parametrize(
    ("snapshot", "committed", "status"), [(1, False, "OK"), (0, True, "OK"), (0, False, "WARNING")]
)
def test_reading_that_waits_for_writers_is_said_with_the_statement(
    v2: V2, snapshot: int, committed: bool, status: str
) -> None:
    with publish(v2) as server:
        server.peer.options["snapshot_isolation_state"] = snapshot
        server.peer.options["is_read_committed_snapshot_on"] = committed
        with server.use():
            found = line(of_v2(), "v2", "isolation")
            assert found.status.value == status
            if status == "WARNING":
                statement = "ALTER DATABASE [Pliers] SET ALLOW_SNAPSHOT_ISOLATION ON"
                assert statement in found.action
                server.peer.database_properties["Updateability"] = "READ_ONLY"
                assert line(of_v2(), "v2", "isolation").status is Status.OK


@PEER_ONLY
@pytest.mark.parametrize(
    ("level", "committed", "said"),
    [
        ("READ COMMITTED", True, "read committed snapshot: reading waits for no writer"),
        ("READ COMMITTED", False, "read committed: reading waits for v2's writers"),
        ("REPEATABLE READ", True, "repeatable read: reading waits for v2's writers"),
        ("SNAPSHOT", False, "snapshot: reading waits for no writer"),
    ],
)
def test_an_isolation_level_of_the_address_is_said_as_the_database_means_it(
    v2: V2, level: str, committed: bool, said: str
) -> None:
    with publish(v2) as server:
        server.peer.options["is_read_committed_snapshot_on"] = committed
        address = server.with_options(isolation_level=level.replace(" ", "%20"))
        with server.use(address) as connection:
            found = line(of_v2(), "v2", "isolation")
            assert found.found.startswith(said)
            assert ("leave isolation_level out" in found.action) == ("writers" in said)
            connection.ensure_connection()
            assert connection.isolation == said.partition(":")[0]
        assert not server.asked("LEVEL SNAPSHOT") or level == "SNAPSHOT"


@PEER_ONLY
def test_a_server_that_does_not_list_the_database_is_looked_at_all_the_same(
    server: V2Server,
) -> None:
    server.peer.options["name"] = "another"
    report = of_v2()
    assert "compatibility level unknown" in line(report, "v2", "connection").found
    assert not [one for one in report.lines if "could not be looked at" in one.found]
    assert line(report, "v2", "state").status is Status.OK


@PEER_ONLY
def test_who_asked_for_a_replica_is_told_what_answers(v2: V2) -> None:
    with publish(v2) as server:
        with server.use():
            assert line(of_v2(), "v2", "state").found.startswith("the database takes writes")
        with server.use(server.with_options(ApplicationIntent="ReadOnly")):
            found = line(of_v2(), "v2", "state")
            assert found.status is Status.WARNING
            assert "reads from the primary" in found.found
            server.peer.database_properties["Updateability"] = "READ_ONLY"
            found = line(of_v2(), "v2", "state")
            assert (found.status, found.found.partition(":")[0]) == (
                Status.OK,
                "the database takes no writes",
            )


@PEER_ONLY
def test_encryption_is_asked_of_the_server_where_the_login_may(v2: V2) -> None:
    with publish(v2) as server:
        with server.use():
            said = line(of_v2(), "v2", "encryption")
            assert said.status is Status.OK
            assert said.found.endswith(
                "(by the driver's settings: the login may not ask the server)"
            )
            server.peer.server_state = True
            found = line(of_v2(), "v2", "encryption").found
            assert found == "the connection is encrypted, its certificate verified"
        with server.use(server.with_options(TrustServerCertificate="yes")):
            assert line(of_v2(), "v2", "encryption").status is Status.WARNING
        server.peer.server_state = False
        plain = server.with_options(Encrypt="no", TrustServerCertificate="yes")
        with server.use(plain):
            found = line(of_v2(), "v2", "encryption").found
            assert found.startswith("the connection is not encrypted")


@PEER_ONLY
@pytest.mark.parametrize(
    ("number", "engine", "edition", "old"),
    [
        ("13.0.5026.0", 3, "Developer Edition (64-bit)", True),
        ("12.0.2000.8", 5, "SQL Azure", False),
        ("12.0.2000.8", 12, "SQL Azure", False),
        ("12.0.2000.8", 99, "SQL Azure", False),
        ("12.0.2000.8", 12, "Fabric", False),
        ("14.0.1000.169", 2, "Standard Edition (64-bit)", False),
    ],
)
def test_a_server_older_than_2017_is_said_and_azure_is_none(
    v2: V2, number: str, engine: int, edition: str, old: bool
) -> None:
    with publish(v2) as server:
        known = {"ProductVersion": number, "EngineEdition": engine, "Edition": edition}
        server.peer.properties |= known
        with server.use():
            assert [one.status for one in lines(of_v2(), "v2", "version")] == [Status.WARNING] * old


@PEER_ONLY
@pytest.mark.parametrize(
    ("database", "catalog", "told"),
    [
        ("Latin1_General_CS_AS", "DATABASE_DEFAULT", True),
        ("Latin1_General_100_BIN2", "DATABASE_DEFAULT", True),
        ("Latin1_General_CS_AS", "SQL_Latin1_General_CP1_CI_AS", False),
        ("SQL_Latin1_General_CP1_CI_AS", "DATABASE_DEFAULT", False),
    ],
)
def test_a_catalog_that_tells_case_is_said_whatever_the_texts_collation(
    v2: V2, database: str, catalog: str, told: bool
) -> None:
    with publish(v2) as server:
        server.peer.options["collation_name"] = database
        server.peer.options["catalog_collation_type_desc"] = catalog
        with server.use():
            found = [one.found for one in lines(of_v2(), "v2", "names")]
            assert ["tell upper from lower case" in one for one in found] == [True] * told


@PEER_ONLY
def test_no_index_that_serves_is_said_with_the_names_of_this_v2(v2_path: Path) -> None:
    v2 = make_v2(v2_path, index=False)
    with publish(v2, names=every_name(), schema="older forms") as server, server.use():
        found = line(of_v2(), "v2 schema", "index of answers")
        assert found.status is Status.WARNING
        assert found.action == (
            "first, on this copy: CREATE INDEX answers_of ON"
            " [older forms].[tbl FormSubmissionMetaData größer] ([FormSubmissionId.select from])"
        )
        table = server.peer.table("tbl FormSubmissionMetaData größer", "older forms")
        columns = ("FormSubmissionId.select from", "FieldId.select from")
        table.indexes.append(Index("second", columns[::-1]))
        assert line(of_v2(), "v2 schema", "index of answers").status is Status.WARNING
        table.indexes.append(Index("_dta_index_answers", columns, hypothetical=True))
        table.indexes.append(Index("ncci", columns, columnstore=True))
        assert line(of_v2(), "v2 schema", "index of answers").status is Status.WARNING
        table.indexes.append(Index("first", columns))
        assert line(of_v2(), "v2 schema", "index of answers").status is Status.OK


@PEER_ONLY
def test_ids_that_no_key_guards_are_counted(server: V2Server, v2: V2) -> None:
    table = server.peer.table("Organization")
    table.indexes[:] = [Index("_dta_index_Id", ("Id",), unique=True, hypothetical=True)]
    assert line(of_v2(), "v2 schema", "unique Ids").status is Status.OK

    table.rows.append(list(table.rows[0]))
    table.forget_order()
    found = line(of_v2(), "v2 schema", "unique Ids")
    assert found.status is Status.BLOCKED
    assert f"Organization holds the Id {v2.organizations[0]['Id']} more than once" in found.found


def test_whole_numbers_for_ids_are_said_with_what_v3_makes_of_them(v2: V2) -> None:
    with publish(v2, integer_ids="bigint") as server, server.use():
        report = of_v2()
    found = line(report, "v2 schema", "whole numbers")
    assert found.status is Status.OK
    assert "17 is 76326964-0000-8000-8000-000000000011 everywhere" in found.found
    assert not report.blocked


@PEER_ONLY
def test_types_are_told_by_how_they_are_read(server: V2Server) -> None:
    retype(server, "User", "CreatedOn", types.DateTimeOffset())
    retype(server, "FormSubmission", "LastUpdatedOn", types.DateTime())
    retype(server, "FormType", "DisplayName", types.NarrowText(100))
    report = of_v2()
    assert line(report, "v2 schema", "types").status is Status.OK
    assert line(report, "v2 schema", "datetimeoffset").found == (
        "User.CreatedOn: datetimeoffset has a zone in each value, which wins over V2_TIME_ZONE (M3)"
    )
    assert line(report, "v2 schema", "datetime").status is Status.OK
    assert "FormType.DisplayName" in line(report, "v2 schema", "varchar").found

    retype(server, "FormSubmission", "CreatedOn", types.Integer(4))
    retype(server, "Choice", "Id", types.NarrowText(36))
    retype(server, "User", "Id", types.DateTime2())
    retype(server, "Field", "FormTypeId", types.Integer(4))
    report = of_v2()
    assert "FormSubmission.CreatedOn is int" in line(report, "v2 schema", "types").found
    assert line(report, "v2 schema", "ids as text").status is Status.WARNING
    found = line(report, "v2 schema", "types of ids")
    assert (found.status, "User.Id is datetime2" in found.found) == (Status.BLOCKED, True)
    found = line(report, "v2 schema", "references")
    assert found.status is Status.BLOCKED
    assert found.found.startswith("Field.FormTypeId: of another type than the ids")


@PEER_ONLY
def test_other_tables_of_its_schema_are_named_and_no_others(v2: V2) -> None:
    with publish(v2, schema="forms") as server, server.use():
        other = server.peer.table("User", "forms")
        for schema, name in (("forms", "Attachment"), ("dbo", "Elsewhere")):
            made = type(other)(name=name, columns=other.columns, rows=[], schema=schema)
            server.peer.add(made)
        found = line(of_v2(), "v2 schema", "more tables")
    assert found.found == "1 that are not migrated: Attachment"
