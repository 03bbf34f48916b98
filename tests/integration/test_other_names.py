"""V2_MAPPING's [tables] and [columns.…]: a v2 of other names gives the v3 that its own would."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import Settings

from legacy_v2 import names
from pliers.environment import legacy
from tests.acceptance.verifying import run as command
from tests.acceptance.verifying import verified
from tests.conftest import url_of
from tests.renaming import Names, every_name, lower_case, rename, write
from tests.runs import TABLES, empty_v3, errors, query, rich_v2, run, snapshot
from tests.v2 import V2, copy_into_schema, guid, make_v2, use_v2
from transfer.exceptions import ConfigurationError, ResumeRefusedError, SourceError

pytestmark = pytest.mark.django_db(transaction=True)

COPY = "v2_of_other_names"
FOUND = (*TABLES, "migration_errors", "migration_assignments")


@pytest.fixture(autouse=True)
def canonical_afterwards() -> Iterator[None]:
    yield
    names.use()


@pytest.fixture
def call_them(settings: Settings, tmp_path: Path) -> Callable[..., Names]:
    """Return a function that makes names those of the mapping file in use."""

    def make(wanted: Names, more: str = "") -> Names:
        settings.V2_MAPPING = write(tmp_path / "mapping.toml", wanted, more)
        return wanted

    return make


def imported(**options: Any) -> dict[str, list[str]]:
    """Import v2 as it is now into an empty v3, and return what v3 holds then."""
    empty_v3()
    run(name="night", batch_size=5, **options)
    return snapshot(*FOUND)


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)


def test_a_v2_of_which_every_name_is_another_gives_the_same_v3(
    v2: V2, call_them: Callable[..., Names]
) -> None:
    as_it_was = imported()
    rename(v2.execute, call_them(every_name()))

    assert imported() == as_it_was

    assert {error["v2_table"] for error in errors()} >= {"FormSubmission", "FormType", "User"}
    (found,) = errors("email_missing")
    assert found["column_name"] == "Email"
    assert set(found["error_detail"]) == set(names.canonical()["User"])
    status, checks = verified()
    assert (status, checks["all"]["status"]) == (3, "OPEN")
    assert "FAILED" not in {check["status"] for check in checks.values()}


def test_retry_preflight_and_a_proof_of_every_value_read_by_the_same_names(
    v2_path: Path, call_them: Callable[..., Names]
) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[{"Email": None}],
        forms=[{}],
        fields=[{}],
        submissions=[{}, {"FormTypeId": guid(4, 77)}],
        answers=[{"FreeFormEntry": "text"}],
    )
    rename(v2.execute, call_them(every_name()))
    assert command("preflight_v2")[0] in (0, 3)
    assert command("import_v2", "--name", "night")[0] == 3

    v2.execute('UPDATE "tbl User größer" SET "Email.select from" = ?', ("a@example.org",))
    v2.execute('UPDATE "tbl FormSubmission größer" SET "FormTypeId.select from" = ?', (guid(4, 1),))

    assert command("retry_v2", "--name", "night")[0] == 0
    status, checks = verified()
    assert (status, checks["all"]["status"]) == (0, "PASSED")
    assert query("SELECT count(*) FROM submissions") == [(2,)]


@pytest.mark.usefixtures("v2_path")
def test_a_postgresql_of_other_names_and_one_of_lower_case_names(
    tmp_path: Path, call_them: Callable[..., Names], settings: Settings
) -> None:
    v2 = rich_v2(tmp_path / "rich.sqlite3")
    own = connections["default"].settings_dict
    copy = own | {"OPTIONS": {"options": f"-c search_path={COPY}"}}
    found = []
    with connections["default"].cursor() as cursor:
        for wanted in (Names(), every_name(), lower_case()):
            settings.V2_MAPPING = ""
            cursor.execute(f"DROP SCHEMA IF EXISTS {COPY} CASCADE")
            copy_into_schema(v2, COPY)
            cursor.execute(f"SET search_path TO {COPY}")
            rename(cursor.execute, wanted)
            cursor.execute("SET search_path TO DEFAULT")
            with use_v2(**copy):
                if wanted.tables:
                    empty_v3()
                    with pytest.raises(SourceError, match="v2 has no table Organization"):
                        run(name="night")
                call_them(wanted)
                found.append(imported())
                assert verified()[1]["all"]["status"] == "OPEN"
        cursor.execute(f"DROP SCHEMA {COPY} CASCADE")

    assert found[0] == found[1] == found[2]


def test_some_names_may_be_other_and_two_exchanged(v2: V2, call_them: Callable[..., Names]) -> None:
    as_it_was = imported()
    wanted = Names(
        {"Field": "Choice", "Choice": "Field", "FormSubmission": "tblSubmission"},
        {"FormSubmissionMetaData": {"FormSubmissionId": "Owner", "FreeFormEntry": "Text"}},
    )
    rename(v2.execute, call_them(wanted))

    assert imported() == as_it_was


def test_sqlite_needs_no_mapping_for_other_cases(v2: V2) -> None:
    as_it_was = imported()
    rename(v2.execute, lower_case())

    assert imported() == as_it_was


def test_an_assumed_column_may_be_missing_beside_other_names(
    v2_path: Path, call_them: Callable[..., Names]
) -> None:
    without = ("User", "FormType.CreatedOn", "FormSubmissionMetaData.Id")
    v2 = make_v2(
        v2_path, omit=without, organizations=[{}], forms=[{}], fields=[{}],
        submissions=[{}], answers=[{"FreeFormEntry": "b"}, {"FreeFormEntry": "a"}],
    )  # fmt: skip
    as_it_was = imported()
    every = every_name()
    wanted = Names(
        {table: actual for table, actual in every.tables.items() if table not in without},
        {
            table: {c: actual for c, actual in own.items() if f"{table}.{c}" not in without}
            for table, own in every.columns.items()
            if table not in without
        },
    )
    rename(v2.execute, wanted)
    call_them(wanted)

    assert imported() == as_it_was


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("[tables]\nUser = 'Userz'\n", "v2 has no table User (Userz)"),
        (
            "[columns.FormSubmission]\nOrganizationId = 'OrgId'\n",
            "v2's table FormSubmission has no column OrganizationId (OrgId)",
        ),
    ],
)
def test_an_assumed_name_that_somebody_wrote_down_has_to_be_there(
    v2: V2, call_them: Callable[..., Names], entry: str, told: str
) -> None:
    call_them(Names(), entry)

    with pytest.raises(SourceError) as refused:
        run(name="night")
    assert told in refused.value.message


def test_what_is_said_to_be_lacking_is_not_looked_for(
    v2: V2, call_them: Callable[..., Names]
) -> None:
    call_them(Names(), "[tables]\nUser = false\n[columns.FormType]\nCreatedOn = false\n")

    report = run(name="night")

    assert query("SELECT count(*) FROM users") == [(0,)]
    assert query("SELECT count(*) FROM forms WHERE created_at < '2025-01-01'") == [(0,)]
    assert "v2 has no User: no users are migrated (M6)." in report.notes
    assert (
        "v2 has no FormType.CreatedOn: forms get the migration's start as their time (M3)."
        in report.notes
    )


@pytest.mark.usefixtures("v2")
def test_what_no_v2_can_do_without_is_not_said_to_be_lacking(
    settings: Settings, tmp_path: Path
) -> None:
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text("[tables]\nFormType = false\n")

    with pytest.raises(ConfigurationError, match=r"is false, and no v2 can do without it; it can"):
        run(name="night")


def test_names_that_changed_in_between_are_told_and_nothing_is_written(
    v2: V2, call_them: Callable[..., Names]
) -> None:
    run(name="night", limit=7)
    before = snapshot()
    wanted = Names({"FormSubmission": "tblSubmission"}, {"FormType": {"Name": "Title"}})
    rename(v2.execute, call_them(wanted))

    with pytest.raises(ResumeRefusedError) as refused:
        run(name="night")
    assert (
        "V2_MAPPING [tables]: 'FormSubmission' was not there, is tblSubmission "
        "(put the file back as it was); V2_MAPPING [columns]: 'FormType.Name' was not there, "
        "is Title (put the file back as it was)" in refused.value.message
    )
    assert snapshot() == before


def test_a_name_that_v2_does_not_have_is_told_in_one_line(
    v2: V2, call_them: Callable[..., Names]
) -> None:
    call_them(Names({"FormSubmission": "tblSubmission"}, {"Field": {"Name": "Title"}}))

    with pytest.raises(SourceError) as refused:
        run(name="night")
    told = refused.value.message
    assert "v2 has no table FormSubmission (tblSubmission)" in told
    assert "v2's table Field has no column Name (Title)" in told
    assert "\n" not in told
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


@pytest.mark.usefixtures("v2")
@pytest.mark.parametrize("command_name", ["import_v2", "preflight_v2", "verify_v2"])
def test_a_mapping_file_that_cannot_be_used_is_one_line(
    command_name: str, settings: Settings, tmp_path: Path
) -> None:
    run(name="night", tables=["organizations"])
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text("[tables]\nForms = 'x'\n")

    with pytest.raises((CommandError, ConfigurationError), match=r"'Forms'.*allowed are Organ"):
        call_command(command_name)


def test_seed_v2_writes_v2_s_own_names_whatever_is_renamed(
    v2_path: Path, call_them: Callable[..., Names]
) -> None:
    names.use(every_name().tables, every_name().columns)
    call_them(every_name())
    assert command("seed_v2", "--submissions", "5")[0] == 0

    with connections["v2"].cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        found = {name for (name,) in cursor.fetchall()}
        assert found >= set(names.canonical())
        cursor.execute('SELECT count("Id") FROM "FormSubmission"')
        assert cursor.fetchall() == [(5,)]
    assert v2_path.exists()


@pytest.mark.usefixtures("v2_path")
@pytest.mark.parametrize("schema", ["archive", "Old Forms"])
def test_v2_schema_says_which_of_postgresql_s_schemas_is_read(
    tmp_path: Path, call_them: Callable[..., Names], schema: str
) -> None:
    v2 = rich_v2(tmp_path / "rich.sqlite3")
    other = make_v2(tmp_path / "other.sqlite3", organizations=[{"Name": "Not this one"}])
    with connections["default"].cursor() as cursor:
        copy_into_schema(other, COPY)
        copy_into_schema(v2, f'"{schema}"')
        try:
            cursor.execute(f'ALTER TABLE "{schema}"."FormSubmission" RENAME TO "tblSubmission"')
            call_them(Names({"FormSubmission": "tblSubmission"}))
            with use_v2(**in_schema(schema, tmp_path)):
                found = imported()
                assert verified()[1]["all"]["status"] == "OPEN"
            with use_v2(**in_schema(COPY, tmp_path)), pytest.raises(SourceError, match="tblSub"):
                run(name="other")
        finally:
            cursor.execute(f'DROP SCHEMA "{schema}" CASCADE')
            cursor.execute(f"DROP SCHEMA {COPY} CASCADE")

    assert len(found["submissions"]) > 10
    ((identity,),) = query("SELECT DISTINCT fingerprint->>'source' FROM migration_progress")
    assert identity.endswith((f"schema {schema}", f'schema "{schema}"'))


def in_schema(schema: str, base: Path) -> dict[str, Any]:
    """The settings of a v2 in a schema of the test's own PostgreSQL."""
    address = url_of(connections["default"].settings_dict)
    return legacy("V2_DATABASE_URL", address, base=base, schema=schema)[0]
