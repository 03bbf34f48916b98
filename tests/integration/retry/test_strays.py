"""Answers without a submission, tried again (M17)."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.retry.common import NOWHERE, assert_balanced, open_errors, retry
from tests.runs import (
    errors,
    query,
    run,
    snapshot,
    state,
)
from tests.v2 import V2, guid, make_v2
from transfer import reread

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
    v2.loosen("FormSubmissionMetaData")
    v2.add("answers", {"FormSubmissionId": None, "FreeFormEntry": "lost"})
    run(name="night")
    assert [e["code"] for e in open_errors()] == ["answer_orphaned"]

    assert retry().still == 1
    v2.add("submissions", {})
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))

    assert retry().still == 0
    assert_balanced()


@pytest.mark.parametrize("size", [1, 2, 200])
def test_m17_a_submission_takes_all_its_answers_along_wherever_their_errors_are(
    v2_path: Path, size: int
) -> None:
    v2 = strays(v2_path)
    run(name="night")
    v2.add("submissions", {"Id": guid(10, 50)})

    report = retry(size=size)

    assert (report.tried, report.still) == ({"answer_orphaned": 3}, 0)
    assert {e["attempts"] for e in errors("answer_orphaned")} == {2}
    assert state(report.migration, "submissions").answers.merged == 3
    assert_balanced()


def test_m17_one_answer_by_its_id_brings_the_others_of_its_submission(v2_path: Path) -> None:
    v2 = strays(v2_path)
    run(name="night")
    v2.add("submissions", {"Id": guid(10, 50)})

    retry(v2.answers[1]["Id"])

    assert open_errors() == []
    assert_balanced()


@pytest.mark.parametrize("size", [1, 200])
def test_m17_a_failed_submission_tried_first_takes_them_too(v2_path: Path, size: int) -> None:
    v2 = strays(v2_path)
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (NOWHERE,))
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (guid(4, 1),))

    report = retry(codes=("form_unknown",), size=size)

    assert report.closed == {"form_unknown": 1, "answer_orphaned": 3}
    assert open_errors() == []
    assert_balanced()


def test_m17_a_home_that_fails_again_is_tried_once_and_told(v2_path: Path) -> None:
    v2 = strays(v2_path)
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (NOWHERE,))
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))

    report = retry(codes=("answer_orphaned",), size=1)

    assert report.tried == {"answer_orphaned": 3, "form_unknown": 1}
    assert [(e["code"], e["attempts"]) for e in open_errors()] == [("form_unknown", 2)]
    assert_balanced()


def test_r1_an_answer_without_an_id_that_was_moved_is_not_taken_for_gone(v2_path: Path) -> None:
    """Its submission is half of what it is called: that nothing is found there proves nothing."""
    v2 = strays(v2_path, omit=("FormSubmissionMetaData.Id",))
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))

    report = retry()

    assert (report.still, report.gone.total()) == (3, 0)
    assert [(e["code"], e["attempts"]) for e in open_errors()] == [("answer_orphaned", 2)] * 3


def test_r1_an_answer_whose_own_id_is_null_is_found_by_its_submission(v2_path: Path) -> None:
    """Only a copy made by hand can hold such a row."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    v2.loosen("FormSubmissionMetaData")
    v2.add("answers", {"Id": None, "FormSubmissionId": guid(10, 1), "FreeFormEntry": "lost"})
    run(name="night")

    assert retry().still == 1
    assert_balanced()
    v2.add("submissions", {})
    assert retry().still == 0
    assert_balanced()


def test_r1_answers_that_a_deleted_submission_left_behind_are_without_one(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path, organizations=[{}], forms=[{}], fields=[{}],
        submissions=[{"FormTypeId": NOWHERE}], answers=[{}, {}, {}],
    )  # fmt: skip
    run(name="night")
    v2.execute("DELETE FROM FormSubmission")
    v2.execute("DELETE FROM FormSubmissionMetaData WHERE Id = ?", (v2.answers[0]["Id"],))

    report = retry()

    assert report.gone == {"form_unknown": 1}
    answers = state(report.migration, "submissions").answers
    assert (answers.read, answers.failed, answers.gone) == (2, {"answer_orphaned": 2}, 1)
    assert [e["code"] for e in open_errors()] == ["answer_orphaned"] * 2
    assert_balanced()


