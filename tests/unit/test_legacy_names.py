"""Other names than v2's own: in the models while they are in use, in queries composed then."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.models import Count, Exists, OuterRef

from legacy_v2 import models as v2
from legacy_v2 import names
from tests.mssql_django import printed_by

GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
TABLES = {table: f"tbl_{table}" for table in names.canonical()}
COLUMNS = {
    table: {column: f"c {column}" for column in columns}
    for table, columns in names.canonical().items()
}


@pytest.fixture(autouse=True)
def canonical_afterwards() -> Iterator[None]:
    yield
    names.use()


def compiled(queryset: Any, engine: str) -> str:
    """Return the SQL for a backend, without connecting to anything."""
    alias = f"names_{engine}"
    connections.settings[alias] = connections.configure_settings(
        {"default": {}, alias: {"ENGINE": f"django.db.backends.{engine}", "NAME": "nowhere"}}
    )[alias]
    try:
        statement: str = queryset.using(alias).query.get_compiler(alias).as_sql()[0]
        # Django 6 quotes the alias of a subquery, Django 5 does not.
        return statement.replace('"U0"', "U0")
    finally:
        del connections[alias]
        del connections.settings[alias]


def every_kind_of_query() -> Any:
    """Return one query with all that a name can stand in: as the extraction composes them."""
    forms = v2.FormType._default_manager.filter(
        id=OuterRef("form_type_id"), organization_id__isnull=False
    )
    return (
        v2.FormSubmission._default_manager.filter(Exists(forms), id__gt=GUID)
        .order_by("id")
        .values_list("id", "form_type_id", "lookup_code", "created_on")
    )


def test_the_canonical_names_are_what_the_models_declare() -> None:
    known = names.canonical()
    assert next(iter(known)) == "Organization"
    assert known["FormSubmissionStatus"] == ("Id", "Name")
    assert len(known) == 11
    assert {len(set(columns)) - len(columns) for columns in known.values()} == {0}


@pytest.mark.parametrize("engine", ["sqlite3", "postgresql"])
def test_every_name_in_a_query_is_the_one_in_use(engine: str) -> None:
    before = compiled(every_kind_of_query(), engine)
    names.use(TABLES, COLUMNS)
    statement = compiled(every_kind_of_query(), engine)
    expected = before
    for table, columns in names.canonical().items():
        expected = expected.replace(f'"{table}"', f'"tbl_{table}"')
        for column in columns:
            expected = expected.replace(f'"{column}"', f'"c {column}"')
    assert statement == expected
    assert statement != before
    for place in (
        'FROM "tbl_FormSubmission"',
        'FROM "tbl_FormType" U0',
        'U0."c Id"',
        'U0."c OrganizationId"',
        '"tbl_FormSubmission"."c FormTypeId"',
        '"tbl_FormSubmission"."c CreatedOn"',
    ):
        assert place in statement
    names.use()
    assert compiled(every_kind_of_query(), engine) == before


@pytest.mark.parametrize("engine", ["sqlite3", "postgresql"])
def test_counts_and_groups_hold_the_names_in_use(engine: str) -> None:
    names.use(TABLES, COLUMNS)
    grouped = v2.FormSubmission._default_manager.values_list("form_type_id").annotate(
        rows=Count("organization_id")
    )
    statement = compiled(grouped, engine)
    assert 'COUNT("tbl_FormSubmission"."c OrganizationId"' in statement
    assert 'SELECT "tbl_FormSubmission"."c FormTypeId"' in statement
    assert '"FormSubmission"' not in statement


def test_two_names_may_be_exchanged() -> None:
    names.use(
        {"Field": "Choice", "Choice": "Field"},
        {"FormType": {"Name": "DisplayName", "DisplayName": "Name"}},
    )
    assert 'FROM "Choice"' in compiled(v2.Field._default_manager.all(), "sqlite3")
    statement = compiled(v2.FormType._default_manager.filter(name="x").values("id"), "sqlite3")
    assert '"FormType"."DisplayName" = ' in statement


def test_each_use_begins_at_the_canonical_names() -> None:
    names.use({"Field": "tblField"}, {"Choice": {"Id": "Key"}})
    names.use({"Choice": "tblChoice"})
    assert v2.Field._meta.db_table == "Field"
    assert v2.Choice._meta.db_table == "tblChoice"
    assert v2.Choice._meta.pk.column == v2.Choice._meta.pk.db_column == "Id"


def test_canonical_names_are_told_whatever_is_in_use() -> None:
    names.use(TABLES, COLUMNS)
    assert names.table(v2.FieldChoiceMap) == "Field_Choice_Map"
    assert names.column(names.field_of(v2.FormSubmission, "form_type_id")) == "FormTypeId"
    assert names.model_of("Field_Choice_Map") is v2.FieldChoiceMap
    assert names.canonical()["Choice"] == ("Id", "DisplayName")


def test_a_field_is_found_by_attribute_name_and_by_name() -> None:
    assert names.field_of(v2.FormSubmission, "form_type_id") is names.field_of(
        v2.FormSubmission, "form_type"
    )
    with pytest.raises(LookupError, match="Choice has no column nonsense"):
        names.field_of(v2.Choice, "nonsense")
    with pytest.raises(LookupError, match="no table of v2: tblChoice"):
        names.model_of("tblChoice")


def test_a_message_holds_the_actual_name_beside_the_canonical_one() -> None:
    assert names.told("Choice") == "Choice"
    assert names.told("Choice", "Id") == "Choice.Id"
    names.use({"Choice": "tblChoice"}, {"Field": {"Id": "Key"}})
    assert names.told("Choice") == "Choice (tblChoice)"
    assert names.told("Choice", "Id") == "Choice.Id (tblChoice.Id)"
    assert names.told("Field") == "Field"
    assert names.told("Field", "Id") == "Field.Id (Field.Key)"
    with pytest.raises(LookupError, match="no column of v2's Field: Key"):
        names.told("Field", "Key")


@pytest.mark.parametrize(
    ("tables", "columns", "told"),
    [
        ({"Forms": "x"}, {}, "no table of v2: Forms"),
        ({}, {"Forms": {"Id": "x"}}, "no table of v2: Forms"),
        ({}, {"Choice": {"Text": "x"}}, "no column of v2's Choice: Text"),
    ],
)
def test_an_unknown_canonical_name_changes_nothing(
    tables: dict[str, str], columns: dict[str, dict[str, str]], told: str
) -> None:
    with pytest.raises(LookupError, match=told):
        names.use({"Field": "tblField"} | tables, columns)
    assert v2.Field._meta.db_table == "Field"


def test_names_already_in_use_are_not_touched_under_a_thread_that_reads() -> None:
    names.use({"Field": "tblField"})
    seen: set[str] = set()
    done = threading.Event()

    def compose() -> None:
        while not done.is_set():
            seen.add(compiled(v2.Field._default_manager.values_list("id"), "sqlite3"))

    reader = threading.Thread(target=compose)
    reader.start()
    for _ in range(200):
        names.use({"Field": "tblField"}, {})
    done.set()
    reader.join()
    assert len(seen) == 1


SQL_SERVER_PROGRAM = """
from django.db.models import Exists, OuterRef
from legacy_v2 import names
from legacy_v2.models import FormSubmission, FormType
names.use({"FormSubmission": "tbl Submission", "FormType": "tblForm"},
          {"FormSubmission": {"FormTypeId": "Form No", "LookupCode": "Code"},
           "FormType": {"Id": "Key", "OrganizationId": "Tenant"}})
query = FormSubmission.objects.filter(
    Exists(FormType.objects.filter(id=OuterRef("form_type_id"), organization_id__isnull=True)),
).order_by("id").values_list("id", "lookup_code")[:10]
print(query.query.get_compiler("v2").as_sql()[0])
"""


def test_sql_server_gets_the_names_in_use() -> None:
    statement = printed_by(SQL_SERVER_PROGRAM).replace("[U0]", "U0")
    for place in (
        "FROM [tbl Submission]",
        "[tbl Submission].[Code]",
        "FROM [tblForm] U0",
        "U0.[Key] = ([tbl Submission].[Form No])",
        "U0.[Tenant] IS NULL",
    ):
        assert place in statement
    for canonical in ("[FormSubmission]", "[FormType]", "[LookupCode]", "[FormTypeId]"):
        assert canonical not in statement
