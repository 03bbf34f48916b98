"""verify: what a right migration looks like, and which migration is meant."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from forms_app.models import Form
from legacy_v2 import models as v2_models
from organizations.models import Organization, User
from submissions.models import Submission
from tests.integration.verify.scenario import (
    MINE,
    NAME,
    check,
    execute,
    ledger,
    not_passed,
    record_run,
    wrote,
)
from tests.v2 import V2, make_v2
from transfer.exceptions import ConfigurationError, RunError, SourceError, TargetError
from transfer.models import MigrationProgress
from transfer.verify import count_records as verify

COUNTS = ("Organizations", "Users", "Forms", "Submissions", "Answers")

pytestmark = pytest.mark.django_db


def test_a_right_migration_passes_every_check(migrated: V2) -> None:
    report = verify()

    assert not_passed(report) == {}
    assert report.clean
    assert report.migration == NAME
    counted = {c.name: (c.source, c.target, c.difference) for c in report.checks}
    assert {name: counted[name] for name in COUNTS} == {
        "Organizations": (2, 2, 0),
        "Users": (2, 2, 0),
        "Forms": (2, 2, 0),
        "Submissions": (3, 3, 0),
        "Answers": (5, 5, 0),
    }


def test_an_empty_v2_passes(v2_path: Path) -> None:
    make_v2(v2_path)
    for table in ("organizations", "users", "forms", "submissions"):
        MigrationProgress.objects.create(
            migration_name=NAME,
            table_name=table,
            status="completed",
            total_records=0,
            processed_records=0,
            failed_records=0,
            ledger=ledger(0),
        )

    assert not_passed(verify()) == {}


def test_other_rows_of_v3_are_not_counted(migrated: V2) -> None:
    home = Organization.objects.create(slug="own", name="v3's own")
    other = Organization.objects.create(
        slug="theirs", name="x", metadata={"migration_batch": "another"}
    )
    for owner in (home, other):
        User.objects.create(organization=owner, email="a@example.org", metadata=owner.metadata)

    assert not_passed(verify(NAME)) == {}


def test_a_v2_without_users_passes(v2_path: Path) -> None:
    make_v2(v2_path, omit=["User"])
    record_run(tables=["users"])
    wrote("users", total=0)

    report = verify()

    assert not_passed(report) == {}
    assert check(report, "Users").source == 0


def test_only_the_tables_that_were_moved_are_checked(migrated: V2) -> None:
    MigrationProgress.objects.all().delete()
    Submission.objects.all().delete()
    Form.objects.all().delete()
    record_run(tables=["organizations", "users"])

    report = verify()

    assert not_passed(report) == {}
    assert not [c.name for c in report.checks if "ubmission" in c.name or "orm" in c.name]


def test_without_a_name_the_unfinished_one_is_meant_else_the_latest(migrated: V2) -> None:
    record_run("later")
    assert verify().migration == "later"

    record_run("unfinished", "in_progress")
    record_run("latest")
    assert verify().migration == "unfinished"


def test_several_unfinished_ones_are_listed(migrated: V2) -> None:
    record_run("a", "in_progress")
    record_run("b", "failed")

    with pytest.raises(RunError, match="several migrations are unfinished: a, b; "):
        verify()


def test_one_that_was_rolled_back_is_meant_only_by_name(migrated: V2) -> None:
    record_run("taken back", "rolled_back")
    assert verify().migration == NAME
    assert "is rolled_back" in check(verify("taken back"), "Run of users").note

    MigrationProgress.objects.filter(migration_name=NAME).delete()
    with pytest.raises(RunError, match="no migration to verify; run import_v2"):
        verify()


def test_an_unknown_name_says_which_there_are(v2_path: Path) -> None:
    make_v2(v2_path)
    with pytest.raises(RunError, match="no migration is named 'x'; there is none; run import_v2"):
        verify("x")
    record_run()
    with pytest.raises(RunError, match="no migration is named 'x'; there are: rehearsal"):
        verify("x")


def test_another_v2_than_the_one_that_was_read_is_refused(
    migrated: V2, tmp_path: Path, point_v2_at: Callable[[Path], Path]
) -> None:
    point_v2_at(make_v2(tmp_path / "other.sqlite3").path)

    with pytest.raises(ConfigurationError, match=r"read from .*v2\.sqlite3.*other\.sqlite3"):
        verify()


def test_a_missing_v2_is_one_clear_line(v2_path: Path) -> None:
    record_run()

    with pytest.raises(SourceError, match="does not exist"):
        verify()


def test_a_v2_without_a_table_says_which(migrated: V2) -> None:
    migrated.execute('DROP TABLE "FormSubmission"')

    with pytest.raises(SourceError, match="no table FormSubmission"):
        verify()


def test_a_v3_that_is_not_migrated_says_what_to_run(migrated: V2) -> None:
    execute("DROP TABLE migration_assignments")

    with pytest.raises(
        TargetError, match=r"no table migration_assignments; run: manage.py migrate"
    ):
        verify()


def test_a_v3_that_goes_away_is_one_clear_line(
    migrated: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise OperationalError("server closed the connection\nunexpectedly")

    monkeypatch.setattr(connections["default"], "cursor", gone)

    with pytest.raises(TargetError, match=r"cannot read v3, .*: server closed the connection$"):
        verify()


def test_r4_nothing_is_written(migrated: V2) -> None:
    before = migrated.path.read_bytes()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id_if_assigned()")
        cursor.execute("SET LOCAL transaction_read_only = on")
        verify()

    assert migrated.path.read_bytes() == before
    assert v2_models.FormSubmission.objects.using("v2").count() == 3


def test_r5_the_number_of_statements_does_not_grow_with_the_data(migrated: V2) -> None:
    with CaptureQueriesContext(connection) as few:
        verify()
    for number in range(30):
        Submission.objects.create(
            organization_id=MINE,
            form_id=migrated.forms[0]["Id"],
            submission_number=f"n{number}",
            data={"name": "x"},
        )
    with CaptureQueriesContext(connection) as more:
        verify()

    assert len(more) == len(few)
