"""Given a login that a SQL Server shows less than there is, preflight_v2 says so, and who mends it.

A mask, a hidden row and a table out of sight look like v2's own data: nothing else would notice.
"""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from legacy_v2.names import canonical
from tests.acceptance.verifying import run as command
from tests.integration.preflight.checking import check, line, lines, of_v2
from tests.runs import query, run
from tests.sqlserver.rights import MASK
from tests.sqlserver.server import V2Server, publish
from tests.v2 import V2, make_v2
from transfer.exceptions import SourceError
from transfer.preflight.lines import Status

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver"),
    pytest.mark.peer_only,
]


def test_a_masked_column_blocks_with_the_grant(server: V2Server) -> None:
    assert line(of_v2(), "v2", "masks").status is Status.OK
    rights = server.peer.rights
    rights.masked |= {("User", "Email"), ("FormSubmission", "LookupCode"), ("User", "Attic")}

    found = line(of_v2(), "v2", "masks")
    assert found.status is Status.BLOCKED
    assert "values of 2 columns: FormSubmission.LookupCode, User.Email;" in found.found
    assert found.action == (
        "as v2's owner: GRANT UNMASK TO …; or, since SQL Server 2022:"
        " GRANT UNMASK ON [dbo].[FormSubmission] ([LookupCode]) TO …;"
        " GRANT UNMASK ON [dbo].[User] ([Email]) TO …;"
    )
    rights.unmask.add("dbo.User.Email")
    assert "values of 1 columns: FormSubmission.LookupCode;" in line(of_v2(), "v2", "masks").found
    rights.unmask.add("dbo.FormSubmission")
    assert line(of_v2(), "v2", "masks").status is Status.OK

    # Before 2022 the right is the whole database's.
    server.peer.properties["ProductMajorVersion"] = "15"
    assert line(of_v2(), "v2", "masks").status is Status.BLOCKED
    rights.unmask.add("DATABASE")
    assert line(of_v2(), "v2", "masks").status is Status.OK


def test_a_server_that_knows_no_masks_has_none(server: V2Server) -> None:
    server.peer.harm.fail(r"sys\.masked_columns", 208, "Invalid object name 'sys.masked_columns'.")
    assert line(of_v2(), "v2", "masks").status is Status.OK


def test_a_view_is_said_where_masks_may_lie_beneath(server: V2Server) -> None:
    server.peer.rights.views.add("User")
    found = line(of_v2(), "v2", "masks")
    assert (found.status, found.found[:11]) == (Status.WARNING, "User: views")
    server.peer.rights.unmask.add("DATABASE")
    assert line(of_v2(), "v2", "masks").status is Status.OK


def test_nothing_is_imported_retried_or_proven_from_masks(server: V2Server, v2: V2) -> None:
    owner = v2.organizations[0]["Id"]
    server.peer.rights.masked.add(("Organization", "Name"))
    with pytest.raises(SourceError, match=r"Organization\.Name.*GRANT UNMASK TO") as refused:
        run(name="night", default_organization=owner)
    assert "\n" not in str(refused.value)
    assert query("SELECT count(*) FROM organizations") == [(0,)]
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]

    server.peer.rights.unmask.add("DATABASE")
    run(name="night", default_organization=owner)
    assert query("SELECT count(*) FROM organizations WHERE name = %s", [MASK]) == [(0,)]
    server.peer.rights.unmask.clear()
    for later in ("verify_v2", "retry_v2"):
        with pytest.raises(CommandError, match="GRANT UNMASK TO"):
            command(later)


def test_rows_that_a_policy_hides_are_missed_by_the_servers_own_books(
    server: V2Server, v2: V2
) -> None:
    owner = v2.organizations[0]["Id"]
    report = check(default_organization=owner)
    assert line(report, "v2", "hidden rows").status is Status.OK
    assert not lines(report, "v2", "row-level security")

    hidden = server.peer.rights.hidden
    hidden |= {"FormSubmission": 2, "Organization": 1}
    report = check(default_organization=owner)
    found = line(report, "v2", "hidden rows")
    assert found.status is Status.WARNING
    rows, few = len(v2.submissions), len(v2.organizations)
    assert f"FormSubmission {rows}, seen {rows - 2}" in found.found
    assert f"Organization {few}, seen {few - 1};" in found.found
    assert not lines(report, "v2", "row-level security")  # only who has VIEW DEFINITION sees it

    server.peer.rights.sees_policies = True
    found = line(of_v2(), "v2", "row-level security")
    assert found.status is Status.WARNING
    assert found.found.startswith("tenants filters the rows of FormSubmission, Organization:")


def test_a_denied_column_blocks_with_the_grant_and_so_does_what_trips_over_it(
    server: V2Server, v2: V2
) -> None:
    server.peer.rights.deny_column("FormSubmission", "CreatedOn")
    server.peer.rights.deny_column("FormSubmission", "Nobody reads this")
    report = check(default_organization=v2.organizations[0]["Id"])
    found = line(report, "v2", "reading")
    assert found.status is Status.BLOCKED
    assert found.found == "the login may not read 1 of the columns: FormSubmission.CreatedOn"
    assert found.action.startswith(
        "as v2's owner: GRANT SELECT ON [dbo].[FormSubmission] ([CreatedOn]) TO …;"
    )
    for area, name in (("volume", "what there is"), ("hazards", "census")):
        step = line(report, area, name)
        assert (step.status, "error 230" in step.found) == (Status.BLOCKED, True)


