"""An older v2, whose ids are whole numbers, gives what a v2 with the UUIDs made from them would."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from legacy_v2.ids import uuid_of
from legacy_v2.seed import schema
from tests.acceptance.verifying import run as command
from tests.acceptance.verifying import verified
from tests.runs import TABLES, documents, empty_v3, errors, query, rich_v2, run, snapshot
from tests.v2 import V2
from transfer.exceptions import ConfigurationError

pytestmark = pytest.mark.django_db(transaction=True)

FOUND = (*TABLES, "migration_errors", "migration_assignments")
# Of the ids of v2 in their order: below nought, nought, and such as a float would not hold.
NUMBERS = [-(1 << 63), -7, 0, *range(1, 40), *range(1 << 53, (1 << 53) + 999), (1 << 63) - 1]


class Twin:
    """Two files of one v2: ids as numbers, and ids as the UUIDs made from these numbers."""

    def __init__(self, folder: Path) -> None:
        rich = rich_v2(folder / "rich.sqlite3")
        self.numbers, self.uuids = folder / "numbers.sqlite3", folder / "uuids.sqlite3"
        reading = sqlite3.connect(rich.path)
        rows = {name: reading.execute(f'SELECT * FROM "{name}"').fetchall() for name in _tables()}
        reading.close()
        ids = sorted({row[at] for name in rows for row in rows[name] for at in _ids(name)} - {None})
        self.number_of = dict(zip(ids, NUMBERS, strict=False))
        self._write(self.numbers, rows, self.number_of, "int")
        as_uuids = {one: uuid_of(number) for one, number in self.number_of.items()}
        self._write(self.uuids, rows, as_uuids, "char(36)")
        self.organizations = [self.number_of[row["Id"]] for row in rich.organizations]
        self.forms = [self.number_of[row["Id"]] for row in rich.forms]

    @staticmethod
    def _write(path: Path, rows: dict[str, Any], ids: dict[str, Any], kind: str) -> None:
        connection = sqlite3.connect(path)
        for statement in schema.create_tables("sqlite"):
            plain = statement.replace(" COLLATE NOCASE", "") if kind == "int" else statement
            connection.execute(plain.replace("char(36)", kind))
        connection.execute(schema.create_answer_index())
        for name, found in rows.items():
            for row in found:
                values = list(row)
                for at in _ids(name):
                    values[at] = ids.get(values[at])
                marks = ", ".join("?" * len(values))
                connection.execute(f'INSERT INTO "{name}" VALUES ({marks})', values)
        connection.commit()
        connection.close()


def _tables() -> list[str]:
    return list(schema.tables())


def _ids(table: str) -> list[int]:
    return [n for n, column in enumerate(schema.columns(table)) if column.endswith("Id")]


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    return Twin(tmp_path)


def imported(**options: Any) -> dict[str, list[str]]:
    empty_v3()
    run(name="night", batch_size=5, **options)
    return snapshot(*FOUND)


def test_m1_numbers_give_the_rows_and_errors_that_their_uuids_would(
    twin: Twin, point_v2_at: Callable[[Path], Path]
) -> None:
    point_v2_at(twin.uuids)
    as_uuids = imported()

    point_v2_at(twin.numbers)
    assert imported() == as_uuids

    assert len(errors()) > 5
    status, checks = verified()
    assert (status, checks["all"]["status"]) == (3, "OPEN")
    ids = {str(row["id"]) for row in documents("organizations")}
    assert ids == {uuid_of(number) for number in twin.organizations}


def test_an_organization_is_named_by_its_number(
    twin: Twin, point_v2_at: Callable[[Path], Path]
) -> None:
    point_v2_at(twin.numbers)
    chosen = twin.organizations[1]

    assert command("import_v2", "--organization", str(chosen))[0] in (0, 3)

    assert query("SELECT id::text FROM organizations") == [(uuid_of(chosen),)]
    ((name, parts),) = query(
        "SELECT migration_name, fingerprint->>'organizations' FROM migration_progress"
        " WHERE table_name = 'forms'"
    )
    assert name.endswith(f"_{chosen}")
    assert parts == f'["{uuid_of(chosen)}"]'
    with pytest.raises(ConfigurationError, match="--organization 4711: no such organization"):
        run(name="other", organizations=["4711"])


def test_m8_a_form_and_its_organization_are_numbers_in_the_mapping_file_too(
    twin: Twin, point_v2_at: Callable[[Path], Path], settings: Settings, tmp_path: Path
) -> None:
    v2 = V2(point_v2_at(twin.numbers))
    form, other = twin.forms[0], twin.forms[2]
    v2.execute("UPDATE FormType SET OrganizationId = NULL WHERE Id IN (?, ?)", (form, other))
    one, two = twin.organizations[:2]
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text("")
    with pytest.raises(ConfigurationError, match=rf"'Order' \({other}\)"):
        run(name="night")
    settings.V2_MAPPING.write_text(f'[forms]\n{form} = {two}\nOrder = "{one}"\n')

    run(name="night")

    owners = dict(query("SELECT id::text, organization_id::text FROM forms"))
    assert owners[uuid_of(form)] == uuid_of(two)
    assert owners[uuid_of(other)] == uuid_of(one)
    assert verified()[1]["all"]["status"] == "OPEN"
