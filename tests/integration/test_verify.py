"""verify: what a right migration looks like, and that each check fails when it should.

Each test starts from one small v2 and a v3 that holds exactly what it should (written here by
hand, not by the importer), changes one thing, and looks at what the report says.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection, connections

from forms_app.models import Form
from legacy_v2 import models as v2_models
from organizations.models import Organization, User
from submissions.models import Submission
from tests.v2 import TIME, V2, make_v2
from transfer import verify_source
from transfer.exceptions import ConfigurationError, RunError, SourceError, TargetError
from transfer.mapping.context import parse_mapping_file
from transfer.models import MigrationError, MigrationProgress
from transfer.options import ImportOptions
from transfer.source import identity
from transfer.verify import verify
from transfer.verify_report import Check, Verdict, VerifyReport, count_check
from transfer.verify_source import Cut, Split

pytestmark = pytest.mark.django_db

NAME = "rehearsal"
STARTED = datetime(2025, 1, 22, 20, 0, tzinfo=UTC)
CREATED = datetime.fromisoformat(TIME).replace(tzinfo=UTC)
LATER = "2025-01-23 08:00:00.000000"
MINE, OTHER = "000a0001-0000-4000-8000-000a00000001", "000a0002-0000-4000-8000-000a00000002"


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Two organizations; one form of each; three submissions with five answers."""
    first = make_v2(
        v2_path,
        organizations=[{"Id": MINE}, {"Id": OTHER}],
        users=[{}, {"OrganizationId": OTHER}],
        forms=[{"OrganizationId": MINE}, {"OrganizationId": OTHER}],
        fields=[{"Name": "name"}, {"Name": "colours"}],
        submissions=[{}, {}, {}],
    )
    one, two, three = (row["Id"] for row in first.submissions)
    other_form = first.forms[1]["Id"]
    first.execute(
        'UPDATE "FormSubmission" SET "FormTypeId" = ? WHERE "Id" = ?', [other_form, three]
    )
    first.submissions[2]["FormTypeId"] = other_form
    name, colours = (row["Id"] for row in first.fields)
    first.add(
        "answers",
        {"FormSubmissionId": one, "FieldId": name, "FreeFormEntry": "Ada"},
        {"FormSubmissionId": one, "FieldId": colours, "FreeFormEntry": "red"},
        {"FormSubmissionId": one, "FieldId": colours, "FreeFormEntry": "blue"},
        {"FormSubmissionId": two, "FieldId": "00000000-0000-4000-8000-00000000dead"},
        {"FormSubmissionId": three, "FieldId": name, "FreeFormEntry": None},
    )
    return first


@pytest.fixture
def migrated(v2: V2) -> V2:
    """The same v2, with a v3 that holds all of it."""
    batch = {"migration_batch": NAME}
    times = {"created_at": CREATED, "updated_at": CREATED}
    for number, row in enumerate(v2.organizations):
        Organization.objects.create(
            id=row["Id"], name=row["Name"], slug=f"o{number}", metadata=batch, **times
        )
    for row in v2.users:
        User.objects.create(
            id=row["Id"],
            organization_id=row["OrganizationId"],
            email=row["Email"],
            metadata=batch,
            **times,
        )
    fields = [{"name": "name"}, {"name": "colours"}]
    for row, own in zip(v2.forms, (fields, fields[:1]), strict=True):
        Form.objects.create(
            id=row["Id"],
            organization_id=row["OrganizationId"],
            name=row["Name"],
            slug=row["Name"].lower(),
            definition={"title": row["Name"], "fields": own},
            metadata=batch,
            **times,
        )
    contents: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"name": "Ada", "colours": ["red", "blue"]}, {}),
        ({}, {"unmapped": {"00000000-0000-4000-8000-00000000dead": [{"text": None}]}}),
        ({"name": None}, {"choices": {"name": ["not an answer"]}}),
    ]
    for row, owner, (data, more) in zip(v2.submissions, (MINE, MINE, OTHER), contents, strict=True):
        Submission.objects.create(
            id=row["Id"],
            organization_id=owner,
            form_id=row["FormTypeId"],
            submission_number=row["LookupCode"],
            data=data,
            metadata=batch | more,
            **times,
        )
    record_run()
    return v2


