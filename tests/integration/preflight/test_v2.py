"""Given a v2 that is thus, preflight_v2 says so; v3 is a migrated, empty one."""

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import connections

from tests.integration.preflight.checking import check, line, lines, not_ok, of_v2
from tests.runs import Quiet, query, rich_v2, row_versions
from tests.v2 import copy_into_schema, guid, make_v2, use_v2
from transfer.census.hazard import ALL_ROWS, Hazard
from transfer.exceptions import ConfigurationError, SourceError
from transfer.importer import run_import
from transfer.options import ImportOptions
from transfer.preflight import service
from transfer.preflight.lines import Status

pytestmark = pytest.mark.django_db
WRITES = pytest.mark.django_db(transaction=True)  # what the test puts into PostgreSQL is committed

# What this machine's server and user have to do with, and no test.
ITS_OWN = {("v3", "extensions", "WARNING"), ("v2", "writing", "WARNING")}


def test_a_sound_v2_and_an_empty_v3_are_ready(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}], answers=[{}])
    before = v2_path.read_bytes(), row_versions()

    report = check()

    assert not_ok(report) <= ITS_OWN
    assert not report.blocked
    assert line(report, "v3", "contents").found == "v3 is empty"
    assert line(report, "hazards", "census").found == "none found"
    assert "ready" in report.summary()
    assert (v2_path.read_bytes(), row_versions()) == before  # nothing was written
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


def test_an_empty_v2_is_asked_about(v2_path: Path) -> None:
    make_v2(v2_path)

    found = line(check(), "volume", "what there is")

    assert found.status is Status.WARNING
    assert found.found.startswith("0 submissions with 0 answers in 0 forms of 0 organizations")


def test_volumes_are_counted_by_organization_and_form(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    v2.add("submissions", {"FormTypeId": v2.forms[0]["Id"].upper()})  # the same form, and id
    v2.add(
        "answers",
        {"FormSubmissionId": v2.submissions[-1]["Id"].upper(), "FreeFormEntry": "ü\0x"},
    )

    report = check()

    assert report.volumes is not None
    wanted: dict[tuple[str | None, str], list[str]] = {}
    owners = {form["Id"]: form["OrganizationId"] for form in v2.forms}
    owners[v2.forms[2]["Id"]] = v2.organizations[1]["Id"]  # as rich_v2 says afterwards
    for row in v2.submissions:
        form = row["FormTypeId"].lower()
        owner = row["OrganizationId"] or owners.get(form)
        wanted.setdefault((owner, form), []).append(row["Id"].lower())
    found = {(one.organization_id, one.form_id): one for one in report.volumes.lines}
    for key, ids in wanted.items():
        theirs = [a for a in v2.answers if a["FormSubmissionId"].lower() in ids]
        assert (found[key].submissions, found[key].answers) == (len(ids), len(theirs))
        text = sum(len((a["FreeFormEntry"] or "").encode()) for a in theirs)
        assert found[key].bytes == text
    assert report.volumes.total.submissions == len(v2.submissions)
    assert report.volumes.answers_of_nobody == 4
    assert report.volumes.total.answers == len(v2.answers) - 4
    assert report.volumes.total.first == "2024-01-23 00:00:00"
    assert report.volumes.records == {"organizations": 3, "users": 5, "forms": 4}


def test_a_selection_counts_what_it_would_move(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    two = v2.organizations[1]["Id"]

    report = check(organizations=[two])

    assert report.volumes is not None
    assert {one.organization_id for one in report.volumes.lines} == {two}
    moved = run_import(ImportOptions.build(organizations=[two], dry_run=True), Quiet())
    (submissions,) = [s for s in moved.tables if s.table == "submissions"]
    assert report.volumes.total.submissions == submissions.total


def test_a_missing_file_blocks_and_v3_is_looked_at_all_the_same(v2_path: Path) -> None:
    report = check()

    assert report.blocked
    assert "does not exist; set V2_DATABASE_URL" in line(report, "v2", "connection").found
    assert line(report, "v3", "contents").status is Status.OK
    assert not v2_path.exists()


def test_what_is_required_and_missing_blocks(v2_path: Path) -> None:
    v2 = make_v2(v2_path)
    v2.execute("DROP TABLE FormSubmission")
    v2.execute("ALTER TABLE FieldType DROP COLUMN Name")

    report = check()

    assert {found.found for found in lines(report, "v2 schema", "required")} == {
        "v2 has no table FormSubmission",
        "v2's table FieldType has no column Name",
    }
    assert ("forms", "forms and rows", "WARNING") in not_ok(report)


def test_what_is_assumed_and_missing_is_said_with_what_it_means(v2_path: Path) -> None:
    make_v2(v2_path, omit=("User", "FormType.OrganizationId"), organizations=[{}], forms=[{}])

    report = check()

    users, owners = (found.found for found in lines(report, "v2 schema", "assumed"))
    assert users == "there is no User: no users are migrated (M6)"
    assert owners.startswith("there is no FormType.OrganizationId: each form's organization comes")
    assert report.volumes is not None
    assert report.volumes.records["users"] == 0


def test_a_form_without_organization_blocks_as_it_stops_the_import(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{"OrganizationId": None, "Name": "Lost"}])

    found = line(check(), "forms", "organizations")

    assert found.status is Status.BLOCKED
    with pytest.raises(ConfigurationError) as refused:
        run_import(ImportOptions.build(), Quiet())
    assert found.found == refused.value.message
    assert f"'Lost' ({v2.forms[0]['Id']})" in found.found

    report = check(default_organization=v2.organizations[0]["Id"])
    assert line(report, "forms", "organizations").status is Status.OK
    assert not report.blocked


def test_an_organization_nobody_has_blocks(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}])

    report = check(organizations=[guid(1, 9)])

    assert "no such organization" in line(report, "forms", "organizations").found
    assert report.blocked


