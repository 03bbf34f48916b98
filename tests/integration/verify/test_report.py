"""verify: the report, as text and as JSON."""

import pytest

from tests.integration.verify.scenario import (
    NAME,
    execute,
)
from tests.v2 import V2
from transfer.verify import verify
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
    assert "29 checks: 27 passed, 0 warning, 2 failed; 0 unresolved errors recorded" in text
    assert document["status"] == "FAILED"
    assert document["checks"][8] == {
        "name": "Answers",
        "source_count": 5,
        "target_count": 1,
        "difference": 4,
        "status": "FAILED",
        "note": "4 neither in v3 nor recorded as errors",
    }


def test_a_name_that_looks_like_markup_is_printed_as_it_is() -> None:
    report = VerifyReport("[red]night[/]\\", "v2", "v3", [Check("Users", Verdict.PASSED, 1, 1)])

    assert "Verification of [red]night[/]\\\n" in report.as_text()
    assert report.status is Verdict.PASSED


@pytest.mark.parametrize(
    ("in_v2", "in_v3", "failed", "verdict"),
    [
        (Split(0, 0), Split(0, 0), Split(), Verdict.PASSED),
        (Split(5, 0), Split(5, 0), Split(), Verdict.PASSED),
        (Split(5, 0), Split(4, 0), Split(1, 0), Verdict.WARNING),
        (Split(5, 0), Split(4, 0), Split(0, 1), Verdict.FAILED),
        (Split(5, 1), Split(4, 0), Split(0, 0), Verdict.FAILED),
        (Split(5, 0), Split(5, 0), Split(1, 0), Verdict.FAILED),
        (Split(5, 2), Split(5, 1), Split(0, 1), Verdict.WARNING),
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
