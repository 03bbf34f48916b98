"""What an import would refuse or fail at is no line that says ready."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, connections

from tests.integration.preflight.checking import check, line, lines, of_v3
from tests.runs import query, run
from tests.servers import use_v3
from tests.v2 import V2, make_v2
from transfer.preflight import sample as sampling
from transfer.preflight.lines import Status

pytestmark = pytest.mark.django_db
WRITES = pytest.mark.django_db(transaction=True)  # what the test puts into v3 is committed


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """A v2 with one of everything."""
    return make_v2(
        v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}], answers=[{}]
    )


def v3_lines() -> dict[str, tuple[Status, str, str]]:
    """What is said of v3, by check."""
    return {x.check: (x.status, x.found, x.action) for x in of_v3().lines}


@contextmanager
def role(*grants: str) -> Iterator[None]:
    """V3 as a role with these rights sees it."""
    settings = dict(connections["default"].settings_dict)
    query("DROP ROLE IF EXISTS writer")
    query("CREATE ROLE writer LOGIN")
    try:
        for grant in grants:
            query(grant)
        with use_v3(settings | {"USER": "writer"}):
            yield
    finally:
        query("DROP OWNED BY writer CASCADE")
        query("DROP ROLE writer")


def test_rows_whose_forms_nobody_moves_are_told_before_they_fail(v2: V2) -> None:
    report = check(tables=["submissions"])

    assert report.blocked
    found = line(report, "forms", "forms in v3")
    assert found.found.startswith("0 of the run's 1 forms are in v3")
    assert [(h.code, h.count) for h in report.hazards] == [("form_unknown", 1)]
    assert report.estimate is not None
    assert report.estimate.records == 1


@WRITES
def test_rows_whose_forms_an_earlier_run_moved_are_ready(v2: V2) -> None:
    run(name="first", tables=["organizations", "forms"])

    report = check(tables=["submissions"])

    assert line(report, "forms", "forms in v3").status is Status.OK
    assert (report.hazards, report.blocked) == ([], False)
    v2.add("forms", {})
    assert line(check(tables=["submissions"]), "forms", "forms in v3").status is Status.WARNING


def test_the_sample_goes_on_until_it_meets_the_runs_own(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whose a form is stands in a file: v2 gives all submissions, and most are another's."""
    v2 = make_v2(
        v2_path, organizations=[{}, {}], forms=[{"OrganizationId": None}] * 2,
        submissions=[{}] * 6,
    )  # fmt: skip
    first, second = (row["Id"] for row in v2.organizations)
    v2.execute("UPDATE FormSubmission SET OrganizationId = NULL")
    last = max(row["Id"] for row in v2.submissions)
    form = v2.forms[1]["Id"]
    v2.execute("UPDATE FormSubmission SET FormTypeId = ? WHERE Id = ?", (form, last))
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(f'[forms]\n"{v2.forms[0]["Id"]}" = "{first}"\n"{form}" = "{second}"\n')
    monkeypatch.setenv("V2_MAPPING", str(mapping))
    monkeypatch.setattr("django.conf.settings.V2_MAPPING", str(mapping), raising=False)
    monkeypatch.setattr(sampling, "PART", 2)

    whole = check(organizations=[second])
    monkeypatch.setattr(sampling, "MOST_EMPTY", 1)
    short = check(organizations=[second])

    assert whole.estimate is not None
    assert whole.estimate.unsampled == ()
    assert lines(whole, "disk", "estimates") == []
    found = line(short, "disk", "estimates")
    assert (found.status, "first of submissions" in found.found) == (Status.WARNING, True)


@WRITES
def test_a_v3_that_only_reads_is_blocked() -> None:
    name = connection.settings_dict["NAME"]
    query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        status, found, _ = v3_lines()["writable"]
    finally:
        query("SET default_transaction_read_only = off")
        query(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        connection.close()
    assert (status, "read-only" in found) == (Status.BLOCKED, True)


@WRITES
def test_a_role_without_the_sequences_or_a_delete_is_blocked() -> None:
    with role("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO writer"):
        status, found, _ = v3_lines()["may write"]

    assert status is Status.BLOCKED
    assert found.endswith(
        "migration_assignments, migration_errors_id_seq, migration_progress_id_seq"
    )


@WRITES
def test_keys_are_off_only_for_the_owner_of_the_tables() -> None:
    if connection.pg_version < 150_000:
        grant = "ALTER ROLE writer SUPERUSER"
    else:
        grant = "GRANT SET ON PARAMETER session_replication_role TO writer"
    with role(grant):
        _, found, _ = v3_lines()["keys off"]

    assert found.startswith("the role does not own the tables") is (
        connection.pg_version >= 150_000
    )


@WRITES
def test_a_migration_rolled_back_in_part_is_told_as_the_import_tells_it(v2: V2) -> None:
    run(name="first")
    query(
        "UPDATE migration_progress SET status = 'rolled_back', ledger = ledger ||"
        ' \'{"rollback": {"began_at": "2026-01-01T00:00:00", "removed": 1, "finished": false}}\''
    )

    status, _, action = v3_lines()["contents"]

    assert status is Status.BLOCKED
    assert "rolled back in part" in action
    assert "First: rollback_v2 first" in action