def test_no_index_on_the_answers_is_said_with_the_statement(v2_path: Path) -> None:
    v2 = make_v2(v2_path, index=False)

    found = line(of_v2(), "v2 schema", "index of answers")

    assert found.status is Status.WARNING
    v2.execute(found.action.removeprefix("first, on this copy: "))
    assert line(of_v2(), "v2 schema", "index of answers").status is Status.OK


def test_an_id_that_is_there_twice_blocks(v2_path: Path) -> None:
    v2 = make_v2(v2_path, nocase=False, organizations=[{"Id": guid(1, 10)}])
    v2.add("organizations", {"Id": v2.organizations[0]["Id"].upper()})

    found = line(of_v2(), "v2 schema", "unique Ids")

    assert found.status is Status.BLOCKED
    assert found.found.endswith("more than once (the case of its letters does not matter)")
    assert "Organization holds the Id" in found.found
    assert found.action.startswith("repair the copy: of the rows with this Id leave one")


def test_more_tables_and_columns_are_named(v2_path: Path) -> None:
    v2 = make_v2(v2_path)
    v2.execute("CREATE TABLE Attachment (Id text)")
    v2.execute("ALTER TABLE FormSubmission ADD COLUMN Rating int")

    report = of_v2()

    assert "Attachment" in line(report, "v2 schema", "more tables").found
    more = line(report, "v2 schema", "more columns")
    assert (more.status, more.found) == (
        Status.WARNING,
        "1 that are not migrated: FormSubmission.Rating",
    )


