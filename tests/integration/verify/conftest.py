"""One small v2, and a v3 that holds exactly what it should: written by hand, not imported."""

from pathlib import Path
from typing import Any

import pytest

from forms_app.models import Form
from organizations.models import Organization, User
from submissions.models import Submission
from tests.integration.verify.scenario import (
    CREATED,
    MINE,
    NAME,
    OTHER,
    field,
    record_run,
    selection,
    wrote,
)
from tests.v2 import V2, make_v2
from transfer.models import MigrationProgress


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
    fields = [field("name"), field("colours")]
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


@pytest.fixture
def selected(migrated: V2) -> V2:
    """The same, moved with --organization MINE: nothing of the other is in v3."""
    Submission.objects.filter(organization_id=OTHER).delete()
    Form.objects.filter(organization_id=OTHER).delete()
    User.objects.filter(organization_id=OTHER).delete()
    Organization.objects.filter(id=OTHER).delete()
    MigrationProgress.objects.all().delete()
    record_run(**selection())
    for table, total in {"organizations": 1, "users": 1, "forms": 1, "submissions": 2}.items():
        wrote(table, total=total)
    answers = {"migrated": 1, "merged": 2, "set_aside": {"unmapped": 1}}
    wrote("submissions", total=2, answers=answers)
    return migrated
