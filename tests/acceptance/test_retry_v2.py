"""retry_v2 as a user runs it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.runs import TABLES, empty_v3, errors, query, rich_v2, run, snapshot
from tests.v2 import V2, guid, make_v2
from transfer.management.commands import retry_v2
from transfer.target import LOCK_KEY

NOWHERE = guid(4, 77)  # the form that rich_v2's submissions name and v2 lacks
EVERY = "SELECT Id FROM FormSubmission"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Return a v2 of which two users have failed, imported as ``night``."""
    v2 = make_v2(v2_path, organizations=[{}], users=[{"Email": None}, {"Email": ""}, {}])
    run(name="night")
    return v2


def call(*arguments: str) -> int:
    """Run the command in this process and return its exit status."""
    try:
        call_command("retry_v2", *arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def repair(v2: V2, *users: int) -> None:
    for number in users:
        new = (f"new{number}@example.org", guid(2, number))
        v2.execute("UPDATE User SET Email = ? WHERE Id = ?", new)


def test_what_is_repaired_is_closed_and_the_exit_status_tells_what_is_left(
    v2: V2, capsys: pytest.CaptureFixture[str]
) -> None:
    repair(v2, 1)
    assert call() == 3
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Tried again" in said
    assert "email_missing 2 1 0 1" in said
    assert "users completed 3 3 2 1" in said

    repair(v2, 2)
    assert call("--name", "night") == 0
    said = capsys.readouterr().out
    assert "Errors" not in said

    assert call() == 0
    assert "No open error to try." in capsys.readouterr().out


def test_json_is_one_document(v2: V2, capsys: pytest.CaptureFixture[str]) -> None:
    repair(v2, 1)

    assert call("--json", "--code", "email_missing", "--table", "users") == 3

    document = json.loads(capsys.readouterr().out)
    assert {key: document[key] for key in ("tried", "closed", "gone", "still")} == {
        "tried": 2, "closed": 1, "gone": 0, "still": 1,
    }  # fmt: skip
    assert document["codes"] == {"email_missing": {"tried": 2, "closed": 1, "gone": 0}}
    assert document["migration"]["tables"][1]["records"]["failed"] == {"email_missing": 1}


def test_one_record_by_its_id_in_either_case(v2: V2) -> None:
    repair(v2, 1, 2)

    assert call("--id", guid(2, 2).upper()) == 3

    assert [e["record_id"] for e in errors() if e["resolved_at"] is None] == [guid(2, 1)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--code", "text_cleaned"], "invalid choice: 'text_cleaned'"),
        (["--code", "nonsense"], "invalid choice: 'nonsense'"),
        (["--table", "events"], "invalid choice: 'events'"),
        (["--name", ""], "takes 1 to 255 printable characters"),
    ],
)
def test_wrong_usage_exits_2_with_the_reason(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        retry_v2.Command().run_from_argv(["manage.py", "retry_v2", *arguments])

    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--id", "nobody"], "'night' has no such open error of nobody"),
        (["--name", "day"], "no migration is named 'day'; v3 knows: night"),
    ],
)
def test_what_cannot_be_meant_exits_1(v2: V2, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as refusal:
        call(*arguments)

    assert refusal.value.returncode == 1


def test_r6_no_retry_beside_an_importer(v2: V2) -> None:
    query("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
    try:
        with pytest.raises(CommandError, match="another importer is at work"):
            call()
    finally:
        query("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])


def test_every_fault_repaired_in_v2_ends_as_a_fresh_import_of_it(v2_path: Path) -> None:
    """A faulty v2, imported; every error repaired; retried; against one that was never faulty."""
    v2 = rich_v2(v2_path)
    run(name="night", batch_size=3)
    statements: list[tuple[str, tuple[Any, ...]]] = [
        # Those that failed: a change to another without LastUpdatedOn is one verify_v2 must name.
        ("UPDATE User SET Email = Id || '@x.org' WHERE Id IN (?, ?)", (guid(2, 1), guid(2, 4))),
        ("UPDATE User SET OrganizationId = ? WHERE Id = ?", (guid(1, 1), guid(2, 5))),
        ("UPDATE FormType SET DisplayName = 'Survey' WHERE length(DisplayName) > 255", ()),
        ("UPDATE FormSubmission SET FormTypeId = ? WHERE FormTypeId = ?", (guid(4, 1), NOWHERE)),
        (f"DELETE FROM FormSubmissionMetaData WHERE FormSubmissionId NOT IN ({EVERY})", ()),
    ]  # fmt: skip
    for statement, parameters in statements:
        v2.execute(statement, parameters)

    assert call() == 0

    retried = {table: snapshot(table) for table in TABLES}
    assert call_command("verify_v2", "--name", "night") is None
    empty_v3()
    run(name="night")
    assert {table: snapshot(table) for table in retried} == retried
