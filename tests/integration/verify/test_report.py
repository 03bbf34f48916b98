"""verify: the report, as text and as JSON."""

from typing import Any

import pytest

from tests.integration.verify.scenario import (
    LATER,
    NAME,
    execute,
    record_error,
    rewrite,
)
from tests.v2 import V2
from transfer.accepted import ACCEPTED, Difference
from transfer.verify import count_records as verify
from transfer.verify_report import Check, Verdict, VerifyReport, count_check
from transfer.verify_source import Split

pytestmark = pytest.mark.django_db


def test_the_report_as_text_and_as_json(migrated: V2) -> None:
    execute("UPDATE submissions SET data = '{}'")
    report = verify()

    text = report.as_text()
    document = report.as_json()

    assert f"Verification of {NAME}" in text
    assert "FAILED Answers: 4 neither in v3 nor recorded as errors" in text
    summary = "33 checks: 31 passed, 0 warning, 0 open, 2 failed; 0 unresolved errors recorded"
    assert text.endswith(summary)
    assert "Accepted differences" not in text
    assert document["status"] == "FAILED"
    assert document["accepted_differences"] == []
    assert next(entry for entry in document["checks"] if entry["name"] == "Answers") == {
        "name": "Answers",
        "source_count": 5,
        "target_count": 1,
        "difference": 4,
        "status": "FAILED",
        "note": "4 neither in v3 nor recorded as errors",
        "open_errors": 0,
        "accepted": {},
    }


def test_the_report_lists_the_accepted_differences_apart(migrated: V2) -> None:
    rewrite("forms", "findings", {"field_type_unknown": 2})
    for number in (1, 2):
        record_error("FormType", f"f{number}", severity="warning", code="field_type_unknown")
    migrated.add("submissions", {"CreatedOn": LATER})

    report = verify()

    assert report.clean
    assert report.as_json()["accepted_differences"] == [
        {
            "name": name,
            "rule": ACCEPTED[name].rule,
            "of": of,
            "count": count,
            "meaning": ACCEPTED[name].meaning,
            "reason": ACCEPTED[name].reason,
        }
        for name, of, count in (
            ("field_type_unknown", "forms", 2),
            ("made_in_v2_since", "submissions", 1),
        )
    ]
    text = " ".join(report.as_text().split("Accepted differences")[1].split())
    assert "│ field_type_unknown │ M9 │ forms │ 2 │" in text
    assert "│ made_in_v2_since │ R1 │ submissions │ 1 │" in text
    assert ACCEPTED["made_in_v2_since"].reason[:30] in text
    assert "WARNING Findings of forms: 2 field_type_unknown (M9)" in text


def test_rows_that_two_checks_accept_are_listed_once_with_the_greater_count() -> None:
    checks = [
        Check(name, 0, accepted=(Difference("answer_other_form", "submissions", count),))
        for name, count in (("a", 2), ("b", 3), ("c", 1))
    ]

    (found,) = VerifyReport("night", "v2", "v3", checks).accepted

    assert found.count == 3


@pytest.mark.parametrize(
    ("found", "status", "clean"),
    [
        ({}, Verdict.PASSED, True),
        ({"accepted": (Difference("text_cleaned", "forms", 1),)}, Verdict.WARNING, True),
        ({"open_errors": 1}, Verdict.OPEN, False),
        (
            {"open_errors": 1, "accepted": (Difference("text_cleaned", "forms", 1),)},
            Verdict.OPEN,
            False,
        ),
        (
            {"faults": ("lost",), "accepted": (Difference("text_cleaned", "forms", 1),)},
            Verdict.FAILED,
            False,
        ),
    ],
)
def test_a_verdict_follows_from_what_was_found(
    found: dict[str, Any], status: Verdict, clean: bool
) -> None:
    report = VerifyReport("night", "v2", "v3", [Check("a", 0), Check("b", 1, **found)])

    assert (report.checks[1].status, report.status, report.clean) == (status, status, clean)


def test_an_open_error_is_never_clean_even_where_no_check_counts_it() -> None:
    assert not VerifyReport("night", "v2", "v3", [Check("a", 0)], errors=1).clean


def test_a_name_that_looks_like_markup_is_printed_as_it_is() -> None:
    report = VerifyReport("[red]night[/]\\", "v2", "v3", [Check("Users", 1, 1)])

    assert "Verification of [red]night[/]\\\n" in report.as_text()
    assert report.status is Verdict.PASSED


@pytest.mark.parametrize(
    ("in_v2", "in_v3", "failed", "verdict"),
    [
        (Split(0, 0), Split(0, 0), Split(), Verdict.PASSED),
        (Split(5, 0), Split(5, 0), Split(), Verdict.PASSED),
        (Split(5, 0), Split(4, 0), Split(1, 0), Verdict.OPEN),
        (Split(5, 0), Split(4, 0), Split(0, 1), Verdict.FAILED),
        (Split(5, 1), Split(4, 0), Split(0, 0), Verdict.FAILED),
        (Split(5, 0), Split(5, 0), Split(1, 0), Verdict.FAILED),
        (Split(5, 2), Split(5, 1), Split(0, 0), Verdict.WARNING),
        (Split(5, 2), Split(5, 1), Split(0, 1), Verdict.OPEN),
        (Split(5, 2), Split(5, 2), Split(0, 1), Verdict.FAILED),
        (Split(4, 0), Split(5, 0), Split(), Verdict.FAILED),
    ],
)
def test_r1_counts_balance_exactly_or_fail(
    in_v2: Split, in_v3: Split, failed: Split, verdict: Verdict
) -> None:
    assert count_check("Rows", in_v2, in_v3, failed).status is verdict


def test_a_report_that_checked_nothing_is_failed_and_not_clean() -> None:
    report = VerifyReport("night", "v2", "v3")

    assert report.status is Verdict.FAILED
    assert not report.clean
