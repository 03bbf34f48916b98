"""A v2 record under v2's own column names: what an error or warning keeps for repair."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, overload

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


class AnswerDetails(Sequence[dict[str, Any]]):
    """The details of a submission's answers, each made when it is asked for.

    A submission that fails may have a million answers, and a batch a thousand such submissions.
    """

    __slots__ = ("_answers",)

    def __init__(self, answers: Sequence[V2Answer]) -> None:
        self._answers = answers

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """The detail of one answer, or a list of some."""
        if isinstance(index, slice):
            return [detail("FormSubmissionMetaData", answer) for answer in self._answers[index]]
        return detail("FormSubmissionMetaData", self._answers[index])

    def __len__(self) -> int:
        """How many answers there are."""
        return len(self._answers)

    def __eq__(self, other: object) -> bool:
        """Whether the other is a sequence of the same details."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list


def submission_detail(row: V2Submission, answers: Sequence[V2Answer]) -> dict[str, Any]:
    """A submission with, under ``answers``, each of its answers: what repairing one needs.

    They are in the order of their Ids, without Ids in that of their values: v2 gives them in any
    order it likes, and what is recorded is the same from every source (M1).
    """
    in_order = sorted(answers, key=_by_value if answers and answers[0][4] is None else _by_id)
    return detail("FormSubmission", row) | {"answers": AnswerDetails(in_order)}


def _by_id(answer: V2Answer) -> str:
    return str(answer[4] or "")


def _by_value(answer: V2Answer) -> tuple[str, ...]:
    return tuple(str(value or "") for value in answer)


def answer_key(answer: V2Answer) -> str:
    """What findings call an answer: its Id, or where v2 has none ``<submission>/<field>``."""
    return str(answer[4]) if answer[4] is not None else f"{answer[0]}/{answer[1]}"
