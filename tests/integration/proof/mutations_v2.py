"""The v2 that the mutations start from: every rule leaves its mark somewhere, and nothing fails.

Ids are tests.v2.guid's: the table's number, then the row's.
"""

from pathlib import Path
from typing import Any

from tests.v2 import FIELD_TYPES, STATUSES, V2, guid, make_v2

NAME = "night"
ACME, ACME_2, WOLF, LONELY, OLDEST = (guid(1, n) for n in range(1, 6))
ANN, BOB, FUTURE_USER = (guid(2, n) for n in range(1, 4))
LEAVE, LEAVE_2, ORDER, SPARE, LEAVE_OF_WOLF = (guid(4, n) for n in range(1, 6))
WHO, WHY, WHO_2, BOXES, PICK, NUMBER, BLANK, BOXES_2 = (guid(5, n) for n in range(1, 9))
AMOUNT, WHO_OF_ORDER, EXTRA = (guid(5, n) for n in range(9, 12))
LOST_FIELD = guid(5, 99)
ALPHA, BETA, GAMMA, DELTA = (guid(7, n) for n in range(1, 5))
(
    FULL, SIMPLE, DRAFT, SECOND_A, NO_NUMBER, ON_HOLD, FUTURE, TWIN, OTHER_TWIN, ABROAD, SILENT,
    LIKE_SIMPLE, TAKEN, OF_ORDER, MANY,
) = (guid(10, n) for n in range(1, 16))  # fmt: skip
# One Id's first eight digits, twice: one of the two numbers made of them has nine.
TWIN, OTHER_TWIN = "cafecafe-1000-4000-8000-000000000001", "cafecafe-2000-4000-8000-000000000002"
LATER = "2099-01-02 03:04:05.600000"  # v2's clock was wrong once
STATUS_ON_HOLD = guid(9, 20)


def proven_v2(path: Path) -> V2:
    """Make it."""
    v2 = make_v2(
        path,
        organizations=[
            {"Name": "Acme"},
            {"Name": "Acme", "CreatedOn": "2024-03-01 10:20:30.5"},
            {"Name": "Wolf & So\u0308hne\n"},
            {"Name": " Lonely ", "CreatedOn": "2024-07-01 00:00:00"},
            {"Name": "Acme", "CreatedOn": "2020-01-01 00:00:00"},
        ],
        users=[
            {"Email": "Ann@example.org", "LastUpdatedOn": "2024-05-05 05:05:05.050505"},
            {"Email": "bob@example.org", "UserName": None, "FirstName": "", "IsActive": False},
            {"Email": "eve@example.org", "LastUpdatedOn": LATER, "OrganizationId": WOLF},
        ],
        forms=[
            {"Name": "Leave Request", "DisplayName": "Leave", "ShortDescription": "When\tand why"},
            {"Name": "Leave Request", "DisplayName": None},
            {"Name": "Order", "OrganizationId": ACME_2},
            {"Name": "Spare", "CreatedOn": None},
            {"Name": "Leave Request", "OrganizationId": WOLF},
        ],
        fields=_fields(),
        settings=[
            {"Name": "max", "StoredValue": "5"},
            {"Name": "hint", "StoredValue": ""},
            {"Name": "note", "StoredValue": None},
            {"Name": "max", "StoredValue": "4"},
            {"Name": "Max", "StoredValue": "6"},
            {"Name": "a][b", "StoredValue": "7"},
        ],
        choices=[{"DisplayName": n} for n in ("Alpha", "Beta", "Gamma", "Delta")],
        maps=[
            {"FieldId": field, "ChoiceId": choice, "SortOrder": place}
            for field in (WHO_2, BOXES, PICK, BOXES_2)
            for place, choice in enumerate((GAMMA, ALPHA, BETA), 1)
        ],
        submissions=_submissions(),
    )
    v2.add("statuses", {"Id": STATUS_ON_HOLD, "Name": "On Hold"})
    v2.execute(
        'UPDATE "FormSubmission" SET "FormSubmissionStatusId" = ? WHERE "Id" = ?',
        [STATUS_ON_HOLD, ON_HOLD],
    )
    for submission, *answer in _ANSWERS:
        _answer(v2, submission, *answer)
    return v2


