"""verify: what a run remarked, as counted and as stored: accepted differences and errors."""

from typing import Any

import pytest

from tests.integration.verify.scenario import (
    NAME,
    check,
    execute,
    not_passed,
    record_error,
    rewrite,
)
from tests.v2 import V2
from transfer.accepted import ACCEPTED
from transfer.mapping.codes import CODES
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict

pytestmark = pytest.mark.django_db


def warn(code: str, times: int, **fields: Any) -> None:
    """Store a warning about that many forms."""
    for number in range(times):
        record_error("FormType", f"f{number}", severity="warning", code=code, **fields)


@pytest.mark.parametrize("code", [name for name in ACCEPTED if name in CODES])
def test_every_warning_of_the_mapping_is_accepted_with_its_count(migrated: V2, code: str) -> None:
    rewrite("forms", "findings", {code: 2})
    warn(code, 2)

    report = verify()

    assert not_passed(report) == {"Findings of forms": "WARNING"}
    assert [(each.name, each.of, each.count) for each in report.accepted] == [(code, "forms", 2)]
    assert report.clean


@pytest.mark.parametrize(
    ("counted", "stored", "status"),
    [
        (0, 0, "PASSED"),
        (2, 2, "WARNING"),
        (3, 3, "WARNING"),  # the bound
        (4, 3, "WARNING"),
        (900, 3, "WARNING"),
        (4, 4, "WARNING"),  # the bound was higher when some of them were stored
        (2, 1, "FAILED"),
        (3, 2, "FAILED"),
        (4, 2, "FAILED"),
        (2, 3, "FAILED"),
        (0, 1, "FAILED"),
    ],
)
def test_r1_warnings_are_stored_as_counted_up_to_the_bound(
    migrated: V2, settings: Any, counted: int, stored: int, status: str
) -> None:
    settings.V2_MAX_STORED_WARNINGS = 3
    rewrite("forms", "findings", {"field_renamed": counted})
    warn("field_renamed", stored)

    found = check(verify(), "Findings of forms")

    assert found.status.value == status
    if status == "FAILED":
        assert f"field_renamed: {counted} counted, and {stored} warnings stored" in found.note


def test_warnings_of_another_table_migration_or_time_are_not_the_runs(migrated: V2) -> None:
    rewrite("forms", "findings", {"field_renamed": 1})
    warn("field_renamed", 1)
    record_error("Organization", "o", severity="warning", code="text_cleaned")
    warn("field_renamed", 3, resolved_at="2025-01-23T00:00:00Z", occurrence=2)
    execute(
        "INSERT INTO migration_errors (migration_name, table_name, v2_table, severity, code)"
        " VALUES ('another', 'forms', 'Field', 'warning', 'field_renamed')"
    )

    assert not_passed(verify(NAME)) == {
        "Findings of forms": "WARNING",
        "Findings of organizations": "FAILED",
    }


def test_a_code_that_nobody_knows_fails_and_stops_nothing(migrated: V2) -> None:
    rewrite("forms", "findings", {"field_recoloured": 2, "field_renamed": 1})
    warn("field_renamed", 1)

    report = verify()

    found = check(report, "Findings of forms")
    assert found.status is Verdict.FAILED
    assert found.note == (
        "field_recoloured: 2 of a code that is no error and not on the list of accepted "
        "differences; 1 field_renamed (M10)"
    )
    assert [each.name for each in report.accepted] == ["field_renamed"]


def test_a_stored_warning_that_nobody_knows_fails(migrated: V2) -> None:
    warn("field_recoloured", 1)

    assert "field_recoloured: 1 of a code" in check(verify(), "Findings of forms").note


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name not in CODES])
def test_what_verify_itself_accepts_is_no_finding_of_a_run(migrated: V2, name: str) -> None:
    rewrite("forms", "findings", {name: 1})
    warn(name, 1)

    assert check(verify(), "Findings of forms").status is Verdict.FAILED


@pytest.mark.parametrize(
    ("severity", "code", "said"),
    [
        ("warning", "form_unknown", "form_unknown: 1 stored as warnings, and it is an error"),
        ("error", "field_renamed", "field_renamed: 1 stored as errors, and it is a warning"),
    ],
)
def test_an_error_cannot_pass_as_a_warning_nor_a_warning_as_an_error(
    migrated: V2, severity: str, code: str, said: str
) -> None:
    record_error("FormType", "f1", severity=severity, code=code)

    found = check(verify(), "Findings of forms")

    assert found.status is Verdict.FAILED
    assert said in found.note


@pytest.mark.parametrize("broken", [None, [], "text", {"field_renamed": "1"}, {"a": -1}], ids=str)
def test_findings_of_another_shape_fail_and_stop_nothing(migrated: V2, broken: object) -> None:
    rewrite("forms", "findings", broken)

    report = verify()

    assert not_passed(report) == {"Findings of forms": "FAILED"}
    assert "the ledger cannot be read" in check(report, "Findings of forms").note
