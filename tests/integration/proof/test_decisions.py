"""Decisions that other rows had a part in (M5, M6, M12), when those rows are not what they were."""

from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from forms_app.models import Form
from organizations.models import Organization, User
from submissions.models import Submission
from tests.integration.proof.proving import failing, proved
from tests.runs import Quiet, errors, query, run
from tests.v2 import V2, guid, make_v2
from transfer.retry import RetryOptions, run_retry
from transfer.verify import VerifyOptions, verify

pytestmark = pytest.mark.django_db(transaction=True)

EARLY = "2024-01-01 00:00:00.000000"
FIRST, SECOND = guid(10, 1), guid(10, 2)
MADE = "V2-000a0001"  # of FIRST's Id
OF_SECOND = "V2-000a0002"


def two(path: Path, first: str | None, second: str | None, **of_first: object) -> V2:
    """Two submissions with these lookup codes, the first made earlier."""
    return make_v2(
        path,
        organizations=[{"Name": "Acme"}],
        forms=[{"Name": "Leave"}],
        fields=[{}],
        submissions=[{"LookupCode": first, "CreatedOn": EARLY, **of_first}, {"LookupCode": second}],
    )


def moved() -> None:
    assert run(name="night").outcome == "finished"


def number(record: str) -> str:
    return Submission.objects.get(pk=record).submission_number


def differing(table: str, *records: str) -> dict[str, str]:
    """The checks that fail where these rows of a table differ."""
    return {f"Values of {table}": f"{len(records)} differ: {', '.join(records)}"}


def ready() -> dict[str, int]:
    """How many open errors nothing explains any more, by table."""
    report = verify(VerifyOptions("night"))
    assert report.values is not None
    numbers = {name: one.counts["ready"] for name, one in report.values.tables.items()}
    return {name: number for name, number in numbers.items() if number}


REPAIRS = [
    "UPDATE FormSubmission SET LookupCode = 'OTHER', LastUpdatedOn = NULL WHERE Id = ?",
    "UPDATE FormSubmission SET LookupCode = 'DUP', LastUpdatedOn = NULL WHERE Id = ?",
]


@pytest.mark.parametrize("repair", REPAIRS)
def test_m12_a_code_stays_with_the_one_who_failed_and_was_repaired(
    v2_path: Path, repair: str
) -> None:
    v2 = two(v2_path, "DUP", "DUP", LastUpdatedOn="nonsense")
    moved()
    assert number(SECOND) == OF_SECOND
    query("DELETE FROM migration_assignments")  # the errors alone tell it
    query("DELETE FROM migration_errors WHERE severity = 'warning'")
    v2.execute(repair, [FIRST])
    run_retry(RetryOptions("night"), Quiet())
    assert Submission.objects.count() == 2

    assert "Values of submissions" not in failing(proved())


def test_m12_a_code_stays_with_the_one_who_failed_and_was_deleted(v2_path: Path) -> None:
    v2 = two(v2_path, "DUP", "DUP", LastUpdatedOn="nonsense")
    moved()
    v2.execute("DELETE FROM FormSubmission WHERE Id = ?", [FIRST])

    assert "Values of submissions" not in failing(proved())


def test_m12_a_code_that_looks_made_stays_with_the_one_who_failed(v2_path: Path) -> None:
    """Nine digits for the first, for eight were the second's code; it has another by now."""
    v2 = two(v2_path, None, MADE)
    v2.execute("UPDATE FormSubmission SET LastUpdatedOn = 'nonsense' WHERE Id = ?", [SECOND])
    moved()
    assert number(FIRST) == MADE + "0"
    assert failing(proved()) == {}
    v2.execute(
        "UPDATE FormSubmission SET LookupCode = 'B', LastUpdatedOn = NULL WHERE Id = ?", [SECOND]
    )
    run_retry(RetryOptions("night"), Quiet())
    assert number(SECOND) == "B"

    assert failing(proved()) == {}


def test_m04_m12_a_code_with_a_zero_character_is_the_first_ones(v2_path: Path) -> None:
    two(v2_path, "D\0UP", "D\0UP", LastUpdatedOn="nonsense")
    moved()
    assert number(SECOND) == OF_SECOND

    assert failing(proved()) == {}
    query("DELETE FROM migration_assignments")  # the errors tell it, too
    assert failing(proved()) == {}


