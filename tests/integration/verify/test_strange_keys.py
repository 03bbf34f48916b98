"""verify: keys in data that are no field of the submission's form (M17).

Each has to be a field's of another form: by v3's definitions, or for a form that is not in v3 by
v2's own names; and no more of them than the run warned of.
"""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from forms_app.models import Form
from organizations.models import Organization
from submissions.models import Submission
from tests.integration.verify.scenario import MINE, NAME, check, execute, field, rewrite
from tests.v2 import V2, guid
from transfer import extract, verify_checks, verify_target
from transfer.mapping.text import clean
from transfer.verify import count_records as verify
from transfer.verify_report import Check, Verdict
from transfer.verify_source import _storable

pytestmark = pytest.mark.django_db

NOWHERE = guid(4, 0xDEAD)


def keys_of(v2: V2, *names: str, recorded: int = 1000) -> Check:
    """What is said of these keys in the third submission, whose form has one field, "name"."""
    data = json.dumps(dict.fromkeys(names))
    execute("UPDATE submissions SET data = %s WHERE id = %s", data, v2.submissions[2]["Id"])
    rewrite("submissions", "findings,answer_other_form", recorded)
    return check(verify(), "Answers under names their form lacks")


def accepts(v2: V2, names: Iterable[str]) -> list[str]:
    return [name for name in names if keys_of(v2, name).status is Verdict.WARNING]


def test_a_key_that_is_no_field_of_the_form_fails(migrated: V2) -> None:
    found = keys_of(migrated, "nmae", "naem", recorded=0)

    assert (found.status, found.target) == (Verdict.FAILED, 2)
    assert "2 keys in data, 0 explained by warnings" in found.note


@pytest.mark.parametrize(
    ("recorded", "status"), [(1, Verdict.FAILED), (2, Verdict.WARNING), (3, Verdict.WARNING)]
)
def test_m17_answers_to_another_forms_field_explain_their_keys(
    migrated: V2, recorded: int, status: Verdict
) -> None:
    form = Form.objects.get(id=migrated.forms[0]["Id"])
    form.definition["fields"].append(field("theirs"))
    form.save()

    found = keys_of(migrated, "colours", "theirs", recorded=recorded)

    assert (found.status, found.target) == (status, 2)


def test_m17_warnings_explain_no_garbage(migrated: V2) -> None:
    """A stranger that went to metadata.unmapped is warned of too, and has no key in data."""
    found = keys_of(migrated, "colours", "garbage \x1b[2J\n")

    assert (found.status, found.target) == (Verdict.FAILED, 2)
    assert found.note == ("1 names in data are no field's of any form: 'garbage \\x1b[2J\\n'")


def test_some_of_many_garbage_names_are_told(migrated: V2) -> None:
    found = keys_of(migrated, *(f"garbage {n}" for n in range(5)), "long " * 5000)

    told = "6 names in data are no field's of any form: 'garbage 0', 'garbage 1', 'garbage 2', …"
    assert found.note == told


def test_a_name_is_compared_to_its_end(migrated: V2) -> None:
    """However little of it is shown."""
    migrated.add("fields", {"FormTypeId": NOWHERE, "Name": "x" * 1000 + "y"})

    assert accepts(migrated, ["x" * 1000 + "y", "x" * 1000 + "z"]) == ["x" * 1000 + "y"]


@pytest.mark.parametrize("batch", [{}, {"migration_batch": "another"}])
def test_fields_of_other_forms_of_v3_explain_nothing(migrated: V2, batch: dict[str, str]) -> None:
    home = Organization.objects.create(slug="own", name="v3's own")
    Form.objects.create(
        organization=home,
        name="f",
        slug="f",
        definition={"title": "f", "fields": [field("theirs")]},
        metadata=batch,
    )

    assert keys_of(migrated, "theirs").status is Verdict.FAILED


def test_a_field_of_a_form_in_v3_is_called_what_v3_calls_it(migrated: V2) -> None:
    """Not what v2 has come to call it since."""
    migrated.add("fields", {"Name": "late"})

    assert keys_of(migrated, "late").status is Verdict.FAILED


@pytest.mark.parametrize("at_once", [1, 2, 10_000])
def test_m10_fields_of_a_form_that_failed_have_their_suffixes(
    migrated: V2, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "SCAN_SIZE", at_once)
    (form,) = migrated.add("forms", {})
    names = ("x", "x", "x", "x_3", "once")
    migrated.add("fields", *({"FormTypeId": form["Id"], "Name": name} for name in names))

    tried = ("x", "x_1", "x_2", "x_3", "x_4", "x_5", "x_3_2", "once", "once_2", "X")
    assert accepts(migrated, tried) == ["x", "x_2", "x_3", "x_4", "once"]


def test_m17_fields_without_a_form_keep_their_own_names(migrated: V2) -> None:
    migrated.add("fields", *({"FormTypeId": NOWHERE, "Name": "x"} for _ in range(2)))

    assert accepts(migrated, ("x", "x_2")) == ["x"]


def test_m4_names_are_cleaned(migrated: V2) -> None:
    (form,) = migrated.add("forms", {})
    odd = ("nul\x00", "half\ud800", "both\ud83d\ude00", b"bytes")
    migrated.add("fields", *({"FormTypeId": form["Id"], "Name": name} for name in odd))

    tried = ("nul\ufffd", "half\ufffd", "both\U0001f600", "", "None", "nul", "half")
    assert accepts(migrated, tried) == ["nul\ufffd", "half\ufffd", "both\U0001f600", ""]


@pytest.mark.parametrize("name", ["", "a", "\x00", "a\ud800", "\udc00\ud800", "\ud83d" + "\ude00"])
def test_m4_verifys_own_cleaning_is_the_mappings(name: str) -> None:
    assert _storable(name) == clean(name)


@pytest.mark.parametrize(("distinct", "status"), [(2, Verdict.WARNING), (3, Verdict.FAILED)])
def test_no_more_unknown_names_than_a_bound_are_looked_up(
    migrated: V2, monkeypatch: pytest.MonkeyPatch, distinct: int, status: Verdict
) -> None:
    for module in (verify_checks, verify_target):
        monkeypatch.setattr(module, "UNKNOWN_NAMES", 2)
    names = [f"n{number}" for number in range(distinct + 1)]
    migrated.add("fields", *({"FormTypeId": NOWHERE, "Name": name} for name in names))

    found = keys_of(migrated, *names[:distinct])

    assert found.status is status
    if status is Verdict.FAILED:
        assert "more than 2 names in data are no field's" in found.note


def test_a_name_that_many_submissions_have_counts_once_and_its_keys_each(migrated: V2) -> None:
    row: dict[str, Any] = {"organization_id": MINE, "form_id": migrated.forms[1]["Id"]}
    Submission.objects.bulk_create(
        Submission(**row, submission_number=f"n{n}", data=data, metadata={"migration_batch": NAME})
        for n, data in enumerate([{"bad": None}] * 3 + [{"bad": None, "worse": None}] * 2)
    )

    found = keys_of(migrated)

    assert found.target == 7
    assert found.note == "2 names in data are no field's of any form: 'bad', 'worse'"