def record_run(name: str = NAME, status: str = "completed", **fingerprint: Any) -> None:
    """Write the books of a migration that moved everything in the fixture."""
    totals = {"organizations": 2, "users": 2, "forms": 2, "submissions": 3}
    tables = fingerprint.get("tables", list(totals))
    for table in tables:
        MigrationProgress.objects.create(
            migration_name=name,
            table_name=table,
            status=status,
            total_records=totals[table],
            processed_records=totals[table],
            failed_records=0,
            started_at=STARTED,
            fingerprint={"source": identity("v2"), "tables": tables, "time_zone": "UTC"}
            | fingerprint,
        )


def record_error(v2_table: str, record_id: str, **fields: Any) -> None:
    tables = {"FormSubmission": "submissions", "FormSubmissionMetaData": "submissions"}
    MigrationError.objects.create(
        migration_name=NAME,
        table_name=tables.get(v2_table, "forms"),
        v2_table=v2_table,
        record_id=record_id,
        **{"severity": "error", "code": "form_unknown"} | fields,
    )


def check(report: VerifyReport, name: str) -> Check:
    (found,) = [entry for entry in report.checks if entry.name == name]
    return found


def not_passed(report: VerifyReport) -> dict[str, str]:
    return {c.name: c.status.value for c in report.checks if c.status is not Verdict.PASSED}


def execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


# A right migration