def _fields() -> list[dict[str, Any]]:
    kinds = ("TextBox", "TextArea", "DropDown", "CheckBox", "RadioButton")
    names = ("who", "why", "who", "boxes", "pick", "number", "blank", "Boxes")
    types = (*kinds, "TextBox", "TextBox", "CheckBox")
    own = [
        {"Name": name, "FieldTypeId": FIELD_TYPES[kind], "Required": n == 0, "SortOrder": n // 2}
        for n, (name, kind) in enumerate(zip(names, types, strict=True))
    ]
    own[6]["DisplayName"] = None
    theirs = [{"FormTypeId": ORDER, "Name": name} for name in ("amount", "who", "extra")]
    return [*own, *theirs]


def _submissions() -> list[dict[str, Any]]:
    hour = "2024-01-{:02} 01:02:03.000004".format
    return [
        {"LookupCode": "A", "CreatedOn": hour(9), "LastUpdatedOn": hour(10)},
        {"LookupCode": "B"},
        {"LookupCode": "C", "FormSubmissionStatusId": STATUSES["Draft"]},
        {"LookupCode": "A", "CreatedOn": hour(10)},
        {"LookupCode": None},
        {"LookupCode": "F"},
        {"LookupCode": "G", "LastUpdatedOn": LATER},
        {"Id": TWIN, "LookupCode": ""},
        {"Id": OTHER_TWIN, "LookupCode": None},
        {"LookupCode": "A", "OrganizationId": WOLF, "CreatedOn": hour(11)},
        {"LookupCode": "K", "FormSubmissionStatusId": guid(9, 77)},
        {"LookupCode": "L"},
        {"LookupCode": "V2-000a000d", "FormSubmissionStatusId": STATUSES["Archived"]},
        {"LookupCode": "N", "FormTypeId": ORDER},
        {"LookupCode": "M" * 51},
    ]


# Submission, field, text, choice.
_ANSWERS: tuple[tuple[str, str, str | None, str | None], ...] = (
    (FULL, WHO, "ab", None),
    (FULL, WHY, "c", None),
    (FULL, WHO_2, None, guid(8, 3)),
    (FULL, BOXES, None, guid(8, 5)),
    (FULL, BOXES, None, guid(8, 4)),
    (FULL, BOXES, "and this", None),
    (FULL, PICK, "of my own", guid(8, 8)),
    (FULL, NUMBER, "5", None),
    (FULL, BLANK, "", None),
    (FULL, LOST_FIELD, "lost", BETA),
    (FULL, LOST_FIELD, None, ALPHA),
    (FULL, EXTRA, "from afar", None),
    (FULL, WHO_OF_ORDER, "no room", None),
    (SIMPLE, WHO, "Cafe\u0301 \U0001f600", None),
    (SIMPLE, WHY, "line\r\nline", None),
    (SIMPLE, BOXES, None, ALPHA),
    (SIMPLE, BLANK, " padded ", None),
    (SIMPLE, NUMBER, None, None),
    (LIKE_SIMPLE, WHO, "Dora", None),
    (LIKE_SIMPLE, WHY, "line", None),
    (LIKE_SIMPLE, BOXES, None, BETA),
    (LIKE_SIMPLE, NUMBER, "null", None),
    (DRAFT, WHO, "a\u200bb", None),
    (DRAFT, WHY, "true", None),
    (SECOND_A, WHY, "two words", None),
    (MANY, WHY, "ab", None),
    (MANY, WHY, "c", None),
    (MANY, WHY, "ab", None),
    (MANY, WHY, None, None),
    (MANY, BOXES, None, guid(8, 6)),
    (MANY, BOXES, None, guid(8, 4)),
    (MANY, BOXES, None, guid(8, 5)),
    (MANY, BOXES_2, "free", None),
    (MANY, PICK, "t", guid(8, 7)),
    (MANY, PICK, "u", guid(8, 9)),
    (MANY, NUMBER, "first", ALPHA),
    (OF_ORDER, AMOUNT, "12.50", None),
    (OF_ORDER, WHO_OF_ORDER, "Otto", None),
    (ABROAD, WHO, "Wolf", None),
)  # fmt: skip


def _answer(v2: V2, submission: str, field: str, text: str | None, choice: str | None) -> None:
    v2.add(
        "answers",
        {"FormSubmissionId": submission, "FieldId": field, "FreeFormEntry": text,
         "FieldChoiceMapId": choice},
    )  # fmt: skip
