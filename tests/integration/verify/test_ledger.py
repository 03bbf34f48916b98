"""verify: the ledger of a run, every number of it counted anew in the databases."""

from typing import Any

import pytest

from submissions.models import Submission
from tests.integration.verify.scenario import (
    ANSWERS,
    CREATED,
    LATER,
    MINE,
    NAME,
    STARTED,
    balanced,
    check,
    execute,
    not_passed,
    rewrite,
)
from tests.v2 import V2
from transfer.models import MigrationProgress
from transfer.verify import count_records as verify
from transfer.verify_report import Verdict

pytestmark = pytest.mark.django_db

FLIPPED = {
    "records,read": "does not balance: 7 read, and 3",
    "records,migrated": "migrated: 7 in the ledger, 3 in v3",
    "records,merged": "merged into lists: 7 in the ledger, 0 in v3",
    "records,set_aside,choices": "set aside in metadata.choices: 7 in the ledger, 0 in v3",
    "records,failed,form_unknown": "failed by form_unknown: 7 in the ledger, 0 in the open errors",
    "answers,read": "does not balance: 7 read, and 5",
    "answers,migrated": "migrated: 7 in the ledger, 1 in v3",
    "answers,merged": "merged into lists: 7 in the ledger, 2 in v3",
    "answers,set_aside,choices": "set aside in metadata.choices: 7 in the ledger, 1 in v3",
    "answers,set_aside,unmapped": "set aside in metadata.unmapped: 7 in the ledger, 1 in v3",
    "answers,set_aside,elsewhere": "set aside in metadata.elsewhere: 7 in the ledger, 0 in v3",
    "answers,failed,form_unknown": "failed by form_unknown: 7 in the ledger, 0 in the open errors",
}


@pytest.mark.parametrize(("path", "said"), FLIPPED.items(), ids=FLIPPED)
def test_r1_one_number_flipped_fails_and_is_named(migrated: V2, path: str, said: str) -> None:
    rewrite("submissions", path, 7)

    report = verify()

    name = "Run of answers" if path.startswith("answers") else "Run of submissions"
    assert not_passed(report) == {name: "FAILED"}
    assert said in check(report, name).note


def test_r1_numbers_flipped_so_that_they_balance_fail_all_the_same(migrated: V2) -> None:
    flipped = {"migrated": 2, "merged": 1, "set_aside": {"choices": 2}}
    rewrite("submissions", "answers", balanced(**flipped))

    note = check(verify(), "Run of answers").note

    assert note == (
        "migrated: 2 in the ledger, 1 in v3; merged into lists: 1 in the ledger, 2 in v3; "
        "set aside in metadata.choices: 2 in the ledger, 1 in v3; "
        "set aside in metadata.unmapped: 0 in the ledger, 1 in v3"
    )


@pytest.mark.parametrize("table", ["organizations", "users", "forms", "submissions"])
def test_r1_a_run_that_read_more_than_v2_has_or_less_fails(migrated: V2, table: str) -> None:
    for read, said in ((1, "read: 1 in the ledger"), (9, "read: 9 in the ledger")):
        rewrite(table, "records", balanced(migrated=read))

        found = check(verify(), f"Run of {table}")

        assert found.status is Verdict.FAILED
        assert said in found.note