@pytest.fixture
def postgres_v2(v2_path: Path, transactional_db: None) -> Iterator[str]:
    """A copy of v2 in a schema of the test's PostgreSQL, with columns of its own mind."""
    v2 = rich_v2(v2_path)
    copy_into_schema(v2, "copy_of_v2")
    query('ALTER TABLE copy_of_v2."FormSubmission" ALTER "CreatedOn" TYPE timestamptz')
    query('ALTER TABLE copy_of_v2."User" ALTER "Email" TYPE varchar(255)')
    query('ALTER TABLE copy_of_v2."Organization" ADD "Logo" bytea')
    settings = connections["default"].settings_dict
    own = {name: settings[name] for name in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")}
    own |= {"EMBEDDED": settings.get("EMBEDDED")}
    with use_v2(**own, OPTIONS={"options": "-c search_path=copy_of_v2"}):
        yield "copy_of_v2"
    query("DROP SCHEMA copy_of_v2 CASCADE")


@WRITES
def test_a_postgresql_copy_is_looked_at_the_same_way(postgres_v2: str, v2_path: Path) -> None:
    report = check()

    assert "PostgreSQL" in line(report, "v2", "connection").found
    assert "may write 11 of the tables" in line(report, "v2", "writing").found
    assert "FormSubmission.CreatedOn is timestamp with time zone" in (
        line(report, "v2 schema", "types").found
    )
    assert line(report, "v2 schema", "more columns").found.endswith("Organization.Logo")
    long = [found.found for found in lines(report, "v2 schema", "length")]
    assert any(
        said.startswith("FormSubmission.LookupCode holds any number of characters, v3 50")
        for said in long
    )
    assert not any("User.Email" in said for said in long)
    here = report.volumes
    with use_v2(v2_path):
        there = check().volumes
    assert here is not None
    assert there is not None
    assert [(one.form_id, one.submissions, one.answers, one.bytes) for one in here.lines] == [
        (one.form_id, one.submissions, one.answers, one.bytes) for one in there.lines
    ]


@WRITES
def test_a_login_that_only_reads_is_not_warned_about(postgres_v2: str) -> None:
    query("CREATE ROLE only_reads")
    query(f"GRANT USAGE ON SCHEMA {postgres_v2} TO only_reads")
    query(f"GRANT SELECT ON ALL TABLES IN SCHEMA {postgres_v2} TO only_reads")
    connections["v2"].settings_dict["OPTIONS"]["assume_role"] = "only_reads"
    try:
        assert line(of_v2(), "v2", "writing").found == "the login may write none of the tables"
    finally:
        connections["v2"].close()
        query("DROP OWNED BY only_reads; DROP ROLE only_reads")


def test_hazards_come_with_what_to_do(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}], forms=[{}], submissions=[{"FormTypeId": guid(4, 9)}])

    report = check()

    found = line(report, "hazards", "form_unknown")
    assert found.status is Status.WARNING
    assert found.found.startswith(f"1 of FormSubmission, such as {guid(10, 1)}: its form does not")
    assert found.action
    assert line(report, "hazards", "census").found.startswith("1 in 1 kinds of error, 0 in 0")
    (hazard,) = json.loads(json.dumps(report.as_json()))["hazards"]
    assert (hazard["code"], hazard["count"], hazard["basis"]) == ("form_unknown", 1, ALL_ROWS)
    assert "form_unknown (FormSubmission): " + guid(10, 1) in report.as_text()


def test_a_part_that_fails_is_a_line_and_the_rest_goes_on(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}], forms=[{}], submissions=[{}])

    def refuse(*_given: object) -> None:
        raise SourceError("v2 refused a query: no")

    with patch.object(service, "take_volumes", refuse):
        report = check()

    assert line(report, "volume", "what there is").found == (
        "could not be looked at: v2 refused a query: no"
    )
    assert line(report, "hazards", "census").status is Status.OK


def test_the_report_shows_what_v2_holds_and_obeys_none_of_it(v2_path: Path) -> None:
    make_v2(
        v2_path,
        organizations=[{"Name": "[red]Acme\x1b[2J"}],
        forms=[{"DisplayName": "[/] a\nb"}],
        submissions=[{}],
    )

    text = check().as_text()

    assert "\x1b" not in text
    assert "[red]Acme\\x1b[2J" in text
    assert "[/] a\\x0ab" in text


def test_a_hazard_that_stops_the_import_has_no_second_line() -> None:
    hazard = Hazard(
        "form_without_organization", "M8", "error", "FormType", 1, (), "m", ALL_ROWS, ""
    )
    (only,) = service.hazard_lines([hazard], full=False)
    assert only.found == "1 in 1 kinds of error, 0 in 0 kinds of warning, 0 in 0 kinds of note"
