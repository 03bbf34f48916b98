"""The rules for migration files: names, numbers, one category each, and released ones stay.

``tests/migrations.sha256`` lists every migration file with its digest, under the version that
released it or under ``# unreleased``. What is unreleased may still change, and its line with it
(``sha256sum`` of the file, from the project's root). A release moves the lines below its version;
from then on a change of such a file is a mistake, and what it wanted goes into a new migration.
"""

import hashlib
import importlib
import re
from collections import defaultdict

import pytest
from django.db.migrations import operations

from tests.migration_files import APPS, ROOT, migration_files

FILES = migration_files()
LIST = ROOT / "tests" / "migrations.sha256"
SQL = (operations.RunSQL, operations.RunPython, operations.SeparateDatabaseAndState)
ALLOWED = {
    "schema": (
        *SQL,
        operations.CreateModel,
        operations.DeleteModel,
        operations.RenameModel,
        operations.AlterModelTable,
        operations.AlterModelOptions,
        operations.AddField,
        operations.AlterField,
        operations.RemoveField,
        operations.RenameField,
    ),
    "data": SQL,
    "index": (*SQL, operations.AddIndex, operations.RemoveIndex, operations.RenameIndex),
    "constraint": (*SQL, operations.AddConstraint, operations.RemoveConstraint),
}


def migration(path):
    return importlib.import_module(".".join(path.with_suffix("").parts)).Migration


def listed():
    """Return digest and version of each listed path."""
    version, entries = "", {}
    for line in LIST.read_text().splitlines():
        if line.startswith("# "):
            version = line.removeprefix("# ")
        elif line:
            digest, path = line.split("  ")
            assert path not in entries, f"{path} is listed twice"
            entries[path] = (digest, version)
    return entries


def test_every_app_that_owns_tables_has_migrations():
    assert {path.parts[0] for path in FILES} == set(APPS)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_is_named_by_its_number_and_what_it_does(path):
    assert re.fullmatch(r"\d{4}_[a-z][a-z0-9]*(_[a-z0-9]+)*", path.stem)
    assert not re.search(r"_(initial|auto|custom|alter|remove)(_|$)", path.stem), "a bare habit"


@pytest.mark.parametrize("app", APPS)
def test_numbers_begin_at_one_and_have_no_gap(app):
    numbers = [int(path.stem[:4]) for path in FILES if path.parts[0] == app]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_holds_one_category_and_names_it(path):
    found = migration(path)
    allowed = ALLOWED[found.category]
    wrong = [o for o in found.operations if not isinstance(o, allowed)]
    assert not wrong, f"{found.category} migrations hold no {wrong}"
    for operation in found.operations:
        if isinstance(operation, operations.CreateModel):
            assert not {"indexes", "constraints"} & set(operation.options)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_an_operation_can_be_taken_back(path):
    assert all(operation.reversible for operation in migration(path).operations)


def test_every_file_is_listed_and_every_listed_file_is_there():
    assert set(listed()) == {str(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_is_what_the_list_says_and_so_a_released_one_never_changes(path):
    digest, version = listed()[str(path)]
    actual = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
    assert actual == digest, (
        f"update its line in {LIST.name}"
        if version == "unreleased"
        else f"released with {version}: write a new migration instead"
    )


def test_the_versions_of_the_list_are_known():
    by_version = defaultdict(list)
    for path, (_, version) in listed().items():
        by_version[version].append(path)
    assert all(re.fullmatch(r"unreleased|\d+\.\d+\.\d+", version) for version in by_version)
