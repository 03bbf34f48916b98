"""M15 to M17: the answers of one submission, by the rules.

Plain answers get the same result faster from transfer.mapping.plain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger, Finding
from transfer.mapping.layout import FieldLayout, Reference
from transfer.mapping.record import RecordInHand
from transfer.mapping.record_detail import answer_key
from transfer.mapping.text import clean, shorten
from transfer.records import V2Answer

TABLE = "FormSubmissionMetaData"


class MappedAnswers(NamedTuple):
    """A submission's data as JSON, what its metadata has to hold besides, and the ledger."""

    data: bytes
    metadata: dict[str, Any]
    ledger: AnswerLedger


class _Answer(NamedTuple):
    """An answer, checked and cleaned.

    choice is v2's FieldChoiceMapId; choice_id the Choice.Id it resolves to, None where there is
    no choice or it exists nowhere. is_choice: the choice is the value, for there is no text.
    """

    row: V2Answer
    field_id: str
    text: str | None
    choice: str | None
    choice_id: str | None
    label: str | None
    is_choice: bool
    value: str | None

    @property
    def choice_missing(self) -> bool:
        return self.choice is not None and self.choice_id is None


def _order(answer: _Answer) -> tuple[str, bool, str, str]:
    """By Id; without Ids by value, null last (M16)."""
    value = answer.value
    return _id(answer.row) or "", value is None, value or "", answer.choice or ""


def _id(row: V2Answer) -> str | None:
    return None if row[4] is None else clean(str(row[4]))


@dataclass(slots=True)
class _Result:
    findings: list[Finding]
    data: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, list[str | None]] = field(default_factory=dict)
    unmapped: list[_Answer] = field(default_factory=list)
    migrated: int = 0
    merged: int = 0
    beside: int = 0

    def warn(self, code: Code, answer: _Answer, message: str, column: str) -> None:
        record = RecordInHand(TABLE, answer_key(answer.row), answer.row, self.findings)
        record.warn(code, message, column)

    def unmapped_lists(self) -> dict[str, list[dict[str, Any]]]:
        """metadata.unmapped: field id → its answers as v2 has them, by answer Id.

        ``label`` is there where the choice resolves: v3 has no other way to its name.
        """
        lists: dict[str, list[dict[str, Any]]] = {}
        for answer in sorted(self.unmapped, key=_order):
            entry = {"id": _id(answer.row), "text": answer.text, "choice": answer.choice}
            if answer.label is not None:
                entry["label"] = answer.label
            lists.setdefault(answer.field_id, []).append(entry)
        return lists


def map_answers(
    answers: Sequence[V2Answer], form_id: str, ref: Reference, submission: RecordInHand
) -> MappedAnswers:
    """The answers of a submission to ``form_id``; warnings go to ``submission`` (M15 to M17).

    Raises:
        UnmappableError: a value of another type than v2's schema says.
    """
    result = _Result(submission.findings)
    by_field: dict[str, list[_Answer]] = {}
    for row in answers:
        answer = _read(row, ref, submission.findings)
        if answer.field_id not in ref.fields:
            result.unmapped.append(answer)
            result.warn(
                Code.ANSWER_FIELD_UNKNOWN,
                answer,
                f"field {shorten(answer.field_id)} exists nowhere; "
                "the answer is in metadata.unmapped",
                "FieldId",
            )
        elif answer.choice_missing and not answer.text:
            result.unmapped.append(answer)
            result.warn(
                Code.ANSWER_CHOICE_UNKNOWN,
                answer,
                f"no text, and choice {shorten(answer.choice)} exists nowhere; "
                "the answer is in metadata.unmapped",
                "FieldChoiceMapId",
            )
        else:
            by_field.setdefault(answer.field_id, []).append(answer)
    strangers = _strangers(by_field, form_id, ref)
    for field_id, group in by_field.items():
        layout = ref.fields[field_id]
        if len(group) > 1:
            group.sort(key=_order)
        has_room = strangers.get(field_id)
        if has_room is not None:
            _warn_of_stranger(result, layout, group, kept=has_room)
        if has_room is False:
            result.unmapped += group
        else:
            _place(result, layout, group, submission)
    metadata: dict[str, Any] = {}
    if result.choices:
        metadata["choices"] = result.choices
    if result.unmapped:
        metadata["unmapped"] = result.unmapped_lists()
    ledger = AnswerLedger(result.migrated, result.merged, result.beside, len(result.unmapped))
    return MappedAnswers(orjson.dumps(result.data), metadata, ledger)


