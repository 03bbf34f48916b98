"""Ids and times of v2: the same Python values and the same comparisons on every server."""

import json
import warnings
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Exists, OuterRef
from django.db.models.functions import Cast

from legacy_v2.fields import GuidField, GuidForeignKey, NaiveDateTimeField
from legacy_v2.models import FormSubmission, FormSubmissionMetaData, FormType, Organization
from tests.mssql_django import printed_by

GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
NAIVE = datetime.fromisoformat("2024-03-01 10:20:30.123456")
VENDORS = ["sqlite", "postgresql", "microsoft"]


def connection(vendor: str) -> Any:
    return SimpleNamespace(vendor=vendor)


def compiled(queryset: Any, engine: str) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL and parameters for a backend, without connecting to anything."""
    alias = f"compile_{engine}"
    connections.settings[alias] = connections.configure_settings(
        {"default": {}, alias: {"ENGINE": f"django.db.backends.{engine}", "NAME": "nowhere"}}
    )[alias]
    try:
        statement, parameters = queryset.using(alias).query.get_compiler(alias).as_sql()
        # Django 6 quotes the alias of a subquery, Django 5 does not.
        return statement.replace('"U0"', "U0"), parameters
    finally:
        del connections[alias]
        del connections.settings[alias]


@pytest.mark.parametrize(
    "given",
    [GUID, GUID.upper(), UUID(GUID), f"{{{GUID}}}", GUID.replace("-", "")],
    ids=["lower", "upper", "UUID", "braces", "hex"],
)
def test_every_spelling_of_an_id_is_sent_as_36_lower_case_characters(given: Any) -> None:
    field = GuidField()
    assert field.get_prep_value(given) == GUID
    for vendor in VENDORS:
        assert field.get_db_prep_value(given, connection(vendor)) == GUID


@pytest.mark.parametrize("given", ["", "nonsense", GUID[:-1], GUID + "0", 7, True, b"x"])
def test_what_is_no_id_is_refused_by_name(given: Any) -> None:
    with pytest.raises(ValidationError, match="is not an id"):
        GuidField().get_prep_value(given)


def test_no_id_stays_no_id() -> None:
    assert GuidField().get_prep_value(None) is None
    assert GuidField().from_db_value(None, None, None) is None


@pytest.mark.parametrize("stored", [GUID, GUID.upper(), UUID(GUID)])
def test_ids_are_read_in_lower_case(stored: Any) -> None:
    assert GuidField().from_db_value(stored, None, None) == GUID


@pytest.mark.parametrize(
    ("vendor", "id_type", "time_type"),
    [
        ("sqlite", "char(36) COLLATE NOCASE", "text"),
        ("postgresql", "uuid", "timestamp without time zone"),
        ("microsoft", "uniqueidentifier", "datetime2"),
    ],
)
def test_column_types(vendor: str, id_type: str, time_type: str) -> None:
    assert GuidField().db_type(connection(vendor)) == id_type
    assert NaiveDateTimeField().db_type(connection(vendor)) == time_type


def test_a_reference_survives_cloning() -> None:
    field = FormSubmission._meta.get_field("form_type")
    copy = field.clone()
    assert isinstance(copy, GuidForeignKey)
    assert copy.deconstruct()[1:] == field.deconstruct()[1:]
    assert copy.db_column == "FormTypeId"
    assert not copy.db_constraint


def test_sqlite_compares_and_sorts_ids_without_regard_to_case() -> None:
    query = FormSubmission.objects.filter(id__gt=GUID.upper(), form_type_id__in=[GUID]).order_by(
        "id"
    )
    statement, parameters = compiled(query.values_list("lookup_code"), "sqlite3")
    assert '"FormSubmission"."Id" COLLATE NOCASE > %s' in statement
    assert '"FormSubmission"."FormTypeId" COLLATE NOCASE IN (%s)' in statement
    assert statement.endswith('ORDER BY "FormSubmission"."Id" COLLATE NOCASE ASC')
    assert parameters == (GUID, GUID)


def test_sqlite_relates_rows_through_exists_without_regard_to_case() -> None:
    forms = FormType.objects.filter(id=OuterRef("form_type_id"), organization_id=GUID)
    statement, _ = compiled(FormSubmission.objects.filter(Exists(forms)), "sqlite3")
    assert 'U0."Id" COLLATE NOCASE = ("FormSubmission"."FormTypeId" COLLATE NOCASE)' in statement
    assert 'U0."OrganizationId" COLLATE NOCASE = %s' in statement


def test_sqlite_casts_to_an_id_without_a_collation() -> None:
    query = Organization.objects.values_list(Cast("name", GuidField()))
    assert 'CAST("Organization"."Name" AS text)' in compiled(query, "sqlite3")[0]


def test_postgresql_compares_ids_as_uuids() -> None:
    query = FormSubmissionMetaData.objects.filter(
        Exists(FormSubmission.objects.filter(id=OuterRef("form_submission_id"))),
        field_choice_map_id__lte=GUID.upper(),
    )
    statement, parameters = compiled(query, "postgresql")
    assert 'U0."Id"::uuid = ("FormSubmissionMetaData"."FormSubmissionId"::uuid)' in statement
    assert '"FormSubmissionMetaData"."FieldChoiceMapId"::uuid <= %s' in statement
    assert parameters[-1] == GUID
    casted = Organization.objects.values_list(Cast("name", GuidField()))
    assert '("Organization"."Name")::uuid' in compiled(casted, "postgresql")[0]


SQL_SERVER_PROGRAM = """
import json
from datetime import datetime
from django.db.models import Exists, OuterRef
from legacy_v2.models import FormSubmission, FormType
guid = "6F9619FF-8B86-D011-B42D-00CF4FC964FF"
query = FormSubmission.objects.filter(
    Exists(FormType.objects.filter(id=OuterRef("form_type_id"), organization_id=guid)),
    id__gt=guid, created_on__lt=datetime(2024, 3, 1, 10, 20, 30, 123456),
).order_by("id").values_list("id", "created_on")
statement, parameters = query.query.get_compiler("v2").as_sql()
converters = query.query.get_compiler("v2").get_converters(
    [FormSubmission._meta.get_field(name).cached_col for name in ("id", "created_on")])