def test_r1_an_answer_whose_submission_vanishes_while_it_is_tried_stays_an_error(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2 = strays(v2_path)
    run(name="night")
    v2.add("submissions", {"Id": guid(10, 50)})
    real = reread.submissions

    def vanishing(*args: Any) -> Any:
        v2.execute("DELETE FROM FormSubmission WHERE Id = ?", (guid(10, 50),))
        return real(*args)

    monkeypatch.setattr(reread, "submissions", vanishing)

    report = retry()

    assert report.still == 3
    assert_balanced()


def test_r7_a_thousand_answers_that_are_called_the_same_stop_neither_import_nor_retry(
    v2_path: Path,
) -> None:
    """Without Ids they go by submission and field; what one statement stores is fewer."""
    v2 = make_v2(
        v2_path,
        omit=("FormSubmissionMetaData.Id",),
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{"FormTypeId": NOWHERE}],
    )
    some = [{"FreeFormEntry": text} for text in ("yes", "no")] * 505
    v2.add("answers", *some, *(row | {"FormSubmissionId": guid(10, 50)} for row in some))
    run(name="night")
    assert len(open_errors()) == 1011
    v2.execute("DELETE FROM FormSubmission")

    report = retry()

    assert report.gone == {"form_unknown": 1}
    assert state(report.migration, "submissions").answers.failed == {"answer_orphaned": 2020}
    assert_balanced()


@pytest.mark.parametrize("then", ["DELETE FROM FormSubmission WHERE Id = ?", "repair"])
def test_r1_an_answer_that_left_its_failed_submission_for_a_migrated_one_is_not_lost(
    v2_path: Path, then: str
) -> None:
    v2 = make_v2(
        v2_path, organizations=[{}], forms=[{}], fields=[{}],
        submissions=[{}, {"FormTypeId": NOWHERE}],
    )  # fmt: skip
    bad = v2.submissions[1]["Id"]
    v2.add("answers", {"FormSubmissionId": bad, "FreeFormEntry": "precious"})
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))
    if then == "repair":
        then = f"UPDATE FormSubmission SET FormTypeId = '{guid(4, 1)}' WHERE Id = ?"
    v2.execute(then, (bad,))

    report = retry()

    (error,) = open_errors()
    assert error["error_detail"]["FreeFormEntry"] == "precious"
    assert "not for a retry to bring over" in error["error_message"]
    answers = state(report.migration, "submissions").answers
    assert (answers.read, answers.failures, answers.gone) == (1, 1, 0)
    assert_balanced()


@pytest.mark.parametrize("size", [1, 200])
@pytest.mark.parametrize("codes", [(), ("form_unknown",)])
def test_r1_an_answer_is_one_error_though_its_new_submission_went_too(
    v2_path: Path, size: int, codes: tuple[str, ...]
) -> None:
    v2 = strays(v2_path)
    v2.execute("DELETE FROM FormSubmissionMetaData WHERE FreeFormEntry <> 'a'")
    v2.execute("UPDATE FormSubmission SET FormTypeId = ?", (NOWHERE,))
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (guid(10, 1),))
    v2.execute("DELETE FROM FormSubmission")

    retry(codes=codes, size=size)

    assert [e["code"] for e in open_errors()] == ["answer_orphaned"]
    assert_balanced()


def test_a_selection_knows_no_answers_that_are_nobody_s(v2_path: Path) -> None:
    v2 = make_v2(
        v2_path,
        organizations=[{}, {}],
        forms=[{}],
        fields=[{}],
        submissions=[{"FormTypeId": NOWHERE, "OrganizationId": guid(1, 1)}],
        answers=[{}, {}],
    )
    run(name="night", organizations=[guid(1, 1)])
    v2.execute("DELETE FROM FormSubmission")

    report = retry()

    assert open_errors() == []
    assert state(report.migration, "submissions").answers.gone == 2
    assert_balanced()


@pytest.mark.parametrize("size", [1, 200])
def test_a_record_is_tried_once_in_a_retry(v2_path: Path, size: int) -> None:
    v2 = strays(v2_path)
    home = "fff00000-0000-4000-8000-000000000001"  # behind the answers
    v2.add("submissions", {"Id": home, "FormTypeId": NOWHERE})
    run(name="night")
    v2.execute("UPDATE FormSubmissionMetaData SET FormSubmissionId = ?", (home,))

    report = retry(size=size)

    assert report.tried == {"answer_orphaned": 3, "form_unknown": 1}
    assert [(e["code"], e["attempts"]) for e in open_errors()] == [("form_unknown", 2)]


def test_of_two_answers_with_one_id_the_error_of_the_lost_one_stays(v2_path: Path) -> None:
    """Only a copy made by hand can hold an Id twice."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    v2.loosen("FormSubmissionMetaData")
    for number, text in ((50, "first"), (60, "second")):
        row = {"Id": guid(11, 1), "FormSubmissionId": guid(10, number), "FreeFormEntry": text}
        v2.add("answers", row)
    run(name="night")
    v2.add("submissions", {"Id": guid(10, 60)})

    retry()

    assert [e["error_detail"]["FreeFormEntry"] for e in open_errors()] == ["first"]
    assert_balanced()