def own_submission(value: str) -> Submission:
    organization = Organization.objects.create(pk=guid(1, 1), name="Acme", slug="acme-of-own")
    form = Form.objects.create(organization=organization, name="F", slug="f", definition={})
    return Submission.objects.create(
        organization=organization, form=form, submission_number=value, data={}
    )


def test_m12_a_number_was_a_row_of_v3s_own_that_is_another_by_now(v2_path: Path) -> None:
    two(v2_path, "X", "Y")
    own = own_submission("X")
    run(name="night")
    assert (number(FIRST), number(SECOND)) == (MADE, "Y")
    before = failing(proved())
    assert "Values of submissions" not in before

    Submission.objects.filter(pk=own.pk).update(submission_number="renamed")
    assert failing(proved()) == before
    Submission.objects.filter(pk=own.pk).delete()
    assert failing(proved()) == before

    query(
        "UPDATE submissions SET submission_number = %s, updated_at = updated_at,"
        ' metadata = metadata || \'{"legacy_number": "Y"}\' WHERE id = %s',
        [OF_SECOND, SECOND],
    )
    assert failing(proved())["Values of submissions"] == f"1 differ: {SECOND}"
    query(
        "UPDATE submissions SET submission_number = %s, updated_at = updated_at WHERE id = %s",
        [MADE + "0", FIRST],
    )
    assert FIRST in failing(proved())["Values of submissions"]


def test_m12_a_number_tried_again_gives_way_to_v3s_own_that_is_gone_by_now(v2_path: Path) -> None:
    v2 = two(v2_path, "X", "Y", LastUpdatedOn="nonsense")
    moved()
    own = Submission.objects.get(pk=SECOND)
    own.pk, own.submission_number, own.metadata = guid(10, 9), "X", {}
    own.save(force_insert=True)
    v2.execute("UPDATE FormSubmission SET LastUpdatedOn = NULL WHERE Id = ?", [FIRST])
    run_retry(RetryOptions("night"), Quiet())
    assert number(FIRST) == "V2-" + FIRST.replace("-", "")
    assert failing(proved()) == {}

    Submission.objects.filter(pk=guid(10, 9)).delete()

    assert failing(proved()) == {}


def test_m12_a_made_number_that_is_anothers_code_is_found(v2_path: Path) -> None:
    """The first must have nine digits, for eight are the second's code; v3 has it otherwise."""
    two(v2_path, None, MADE)
    moved()
    assert (number(FIRST), number(SECOND)) == (MADE + "0", MADE)
    swap = "UPDATE submissions SET submission_number = %s, updated_at = updated_at WHERE id = %s"
    query(swap, [OF_SECOND, SECOND])
    query(swap, [MADE, FIRST])
    query(
        "UPDATE submissions SET updated_at = updated_at,"
        " metadata = metadata || jsonb_build_object('legacy_number', %s) WHERE id = %s",
        [MADE, SECOND],
    )

    assert failing(proved()) == differing("submissions", FIRST, SECOND)


def test_m12_a_code_that_v2_gained_since_contests_no_made_number(v2_path: Path) -> None:
    v2 = two(v2_path, None, None, LastUpdatedOn=None)
    v2.execute("UPDATE FormSubmission SET LastUpdatedOn = 'nonsense' WHERE Id = ?", [SECOND])
    moved()
    assert number(FIRST) == MADE
    v2.add("submissions", {"LookupCode": MADE, "CreatedOn": "2099-01-01 00:00:00"})
    v2.execute(
        "UPDATE FormSubmission SET LookupCode = ?, LastUpdatedOn = NULL WHERE Id = ?",
        [MADE, SECOND],
    )
    run_retry(RetryOptions("night"), Quiet())
    assert number(SECOND) == "V2-" + SECOND.replace("-", "")

    assert failing(proved()) == {}


def test_m05_a_slug_was_a_row_of_v3s_own_that_is_another_by_now(v2_path: Path) -> None:
    make_v2(
        v2_path,
        organizations=[{"Name": "Acme"}, {"Name": "Acme"}, {"Name": "Wolf"}],
        forms=[{"Name": "Leave"}],
    )
    own = Organization.objects.create(name="Acme", slug="acme")
    moved()
    assert Organization.objects.get(pk=guid(1, 2)).slug == "acme-3"
    Organization.objects.filter(pk=own.pk).update(slug="acme-facilities")

    assert failing(proved()) == {}
    query("UPDATE organizations SET slug = 'acme-9', updated_at = updated_at WHERE id = %s",
          [guid(1, 2)])  # fmt: skip
    assert "Values of organizations" in failing(proved())
    assert guid(1, 2) in failing(proved())["Values of organizations"]


