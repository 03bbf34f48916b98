"""A mistake in the mapping's code is found: the proof does not make it again."""

import ast
import shutil
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings

import transfer.proof
from tests.integration.proof.mutations_of_rules import BREAKS, Break
from tests.integration.proof.mutations_v2 import NAME, OLDEST, WOLF, proven_v2
from tests.runs import errors, query, run
from tests.v2 import V2
from transfer import work
from transfer.mapping.context import parse_mapping_file
from transfer.mapping.plain import PlainSubmissions
from transfer.verify import VerifyOptions, verify
from transfer.verify_report import Verdict, VerifyReport

pytestmark = pytest.mark.django_db(transaction=True)

MAPPING = f"""
[forms]
"Of nobody" = "{WOLF}"
"""
TWICE, NEVER = "2024-11-03 01:30:00", "2024-03-10 02:30:00"  # in New York


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> V2:
    """The mutations' v2, and what only other settings tell apart."""
    v2 = proven_v2(tmp_path_factory.mktemp("broken") / "v2.sqlite3")
    v2.add(
        "forms",
        {"Name": "Of nobody", "OrganizationId": None},
        {"Name": "Of nobody else", "OrganizationId": None},
    )
    v2.add("users", {"LastName": "a\0b"})
    v2.add("submissions", {"CreatedOn": TWICE, "LookupCode": "twice"}, {"CreatedOn": NEVER})
    return v2


@pytest.fixture
def v2(rows: V2, v2_path: Path, tmp_path: Path, settings: LazySettings) -> V2:
    """A copy of it, and its mapping file."""
    shutil.copy(rows.path, v2_path)
    file = tmp_path / "mapping.toml"
    file.write_text(MAPPING)
    settings.V2_MAPPING = str(file)
    return replace(rows, path=v2_path)


def moved() -> None:
    report = run(
        name=NAME,
        time_zone=ZoneInfo("America/New_York"),
        mapping=parse_mapping_file(MAPPING),
        default_organization=OLDEST,
    )
    assert report.outcome == "finished"
    assert all(row["severity"] == "warning" for row in errors())


def verified() -> VerifyReport:
    return verify(VerifyOptions(name=NAME))


def failing(report: VerifyReport) -> set[str]:
    return {check.name for check in report.checks if check.status is Verdict.FAILED}


def test_with_the_rules_as_they_are_nothing_differs(v2: V2) -> None:
    moved()

    assert verified().clean


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)
def test_a_broken_rule_is_found_by_the_values(
    v2: V2, monkeypatch: pytest.MonkeyPatch, broken: Break
) -> None:
    with monkeypatch.context() as mistaken:
        # The short cut for plain submissions is none that takes these rules along.
        for name in ("outcome", "answers"):
            mistaken.setattr(PlainSubmissions, name, lambda *_: None)
        broken.patch(mistaken)
        moved()

    report = verified()

    assert not report.clean
    failed = failing(report)
    wanted = {f"Values of {table}" for table, _ in broken.places}
    assert failed >= wanted
    assert {name for name in failed if not name.startswith("Values of")} == broken.also
    found = {
        (table, column)
        for table, column in query("SELECT table_name, column_name FROM migration_differences")
    }
    for table, column in broken.places:
        assert any(
            table == own and (place == column or place.startswith(f"{column}["))
            for own, place in found
        ), (table, column, found)


def test_the_proof_calls_nothing_of_the_mapping() -> None:
    """What it takes of transfer.mapping is no rule: V2_MAPPING's file, and the codes of errors."""
    taken = {
        (node.module, alias.name)
        for file in Path(transfer.proof.__path__[0]).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("transfer.mapping")
        for alias in node.names
    }
    assert taken == {
        ("transfer.mapping.context", "MappingFile"),
        ("transfer.mapping.codes", "Code"),
    }


def test_m6_a_second_user_of_an_email_is_found(v2: V2, monkeypatch: pytest.MonkeyPatch) -> None:
    (second,) = v2.add("users", {"Email": "ANN@example.org"})
    with monkeypatch.context() as mistaken:
        mistaken.setattr(work, "email_key", str)
        moved()

    report = verified()

    assert failing(report) == {"Values of users"}
    assert second["Id"] in report.as_text()
