"""v2 and v3 go on living while a migration is proven: what matters is found, the rest is not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from forms_app.models import Form
from organizations.models import Organization, User
from submissions.models import Submission
from tests.integration.proof.proving import after_batches, failing, proved, table
from tests.runs import errors, query, run
from tests.v2 import V2, guid, make_v2
from transfer.proof import keeper

pytestmark = pytest.mark.django_db(transaction=True)

FUTURE = "2099-01-01 00:00:00.000000"


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Two organizations; names, emails and lookup codes that go to the first who wants them."""
    made = make_v2(
        v2_path,
        organizations=[{"Name": "Acme"}, {"Name": "Acme"}],
        users=[{}, {}, {}, {}],
        forms=[{"Name": "Leave"}, {"Name": "Leave", "DisplayName": "x" * 300}, {"Name": "Leave"}],
        fields=[{"Name": "who"}],
        submissions=[{"LookupCode": "A"}, {"LookupCode": "A"}, {"LookupCode": None}, {}],
    )
    made.add("answers", *({"FormSubmissionId": row["Id"]} for row in made.submissions))
    return made


@pytest.fixture
def migrated(v2: V2) -> V2:
    run(name="night")
    assert [error["code"] for error in errors() if error["severity"] == "error"] == [
        "value_too_long"
    ]
    return v2


def own_rows(number: int) -> None:
    """Rows the application makes, with all a migrated row can be taken for."""
    owner = Organization.objects.get(pk=guid(1, 1))
    Organization.objects.create(name="Acme", slug=f"acme-{number + 2}")
    User.objects.create(organization=owner, email=f"own{number}@example.org")
    form = Form.objects.create(
        organization=owner, name="Leave", slug=f"leave-{number * 2}", definition={}
    )
    Submission.objects.create(
        organization=owner, form=form, submission_number=f"own-{number}", data={"who": "else"}
    )


def test_m05_the_applications_rows_made_since_change_nothing(migrated: V2) -> None:
    """The second form failed, and its slug was free: the third one's is right all the same."""
    assert Form.objects.get(pk=guid(4, 3)).slug == "leave-3"
    for number in (1, 2):
        own_rows(number)

    document = proved()

    assert failing(document) == {}
    assert table(document, "submissions")["equal"] == 4


