"""What v3 has to hold of v2's submissions and their answers, by M8 and M12 to M18.

The answers stand in the document as v2 has them: field → value, a list where several belong
together in an order (M16). A field is named by its id, one of another form by ``*`` and its
name, for that is all that v3 keeps of it (M17).
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from transfer.proof.expected import Document
from transfer.proof.reference import V2Reference
from transfer.proof.rules import (
    Impossible,
    as_spelled,
    as_stored,
    identifier,
    instant,
    storable,
    text,
)

SUBMISSION_COLUMNS = (
    "id", "form_type_id", "form_submission_status_id", "lookup_code", "created_on",
    "last_updated_on", "organization_id",
)  # fmt: skip
# An answer is its FormSubmissionId, FieldId, FreeFormEntry, FieldChoiceMapId and Id.
Answer = Sequence[Any]
MAX_NUMBER = 50
STRANGER = "*"


class Answers(NamedTuple):
    """The answers of one submission, as v3 has to keep them.

    Args:
        values: field → value or list of values.
        choices: field → names of the choices that stood beside a text (M15).
        unmapped: field id → answers that data has no place for (M17).
    """

    values: Document
    choices: Document
    unmapped: Document


def submission(row: Sequence[Any], answers: Sequence[Answer], ref: V2Reference) -> Document:
    """The submission of a v2 row (SUBMISSION_COLUMNS) with its answers.

    ``submission_number`` is the lookup code; what replaces one transfer.proof.numbers knows.

    Raises:
        Impossible: it can be none.
    """
    own_id, form_id, status_id, code, created_on, changed_on, own_organization = row
    settings = ref.settings
    owner = own_organization if own_organization is not None else ref.owner(form_id)
    created = updated = instant(created_on, "CreatedOn", settings.zone)
    if changed_on is not None:
        updated = instant(changed_on, "LastUpdatedOn", settings.zone)
    metadata: Document = {"migration_batch": settings.migration}
    status = _status(status_id, ref, metadata)
    if updated > settings.started_at:
        metadata["legacy_updated_at"] = updated.isoformat()
    kept = rebuild(answers, form_id, ref)
    if kept.unmapped:
        metadata["unmapped"] = kept.unmapped
    at = as_stored(updated)
    return {
        "id": identifier(own_id, "Id"),
        "organization_id": identifier(owner, "OrganizationId"),
        "form_id": identifier(form_id, "FormTypeId"),
        "submission_number": None if code is None else text(code, "LookupCode"),
        "status": status,
        "data": kept.values,
        "choices": kept.choices,
        "metadata": metadata,
        "created_at": at if changed_on is None else as_stored(created),
        "updated_at": at,
        "submitted_at": None if status == "draft" else at,
        "deleted_at": None,
    }


def usable(code: object) -> bool:
    """Whether a lookup code can be a submission number, whoever else has it (M12)."""
    return isinstance(code, str) and 0 < len(storable(code)) <= MAX_NUMBER


def _status(status_id: object, ref: V2Reference, metadata: Document) -> str:
    name = ref.statuses.get(as_spelled(status_id, "FormSubmissionStatusId"))
    if name is None:
        return "submitted"
    known = ref.settings.status(text(name, "FormSubmissionStatus.Name"))
    if known is None:
        metadata["legacy_status"] = storable(str(name))
    return known or "submitted"


def rebuild(answers: Sequence[Answer], form_id: str, ref: V2Reference) -> Answers:
    """The answers of a submission to a form, as v2 has them (M15 to M17).

    Raises:
        Impossible: one is of a type no v3 row can come of.
    """
    own = ref.of_form.get(form_id, {}) if form_id in ref.forms else {}
    labels, choice_of_map = ref.labels, ref.choice_of_map
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer[1], []).append(answer)
    values: Document = {}
    odd: list[Answer] = []
    for field_id, group in groups.items():
        found = own.get(field_id)
        if found is None or (found.positions is None and len(group) > 1):
            odd += group
            continue
        if found.positions is not None:
            chosen = _chosen(group, found.positions, ref)
            if chosen is None:
                odd += group
            else:
                values[field_id] = chosen
            continue
        _, _, value, choice, _ = group[0]
        if choice is not None:
            named = choice_of_map.get(choice, choice)
            if value or named not in labels:
                odd += group
                continue
            value = labels[named]
        if value is not None and not isinstance(value, str):
            raise Impossible(f"an answer is no text: {value!r:.60}")
        values[field_id] = value
    if not odd:
        return Answers(values, {}, {})
    # Fields do not look at each other, but for names that strangers have.
    careful = _with_care(odd, form_id, ref)
    return careful._replace(values=values | careful.values)


def _chosen(
    group: list[Answer], positions: Mapping[str, int], ref: V2Reference
) -> list[str | None] | None:
    """A list field's value where each answer is one of its own choices; None where one is not."""
    ranked = []
    named: Any
    for _, _, value, choice, own_id in group:
        named = ref.choice_of_map.get(choice, choice)
        if value or own_id is None or named not in positions:
            return None
        ranked.append((positions[named], own_id, ref.labels[named]))
    if len(ranked) > 1:
        ranked.sort(key=itemgetter(0, 1))
    return [label for _, _, label in ranked]