def test_a_right_migration_passes_every_check(migrated: V2) -> None:
    report = verify()

    assert not_passed(report) == {}
    assert report.clean
    assert report.migration == NAME
    counted = {c.name: (c.source, c.target, c.difference) for c in report.checks[4:9]}
    assert counted == {
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
    MigrationProgress.objects.update(total_records=0, processed_records=0)

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


# Counts


@pytest.mark.parametrize(
    ("table", "name"),
    [("users", "Users"), ("submissions", "Submissions")],
)
def test_a_lost_row_fails(migrated: V2, table: str, name: str) -> None:
    execute(f"DELETE FROM {table} WHERE id = (SELECT min(id::text)::uuid FROM {table})")

    found = check(verify(), name)

    assert (found.status, found.difference) == (Verdict.FAILED, 1)
    assert "1 neither in v3 nor recorded as errors" in found.note


def test_a_row_too_many_fails(migrated: V2) -> None:
    User.objects.create(
        organization_id=MINE, email="new@x", metadata={"migration_batch": NAME}, created_at=CREATED
    )

    found = check(verify(), "Users")

    assert (found.status, found.difference) == (Verdict.FAILED, -1)
    assert "1 more in v3, or recorded as errors, than v2 has" in found.note


def test_one_row_in_a_hundred_too_few_fails_where_strategy_would_warn(migrated: V2) -> None:
    v2 = migrated
    v2.add("organizations", *({"Name": f"more {n}"} for n in range(198)))
    Organization.objects.bulk_create(
        Organization(
            id=row["Id"],
            slug=row["Id"],
            name=row["Name"],
            metadata={"migration_batch": NAME},
            created_at=CREATED,
        )
        for row in v2.organizations[2:-1]
    )

    assert check(verify(), "Organizations").status is Verdict.FAILED


def test_r1_a_row_recorded_as_an_error_is_a_warning_and_not_clean(migrated: V2) -> None:
    lost = migrated.submissions[1]["Id"]
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", lost, error_detail={"Id": lost, "answers": [{}]})

    report = verify()

    assert not_passed(report) == {"Submissions": "WARNING", "Answers": "WARNING"}
    assert check(report, "Submissions").note == "1 recorded as errors"
    assert (report.errors, report.clean) == (1, False)


@pytest.mark.parametrize(
    "change",
    [{"severity": "warning"}, {"resolved_at": STARTED}, {"migration_name": "another"}],
    ids=["a warning", "resolved", "another migration's"],
)
def test_r1_only_an_unresolved_error_of_the_migration_explains_a_row(
    migrated: V2, change: dict[str, Any]
) -> None:
    lost = migrated.submissions[1]["Id"]
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", lost, error_detail={"Id": lost, "answers": [{}]})
    MigrationError.objects.update(**change)

    assert check(verify(NAME), "Submissions").status is Verdict.FAILED


def test_r1_an_error_without_its_answers_does_not_explain_them(migrated: V2) -> None:
    lost = migrated.submissions[1]["Id"]
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", lost, error_detail=None)

    assert not_passed(verify()) == {"Submissions": "WARNING", "Answers": "FAILED"}


def test_r1_a_row_that_is_in_v3_and_an_error_too_fails(migrated: V2) -> None:
    """Another row is lost, so that the counts balance."""
    kept, lost = (row["Id"] for row in migrated.submissions[1:])
    Submission.objects.filter(id=lost).delete()
    record_error("FormSubmission", kept, error_detail={"Id": kept, "answers": [{}]})

    report = verify()

    assert check(report, "Submissions").status is Verdict.WARNING
    assert check(report, "Submissions both migrated and failed").status is Verdict.FAILED


def test_m17_an_answer_without_submission_is_explained_by_its_error(migrated: V2) -> None:
    """Without Ids two answers share a record_id; both count."""
    gone = "00000000-0000-4000-8000-00000000beef"
    migrated.add("answers", {"FormSubmissionId": gone}, {"FormSubmissionId": gone})
    assert check(verify(), "Answers").status is Verdict.FAILED

    for _ in range(2):
        record_error("FormSubmissionMetaData", f"{gone}/field", code="answer_orphaned")

    report = verify()
    assert not_passed(report) == {"Answers": "WARNING"}
    assert report.errors == 2


# Answers


@pytest.mark.parametrize(
    "data",
    ['{"name": "Ada"}', '{"name": "Ada", "colours": ["red"]}', '{"name": "Ada", "colours": []}'],
)
def test_a_lost_answer_fails(migrated: V2, data: str) -> None:
    execute("UPDATE submissions SET data = %s WHERE id = %s", data, migrated.submissions[0]["Id"])

    assert not_passed(verify()) == {"Answers": "FAILED"}


def test_a_lost_answer_of_metadata_fails(migrated: V2) -> None:
    execute("UPDATE submissions SET metadata = metadata - 'unmapped'")

    assert not_passed(verify()) == {"Answers": "FAILED"}


def test_an_answer_too_many_fails(migrated: V2) -> None:
    more = '{"name": ["Ada", "Ada"], "colours": ["red", "blue"]}'
    execute("UPDATE submissions SET data = %s WHERE id = %s", more, migrated.submissions[0]["Id"])

    found = check(verify(), "Answers")

    assert (found.status, found.difference) == (Verdict.FAILED, -1)


# A v2 that goes on living


def test_r1_what_v2_gained_since_is_named_and_is_no_loss(migrated: V2) -> None:
    migrated.add("submissions", {"CreatedOn": LATER}, {"CreatedOn": LATER})
    migrated.add("answers", {"FormSubmissionId": migrated.submissions[-1]["Id"]})

    report = verify()

    assert not_passed(report) == {"Submissions": "WARNING", "Answers": "WARNING"}
    assert "2 made in v2 since the migration began" in check(report, "Submissions").note
    assert "1 made in v2 since the migration began" in check(report, "Answers").note
    assert report.clean


def test_r1_what_v2_gained_hides_no_older_loss(migrated: V2) -> None:
    migrated.add("submissions", {"CreatedOn": LATER})
    Submission.objects.filter(id=migrated.submissions[0]["Id"]).delete()

    found = check(verify(), "Submissions")

    assert found.status is Verdict.FAILED
    assert "1 neither in v3 nor recorded as errors" in found.note


def test_r1_what_v2_gained_and_the_run_still_read_counts_on_both_sides(migrated: V2) -> None:
    read, failed, _ = migrated.add(
        "submissions", {"CreatedOn": LATER}, {"CreatedOn": LATER}, {"CreatedOn": LATER}
    )
    Submission.objects.create(
        id=read["Id"],
        organization_id=MINE,
        form_id=migrated.forms[0]["Id"],
        submission_number="x",
        data={},
        metadata={"migration_batch": NAME},
        created_at=datetime.fromisoformat(LATER).replace(tzinfo=UTC),
    )
    record_error("FormSubmission", failed["Id"], error_detail=failed | {"answers": []})

    found = check(verify(), "Submissions")

    assert found.status is Verdict.WARNING
    assert found.note == "1 recorded as errors; 1 made in v2 since the migration began"


def test_more_new_rows_in_v3_than_v2_gained_fail(migrated: V2) -> None:
    User.objects.create(
        organization_id=MINE,
        email="new@x",
        metadata={"migration_batch": NAME},
        created_at=STARTED + timedelta(days=1),
    )
    migrated.execute('DELETE FROM "User" WHERE "Id" = ?', [migrated.users[0]["Id"]])

    assert check(verify(), "Users").status is Verdict.FAILED


def test_answers_of_submissions_changed_since_are_named(migrated: V2) -> None:
    edited = migrated.submissions[2]["Id"]
    migrated.execute(
        'UPDATE "FormSubmission" SET "LastUpdatedOn" = ? WHERE "Id" = ?', [LATER, edited]
    )
    migrated.add("answers", {"FormSubmissionId": edited})
    found = check(verify(), "Answers")
    assert found.status is Verdict.WARNING
    assert "1 missing, and submissions with 2 answers were changed in v2 since" in found.note

    # … but they explain no more than they are, and no answer too many.
    execute("UPDATE submissions SET data = '{}'")
    assert check(verify(), "Answers").status is Verdict.FAILED


def test_answers_of_changed_submissions_do_not_excuse_new_answers_too_many(migrated: V2) -> None:
    edited = migrated.submissions[2]["Id"]
    migrated.execute(
        'UPDATE "FormSubmission" SET "LastUpdatedOn" = ? WHERE "Id" = ?', [LATER, edited]
    )
    migrated.add("answers", {"FormSubmissionId": edited})
    Submission.objects.create(
        organization_id=MINE,
        form_id=migrated.forms[0]["Id"],
        submission_number="x",
        data={"name": "nobody"},
        metadata={"migration_batch": NAME},
        created_at=STARTED + timedelta(days=1),
    )

    assert check(verify(), "Answers").status is Verdict.FAILED


def test_m3_the_cut_lies_at_the_same_moment_in_v2s_zone_and_in_v3(migrated: V2) -> None:
    """Begun at 20:00 UTC, 21:00 in Berlin: 20:30 there is before, 21:30 since."""
    MigrationProgress.objects.all().delete()
    record_run(time_zone="Europe/Berlin")
    before, since = "2025-01-22 20:30:00.000000", "2025-01-22 21:30:00.000000"
    own, _ = migrated.add("organizations", {"CreatedOn": before}, {"CreatedOn": since})
    Organization.objects.create(
        id=own["Id"],
        slug="evening",
        name="x",
        metadata={"migration_batch": NAME},
        created_at=datetime(2025, 1, 22, 19, 30, tzinfo=UTC),
    )

    found = check(verify(), "Organizations")

    assert found.note == "1 made in v2 since the migration began"


def test_m3_the_cut_in_an_overlap_is_the_mappings_first_reading() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    second_half_past_two = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)

    cut = Cut.at(second_half_past_two, berlin)

    assert cut.v2.isoformat() == "2025-10-26T02:30:00"
    assert cut.v3 == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_m3_forms_without_a_time_got_the_start_and_are_older_than_the_cut(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{"CreatedOn": None}])
    home = Organization.objects.create(slug="a", name="a")
    Form.objects.create(
        id=v2.forms[0]["Id"],
        organization=home,
        name="f",
        slug="f",
        definition={"title": "f", "fields": []},
        metadata={"migration_batch": NAME},
        created_at=STARTED,
    )
    record_run(tables=["forms"])

    assert not_passed(verify()) == {}


