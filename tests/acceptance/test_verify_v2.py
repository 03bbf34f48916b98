"""verify_v2 as a person calls it: after a real import, what it prints and how it ends.

What was changed behind its back is in test_verify_v2_changed.py.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError

from tests.acceptance.verifying import run, verified
from tests.v2 import guid, make_v2
from transfer.accepted import ACCEPTED

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_finished_import_verifies_clean(small_v2: Path) -> None:
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


def test_r1_each_kind_of_answer_is_counted_apart_and_an_open_error_exits_3(odd_v2: Path) -> None:
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


def test_r1_a_migration_that_retry_has_mended_exits_0(odd_v2: Path) -> None:
    """Tried once in vain, then repaired in v2 and tried again: what was resolved is history."""
    run("import_v2")
    assert run("retry_v2")[0] == 3
    assert verified()[1]["Submissions"]["status"] == "OPEN"
    v2 = sqlite3.connect(odd_v2)
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


def test_an_empty_v2_has_a_ledger_all_the_same(v2_path: Path) -> None:
    make_v2(v2_path)
    run("import_v2")

    assert verified()[0] == 0


def test_an_import_stopped_by_limit_is_told_how_to_go_on(small_v2: Path) -> None:
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


def test_without_a_migration_it_says_what_to_run(small_v2: Path) -> None:
    with pytest.raises(CommandError, match="no migration to verify; run import_v2") as raised:
        run("verify_v2")

    assert raised.value.returncode == 1


def test_r8_an_unreachable_v2_is_one_line_without_its_password(small_v2: Path, v3_url: str) -> None:
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
