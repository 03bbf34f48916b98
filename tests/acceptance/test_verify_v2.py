"""verify_v2 as a person calls it: after a real import, what it prints and how it ends."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import connection

from tests.acceptance.verifying import run, verified
from tests.v2 import guid, make_v2
from transfer.accepted import ACCEPTED

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small(v2_path: Path) -> Path:
    """One organization, form and field; three submissions with an answer each."""
    v2 = make_v2(
        v2_path, organizations=[{}], users=[{}], forms=[{}], fields=[{}], submissions=[{}, {}, {}]
    )
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    return v2_path


def test_a_finished_import_verifies_clean(small: Path) -> None:
    assert run("import_v2", "--name", "night")[0] == 0

    status, text = run("verify_v2")

    assert status == 0
    assert "Verification of night" in text
    clean = "40 checks: 40 passed, 0 warning, 0 open, 0 failed; 0 unresolved errors recorded"
    assert text.strip().endswith(clean)


def test_r1_a_seeded_v2_with_every_fault_is_accounted_for(v2_path: Path) -> None:
    run("seed_v2", "--submissions", "60", "--answers", "6", "--faults")
    imported, text = run("import_v2", "--batch-size", "25", "--json")
    assert imported == 3

    status, checks = verified()

    assert status == 3
    document = checks.pop("all")
    assert document["errors"] == sum(json.loads(text)["errors"].values()) > 0
    assert checks["Submissions"]["difference"] > 0
    by_status = {name: check["status"] for name, check in checks.items()}
    assert set(by_status.values()) == {"PASSED", "WARNING", "OPEN"}
    # Whatever passed as a warning is on the list, with its count; the list has no other.
    assert all(checks[name]["accepted"] for name in by_status if by_status[name] == "WARNING")
    accepted: Counter[str] = Counter()
    for entry in document["accepted_differences"]:
        assert ACCEPTED[entry["name"]].reason == entry["reason"]
        accepted[entry["name"]] += entry["count"]
    assert accepted == json.loads(text)["warnings"]


def test_a_row_deleted_from_v3_behind_its_back_exits_3(small: Path) -> None:
    run("import_v2")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM submissions WHERE submission_number = 'L-0001'")

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
def odd(v2_path: Path) -> Path:
    """One submission of each kind a ledger knows, and one that fails with its two answers."""
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[{}],
        forms=[{}],
        fields=[{}, {}],
        choices=[{}],
        maps=[{}],
        submissions=[{}, {}, {}, {"FormTypeId": guid(4, 77)}],
    )
    beside, twice, nowhere, lost = (row["Id"] for row in v2.submissions)
    v2.add(
        "answers",
        {"FormSubmissionId": beside, "FreeFormEntry": "but", "FieldChoiceMapId": v2.maps[0]["Id"]},
        {"FormSubmissionId": twice},
        {"FormSubmissionId": twice},
        {"FormSubmissionId": nowhere, "FieldId": guid(5, 77)},
        {"FormSubmissionId": lost},
        {"FormSubmissionId": lost},
    )
    return v2_path


def test_r1_each_kind_of_answer_is_counted_apart_and_an_open_error_exits_3(odd: Path) -> None:
    assert run("import_v2")[0] == 3

    status, checks = verified()

    assert status == 3
    differing = {n: c["status"] for n, c in checks.items() if c["status"] != "PASSED"}
    assert differing.pop("all") == "OPEN"
    assert differing == {
        "Findings of submissions": "WARNING",
        "Submissions": "OPEN",
        "Answers": "OPEN",
    }
    found = {e["name"]: e["count"] for e in checks["all"]["accepted_differences"]}
    assert found == {"answers_merged": 1, "answer_field_unknown": 1}


def test_accepted_differences_alone_exit_0(v2_path: Path) -> None:
    """Two answers to one field; and a submission that v2 gained after the import."""
    v2 = make_v2(v2_path, organizations=[{}], users=[{}], forms=[{}], fields=[{}], submissions=[{}])
    v2.add("answers", {}, {})
    assert run("import_v2")[0] == 0
    v2.add("submissions", {"CreatedOn": "2099-01-01 00:00:00.000000"})

    status, checks = verified()

    assert status == 0
    assert checks["all"]["status"] == "WARNING"
    found = {e["name"]: e["count"] for e in checks["all"]["accepted_differences"]}
    assert found == {"answers_merged": 1, "made_in_v2_since": 1}


def test_r1_a_migration_that_retry_has_mended_exits_0(odd: Path) -> None:
    """Tried once in vain, then repaired in v2 and tried again: what was resolved is history."""
    run("import_v2")
    assert run("retry_v2")[0] == 3
    assert verified()[1]["Submissions"]["status"] == "OPEN"
    v2 = sqlite3.connect(odd)
    with contextlib.closing(v2), v2:
        v2.execute(
            'UPDATE "FormSubmission" SET "FormTypeId" = ? WHERE "FormTypeId" = ?',
            [guid(4, 1), guid(4, 77)],
        )
    assert run("retry_v2")[0] == 0

    status, checks = verified()

    assert status == 0
    assert checks["all"]["errors"] == 0
    counted = {name: checks[name]["target_count"] for name in ("Submissions", "Answers")}
    assert counted == {"Submissions": 4, "Answers": 6}
    found = {e["name"]: e["count"] for e in checks["all"]["accepted_differences"]}
    assert found == {"answers_merged": 2, "answer_field_unknown": 1}


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
    odd: Path, unguarded: None, change: str, failing: dict[str, str]
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


def test_r1_a_ledger_that_was_wiped_exits_3(small: Path) -> None:
    run("import_v2")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE migration_progress SET ledger = '{}'")

    status, checks = verified()

    assert status == 3
    runs = {f"Run of {of}" for of in ("organizations", "users", "forms", "submissions", "answers")}
    assert {n for n in checks if checks[n]["status"] == "FAILED"} - {"all"} == runs
    assert checks["all"]["accepted_differences"] == []


def test_an_empty_v2_has_a_ledger_all_the_same(v2_path: Path) -> None:
    make_v2(v2_path)
    run("import_v2")

    assert verified()[0] == 0


def test_an_import_stopped_by_limit_is_told_how_to_go_on(small: Path) -> None:
    run("import_v2", "--name", "half", "--limit", "4")

    status, checks = verified()

    assert status == 3
    assert checks["Run of forms"]["status"] == "PASSED"
    assert "run import_v2 --name half" in checks["Run of submissions"]["note"]


def test_a_selected_organization_verifies_by_itself(v2_path: Path) -> None:
    mine = "000a0001-0000-4000-8000-000a00000001"
    v2 = make_v2(
        v2_path,
        organizations=[{"Id": mine}, {}],
        users=[{}, {}],
        forms=[{}],
        fields=[{}],
        submissions=[{}, {}],
    )
    v2.add("forms", {"OrganizationId": v2.organizations[1]["Id"]})
    v2.add("submissions", {"FormTypeId": v2.forms[1]["Id"]})
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    run("import_v2", "--organization", mine)

    status, checks = verified()

    assert status == 0
    counted = ("Organizations", "Users", "Forms", "Submissions", "Answers")
    assert [checks[name]["source_count"] for name in counted] == [1, 2, 1, 2, 2]


def test_without_a_migration_it_says_what_to_run(small: Path) -> None:
    with pytest.raises(CommandError, match="no migration to verify; run import_v2") as raised:
        run("verify_v2")

    assert raised.value.returncode == 1


def test_r8_an_unreachable_v2_is_one_line_without_its_password(small: Path, v3_url: str) -> None:
    run("import_v2")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "pliers.settings",
        "DATABASE_URL": v3_url,
        "V2_DATABASE_URL": "postgres://reader:s3cret@127.0.0.1:9/legacy",
    }

    ended = subprocess.run(
        [sys.executable, "manage.py", "verify_v2"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert ended.returncode == 1
    assert "'legacy' on 127.0.0.1:9" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "s3cret" not in ended.stdout + ended.stderr
