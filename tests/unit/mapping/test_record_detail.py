import re

import pytest

from tests.unit.mapping.build import (
    CREATED,
    FORM,
    SUBMISSION,
    answer,
    choice,
    field,
    form,
    organization,
    setting,
    submission,
    uid,
    user,
)
from transfer.mapping.record_detail import V2_COLUMNS, answer_key, detail, submission_detail


def snake(column):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", column).lower()


@pytest.mark.parametrize(
    ("table", "row", "joined"),
    [
        ("Organization", organization(), ()),
        ("User", user(), ()),
        ("FormType", form(), ()),
        ("Field", field(200), ("type_name",)),
        ("FieldSetting", setting(1, uid(200), "Width", "1"), ()),
        ("Field_Choice_Map", choice(1, uid(200), 2, "Red"), ("choice_exists", "display_name")),
        ("FormSubmission", submission(), ()),
    ],
)
def test_a_record_is_kept_under_v2s_column_names(table, row, joined):
    names = {"form_submission_status_id": "status_id"}
    columns = [names.get(snake(column), snake(column)) for column in V2_COLUMNS[table]]

    assert (*columns, *joined) == row._fields
    assert list(detail(table, row).values()) == list(row)[: len(columns)]


def test_an_answer_is_kept_under_v2s_column_names():
    assert detail("FormSubmissionMetaData", answer(1, uid(200), "text", uid(301))) == {
        "FormSubmissionId": SUBMISSION,
        "FieldId": uid(200),
        "FreeFormEntry": "text",
        "FieldChoiceMapId": uid(301),
        "Id": uid(1),
    }


def test_times_stay_times_text_stays_uncleaned_and_the_rest_is_shown():
    kept = detail("FormType", form(name="a\x00\ud800", display_name=b"\xff", created_on=CREATED))

    assert kept == {
        "Id": FORM,
        "Name": "a\x00\ud800",
        "DisplayName": "b'\\xff'",
        "ShortDescription": None,
        "OrganizationId": uid(1),
        "CreatedOn": CREATED,
    }


def test_a_submission_is_kept_with_its_answers():
    kept = submission_detail(submission(), [answer(1, uid(200), "x"), answer(2, uid(200), "y")])

    assert kept["Id"] == SUBMISSION
    assert [each["Id"] for each in kept["answers"]] == [uid(1), uid(2)]
    assert submission_detail(submission(), [])["answers"] == []


def test_an_answer_without_an_id_is_named_by_submission_and_field():
    assert answer_key(answer(1, uid(200))) == uid(1)
    assert answer_key(answer(None, uid(200))) == f"{SUBMISSION}/{uid(200)}"