class _Read(NamedTuple):
    """An answer: its value, the choice beside a text (a list of none or one), whose choice it is.

    position: among the choices of a list field; None: it goes behind them.
    """

    key: tuple[str, bool, str, str]
    field: str
    text: str | None
    choice: str | None
    value: str | None
    beside: list[str | None]
    choice_id: str | None
    label: str | None
    lost: bool


def _read(answer: Answer, ref: V2Reference) -> _Read:
    _, field_id, text_value, choice, own_id = answer
    field_id = as_spelled(field_id, "FieldId")
    if text_value is not None:
        text_value = text(text_value, "FreeFormEntry")
    value, beside, choice_id, label, lost = text_value, [], None, None, False
    if choice is not None:
        named = ref.choice_of_map.get(as_spelled(choice, "FieldChoiceMapId"), choice)
        known = named in ref.labels
        label = ref.labels.get(str(named))
        if text_value:
            beside = [label if known else choice]
        elif known:
            value, choice_id = label, named
        else:
            lost = True
    key = (
        storable(str(own_id)) if own_id is not None else "",
        value is None,
        value or "",
        choice or "",
    )
    return _Read(key, field_id, text_value, choice, value, beside, choice_id, label, lost)


def _with_care(answers: Sequence[Answer], form_id: str, ref: V2Reference) -> Answers:
    kept: dict[str, list[_Read]] = {}
    unmapped: list[_Read] = []
    for answer in answers:
        read = _read(answer, ref)
        if read.field not in ref.fields or read.lost:
            unmapped.append(read)
        else:
            kept.setdefault(read.field, []).append(read)
    values: Document = {}
    choices: Document = {}
    for group in kept.values():
        group.sort(key=lambda read: read.key)
    called = _called(kept, form_id, ref)
    for field_id, group in kept.items():
        name = called[field_id]
        if name is None:
            unmapped += group
            continue
        if beside := [one for read in group for one in read.beside]:
            choices.setdefault(name, []).extend(beside)
        values[name] = _value(group, ref.fields[field_id].positions)
    unmapped.sort(key=lambda read: read.key)
    lists: dict[str, list[Document]] = {}
    for read in unmapped:
        entry: Document = {"id": read.key[0] or None, "text": read.text, "choice": read.choice}
        if read.label is not None:
            entry["label"] = read.label
        lists.setdefault(read.field, []).append(entry)
    return Answers(values, choices, lists)


def _value(group: list[_Read], positions: Mapping[str, int] | None) -> object:
    """One answer's value, or the list of them in its order (M16)."""
    if positions is None:
        return group[0].value if len(group) == 1 else [read.value for read in group]
    behind = len(positions)

    def place(read: _Read) -> int:
        return behind if read.choice_id is None else positions.get(read.choice_id, behind)

    return [read.value for read in sorted(group, key=place)]


def _called(kept: dict[str, list[_Read]], form_id: str, ref: V2Reference) -> dict[str, str | None]:
    """Under what each answered field stands in the document; None: in unmapped (M17)."""
    own = ref.of_form.get(form_id, {}) if form_id in ref.forms else {}
    taken = {one.name for one in own.values()}
    called: dict[str, str | None] = {field_id: field_id for field_id in kept if field_id in own}
    for field_id in sorted(field_id for field_id in kept if field_id not in own):
        name = ref.fields[field_id].name
        called[field_id] = None if name in taken else STRANGER + name
        taken.add(name)
    return called