def _read(row: V2Answer, ref: Reference, findings: list[Finding]) -> _Answer:
    """Check and clean an answer, and look its choice up: a map's Id, else a choice's (M15)."""
    _, field_id, text, choice, _ = row
    record = RecordInHand(TABLE, answer_key(row), row, findings)
    field_id = record.identifier(field_id, "FieldId")
    text = record.optional_text(text, "FreeFormEntry")
    choice_id = label = None
    if choice is not None:
        choice = record.identifier(choice, "FieldChoiceMapId")
        choice_id = ref.choice_of_map.get(choice, choice)
        if choice_id in ref.labels:
            label = ref.labels[choice_id]
        else:
            choice_id = None
    is_choice = choice_id is not None and not text
    return _Answer(
        row, field_id, text, choice, choice_id, label, is_choice, label if is_choice else text
    )


def _strangers(by_field: dict[str, list[_Answer]], form_id: str, ref: Reference) -> dict[str, bool]:
    """The answered fields of other forms, and whether data has room for their name (M17).

    It has not where the form has a field of that name, or another stranger with a lower Id.
    """
    foreign = [field_id for field_id in by_field if ref.fields[field_id].form_id != form_id]
    if not foreign:
        return {}
    names = set(ref.form_names.get(form_id, ()))
    strangers: dict[str, bool] = {}
    for field_id in sorted(foreign):
        name = ref.fields[field_id].name
        strangers[field_id] = name not in names
        names.add(name)
    return strangers


def _warn_of_stranger(
    result: _Result, layout: FieldLayout, group: list[_Answer], *, kept: bool
) -> None:
    where = "data" if kept else "metadata.unmapped, for its name is taken"
    for answer in group:
        result.warn(
            Code.ANSWER_OTHER_FORM,
            answer,
            f"field {shorten(layout.name)} belongs to form {shorten(layout.form_id)}; "
            f"the answer is in {where}",
            "FieldId",
        )


def _place(
    result: _Result, layout: FieldLayout, group: list[_Answer], submission: RecordInHand
) -> None:
    """Put the answers to one field, in the order of their Ids, into data (M15, M16)."""
    alone = 0  # answers with no choice beside their text
    for answer in group:
        if answer.text and answer.choice is not None:
            beside = answer.choice if answer.choice_missing else answer.label
            result.choices.setdefault(layout.name, []).append(beside)
        else:
            alone += 1
        if answer.choice_missing:
            result.warn(
                Code.ANSWER_CHOICE_UNKNOWN,
                answer,
                f"choice {shorten(answer.choice)} beside the text exists nowhere; "
                "its id is in metadata.choices",
                "FieldChoiceMapId",
            )
    result.beside += len(group) - alone
    if len(group) == 1:
        result.migrated += alone
    else:
        result.merged += alone
    if layout.is_list:
        result.data[layout.name] = _in_choice_order(layout, group)
    elif len(group) == 1:
        result.data[layout.name] = group[0].value
    else:
        result.data[layout.name] = [answer.value for answer in group]
        submission.warn(
            Code.ANSWERS_MERGED,
            f"field {shorten(layout.name)} has {len(group)} answers; they are a list in data",
        )


def _in_choice_order(layout: FieldLayout, group: list[_Answer]) -> list[str | None]:
    """A list field's elements: its choices in their order, then the rest as they come (M16)."""
    order = layout.order or {}
    last = len(order)

    def position(answer: _Answer) -> int:
        if answer.is_choice and answer.choice_id is not None:
            return order.get(answer.choice_id, last)
        return last

    return [answer.value for answer in sorted(group, key=position)]