# Organizations selected


@pytest.fixture
def selected(migrated: V2) -> V2:
    """The same, moved with --organization MINE: nothing of the other is in v3."""
    Submission.objects.filter(organization_id=OTHER).delete()
    Form.objects.filter(organization_id=OTHER).delete()
    User.objects.filter(organization_id=OTHER).delete()
    Organization.objects.filter(id=OTHER).delete()
    MigrationProgress.objects.all().delete()
    record_run(**selection())
    return migrated


def selection(mapping: str = "", default: str | None = None) -> dict[str, Any]:
    options = ImportOptions(
        organizations=frozenset([MINE]),
        mapping=parse_mapping_file(mapping),
        default_organization=default,
    )
    return options.fingerprint(identity("v2"))


def test_selected_organizations_are_compared_with_what_belongs_to_them(selected: V2) -> None:
    report = verify()

    assert not_passed(report) == {}
    assert [c.source for c in report.checks[4:9]] == [1, 1, 1, 2, 4]


def test_a_lost_row_of_a_selected_organization_fails(selected: V2) -> None:
    Submission.objects.filter(id=selected.submissions[0]["Id"]).delete()

    assert not_passed(verify()) == {"Submissions": "FAILED", "Answers": "FAILED"}


def test_m8_a_submissions_own_organization_decides_whether_it_is_compared(selected: V2) -> None:
    mine, other = selected.forms[0]["Id"], selected.forms[1]["Id"]
    selected.add(
        "submissions",
        {"OrganizationId": MINE, "FormTypeId": other},
        {"OrganizationId": OTHER, "FormTypeId": mine},
    )

    report = verify()

    assert check(report, "Submissions").source == 3
    assert not_passed(report) == {"Submissions": "FAILED"}


