"""verify: the tables and organizations that were selected, and no others."""

from pathlib import Path
from typing import Any

import pytest

from submissions.models import Submission
from tests.integration.verify.scenario import (
    MINE,
    OTHER,
    check,
    not_passed,
    record_run,
    selection,
)
from tests.v2 import V2, make_v2
from transfer import verify_source
from transfer.exceptions import ConfigurationError
from transfer.verify import count_records as verify

pytestmark = pytest.mark.django_db


def test_selected_organizations_are_compared_with_what_belongs_to_them(selected: V2) -> None:
    report = verify()

    assert not_passed(report) == {}
    counts = ("Organizations", "Users", "Forms", "Submissions", "Answers")
    assert [check(report, name).source for name in counts] == [1, 1, 1, 2, 4]


def test_a_lost_row_of_a_selected_organization_fails(selected: V2) -> None:
    Submission.objects.filter(id=selected.submissions[0]["Id"]).delete()

    assert not_passed(verify()) == {
        "Run of submissions": "FAILED",
        "Submissions": "FAILED",
        "Answers": "FAILED",
        "Run of answers": "FAILED",
        "Submissions under other ids": "FAILED",
    }


def test_m8_a_submissions_own_organization_decides_whether_it_is_compared(selected: V2) -> None:
    mine, other = selected.forms[0]["Id"], selected.forms[1]["Id"]
    selected.add(
        "submissions",
        {"OrganizationId": MINE, "FormTypeId": other},
        {"OrganizationId": OTHER, "FormTypeId": mine},
    )

    report = verify()

    assert check(report, "Submissions").source == 3
    assert not_passed(report) == {
        "Submissions": "FAILED",
        "Submissions under other ids": "FAILED",
    }


def test_selected_forms_are_asked_for_in_bounded_statements(
    selected: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_source, "FORMS_AT_ONCE", 1)
    selected.add("forms", {}, {})

    assert check(verify(), "Forms").source == 3
    assert check(verify(), "Submissions").source == 2


@pytest.mark.parametrize("omit", ["FormSubmission.OrganizationId", "FormType.OrganizationId"])
def test_m8_selection_works_without_assumed_columns(
    v2_path: Path, omit: str, settings: Any, tmp_path: Path
) -> None:
    """What the form's row does not tell, the mapping file does, or the default organization."""
    mapping = f'[forms]\nForm2 = "{OTHER}"\n'
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text(mapping)
    v2 = make_v2(
        v2_path,
        omit=[omit],
        organizations=[{"Id": MINE}, {"Id": OTHER}],
        forms=[{}, {"OrganizationId": OTHER}],
        submissions=[{}],
    )
    v2.add("submissions", {"FormTypeId": v2.forms[1]["Id"]})
    record_run(**selection(mapping, default=MINE))

    report = verify()

    assert [check(report, name).source for name in ("Forms", "Submissions")] == [1, 1]


def test_m8_a_changed_mapping_file_is_refused_where_it_decides_what_is_compared(
    selected: V2, settings: Any, tmp_path: Path
) -> None:
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text(f'[forms]\nForm1 = "{OTHER}"\n')

    with pytest.raises(ConfigurationError, match=r"V2_MAPPING \[forms\]: .*put the file back"):
        verify()
