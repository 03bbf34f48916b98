"""A v2 record under v2's own column names: what an error or warning keeps for repair."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from transfer.records import V2Answer, V2Submission

# The columns of each v2 table, in the order of its type in transfer.records. Columns that the
# reader joins from other tables come after these there, and are no part of the record.
V2_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Organization": ("Id", "Name", "CreatedOn"),
    "User": (
        "Id",
        "OrganizationId",
        "Email",
        "UserName",
        "FirstName",
        "LastName",
        "IsActive",
        "CreatedOn",
        "LastUpdatedOn",
    ),
    "FormType": (
        "Id",
        "Name",
        "DisplayName",
        "ShortDescription",
        "OrganizationId",
        "CreatedOn",
    ),
    "Field": (
        "Id",
        "FormTypeId",
        "FieldTypeId",
        "Name",
        "DisplayName",
        "Required",
        "SortOrder",
    ),
    "FieldType": ("Id", "Name"),
    "FieldSetting": ("Id", "FieldId", "Name", "StoredValue"),
    "Choice": ("Id", "DisplayName"),
    "Field_Choice_Map": ("Id", "FieldId", "ChoiceId", "SortOrder"),
    "FormSubmission": (
        "Id",
        "FormTypeId",
        "FormSubmissionStatusId",
        "LookupCode",
        "CreatedOn",
        "LastUpdatedOn",
        "OrganizationId",
    ),
    "FormSubmissionMetaData": (
        "FormSubmissionId",
        "FieldId",
        "FreeFormEntry",
        "FieldChoiceMapId",
        "Id",
    ),
}

# What json can hold, and the datetimes a loader turns into text.
_PLAIN = (str, bool, int, float, datetime, type(None))


def detail(v2_table: str, row: Sequence[Any]) -> dict[str, Any]:
    """A v2 row as column name → value.

    Args:
        v2_table: the v2 table's name, ``Field_Choice_Map`` for instance.
        row: the row as its type in transfer.records holds it.

    Returns:
        Values as read, text uncleaned; one that JSON has no form for (bytes in a hand-made
        copy of v2) as its repr. A column that v2 lacks is None.
    """
    return {
        column: value if isinstance(value, _PLAIN) else repr(value)
        for column, value in zip(V2_COLUMNS[v2_table], row, strict=False)
    }


def submission_detail(row: V2Submission, answers: Sequence[V2Answer]) -> dict[str, Any]:
    """A submission with, under ``answers``, each of its answers: what repairing one needs."""
    whole = detail("FormSubmission", row)
    whole["answers"] = [detail("FormSubmissionMetaData", answer) for answer in answers]
    return whole


def answer_key(answer: V2Answer) -> str:
    """What findings call an answer: its Id, or where v2 has none ``<submission>/<field>``."""
    return str(answer[4]) if answer[4] is not None else f"{answer[0]}/{answer[1]}"