print(json.dumps({
    "statement": statement, "parameters": [str(value) for value in parameters],
    "converters": [[f.__qualname__ for f in fs] for fs, _ in converters.values()]}))
"""


def test_sql_server_gets_ids_as_text_of_36_characters_and_times_without_a_zone() -> None:
    result = json.loads(printed_by(SQL_SERVER_PROGRAM))
    statement = result["statement"].replace("[U0]", "U0")  # as Django 6 writes it
    assert "U0.[Id] = ([FormSubmission].[FormTypeId])" in statement
    assert "[FormSubmission].[Id] > %s" in result["statement"]
    assert result["parameters"].count(GUID) == 2
    assert "2024-03-01 10:20:30.123456" in result["parameters"]
    # No converter of the backend's: it would make UUID objects, and times with a zone.
    assert result["converters"] == [
        ["GuidField.from_db_value"],
        ["NaiveDateTimeField.from_db_value"],
    ]


def test_a_naive_time_is_sent_without_a_warning_and_unchanged() -> None:
    field = NaiveDateTimeField()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert field.get_db_prep_value(NAIVE, connection("sqlite")) == "2024-03-01 10:20:30.123456"
        for vendor in ("postgresql", "microsoft"):
            assert field.get_db_prep_value(NAIVE, connection(vendor)) == NAIVE


def test_sqlite_gets_six_digits_of_fraction_even_where_they_are_nought() -> None:
    sent = NaiveDateTimeField().get_db_prep_value("2024-03-01", connection("sqlite"))
    assert sent == "2024-03-01 00:00:00.000000"


def test_no_time_stays_no_time() -> None:
    field = NaiveDateTimeField(null=True)
    assert field.get_db_prep_value(None, connection("sqlite")) is None
    assert field.from_db_value(None, None, None) is None


@pytest.mark.parametrize(
    "stored",
    [
        "2024-03-01 10:20:30.123456",
        "2024-03-01T10:20:30.123456",
        "2024-03-01 10:20:30.1234567",  # datetime2's seventh digit is cut off
        NAIVE,
        NAIVE.replace(tzinfo=UTC),
        NAIVE.replace(hour=12, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_m3_a_time_is_read_without_a_zone_whatever_the_copy_made_of_it(stored: Any) -> None:
    assert NaiveDateTimeField().from_db_value(stored, None, None) == NAIVE


def test_a_time_with_a_zone_or_no_time_at_all_is_refused() -> None:
    field = NaiveDateTimeField()
    with pytest.raises(ValidationError, match="has a time zone"):
        field.get_prep_value(NAIVE.replace(tzinfo=UTC))
    with pytest.raises(ValidationError, match="is not a date and time"):
        field.get_prep_value("yesterday")
    assert field.get_prep_value("2024-03-01 10:20:30.123456") == NAIVE