@pytest.mark.parametrize(
    "broken",
    ["text", None, [], 7, {}, {"read": 5}, balanced() | {"migrated": "5"}, balanced(migrated=-1),
     balanced() | {"failed": 5}, balanced() | {"set_aside": {"choices": None}},
     balanced() | {"read": True}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("key", ["records", "answers"])
def test_a_ledger_of_another_shape_fails_and_stops_nothing(
    migrated: V2, key: str, broken: object
) -> None:
    rewrite("submissions", key, broken)

    report = verify()

    name = "Run of submissions" if key == "records" else "Run of answers"
    assert not_passed(report) == {name: "FAILED"}
    assert "the ledger cannot be read" in check(report, name).note


@pytest.mark.parametrize("broken", ["[]", '"text"', "7"])
def test_books_that_are_no_ledger_at_all_fail_and_stop_nothing(migrated: V2, broken: str) -> None:
    rewrite("forms", "batches", 1)
    execute("UPDATE migration_progress SET ledger = %s WHERE table_name = 'forms'", broken)

    assert not_passed(verify()) == {"Run of forms": "FAILED"}


# What was done to v3 or to the errors, and which lines say so.
TAMPERED = {
    "an answer added": (
        "UPDATE submissions SET data = data || '{\"colours\": null}' WHERE data = '{}'",
        {"Run of answers": "migrated: 1 in the ledger, 2 in v3", "Answers": "1 more in v3"},
    ),
    "an element added to a list": (
        """UPDATE submissions SET data = data || '{"colours": ["red", "blue", "red"]}'
            WHERE data ? 'colours'""",
        {"Run of answers": "merged into lists: 2 in the ledger, 3 in v3", "Answers": "1 more"},
    ),
    "a list taken apart, its elements under keys of their own": (
        """UPDATE submissions SET data = '{"name": "red", "colours": "blue"}'
            WHERE data ? 'colours'""",
        {"Run of answers": "merged into lists: 2 in the ledger, 0 in v3", "Answers": "1 neither"},
    ),
    "an element of metadata.choices removed": (
        """UPDATE submissions SET metadata = jsonb_set(metadata, '{choices,name}', '[]')
            WHERE metadata ? 'choices'""",
        {"Run of answers": "metadata.choices: 1 in the ledger, 0 in v3"},
    ),
    "an element added to metadata.choices": (
        """UPDATE submissions SET metadata = jsonb_set(metadata, '{choices,name,1}', '"more"')
            WHERE metadata ? 'choices'""",
        {"Run of answers": "metadata.choices: 1 in the ledger, 2 in v3"},
    ),
    "metadata.choices removed": (
        "UPDATE submissions SET metadata = metadata - 'choices'",
        {"Run of answers": "metadata.choices: 1 in the ledger, 0 in v3"},
    ),
    "an element of metadata.unmapped removed": (
        "UPDATE submissions SET metadata = metadata - 'unmapped'",
        {"Run of answers": "metadata.unmapped: 1 in the ledger, 0 in v3", "Answers": "1 neither"},
    ),
    "an answer moved from metadata.unmapped into data": (
        """UPDATE submissions SET data = '{"name": null}', metadata = metadata - 'unmapped'
            WHERE metadata ? 'unmapped'""",
        {"Run of answers": "metadata.unmapped: 1 in the ledger, 0 in v3"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("tampering", "failing"), TAMPERED.values(), ids=TAMPERED)
def test_r1_answers_that_are_not_where_the_ledger_has_them_fail(
    migrated: V2, tampering: str, failing: dict[str, str]
) -> None:
    execute(tampering)

    report = verify()

    assert not_passed(report) == dict.fromkeys(failing, "FAILED")
    for name, said in failing.items():
        assert said in check(report, name).note


@pytest.mark.parametrize(
    ("data", "choices", "counted"),
    [
        # A list of one is no merging (M16); one with a choice beside it is neither.
        ({"colours": ["red"]}, {}, {"migrated": 1}),
        ({"colours": ["red"]}, {"colours": ["x"]}, {"set_aside": {"choices": 1}}),
        ({"colours": ["a", "b", "c"]}, {}, {"merged": 3}),
        (
            {"colours": ["a", "b", "c"]},
            {"colours": ["x"]},
            {"merged": 2, "set_aside": {"choices": 1}},
        ),
        (
            {"colours": ["a", "b"], "name": "c"},
            {"colours": ["x", None], "name": ["y"]},
            {"set_aside": {"choices": 3}},
        ),
        (
            {"colours": ["a", None], "name": "c"},
            {"name": ["y"]},
            {"merged": 2, "set_aside": {"choices": 1}},
        ),
        ({"colours": [], "name": None}, {}, {"migrated": 1}),
    ],
    ids=str,
)
def test_m15_m16_each_answer_counts_once_as_the_ledger_counts_it(
    migrated: V2, data: dict[str, Any], choices: dict[str, Any], counted: dict[str, Any]
) -> None:
    Submission.objects.exclude(id=migrated.submissions[0]["Id"]).update(
        data={}, metadata={"migration_batch": NAME}
    )
    Submission.objects.filter(id=migrated.submissions[0]["Id"]).update(
        data=data, metadata={"migration_batch": NAME, "choices": choices}
    )
    rewrite("submissions", "answers", balanced(**counted))

    note = check(verify(), "Run of answers").note

    # v2 has five all the same, which the line about v2's answers tells.
    assert "in the ledger" not in note.split("read:")[0]


def test_r1_what_v2_gained_since_was_not_read_and_is_accepted(migrated: V2) -> None:
    migrated.add("submissions", {"CreatedOn": LATER}, {"CreatedOn": LATER})
    migrated.add("answers", {"FormSubmissionId": migrated.submissions[-1]["Id"]})

    report = verify()

    assert not_passed(report) == {"Submissions": "WARNING", "Answers": "WARNING"}
    assert [(each.name, each.of, each.count) for each in report.accepted] == [
        ("made_in_v2_since", "submissions", 2),
        ("made_in_v2_since", "answers", 1),
    ]


def test_r1_what_v2_gained_since_excuses_no_reading_of_more_or_less(migrated: V2) -> None:
    migrated.add("submissions", {"CreatedOn": LATER})
    rewrite("submissions", "records", balanced(migrated=4))

    found = check(verify(), "Run of submissions")

    assert "read: 4 in the ledger, 4 in v2, 1 of them since" in found.note


OLD = {"answers": {"migrated": 2, "merged": 2, "set_aside": 1, "failed": 0}, "findings": {}}


def begun_with_an_earlier_build() -> None:
    """Let the books say so: such a build wrote down no number of its rules."""
    execute("UPDATE migration_progress SET fingerprint = fingerprint - 'rules'")


def test_r1_an_earlier_versions_books_are_compared_as_far_as_they_go(migrated: V2) -> None:
    """It counted the text beside a choice where the text went, and kept no reasons."""
    begun_with_an_earlier_build()
    MigrationProgress.objects.update(ledger={"findings": {}})
    execute("ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_ledger_check")
    MigrationProgress.objects.filter(table_name="submissions").update(ledger=OLD)

    report = verify()

    runs = ["organizations", "users", "forms", "submissions", "answers"]
    assert not_passed(report) == {f"Run of {of}": "WARNING" for of in runs}
    assert report.clean
    assert [(each.name, each.of, each.count) for each in report.accepted] == [
        ("ledger_missing", of, count) for of, count in zip(runs, (2, 2, 2, 3, 5), strict=True)
    ]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("migrated", "migrated or merged: the run wrote 9, and there are 4"),
        ("merged", "migrated or merged: the run wrote 9, and there are 4"),
        ("set_aside", "set aside in metadata.unmapped: the run wrote 7, and there are 1"),
        ("failed", "failed: the run wrote 7, and there are 0"),
    ],
)
def test_r1_an_earlier_versions_books_that_are_not_so_fail(
    migrated: V2, key: str, said: str
) -> None:
    begun_with_an_earlier_build()
    answers = OLD["answers"] | {key: 7}
    execute("ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_ledger_check")
    MigrationProgress.objects.filter(table_name="submissions").update(ledger={"answers": answers})

    report = verify()

    assert check(report, "Run of answers").status is Verdict.FAILED
    assert said in check(report, "Run of answers").note


@pytest.mark.parametrize("left", [{}, OLD], ids=["nothing", "an earlier version's"])
def test_r1_a_ledger_of_this_build_that_was_wiped_fails(migrated: V2, left: dict[str, Any]) -> None:
    execute("ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_ledger_check")
    MigrationProgress.objects.update(ledger=left)

    report = verify()

    runs = ["organizations", "users", "forms", "submissions"]
    for of in runs:
        assert check(report, f"Run of {of}").note == "the ledger cannot be read: no 'records'"
    assert check(report, "Run of answers").status is Verdict.FAILED
    assert report.accepted == []


def test_r1_a_ledger_wiped_in_one_of_a_tables_rows_fails(migrated: V2) -> None:
    """An earlier build's row beside it excuses nothing."""
    execute("ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_ledger_check")
    MigrationProgress.objects.filter(table_name="users").update(ledger={})
    MigrationProgress.objects.create(
        migration_name=NAME,
        table_name="users",
        partition=1,
        status="completed",
        total_records=0,
        processed_records=0,
        failed_records=0,
        started_at=STARTED,
        ledger={},
    )

    assert check(verify(), "Run of users").status is Verdict.FAILED


def test_a_table_that_was_never_begun_is_not_called_an_earlier_versions(migrated: V2) -> None:
    MigrationProgress.objects.filter(table_name="users").delete()
    MigrationProgress.objects.create(
        migration_name=NAME, table_name="users", status="pending", started_at=STARTED
    )

    report = verify()

    assert "is pending, not completed" in check(report, "Run of users").note
    assert report.accepted == []


def test_rows_of_v3s_own_are_in_nobodys_ledger(migrated: V2) -> None:
    Submission.objects.create(
        organization_id=MINE,
        form_id=migrated.forms[0]["Id"],
        submission_number="own",
        data={"name": ["a", "b"]},
        metadata={"choices": {"name": ["x"]}, "unmapped": {"y": [{}]}},
        created_at=CREATED,
    )

    assert not_passed(verify()) == {}
    assert ANSWERS["migrated"] == 1
