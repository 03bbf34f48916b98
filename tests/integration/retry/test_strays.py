"""Answers without a submission, tried again (M17)."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.retry.common import NOWHERE, assert_balanced, open_errors, retry
from tests.runs import (
    query,
    run,
    snapshot,
    state,
)
from tests.v2 import V2, guid, make_v2

pytestmark = pytest.mark.django_db(transaction=True)


def strays(v2_path: Path, **more: Any) -> V2:
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{"Name": "who"}],
        submissions=[{}],
        **more,
    )
    v2.add("answers", *({"FormSubmissionId": guid(10, 50), "FreeFormEntry": t} for t in "abc"))
    return v2


def test_m17_an_answer_still_without_a_submission_stays_an_error(v2_path: Path) -> None:
    strays(v2_path)
    run(name="night")

    report = retry()

    assert report.still == 3
    assert [(e["code"], e["attempts"]) for e in open_errors()] == [("answer_orphaned", 2)] * 3
    assert_balanced()


@pytest.mark.parametrize("omit", [(), ("FormSubmissionMetaData.Id",)])
def test_m17_a_submission_that_was_put_back_takes_its_answers_along(
    v2_path: Path, omit: tuple[str, ...]
) -> None:
    v2 = strays(v2_path, omit=omit)
    run(name="night")
    assert len(open_errors()) == 3
    v2.add("submissions", {"Id": guid(10, 50)})

    report = retry()

    assert report.still == 0
    submissions = state(report.migration, "submissions")
    assert (submissions.total, submissions.records.migrated) == (2, 2)
    assert (submissions.answers.read, submissions.answers.merged) == (3, 3)
    assert query("SELECT data FROM submissions WHERE id = %s", [guid(10, 50)])[0][0] in (
        {"who": ["a", "b", "c"]}, '{"who": ["a", "b", "c"]}',
    )  # fmt: skip
    assert_balanced()


@pytest.mark.parametrize("omit", [(), ("FormSubmissionMetaData.Id",)])
def test_m17_an_answer_v2_has_no_more_is_nothing_to_move(
    v2_path: Path, omit: tuple[str, ...]
) -> None:
    v2 = strays(v2_path, omit=omit)
    run(name="night")
    v2.execute("DELETE FROM FormSubmissionMetaData WHERE FreeFormEntry = 'b'")

    report = retry()

    answers = state(report.migration, "submissions").answers
    if omit:  # which of them it was, and whether it was moved, nobody can tell
        assert (report.gone.total(), report.still, answers.gone) == (0, 3, 0)
    else:
        assert (report.gone, report.still, answers.gone) == ({"answer_orphaned": 1}, 2, 1)
        assert_balanced()


def test_m17_a_submission_put_back_that_fails_takes_its_answers_into_its_own_error(
    v2_path: Path,
) -> None:
    v2 = strays(v2_path)
    run(name="night")
    v2.add("submissions", {"Id": guid(10, 50), "FormTypeId": NOWHERE})

    report = retry()

    (error,) = open_errors()
    assert (error["code"], error["record_id"]) == ("form_unknown", guid(10, 50))
    assert len(error["error_detail"]["answers"]) == 3
    assert state(report.migration, "submissions").answers.failed["form_unknown"] == 3
    assert_balanced()
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (guid(4, 1),))
    assert retry().still == 0
    assert_balanced()


def test_m17_an_answer_moved_to_a_submission_that_failed_goes_with_it(v2_path: Path) -> None:
    v2 = strays(v2_path)
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (NOWHERE,))
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))

    report = retry(codes=("answer_orphaned",))

    (error,) = open_errors()
    assert (error["code"], error["attempts"]) == ("form_unknown", 2)
    assert report.closed == {"answer_orphaned": 3}
    assert_balanced()


def test_m17_an_answer_moved_to_a_migrated_submission_is_left_alone(v2_path: Path) -> None:
    v2 = strays(v2_path)
    run(name="night")
    before = snapshot("submissions")
    v2.execute(
        "UPDATE FormSubmissionMetaData SET FormSubmissionId = ? WHERE FreeFormEntry = 'b'",
        (guid(10, 1),),
    )

    retry()

    assert snapshot("submissions") == before
    assert sum("not for a retry to bring over" in e["error_message"] for e in open_errors()) == 1


def test_m17_an_answer_that_names_no_submission_at_all_can_be_given_one(v2_path: Path) -> None:
    """Only a copy made by hand can hold such a row."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    v2.execute("ALTER TABLE FormSubmissionMetaData RENAME TO strict")
    v2.execute("CREATE TABLE FormSubmissionMetaData AS SELECT * FROM strict")
    v2.execute("DROP TABLE strict")
    v2.add("answers", {"FormSubmissionId": None, "FreeFormEntry": "lost"})
    run(name="night")
    assert [e["code"] for e in open_errors()] == ["answer_orphaned"]

    assert retry().still == 1
    v2.add("submissions", {})
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))

    assert retry().still == 0
    assert_balanced()