def test_a_denied_table_beside_a_denied_column_blocks_in_one_line(server: V2Server) -> None:
    server.peer.harm.deny("Organization")
    server.peer.table("Organization").indexes.clear()
    server.peer.rights.deny_column("User", "Email")
    report = of_v2()
    found = line(report, "v2", "reading")
    assert found.found == (
        "the login may not read 1 of the tables: Organization, nor 1 of the columns: User.Email"
    )
    assert "GRANT SELECT ON [dbo].[Organization] TO …; GRANT SELECT ON [dbo].[User] ([Email])" in (
        found.action
    )
    twice = line(report, "v2 schema", "unique Ids")
    assert (twice.status, "repair" in twice.action) == (Status.BLOCKED, False)


def test_any_other_failure_of_a_step_is_a_warning(server: V2Server, v2: V2) -> None:
    server.peer.harm.fail(r"COUNT_BIG.*FormSubmissionMetaData", 824, times=99)
    report = check(default_organization=v2.organizations[0]["Id"])
    assert line(report, "volume", "what there is").status is Status.WARNING


def test_a_table_out_of_sight_is_said_with_the_grant(v2: V2) -> None:
    with publish(v2, omit=["User", "FormType.OrganizationId"]) as server, server.use():
        found = lines(of_v2(), "v2 schema", "assumed")
    assert [one.action for one in found] == [
        "or the login may not see it: GRANT SELECT ON [dbo].[User] TO …;",
        "or the login may not see it: GRANT SELECT ON [dbo].[FormType] TO …;",
    ]


@pytest.mark.parametrize(
    ("refusal", "lacking"),
    [
        (None, "without VIEW DATABASE STATE it does not tell"),
        (
            (262, "VIEW DATABASE PERFORMANCE STATE permission was denied in database 'Pliers'."),
            "without VIEW DATABASE PERFORMANCE STATE it",
        ),
        (
            (297, "The user does not have permission to perform this action."),
            "without VIEW DATABASE STATE and VIEW DEFINITION, or since SQL Server 2022",
        ),
    ],
)
def test_the_right_that_sizes_lack_is_the_one_the_server_names(
    server: V2Server, v2: V2, refusal: tuple[int, str] | None, lacking: str
) -> None:
    if refusal is None:
        server.peer.harm.deny_database_state()
    else:
        server.peer.harm.fail("dm_db_partition_stats", *refusal)
    found = line(of_v2(), "v2", "size")
    assert found.status is Status.OK
    assert f"FormSubmission {len(v2.submissions)} rows, " in found.found
    assert lacking in found.found


def test_rights_and_sizes_of_a_database_with_a_dot_in_its_name_are_told(v2_path: Path) -> None:
    """HAS_PERMS_BY_NAME would take such a name for two, and say NULL."""
    with publish(make_v2(v2_path, organizations=[{}])) as server:
        server.peer.properties["ProductMajorVersion"] = "15"
        server.peer.database = server.peer.harm.database = "Pliers.v2"
        with server.use(server.url.replace("/Pliers?", "/Pliers.v2?")):
            server.peer.rights.masked.add(("Organization", "Name"))
            server.peer.rights.unmask.add("DATABASE")
            report = of_v2()
            assert "FormSubmission 0 rows in " in line(report, "v2", "size").found
            assert line(report, "v2", "masks").status is Status.OK


def test_without_an_index_one_part_of_submissions_is_sampled(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.preflight.sample.PART", 2)
    rows = {"organizations": [{}], "forms": [{}], "submissions": [{}] * 5}
    with publish(make_v2(v2_path, index=False, **rows)) as server, server.use():
        monkeypatch.setattr("transfer.preflight.service._Looking._census", lambda *_, **__: None)
        report = check()
        read = server.asked("FROM [dbo].[FormSubmissionMetaData]")
    assert report.estimate is not None
    assert report.estimate.sampled == 1 + 1 + 2
    found = line(report, "disk", "estimates")
    assert (found.status, "first part of submissions alone" in found.found) == (
        Status.WARNING,
        True,
    )
    assert len(read) <= 3, [one.sql for one in read]


def test_a_table_with_none_of_the_columns_is_missing_them_and_no_more(v2: V2) -> None:
    lacking = [f"FieldSetting.{column}" for column in canonical()["FieldSetting"]]
    with publish(v2, omit=lacking[1:]) as server, server.use():
        table = server.peer.table("FieldSetting")
        table.indexes.clear()
        table.columns[0] = type(table.columns[0])("Other", table.columns[0].type)
        report = of_v2()
    assert line(report, "v2", "reading").status is Status.OK
    assert not [one for one in report.lines if "could not be looked at" in one.found]
    assert any("no column" in one.found for one in lines(report, "v2 schema", "required"))
