"""Which tables and columns a v2 has: each assumed one may be missing, each other one may not."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import OperationalError, connection, connections

from legacy_v2.introspection import ASSUMED, V2Schema, inspect
from legacy_v2.seed import schema
from tests.v2 import make_v2

ASSUMED_NAMES = {str(item) for item in ASSUMED}
COLUMNS = [
    f"{model._meta.db_table}.{field.column}"
    for model in apps.get_app_config("legacy_v2").get_models()
    for field in model._meta.concrete_fields
]
REQUIRED = [
    name
    for name in [*schema.tables(), *COLUMNS]
    if name not in ASSUMED_NAMES and not name.startswith("User.")
]


def look() -> V2Schema:
    """Inspect the v2 the alias points at."""
    return inspect(connections["v2"])


def test_a_whole_v2_lacks_nothing(v2_path: Path) -> None:
    make_v2(v2_path)
    found = look()
    assert found.missing() == ()
    assert found.absent() == ()
    assert found.answers_indexed
    assert found.has("User")
    assert found.has("User", "Email")
    assert not found.has("User", "Password")
    assert not found.has("Password")
    assert sorted(f"{t}.{c}" for t, columns in found.tables.items() for c in columns) == sorted(
        COLUMNS
    )


@pytest.mark.parametrize("item", ASSUMED, ids=str)
def test_an_assumed_thing_may_be_missing_and_its_absence_is_explained(
    v2_path: Path, item: Any
) -> None:
    make_v2(v2_path, omit=[str(item)])
    found = look()
    assert found.missing() == ()
    assert found.absent() == (item,)
    assert not found.has(item.table, item.column)
    assert "M" in item.absence


def test_all_assumed_things_may_be_missing_at_once(v2_path: Path) -> None:
    make_v2(v2_path, omit=ASSUMED_NAMES, index=False)
    found = look()
    assert found.missing() == ()
    assert found.absent() == ASSUMED
    assert not found.answers_indexed


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_thing_that_is_missing_is_named(v2_path: Path, name: str) -> None:
    index = not name.startswith("FormSubmissionMetaData")
    usual = {"field_types": [], "statuses": []}
    make_v2(v2_path, omit=[name], index=index, **usual)
    table, _, column = name.partition(".")
    expected = (
        f"v2's table {table} has no column {column}" if column else f"v2 has no table {table}"
    )
    assert look().missing() == (expected,)


def test_where_users_exist_their_columns_are_required(v2_path: Path) -> None:
    make_v2(v2_path, omit=["User.Email"])
    assert look().missing() == ("v2's table User has no column Email",)


def test_sqlite_does_not_tell_upper_from_lower_case(v2_path: Path) -> None:
    v2 = make_v2(v2_path, omit=["Choice"])
    v2.execute("CREATE TABLE choice (ID char(36), DISPLAYNAME text)")
    found = look()
    assert found.missing() == ()
    assert found.has("Choice", "DisplayName")


def test_a_view_is_as_good_as_a_table(v2_path: Path) -> None:
    v2 = make_v2(v2_path, omit=["Choice", "FormSubmissionMetaData"], index=False)
    v2.execute('CREATE VIEW "Choice" AS SELECT NULL AS Id, NULL AS DisplayName')
    columns = ", ".join(f"NULL AS {name}" for name in schema.columns("FormSubmissionMetaData"))
    v2.execute(f'CREATE VIEW "FormSubmissionMetaData" AS SELECT {columns}')
    found = look()
    assert found.missing() == ()
    assert not found.answers_indexed


@pytest.mark.parametrize(("nocase", "index"), [(True, False), (False, True)])
def test_an_index_that_cannot_serve_is_none(v2_path: Path, nocase: bool, index: bool) -> None:
    make_v2(v2_path, nocase=nocase, index=index)
    assert not look().answers_indexed


def test_a_v2_that_is_not_there_is_an_error_and_stays_not_there(v2_path: Path) -> None:
    with pytest.raises(OperationalError):
        look()
    assert not v2_path.exists()


@pytest.fixture
def postgresql(db: None) -> None:
    """Point the v2 alias at a schema of its own beside the test's v3."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA copy_of_v2")
        cursor.execute("SET LOCAL search_path = copy_of_v2")


def create(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_a_whole_v2_in_postgresql_lacks_nothing(postgresql: None) -> None:
    create(*schema.create_tables("postgresql"), schema.create_answer_index())
    found = inspect(connection)
    assert found.missing() == ()
    assert found.absent() == ()
    assert found.answers_indexed


def test_postgresql_without_the_index_or_anything_assumed(postgresql: None) -> None:
    create(*schema.create_tables("postgresql", omit=ASSUMED_NAMES))
    # An index on an expression has no column, and is not the one that is meant.
    create('CREATE INDEX ON "FormSubmissionMetaData" (upper("FreeFormEntry"))')
    found = inspect(connection)
    assert found.missing() == ()
    assert found.absent() == ASSUMED
    assert not found.answers_indexed


def test_postgresql_names_in_another_case_are_shown(postgresql: None) -> None:
    create(
        *schema.create_tables("postgresql", omit=["FormSubmission"]),
        "CREATE TABLE formsubmission (id uuid)",
        'ALTER TABLE "Field" RENAME COLUMN "SortOrder" TO sortorder',
    )
    messages = inspect(connection).missing()
    hint = "but this database tells upper from lower case: V2_MAPPING can name it"
    assert messages == (
        f'v2\'s table Field has no column SortOrder; there is "sortorder", {hint}',
        f'v2 has no table FormSubmission; there is "formsubmission", {hint}',
    )


def test_an_empty_postgresql_lacks_every_required_table(postgresql: None) -> None:
    assert len(inspect(connection).missing()) == len(schema.tables()) - 1  # all but User