def test_selected_forms_are_asked_for_in_bounded_statements(
    selected: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_source, "FORMS_AT_ONCE", 1)
    selected.add("forms", {}, {})

    assert check(verify(), "Forms").source == 3
    assert check(verify(), "Submissions").source == 2


@pytest.mark.parametrize("omit", ["FormSubmission.OrganizationId", "FormType.OrganizationId"])
def test_m8_selection_works_without_assumed_columns(
    v2_path: Path, omit: str, settings: Any, tmp_path: Path
) -> None:
    """What the form's row does not tell, the mapping file does, or the default organization."""
    mapping = f'[forms]\nForm2 = "{OTHER}"\n'
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text(mapping)
    v2 = make_v2(
        v2_path,
        omit=[omit],
        organizations=[{"Id": MINE}, {"Id": OTHER}],
        forms=[{}, {"OrganizationId": OTHER}],
        submissions=[{}],
    )
    v2.add("submissions", {"FormTypeId": v2.forms[1]["Id"]})
    record_run(**selection(mapping, default=MINE))

    report = verify()

    assert [check(report, name).source for name in ("Forms", "Submissions")] == [1, 1]


def test_m8_a_changed_mapping_file_is_refused_where_it_decides_what_is_compared(
    selected: V2, settings: Any, tmp_path: Path
) -> None:
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text(f'[forms]\nForm1 = "{OTHER}"\n')

    with pytest.raises(ConfigurationError, match="set V2_MAPPING back"):
        verify()


# References and structure. A foreign key keeps such rows out, unless it was off for a while.


@pytest.mark.parametrize(
    ("table", "key", "name"),
    [
        ("users", "organization_id", "Users without organization"),
        ("forms", "organization_id", "Forms without organization"),
        ("submissions", "organization_id", "Submissions without organization"),
        ("submissions", "form_id", "Submissions without form"),
    ],
)
def test_an_orphan_fails(migrated: V2, table: str, key: str, name: str) -> None:
    execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{key}_fkey")
    execute(
        f"UPDATE {table} SET {key} = gen_random_uuid()"
        f" WHERE id = (SELECT min(id::text)::uuid FROM {table})"
    )

    found = check(verify(), name)

    assert (found.status, found.target) == (Verdict.FAILED, 1)


@pytest.mark.parametrize(
    "definition",
    ["{}", '{"title": "a"}', '{"fields": []}', '{"title": "a", "fields": {}}', "[]", '"text"'],
)
def test_a_form_without_title_and_fields_fails(migrated: V2, definition: str) -> None:
    form = migrated.forms[1]["Id"]
    execute("UPDATE forms SET definition = %s WHERE id = %s", definition, form)

    found = check(verify(), "Forms without title and fields")

    assert (found.status, found.target) == (Verdict.FAILED, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("data", "[]"),
        ("data", "null"),
        ("data", '"text"'),
        ("metadata", '{"migration_batch": "rehearsal", "unmapped": []}'),
        ("metadata", '{"migration_batch": "rehearsal", "unmapped": {"a": [], "b": "text"}}'),
    ],
)
def test_a_submission_of_another_shape_fails(migrated: V2, column: str, value: str) -> None:
    third = migrated.submissions[2]["Id"]
    execute(f"UPDATE submissions SET {column} = %s WHERE id = %s", value, third)

    found = check(verify(), "Submissions with malformed data")

    assert (found.status, found.target) == (Verdict.FAILED, 1)


def test_a_key_that_is_no_field_of_the_form_fails(migrated: V2) -> None:
    execute("UPDATE submissions SET data = '{\"nmae\": 1}' WHERE data ? 'name'")

    found = check(verify(), "Answers under names their form lacks")

    assert (found.status, found.target) == (Verdict.FAILED, 2)
    assert "2 keys in data, 0 explained by warnings" in found.note


