"""verify_v2 where v3 or its books were changed behind its back: it fails, and names what."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.acceptance.verifying import run, verified
from tests.runs import query
from tests.v2 import guid, make_v2

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_row_deleted_from_v3_behind_its_back_exits_3(small_v2: Path) -> None:
    run("import_v2")
    query("DELETE FROM submissions WHERE submission_number = 'L-0001'")

    status, checks = verified()

    assert status == 3
    assert checks["Submissions"]["note"] == "1 neither in v3 nor recorded as errors"
    assert checks["Answers"]["status"] == "FAILED"


TAMPERED = {
    "a row that v2's clock made newer than the run, deleted": (
        "DELETE FROM submissions WHERE submission_number = 'L-0003'",
        {"Run of submissions", "Run of answers"},
    ),
    "answers of an untouched submission, while another was changed": (
        "UPDATE submissions SET data = '{}' WHERE submission_number = 'L-0002'",
        {"Answers", "Run of answers", "Values of submissions"},
    ),
    "a row replaced by a copy under a new id": (
        "UPDATE submissions SET id = gen_random_uuid() WHERE submission_number = 'L-0002'",
        {"Submissions under other ids", "Values of submissions"},
    ),
    "a row marked deleted": (
        "UPDATE submissions SET deleted_at = now() WHERE submission_number = 'L-0002'",
        {"Submissions marked deleted", "Values of submissions"},
    ),
    "a value the application cannot read": (
        """UPDATE submissions SET data = jsonb_build_object('field1', 1)
            WHERE submission_number = 'L-0002'""",
        {"Submissions with malformed data", "Values of submissions"},
    ),
    "a field the application cannot read": (
        "UPDATE forms SET definition = jsonb_set(definition, '{fields,0,settings}', '[]')",
        {"Forms without title and fields", "Values of forms"},
    ),
}


@pytest.mark.parametrize(("tampering", "failing"), TAMPERED.values(), ids=TAMPERED.keys())
def test_r1_a_v3_that_was_tampered_with_exits_3(
    v2_path: Path, tampering: str, failing: set[str]
) -> None:
    """The first submission is changed in v2 after the run; the third is from a clock ahead."""
    ahead = "2099-01-01 00:00:00.000000"
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{}, {}, {"CreatedOn": ahead}],
    )
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    run("import_v2")
    v2.execute(
        'UPDATE "FormSubmission" SET "LastUpdatedOn" = ? WHERE "LookupCode" = ?', [ahead, "L-0001"]
    )
    assert verified()[0] == 0
    with connection.cursor() as cursor:
        cursor.execute(tampering)

    status, checks = verified()

    assert status == 3
    assert {name for name in checks if checks[name]["status"] == "FAILED"} - {"all"} == failing


@pytest.fixture
def unguarded() -> Iterator[None]:
    """v3 without the constraint on finished ledgers; verify_v2 does not rely on it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('ALTER TABLE migration_progress ADD CONSTRAINT %I ', conname)"
            " || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conname = 'migration_progress_ledger_check'"
        )
        (restore,) = cursor.fetchone()
        cursor.execute(
            "ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_ledger_check"
        )
        yield
        cursor.execute("TRUNCATE migration_progress")
        cursor.execute(restore)


LEDGER = "UPDATE migration_progress SET ledger = jsonb_set(ledger, '{%s}', '%s')"
CHANGED_BEHIND_ITS_BACK = {
    "a number of the ledger": (
        LEDGER % ("answers,merged", 1) + " WHERE table_name = 'submissions'",
        {"Run of answers": "merged into lists: 1 in the ledger, 2 in v3"},
    ),
    "a number of the ledger of records": (
        LEDGER % ("records,read", 8) + " WHERE table_name = 'submissions'",
        {"Run of submissions": "does not balance: 8 read, and 4"},
    ),
    "an answer added": (
        """UPDATE submissions SET data = data || '{"field2": "x"}'
            WHERE submission_number = 'L-0002'""",
        {
            "Run of answers": "migrated: 0 in the ledger, 1 in v3",
            "Answers": "1 more in v3",
            "Values of submissions": f"1 differ: {guid(10, 2)}",
        },
    ),
    "a choice beside a text removed": (
        """UPDATE submissions SET metadata = metadata #- '{choices,field1,0}'
            WHERE submission_number = 'L-0001'""",
        {
            "Run of answers": "metadata.choices: 1 in the ledger, 0 in v3",
            "Values of submissions": f"1 differ: {guid(10, 1)}",
        },
    ),
    "an unmapped answer removed": (
        """UPDATE submissions SET metadata = metadata - 'unmapped'
            WHERE submission_number = 'L-0003'""",
        {
            "Run of answers": "metadata.unmapped: 1 in the ledger, 0 in v3",
            "Answers": "1 neither",
            "Values of submissions": f"1 differ: {guid(10, 3)}",
        },
    ),
    "an error row deleted": (
        "DELETE FROM migration_errors WHERE severity = 'error'",
        {
            "Run of submissions": "failed by form_unknown: 1 in the ledger, 0 in the open errors",
            "Run of answers": "failed by form_unknown: 2 in the ledger, 0 in the open errors",
            "Findings of submissions": "form_unknown: 1 counted, and 0 open errors",
            "Submissions": "1 neither",
            "Answers": "2 neither",
            "Submissions under other ids": "1 ids of v2",
            "Values of submissions": f"1 are missing in v3: {guid(10, 4)}",
        },
    ),
    "an error's answers cut away": (
        "UPDATE migration_errors SET error_detail = error_detail - 'answers'",
        {"Run of answers": "failed by form_unknown: 2 in the ledger, 0 in", "Answers": "2 neither"},
    ),
    "a warning row deleted": (
        "DELETE FROM migration_errors WHERE code = 'answers_merged'",
        {"Findings of submissions": "answers_merged: 1 counted, and 0 warnings stored"},
    ),
    "a warning row added": (
        """INSERT INTO migration_errors (migration_name, table_name, v2_table, severity, code)
           SELECT migration_name, table_name, v2_table, severity, 'text_cleaned'
             FROM migration_errors WHERE code = 'answers_merged'""",
        {"Findings of submissions": "text_cleaned: 0 counted, and 1 warnings stored"},
    ),
    "a code that nobody knows": (
        LEDGER % ("findings,shrug", 2) + " WHERE table_name = 'forms'",
        {"Findings of forms": "shrug: 2 of a code that is no error and not on the list"},
    ),
}


@pytest.mark.parametrize(
    ("change", "failing"), CHANGED_BEHIND_ITS_BACK.values(), ids=CHANGED_BEHIND_ITS_BACK
)
def test_r1_what_the_ledger_does_not_account_for_exits_3_and_is_named(
    odd_v2: Path, unguarded: None, change: str, failing: dict[str, str]
) -> None:
    run("import_v2")
    with connection.cursor() as cursor:
        cursor.execute(change)

    status, checks = verified()

    assert status == 3
    document = checks.pop("all")
    assert {name for name in checks if checks[name]["status"] == "FAILED"} == set(failing)
    assert document["status"] == "FAILED"
    for name, said in failing.items():
        assert said in checks[name]["note"]


def test_r1_a_ledger_that_was_wiped_exits_3(small_v2: Path) -> None:
    run("import_v2")
    query("UPDATE migration_progress SET ledger = '{}'")

    status, checks = verified()

    assert status == 3
    runs = {f"Run of {of}" for of in ("organizations", "users", "forms", "submissions", "answers")}
    assert {n for n in checks if checks[n]["status"] == "FAILED"} - {"all"} == runs
    assert checks["all"]["accepted_differences"] == []
