import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import (
    NEW_YORK,
    ORG,
    OTHER_ORG,
    STARTED,
    at,
    codes,
    context,
    uid,
    user,
    utc,
)
from transfer.mapping.codes import Code
from transfer.mapping.users import email_key, map_user


def mapped(row, *, duplicate=False, **changes):
    return map_user(row, context(**changes), organizations={ORG}, duplicate=duplicate)


def test_m06_a_user_keeps_id_email_names_and_times():
    row = user(last_updated_on=at("2024-05-05T05:05:05"))

    outcome = mapped(row)

    assert outcome.findings == []
    v3 = outcome.row
    assert v3 is not None
    assert (v3.id, v3.organization_id, v3.email) == (uid(50), ORG, "ann@example.com")
    assert v3.status == "active"
    assert orjson.loads(v3.auth_data) == {
        "user_name": "ann",
        "first_name": "Ann",
        "last_name": "Archer",
        "legacy_id": uid(50),
    }
    assert orjson.loads(v3.metadata) == {"migration_batch": "v2_migration_2025_01_22"}
    assert v3.created_at == utc("2024-03-01T10:20:30.123456")
    assert v3.updated_at == utc("2024-05-05T05:05:05")


def test_m06_a_user_never_updated_was_last_updated_when_created():
    outcome = mapped(user(last_updated_on=None))

    assert outcome.row is not None
    assert outcome.row.updated_at == outcome.row.created_at


def test_m14_a_users_time_after_the_start_is_kept_beside():
    start = STARTED.replace(tzinfo=None)

    later = mapped(user(last_updated_on=start.replace(microsecond=1))).row
    made_later = mapped(user(created_on=start.replace(microsecond=2), last_updated_on=None)).row
    same = mapped(user(last_updated_on=start)).row

    assert later is not None
    assert made_later is not None
    assert same is not None
    assert orjson.loads(later.metadata) == {
        "migration_batch": "v2_migration_2025_01_22",
        "legacy_updated_at": "2025-01-22T20:00:00.000001+00:00",
    }
    kept = orjson.loads(made_later.metadata)["legacy_updated_at"]
    assert kept == "2025-01-22T20:00:00.000002+00:00"
    assert orjson.loads(same.metadata) == {"migration_batch": "v2_migration_2025_01_22"}


def test_m06_an_inactive_user_without_names():
    outcome = mapped(user(is_active=False, user_name=None, first_name=None, last_name=None))

    assert outcome.row is not None
    assert outcome.row.status == "inactive"
    assert orjson.loads(outcome.row.auth_data) == {
        "user_name": None,
        "first_name": None,
        "last_name": None,
        "legacy_id": uid(50),
    }


@pytest.mark.parametrize(
    ("row", "duplicate", "code", "column"),
    [
        (user(email=None), False, Code.EMAIL_MISSING, "Email"),
        (user(email=""), False, Code.EMAIL_MISSING, "Email"),
        (user(), True, Code.EMAIL_DUPLICATE, "Email"),
        (user(organization_id=OTHER_ORG), False, Code.ORGANIZATION_UNKNOWN, "OrganizationId"),
        # One error a record, whatever else is wrong with it: the organization's comes first.
        (
            user(organization_id=OTHER_ORG, email=None),
            True,
            Code.ORGANIZATION_UNKNOWN,
            "OrganizationId",
        ),
        (user(email="", first_name="\x00"), True, Code.EMAIL_MISSING, "Email"),
    ],
)
def test_m06_a_user_that_cannot_be_is_one_error_that_holds_it(row, duplicate, code, column):
    outcome = mapped(row, duplicate=duplicate)

    assert outcome.row is None
    (error,) = outcome.findings
    assert (error.code, error.column) == (code, column)
    assert (error.v2_table, error.record_id) == ("User", uid(50))
    assert error.detail is not None
    assert error.detail["UserName"] == "ann"
    assert error.detail["Email"] == row.email


def test_m06_an_email_of_blanks_is_an_email_and_stays():
    outcome = mapped(user(email=" Ann@Example.COM "))

    assert outcome.row is not None
    assert outcome.row.email == " Ann@Example.COM "


def test_m04_m06_every_text_of_a_user_is_cleaned():
    outcome = mapped(user(email="a\x00@b", user_name="\x00", first_name="\x00", last_name="\x00"))

    assert [finding.column for finding in outcome.findings] == [
        "Email",
        "UserName",
        "FirstName",
        "LastName",
    ]
    assert set(codes(outcome)) == {Code.TEXT_CLEANED}


def test_m03_m06_both_times_of_a_user_are_read_in_the_zone():
    row = user(created_on=at("2024-03-10T02:30:00"), last_updated_on=at("2024-11-03T01:30:00"))

    outcome = mapped(row, time_zone=NEW_YORK)

    assert [finding.column for finding in outcome.findings] == ["CreatedOn", "LastUpdatedOn"]
    assert set(codes(outcome)) == {Code.TIME_GAP_OR_OVERLAP}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann@Example.com", "ann@example.COM", True),
        ("STRASSE@x.de", "straße@x.de", True),
        ("a\x00@x.de", "A\ufffd@x.de", True),
        ("ann@x.de", "ann@x.de ", False),
        ("ann@x.de", "anne@x.de", False),
    ],
)
def test_m06_emails_are_the_same_whatever_their_case(one, other, same):
    assert (email_key(one) == email_key(other)) is same


@PROPERTY
@given(st.emails())
def test_m06_upper_and_lower_case_of_an_email_are_the_same(email):
    assert email_key(email.upper()) == email_key(email.lower()) == email_key(email)