@pytest.mark.parametrize(
    ("recorded", "status"), [(1, Verdict.FAILED), (2, Verdict.WARNING), (3, Verdict.WARNING)]
)
def test_m17_answers_to_another_forms_field_explain_their_keys(
    migrated: V2, recorded: int, status: Verdict
) -> None:
    execute("UPDATE submissions SET data = '{\"theirs\": 1}' WHERE data ? 'name'")
    MigrationProgress.objects.filter(table_name="submissions").update(
        ledger={"findings": {"answer_other_form": recorded}}
    )

    assert check(verify(), "Answers under names their form lacks").status is status


# The books


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'in_progress'", "is in_progress, not completed; run import_v2 --name rehearsal"),
        (
            "status = 'failed', error_message = 'v2 went away'",
            "is failed, not completed: v2 went away; run import_v2",
        ),
        ("status = 'in_progress', failed_records = 1", "not completed"),
    ],
)
def test_a_table_that_is_not_finished_fails(migrated: V2, change: str, said: str) -> None:
    execute("DELETE FROM migration_progress WHERE table_name = 'forms'")
    MigrationProgress.objects.create(
        migration_name=NAME,
        table_name="forms",
        status="in_progress",
        total_records=2,
        processed_records=2,
        failed_records=0,
        started_at=STARTED,
    )
    execute(f"UPDATE migration_progress SET {change} WHERE table_name = 'forms'")

    report = verify()

    assert not_passed(report) == {"Run of forms": "FAILED"}
    assert said in check(report, "Run of forms").note


def test_r1_books_that_do_not_balance_fail(migrated: V2) -> None:
    execute("ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_accounted_check")
    execute("UPDATE migration_progress SET total_records = 9 WHERE table_name = 'forms'")

    found = check(verify(), "Run of forms")

    assert (found.status, found.source, found.target) == (Verdict.FAILED, 9, 2)
    assert "9 read, 2 migrated or failed" in found.note


def test_a_table_that_was_never_begun_fails(migrated: V2) -> None:
    MigrationProgress.objects.filter(table_name="users").delete()

    assert "not begun" in check(verify(), "Run of users").note


# Which migration


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


# What can be wrong around it


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


def test_r5_the_number_of_statements_does_not_grow_with_the_data(
    migrated: V2, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(30):
        Submission.objects.create(
            organization_id=MINE,
            form_id=migrated.forms[0]["Id"],
            submission_number=f"n{number}",
            data={"name": "x"},
        )
    with django_assert_max_num_queries(25):
        verify()


# The report


def test_the_report_as_text_and_as_json(migrated: V2) -> None:
    execute("UPDATE submissions SET data = '{}'")
    report = verify()

    text = report.as_text()
    document = report.as_json()

    assert f"Verification of {NAME}" in text
    assert "FAILED Answers: 4 neither in v3 nor recorded as errors" in text
    assert "20 checks: 19 passed, 0 warning, 1 failed; 0 unresolved errors recorded" in text
    assert document["status"] == "FAILED"
    assert document["checks"][8] == {
        "name": "Answers",
        "source_count": 5,
        "target_count": 1,
        "difference": 4,
        "status": "FAILED",
        "note": "4 neither in v3 nor recorded as errors",
    }


def test_a_name_that_looks_like_markup_is_printed_as_it_is() -> None:
    report = VerifyReport("[red]night[/]\\", "v2", "v3", [Check("Users", Verdict.PASSED, 1, 1)])

    assert "Verification of [red]night[/]\\\n" in report.as_text()
    assert report.status is Verdict.PASSED


@pytest.mark.parametrize(
    ("in_v2", "in_v3", "failed", "verdict"),
    [
        (Split(0, 0), Split(0, 0), Split(), Verdict.PASSED),
        (Split(5, 0), Split(5, 0), Split(), Verdict.PASSED),
        (Split(5, 0), Split(4, 0), Split(1, 0), Verdict.WARNING),
        (Split(5, 0), Split(4, 0), Split(0, 1), Verdict.FAILED),
        (Split(5, 1), Split(4, 0), Split(0, 0), Verdict.FAILED),
        (Split(5, 0), Split(5, 0), Split(1, 0), Verdict.FAILED),
        (Split(5, 2), Split(5, 1), Split(0, 1), Verdict.WARNING),
        (Split(5, 2), Split(5, 2), Split(0, 1), Verdict.FAILED),
        (Split(4, 0), Split(5, 0), Split(), Verdict.FAILED),
    ],
)
def test_r1_counts_balance_exactly_or_fail(
    in_v2: Split, in_v3: Split, failed: Split, verdict: Verdict
) -> None:
    assert count_check("Rows", in_v2, in_v3, failed).status is verdict
