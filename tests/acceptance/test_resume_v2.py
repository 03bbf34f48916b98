"""import_v2 gone on with: refused where what decides about rows differs (§6), else undisturbed.

Each test begins a migration with ``--limit``, so that it stops among the submissions.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings as project
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from legacy_v2.seed.service import seed
from tests.acceptance.resuming import (
    Done,
    Import,
    begun,
    parts_named,
    refusal,
    undisturbed,
)
from tests.runs import (
    TABLES,
    documents,
    empty_v3,
    errors,
    query,
    rich_v2,
    row_versions,
    snapshot,
)
from tests.v2 import V2, guid, use_v2
from transfer import options
from transfer.fingerprint import LABELS
from transfer.management.commands import import_v2

pytestmark = pytest.mark.django_db(transaction=True)

ACME, OTHER = guid(1, 1), guid(1, 2)
MAPPING = f"""
[forms]
"Order" = "{OTHER}"
[field_types]
RadioButton = "select"
[statuses]
"Parked" = "draft"
"""


InSchema = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def start(capsys: pytest.CaptureFixture[str]) -> Import:
    """Run import_v2 as manage.py would."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        status: Any = 0
        try:
            import_v2.Command().run_from_argv(["manage.py", "import_v2", *arguments])
        except SystemExit as end:
            status = end.code
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def mapping(settings: Any, tmp_path: Path) -> Path:
    """The mapping file in use."""
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING)
    settings.V2_MAPPING = path
    return path


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)


class Change(NamedTuple):
    """A part that changes: options, or a setting, or words of the mapping file."""

    label: str
    was: tuple[str, ...] = ()
    is_: tuple[str, ...] = ()
    setting: tuple[str, str] = ("", "")
    words: tuple[str, str] = ("", "")
    rules: int = options.RULES_VERSION


CHANGES = [
    Change("--tables", is_=("--tables", "organizations", "users", "forms")),
    Change("--tables", was=("--tables", "organizations", "forms", "submissions")),
    Change("--organization", is_=("--organization", ACME)),
    Change("--organization", was=("--organization", ACME), is_=("--organization", OTHER)),
    Change("--default-organization", is_=("--default-organization", ACME)),
    Change("--default-organization", was=("--default-organization", OTHER)),
    Change("V2_MAPPING [forms]", words=(f'"Order" = "{OTHER}"', f'"Order" = "{ACME}"')),
    Change("V2_MAPPING [field_types]", words=('"select"', '"radio"')),
    Change("V2_MAPPING [statuses]", words=('"Parked" = "draft"', "")),
    # SQLite finds these names in any case, so that v2 itself need not change.
    Change("V2_MAPPING [tables]", words=("[forms]", '[tables]\nFormType = "formtype"\n[forms]')),
    Change("V2_MAPPING [columns]", words=("[forms]", '[columns.Field]\nName = "NAME"\n[forms]')),
    Change("V2_TIME_ZONE", setting=("V2_TIME_ZONE", "Europe/Berlin")),
    Change("V2_FORM_STATUS", setting=("V2_FORM_STATUS", "published")),
    Change("the rules of this program", rules=options.RULES_VERSION + 1),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: f"{c.label} {' '.join(c.was)}".strip())