def test_m05_a_slug_behind_a_plain_one_that_nobody_has_is_found(v2_path: Path) -> None:
    """It may have been a row of v3's own that is deleted by now: nothing tells the two apart."""
    make_v2(v2_path, organizations=[{"Name": "Acme"}])
    moved()

    query("UPDATE organizations SET slug = 'acme-2', updated_at = updated_at")

    assert guid(1, 1) in failing(proved())["Values of organizations"]


def test_m05_a_slug_in_the_middle_was_v3s_own_that_is_another_by_now(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{"Name": "Acme"}, {"Name": "Acme"}])
    own = Organization.objects.create(name="Acme", slug="acme-2")
    moved()
    assert Organization.objects.get(pk=guid(1, 2)).slug == "acme-3"

    Organization.objects.filter(pk=own.pk).update(slug="other")

    assert failing(proved()) == {}


def test_m05_slugs_that_v3s_own_rows_do_not_explain_are_found(v2_path: Path) -> None:
    """The later one has the better slug, whoever else had one: no order of v2 gives that."""
    make_v2(v2_path, organizations=[{"Name": "Acme"}, {"Name": "Acme"}])
    own = Organization.objects.create(name="Acme", slug="acme")
    moved()
    own.delete()
    for slug, record in (("x", guid(1, 1)), ("acme-2", guid(1, 2)), ("acme-3", guid(1, 1))):
        query("UPDATE organizations SET slug = %s, updated_at = updated_at WHERE id = %s",
              [slug, record])  # fmt: skip

    assert failing(proved()) == differing("organizations", guid(1, 1))


def test_m06_an_email_is_a_second_one_whatever_v2s_server_makes_of_its_letters(
    v2_path: Path,
) -> None:
    """SQLite lowers ASCII alone, and no server makes one of ß and ss."""
    alike = [("ÄB@x.de", "äb@x.de"), ("straße@x.de", "STRASSE@x.de"), ("a\0b@x.de", "A\0b@x.de")]
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[{"Email": email} for pair in alike for email in pair],
    )
    moved()
    assert [error["code"] for error in errors() if error["severity"] == "error"] == (
        ["email_duplicate"] * 3
    )

    assert ready() == {}

    v2.execute("UPDATE User SET Email = 'other@x.de' WHERE Id = ?", [guid(2, 3)])
    assert ready() == {"users": 1}
    User.objects.create(organization_id=guid(1, 1), email="strasse@X.DE")
    assert ready() == {}


def test_m06_references_in_a_spelling_that_v3_knows_none_by_stay_errors(v2_path: Path) -> None:
    """PostgreSQL takes an Id of 32 digits; those who name it so find nobody of that name."""
    bare = guid(1, 1).replace("-", "")
    make_v2(
        v2_path,
        organizations=[{"Id": bare}, {}],
        users=[{"OrganizationId": bare}],
        forms=[{"OrganizationId": bare}, {"OrganizationId": guid(1, 2)}],
        fields=[{}],
        submissions=[
            {"FormTypeId": guid(4, 1)},
            {"FormTypeId": guid(4, 2), "OrganizationId": bare},
            {"FormTypeId": guid(4, 2).replace("-", "")},
        ],
    )
    moved()
    assert {e["code"] for e in errors() if e["severity"] == "error"} == {
        "organization_unknown", "form_unknown",
    }  # fmt: skip

    assert ready() == {}


def statements(path: Path, duplicates: int) -> int:
    """How often v2 is asked where so many of eight users and submissions come second."""
    v2 = make_v2(
        path,
        organizations=[{}],
        users=[{"Email": "a@x.de"} if n < duplicates else {} for n in range(8)],
        forms=[{}],
        fields=[{}],
        submissions=[{"LookupCode": "A"} if n < duplicates else {} for n in range(8)],
    )
    v2.execute("UPDATE FormSubmission SET LastUpdatedOn = 'nonsense' WHERE Id = ?", [FIRST])
    moved()
    with CaptureQueriesContext(connections["v2"]) as asked:
        document = proved(None, batch_size=1)
    assert failing(document) == {}
    query(
        "TRUNCATE organizations, migration_progress, migration_errors, migration_assignments,"
        " migration_verifications, migration_differences CASCADE"
    )
    path.unlink()
    return len(asked)


def test_v2_is_asked_once_for_all_who_come_second(v2_path: Path) -> None:
    assert statements(v2_path, 7) == statements(v2_path, 3)
