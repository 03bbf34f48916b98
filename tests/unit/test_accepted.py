"""The accepted differences: one list, and no other way past a check."""

import dataclasses
from pathlib import Path

import pytest

from transfer.accepted import ACCEPTED, Difference
from transfer.mapping.codes import CODES, Severity
from transfer.verify_report import Check

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


def test_every_warning_of_the_mapping_is_on_the_list_and_no_error_is() -> None:
    warnings = {code for code, info in CODES.items() if info.severity is Severity.WARNING}
    errors = {code for code, info in CODES.items() if info.severity is Severity.ERROR}

    assert warnings <= set(ACCEPTED)
    assert not errors & set(ACCEPTED)


def test_every_entry_has_its_rule_what_it_means_and_why_it_is_accepted() -> None:
    for name, entry in ACCEPTED.items():
        assert entry.name == name
        assert entry.rule[0] in "MR"
        assert len(entry.meaning) > 10
        assert len(entry.reason) > 20


@pytest.mark.parametrize("name", ["", "no_such_entry", "form_unknown", "TEXT_CLEANED"])
def test_what_is_not_on_the_list_cannot_be_accepted(name: str) -> None:
    with pytest.raises(ValueError, match="not on the list"):
        Difference(name, "forms", 1)


@pytest.mark.parametrize("count", [0, -1])
def test_what_was_not_found_explains_nothing(count: int) -> None:
    with pytest.raises(ValueError, match="was not found"):
        Difference("text_cleaned", "forms", count)


def test_a_check_cannot_be_given_a_verdict() -> None:
    """So it is a WARNING only where it names an entry of the list, and how often."""
    assert [field.name for field in dataclasses.fields(Check)] == [
        "name",
        "target",
        "source",
        "faults",
        "open_errors",
        "accepted",
    ]


def test_the_runbook_lists_the_entries_that_are_no_warnings_of_the_mapping() -> None:
    section = RUNBOOK.read_text(encoding="utf-8").split("### Accepted differences\n")[1]
    section = section.split("\n## ")[0].split("\n### ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]

    assert rows == [
        [f"`{entry.name}`", entry.rule, entry.meaning, entry.reason]
        for entry in ACCEPTED.values()
        if entry.name not in CODES
    ]