def test_a_part_that_differs_is_refused_and_set_back_it_goes_on(
    change: Change,
    v2: V2,
    start: Import,
    mapping: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = undisturbed(start, *change.was)
    before = begun(start, *change.was)

    with monkeypatch.context() as other:
        name, value = change.setting
        if name:
            other.setattr(project, name, value)
        other.setattr(options, "RULES_VERSION", change.rules)
        mapping.write_text(MAPPING.replace(*change.words) if change.words[0] else MAPPING)
        said = refusal(start("--name", "night", *(change.is_ or ())))

    assert parts_named(said) == [change.label]
    assert row_versions() == before
    mapping.write_text(MAPPING)
    assert start("--name", "night", *change.was).status == 3
    assert snapshot() == whole


def test_every_part_has_its_test() -> None:
    tested = {change.label for change in CHANGES} | {LABELS["source"]}

    assert tested == set(LABELS.values())


def test_several_parts_that_differ_are_all_named_and_nothing_is_written(
    v2: V2, start: Import, mapping: Path, settings: Any
) -> None:
    before = begun(start)

    settings.V2_TIME_ZONE = "Europe/Berlin"
    mapping.write_text(f'[statuses]\nParked = "archived"\n[forms]\nOrder = "{OTHER}"')
    said = refusal(start("--default-organization", ACME, "--tables", "organizations"))

    assert parts_named(said) == [
        "--tables", "--default-organization", "V2_MAPPING [field_types]",
        "V2_MAPPING [statuses]", "V2_TIME_ZONE",
    ]  # fmt: skip
    assert "'parked' was draft, is archived" in said
    assert "V2_TIME_ZONE was UTC, is Europe/Berlin (set it to UTC)" in said
    assert row_versions() == before


def test_r3_a_finished_migration_is_not_started_again_under_other_settings(
    v2: V2, start: Import, settings: Any
) -> None:
    assert start("--name", "night").status == 3
    before = row_versions()

    settings.V2_FORM_STATUS = "published"
    said = refusal(start("--name", "night"))

    assert parts_named(said) == ["V2_FORM_STATUS"]
    assert row_versions() == before


# The source


def test_a_v2_file_moved_to_another_path_is_another_v2_until_it_lies_where_it_lay(
    v2: V2, start: Import, point_v2_at: Callable[[Path], Path], tmp_path: Path
) -> None:
    whole = undisturbed(start)
    before = begun(start)

    moved = tmp_path / "moved.sqlite3"
    shutil.move(v2.path, moved)
    point_v2_at(moved)
    said = refusal(start())

    assert parts_named(said) == ["the v2 database"]
    assert f"was SQLite file {v2.path}, is SQLite file {moved}" in said
    assert row_versions() == before
    shutil.move(moved, v2.path)
    point_v2_at(v2.path)
    assert start().status == 3
    assert snapshot() == whole


def test_a_copy_in_the_place_of_the_v2_file_is_the_same_v2(
    v2: V2, start: Import, tmp_path: Path
) -> None:
    """Contents are never compared: v2 is live, and this one was restored from a copy."""
    whole = undisturbed(start)
    begun(start)

    shutil.copy(v2.path, tmp_path / "copy.sqlite3")
    (tmp_path / "copy.sqlite3").replace(v2.path)

    assert start().status == 3
    assert snapshot() == whole


@pytest.fixture
def v2_in(transactional_db: None, django_db_blocker: DjangoDbBlocker) -> Iterator[InSchema]:
    """A context in which v2 is a schema beside v3, by the schema's name; two are there, seeded."""

    @contextmanager
    def within(schema: str) -> Iterator[None]:
        v3 = connection.settings_dict
        options = {**v3["OPTIONS"], "options": f"-c search_path={schema}"}
        with django_db_blocker.unblock(), use_v2(**{**v3, "OPTIONS": options}):
            yield

    names = ("copy_one", "copy_two")
    try:
        for name in names:
            query(f"CREATE SCHEMA {name}")
            with within(name):
                seed(connections["v2"], submissions=5, answers=2)
        yield within
    finally:
        for name in names:
            query(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def test_another_schema_of_the_same_server_and_database_is_another_v2(
    v2_in: InSchema, start: Import
) -> None:
    with v2_in("copy_one"):
        assert start("--name", "night", "--limit", "3").status == 0
    before = row_versions()

    with v2_in("copy_two"):
        said = refusal(start("--name", "night"))

    assert parts_named(said) == ["the v2 database"]
    assert "schema copy_one, is PostgreSQL database" in said
    assert ", schema copy_two (point V2_DATABASE_URL at the former" in said
    assert row_versions() == before
    with v2_in("copy_one"):
        assert start("--name", "night").status == 0
    assert query("SELECT count(*) FROM submissions") == [(5,)]


def test_what_differs_is_told_before_v2_is_looked_at(
    v2: V2, start: Import, mapping: Path, settings: Any, tmp_path: Path, point_v2_at: Any
) -> None:
    """Neither a missing file nor a form without organization hides that it is another run."""
    v2.execute("UPDATE FormType SET OrganizationId = NULL WHERE Name = 'Order'")
    begun(start)

    settings.V2_MAPPING = None
    assert "V2_MAPPING [forms]" in parts_named(refusal(start()))
    point_v2_at(tmp_path / "mistyped.sqlite3")
    assert "the v2 database" in parts_named(refusal(start()))


# What changes no row


def test_the_order_and_case_of_organizations_and_the_order_of_tables_do_not_matter(
    v2: V2, start: Import
) -> None:
    tables = ["organizations", "forms", "submissions"]
    chosen = ("--tables", *tables, "--organization", ACME, "--organization", OTHER)
    whole = undisturbed(start, *chosen)
    begun(start, *chosen)

    done = start(
        "--name", "night", "--tables", *reversed(tables),
        "--organization", OTHER.upper(), "--organization", f"{{{ACME}}}",
    )  # fmt: skip

    assert done.status == 3, done.err
    assert snapshot() == whole


def test_a_mapping_file_of_another_name_order_and_comment_is_the_same(
    v2: V2, start: Import, mapping: Path, settings: Any, tmp_path: Path
) -> None:
    whole = undisturbed(start)
    begun(start)

    settings.V2_MAPPING = tmp_path / "other.toml"
    settings.V2_MAPPING.write_text(
        f'# as before\n[statuses]\n"PARKED" = "draft"\n[forms]\n"Order" = "{OTHER.upper()}"\n'
        '[field_types]\nradiobutton = "select"\n'
    )
    mapping.unlink()

    assert start().status == 3
    assert snapshot() == whole


@pytest.mark.parametrize("size", ["1", "7", "50000"])
def test_another_batch_size_goes_on(v2: V2, start: Import, size: str) -> None:
    whole = undisturbed(start)
    begun(start)

    assert start("--batch-size", size).status == 3
    assert snapshot() == whole


def test_a_fingerprint_of_an_earlier_build_is_refused_as_such(v2: V2, start: Import) -> None:
    begun(start)
    query(
        "UPDATE migration_progress SET fingerprint ="
        " fingerprint - 'rules' || '{\"mapping\": \"0f0f\"}'::jsonb"
    )
    before = row_versions()

    said = refusal(start())

    assert "an earlier build of this program began it" in said
    assert row_versions() == before


# Another name


def test_another_name_in_an_empty_v3_starts_anew(v2: V2, start: Import, settings: Any) -> None:
    begun(start)
    settings.V2_FORM_STATUS = "published"
    refusal(start("--name", "night"))
    empty_v3()

    assert start("--name", "second night").status == 3

    assert {row["status"] for row in documents("forms")} == {"published"}
    names = query("SELECT DISTINCT migration_name FROM migration_progress")
    assert names == [("second night",)]


def test_m1_another_name_in_the_same_v3_begins_at_the_first_row_and_leaves_what_is_there(
    v2: V2, start: Import
) -> None:
    """Given a migration stopped half way: its rows stay its own, the rest is the new one's."""
    begun(start)
    first = {table: documents(table) for table in TABLES}
    there = row_versions()

    assert start("--name", "second night").status == 3

    for table in TABLES:
        assert set(there[table]) <= set(row_versions()[table])
        kept = {row["id"]: row for row in first[table]}
        now = {row["id"]: row for row in documents(table)}
        assert {key: now[key] for key in kept} == kept
        new = [now[key] for key in now.keys() - kept.keys()]
        assert {row["metadata"]["migration_batch"] for row in new} <= {"second night"}
        taken = {row["record_id"] for row in errors("id_taken") if row["table_name"] == table}
        assert taken == kept.keys()
    states = query(
        "SELECT migration_name, count(*) FROM migration_progress WHERE status = 'completed'"
        " GROUP BY 1 ORDER BY 1"
    )
    assert states == [("night", 3), ("second night", 4)]


def test_without_a_name_the_migration_that_may_not_go_on_is_still_the_one_that_is_meant(
    v2: V2, start: Import, settings: Any
) -> None:
    """A setting forgotten at the second start begins nothing new."""
    begun(start)
    settings.V2_TIME_ZONE = "Europe/Berlin"

    assert parts_named(refusal(start())) == ["V2_TIME_ZONE"]

    assert query("SELECT DISTINCT migration_name FROM migration_progress") == [("night",)]
