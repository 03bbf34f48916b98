"""verify: references and structure.

A foreign key keeps orphans out, unless it was off for a while.
"""

import pytest

from forms_app.models import Form
from submissions.models import Submission
from tests.integration.verify.scenario import NAME, check, execute
from tests.v2 import V2
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("table", "key", "name"),
    [
        ("users", "organization_id", "Users without organization"),
        ("forms", "organization_id", "Forms without organization"),
        ("submissions", "organization_id", "Submissions without organization"),
        ("submissions", "form_id", "Submissions without form"),
    ],
)
def test_an_orphan_fails(migrated: V2, table: str, key: str, name: str) -> None:
    execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{key}_fkey")
    execute(
        f"UPDATE {table} SET {key} = gen_random_uuid()"
        f" WHERE id = (SELECT min(id::text)::uuid FROM {table})"
    )

    found = check(verify(), name)

    assert (found.status, found.target) == (Verdict.FAILED, 1)


@pytest.mark.parametrize(
    "definition",
    ["{}", '{"title": "a"}', '{"fields": []}', '{"title": "a", "fields": {}}', "[]", '"text"'],
)
def test_a_form_without_title_and_fields_fails(migrated: V2, definition: str) -> None:
    form = migrated.forms[1]["Id"]
    execute("UPDATE forms SET definition = %s WHERE id = %s", definition, form)

    found = check(verify(), "Forms without title and fields")

    assert (found.status, found.target) == (Verdict.FAILED, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("data", "[]"),
        ("data", "null"),
        ("data", '"text"'),
        ("metadata", '{"migration_batch": "rehearsal", "unmapped": []}'),
        ("metadata", '{"migration_batch": "rehearsal", "unmapped": {"a": [], "b": "text"}}'),
        ("metadata", '{"migration_batch": "rehearsal", "choices": []}'),
        ("metadata", '{"migration_batch": "rehearsal", "choices": {"a": [], "b": "text"}}'),
        ("metadata", '{"migration_batch": "rehearsal", "choices": {"a": ["b", 1]}}'),
        ("metadata", '{"migration_batch": "rehearsal", "choices": {"a": [{}]}}'),
    ],
)
def test_a_submission_of_another_shape_fails(migrated: V2, column: str, value: str) -> None:
    third = migrated.submissions[2]["Id"]
    execute(f"UPDATE submissions SET {column} = %s WHERE id = %s", value, third)

    found = check(verify(), "Submissions with malformed data")

    assert (found.status, found.target) == (Verdict.FAILED, 1)


def test_m15_a_choice_without_a_name_beside_a_text_is_no_fault(migrated: V2) -> None:
    third = migrated.submissions[2]["Id"]
    metadata = '{"migration_batch": "rehearsal", "choices": {"name": [null]}}'
    execute("UPDATE submissions SET metadata = %s WHERE id = %s", metadata, third)

    report = verify()

    assert check(report, "Submissions with malformed data").status is Verdict.PASSED
    assert check(report, "Run of answers").status is Verdict.PASSED


GOOD = {"id": "f", "name": "name", "type": "text", "settings": {}, "choices": []}


@pytest.mark.parametrize(
    "field",
    [
        *(GOOD | {key: odd} for key in ("id", "name", "type") for odd in (None, 1, [], {})),
        *(GOOD | {"settings": odd} for odd in (None, "text", [])),
        *(GOOD | {"choices": odd} for odd in (None, "text", {})),
        *({k: v for k, v in GOOD.items() if k != key} for key in GOOD),
        "name",
        None,
        [GOOD],
    ],
    ids=str,
)
def test_m9_a_field_without_one_of_its_parts_fails(migrated: V2, field: object) -> None:
    form = Form.objects.get(id=migrated.forms[1]["Id"])
    form.definition["fields"].append(field)
    form.save()

    assert check(verify(), "Forms without title and fields").target == 1


@pytest.mark.parametrize("title", [1, None, {"text": "Form"}, ["Form"], True])
def test_m7_a_title_that_is_no_text_fails(migrated: V2, title: object) -> None:
    form = Form.objects.get(id=migrated.forms[1]["Id"])
    form.definition["title"] = title
    form.save()

    assert check(verify(), "Forms without title and fields").target == 1


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ("text", 0),
        (None, 0),
        ([], 0),
        (["a", None], 0),
        (1, 1),
        (True, 1),
        ({"text": "a"}, 1),
        (["a", 1], 1),
        ([["a"]], 1),
        ([{"text": "a"}], 1),
        ([False], 1),
    ],
    ids=str,
)
def test_m15_m16_a_value_is_text_or_null_or_a_list_of_such(
    migrated: V2, value: object, faults: int
) -> None:
    Submission.objects.filter(id=migrated.submissions[2]["Id"]).update(
        data={"colours": "red", "name": value}
    )

    assert check(verify(), "Submissions with malformed data").target == faults


@pytest.mark.parametrize("entry", ["text", None, 1, [{}]], ids=str)
def test_m17_what_is_set_aside_is_an_object_an_answer(migrated: V2, entry: object) -> None:
    Submission.objects.filter(id=migrated.submissions[2]["Id"]).update(
        metadata={"migration_batch": NAME, "unmapped": {"a": [{}, entry]}}
    )

    assert check(verify(), "Submissions with malformed data").target == 1
