"""A run's report: figures, and text out of v2 that must stay only text."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from transfer.batch import TableState
from transfer.ledger import Ledger
from transfer.mapping.codes import Code, Severity
from transfer.mapping.findings import Finding
from transfer.progress import Migration
from transfer.report import MigrationReport

STARTED = datetime(2025, 1, 22, 20, 0, tzinfo=UTC)


def report(**changes: object) -> MigrationReport:
    submissions = TableState(
        "submissions",
        "completed",
        total=1234567,
        records=Ledger(1234567, 1234565, failed=Counter(form_unknown=2)),
        findings=Counter(form_unknown=2, number_missing=3, status_unknown=1),
        answers=Ledger(17, 10, 4, Counter(unmapped=1, choices=1), Counter(form_unknown=1)),
        completed_at=STARTED + timedelta(hours=1),
    )
    users = TableState(
        "users",
        "completed",
        total=3,
        records=Ledger(3, 2, failed=Counter(email_missing=1)),
        findings=Counter(email_missing=1),
    )
    made = MigrationReport("night", "finished", STARTED, [users, submissions], 12.3456)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_the_text_holds_every_figure_in_lines_of_a_terminal() -> None:
    text = report(notes=["To go on: import_v2 --name night"]).as_text()

    assert "Migration night: finished" in text
    assert "1,234,567" in text
    assert "1,234,565" in text
    assert (
        "Answers: 17 read = 10 migrated + 4 merged into lists"
        " + 2 set aside (1 choices, 1 unmapped) + 1 failed (1 form_unknown)"
    ) in " ".join(text.split())
    assert "form_unknown" in text
    assert "M18" in text
    assert text.splitlines()[-1] == "To go on: import_v2 --name night"
    assert max(map(len, text.splitlines())) <= 100


def test_the_json_holds_the_same_and_is_json() -> None:
    document = json.loads(json.dumps(report().as_json()))

    assert document["migration"] == "night"
    assert document["outcome"] == "finished"
    assert document["started_at"] == "2025-01-22T20:00:00+00:00"
    assert document["seconds"] == 12.346
    assert document["answers"] == {
        "read": 17, "migrated": 10, "merged": 4, "set_aside": {"choices": 1, "unmapped": 1},
        "failed": {"form_unknown": 1},
    }  # fmt: skip
    assert document["errors"] == {"email_missing": 1, "form_unknown": 2}
    assert document["warnings"] == {"number_missing": 3, "status_unknown": 1}
    assert document["tables"][1] == {
        "table": "submissions", "status": "completed", "total": 1234567, "processed": 1234565,
        "failed": 2, "error_message": None, "copied_bytes": 0, "records_per_second": None,
        "seconds_left": None,
        "records": {
            "read": 1234567, "migrated": 1234565, "merged": 0, "set_aside": {},
            "failed": {"form_unknown": 2},
        },
        "completed_at": "2025-01-22T21:00:00+00:00",
    }  # fmt: skip


def test_how_fast_a_run_is_is_told_only_while_it_runs() -> None:
    made = report()
    made.tables[1].total, made.tables[1].rate, made.tables[1].copied = 2_234_567, 1000.0, 5_000
    assert made.as_json()["tables"][1]["records_per_second"] is None

    made.outcome = "in_progress"

    told = made.as_json()["tables"][1]
    assert told["records_per_second"] == 1000.0
    assert told["seconds_left"] == 1_000
    assert told["copied_bytes"] == 5_000


def test_failed_counts_errors_and_no_warnings() -> None:
    assert report().failed == 3
    assert report().findings(Severity.WARNING) == {Code.NUMBER_MISSING: 3, Code.STATUS_UNKNOWN: 1}


def test_a_report_of_nothing_is_a_report() -> None:
    empty = MigrationReport("night", "pending", None, [])

    assert "Migration night: pending" in empty.as_text()
    assert empty.as_json()["started_at"] is None
    assert empty.failed == 0


@pytest.mark.parametrize(
    "hostile",
    [
        "[bold red]x[/bold red]",
        "[/]",
        r"\[/nonsense]",
        ":warning: :smile:",
        "[link=http://example.org]x[/link]",
    ],
)
def test_markup_out_of_v2_is_shown_as_it_is(hostile: str) -> None:
    finding = Finding(Code.FORM_UNKNOWN, "FormSubmission", hostile, f"why {hostile}")

    text = report(migration=hostile, samples=[finding], notes=[f"note {hostile}"]).as_text()

    cells = " ".join(text.replace("│", " ").split())
    assert f"Migration {hostile}: finished" in " ".join(text.split())
    assert f"note {hostile}" in text
    assert cells.replace(" ", "").count(hostile.replace(" ", "")) >= 3


@pytest.mark.parametrize("hostile", ["\x1b[2J\x1b]0;owned\x07", "\r\n\x08", "\x9b31m", "a\ud800b"])
def test_control_characters_out_of_v2_never_reach_the_terminal(hostile: str) -> None:
    finding = Finding(Code.FORM_UNKNOWN, "FormSubmission", hostile, f"why {hostile}")
    made = report(samples=[finding], notes=[f"note {hostile}"])

    text = made.as_text()

    assert all(character.isprintable() or character == "\n" for character in text)
    text.encode()
    assert "note " in text
    json.dumps(made.as_json()).encode()


@pytest.mark.parametrize(
    ("states", "status", "finished"),
    [
        (["completed", "completed"], "completed", True),
        (["completed", "pending"], "in_progress", False),
        (["completed", "failed"], "failed", False),
        (["rolled_back", "failed"], "rolled_back", False),
        (["pending", "pending"], "pending", False),
    ],
)
def test_a_migration_is_as_far_as_its_tables(
    states: list[str], status: str, *, finished: bool
) -> None:
    tables = {str(n): TableState(str(n), state) for n, state in enumerate(states)}
    migration = Migration("night", STARTED, {}, tables)

    assert migration.status == status
    assert migration.finished is finished
    assert migration.rolled_back is (status == "rolled_back")