def test_the_applications_rows_made_while_it_goes_on_change_nothing(
    migrated: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SECONDS_BETWEEN", -1.0)
    numbers = iter(range(1, 100))
    document = proved(None, after_each(lambda: own_rows(next(numbers))), batch_size=1)

    assert failing(document) == {}
    assert next(numbers) > 8
    assert failing(proved()) == {}


def after_each(act: Callable[[], None]) -> Any:
    """An observer that acts after every batch."""
    watcher = after_batches(1, act)
    watcher._after_batch = lambda _state: act()
    return watcher


def test_a_row_the_application_changed_is_named(migrated: V2) -> None:
    User.objects.filter(pk=guid(2, 2)).update(email="new@example.org")
    Submission.objects.filter(pk=guid(10, 4)).update(deleted_at=timezone.now())

    document = proved()

    assert failing(document)["Values of users"] == f"1 differ: {guid(2, 2)}"
    assert failing(document)["Values of submissions"] == f"1 differ: {guid(10, 4)}"
    places = {(one["record_id"], one["column"]) for one in document["differences"]["shown"]}
    assert places >= {(guid(2, 2), "email"), (guid(10, 4), "deleted_at")}


def test_a_record_that_v2_says_it_changed_since_is_accepted(migrated: V2) -> None:
    v2 = migrated
    for name in ("User", "FormSubmission"):
        v2.execute(f'UPDATE "{name}" SET LastUpdatedOn = ? WHERE Id LIKE ?', [FUTURE, "%00000002"])
    v2.execute("UPDATE User SET Email = 'other@example.org' WHERE Id = ?", [guid(2, 2)])
    v2.add("answers", {"FormSubmissionId": guid(10, 2), "FreeFormEntry": "more"})

    document = proved()

    assert failing(document) == {}
    accepted = {(one["name"], one["of"]): one["count"] for one in document["accepted_differences"]}
    assert accepted["changed_in_v2_since", "users"] == 1
    assert accepted["changed_in_v2_since", "submissions"] == 1
    assert table(document, "users")["accepted"] == 1
    assert document["differences"]["total"] == 0


@pytest.mark.parametrize(
    ("statement", "record", "place"),
    [
        ("UPDATE User SET Email = 'z@example.org' WHERE Id = ?", guid(2, 1), "email"),
        ("UPDATE FormSubmission SET LookupCode = 'Z' WHERE Id = ?", guid(10, 4),
         "submission_number"),
        ("UPDATE FormSubmissionMetaData SET FreeFormEntry = 'z' WHERE FormSubmissionId = ?",
         guid(10, 1), "data[who]"),
        ("DELETE FROM FormSubmissionMetaData WHERE FormSubmissionId = ?", guid(10, 1), "data[who]"),
        ("UPDATE Organization SET CreatedOn = '2020-01-01' WHERE Id = ?", guid(1, 1), "created_at"),
        ("UPDATE FormType SET ShortDescription = 'z' WHERE Id = ?", guid(4, 1),
         "definition[description]"),
    ],
)  # fmt: skip
def test_a_change_that_v2_does_not_tell_of_is_a_difference(
    migrated: V2, statement: str, record: str, place: str
) -> None:
    migrated.execute(statement, [record])

    document = proved()

    assert document["status"] == "FAILED"
    shown = document["differences"]["shown"]
    assert (record, place) in {(one["record_id"], one["column"]) for one in shown}
    assert {one["record_id"] for one in shown} == {record}


def test_records_that_v2_gained_since_are_accepted_and_named(migrated: V2) -> None:
    v2 = migrated
    v2.add("organizations", {"Name": "Acme", "CreatedOn": FUTURE})
    v2.add("users", {"CreatedOn": FUTURE, "Email": "later@example.org"})
    v2.add("forms", {"CreatedOn": FUTURE, "Name": "Leave"})
    v2.add("submissions", {"CreatedOn": FUTURE, "LookupCode": "A"})

    document = proved()

    assert failing(document) == {}
    assert [one["accepted"] for one in document["tables"]] == [1, 1, 1, 1]
    made = [one for one in document["accepted_differences"] if one["name"] == "made_in_v2_since"]
    assert {one["of"]: one["count"] for one in made} == {
        "organizations": 1, "users": 1, "forms": 1, "submissions": 1,
    }  # fmt: skip


def test_a_record_that_v2_lost_since_is_a_row_of_nobody(migrated: V2) -> None:
    migrated.execute("DELETE FROM User WHERE Id = ?", [guid(2, 4)])

    document = proved()

    assert failing(document)["Values of users"] == f"1 are of no record of v2: {guid(2, 4)}"
    (shown,) = document["differences"]["shown"]
    assert (shown["kind"], shown["v2_value"]) == ("missing_in_v2", None)
    assert '"email":"person4@example.org"' in shown["v3_value"]


def test_a_stray_of_the_least_id_is_found_too(migrated: V2) -> None:
    User.objects.create(
        pk=UUID(int=0),
        organization_id=guid(1, 1),
        email="nil@example.org",
        metadata={"migration_batch": "night"},
    )

    assert f"1 are of no record of v2: {UUID(int=0)}" in failing(proved())["Values of users"]


def test_m01_rows_of_another_v2_in_one_v3_take_nothing_from_each_other(
    tmp_path: Path, migrated: V2, point_v2_at: Callable[[Path], Path]
) -> None:
    """The other's organization, forms and submissions want the names that are gone."""
    other = make_v2(
        point_v2_at(tmp_path / "other.sqlite3"),
        organizations=[{"Id": guid(1, 50), "Name": "Acme", "CreatedOn": "2001-01-01 00:00:00"}],
        users=[
            {"Id": guid(2, 50), "OrganizationId": guid(1, 1), "Email": "person1@example.org"},
            {"Id": guid(2, 51), "OrganizationId": guid(1, 1), "Email": "new@example.org"},
        ],
        forms=[{"Id": guid(4, 50), "Name": "Leave", "OrganizationId": guid(1, 1)}],
        submissions=[
            {"Id": guid(10, 50), "LookupCode": "A", "CreatedOn": "2001-01-01 00:00:00"},
            {"Id": guid(10, 51), "LookupCode": "B"},
        ],
    )
    run(name="day")
    assert Organization.objects.get(pk=guid(1, 50)).slug == "acme-3"
    assert Form.objects.get(pk=guid(4, 50)).slug == "leave-2"
    number = Submission.objects.get(pk=guid(10, 50)).submission_number
    assert number.startswith("V2-")

    document = proved("day")

    assert failing(document) == {}
    assert table(document, "users")["equal"] == 1
    assert document["errors"] == 1
    point_v2_at(migrated.path)
    assert failing(proved("night")) == {}
    point_v2_at(other.path)
    query("UPDATE forms SET slug = 'leave-7' WHERE id = %s", [guid(4, 50)])
    assert failing(proved("day")) == {"Values of forms": f"1 differ: {guid(4, 50)}"}


def test_an_organizations_rows_changed_while_another_is_compared_are_still_found(
    migrated: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies before the page in hand is what it was then; what lies behind it is as it is."""

    def change() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE users SET auth_data = '{}' WHERE id = %s", [guid(2, 4)])

    document = proved(None, after_batches(4, change), batch_size=1)

    assert failing(document) == {"Values of users": f"1 differ: {guid(2, 4)}"}
