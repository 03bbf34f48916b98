"""Submissions that are plainly what they have to be: nearly all of a sound migration, and fast.

A page's submissions are derived here column by column, without an object an answer, and only
where no rule has anything to decide: known form, status and choices, a lookup code that is the
number, an answer a field, nothing that metadata had to keep. What is derived so is compared with
v3's row as a whole. Equal means equal; anything else means that nothing is known, and the record is
left to the careful way (submissions, compare), which alone tells what differs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from transfer.answer_columns import CHOICE, FIELD, TEXT, AnswerColumns
from transfer.proof.expected import Document
from transfer.proof.reference import V2Reference
from transfer.proof.rules import UUID_LENGTH, as_stored, instant, storable
from transfer.proof.stored import Row, Stored
from transfer.proof.submissions import MAX_NUMBER

_NOT_PLAIN = object()  # equal to nothing that v3 could have


class Equal(NamedTuple):
    """A submission that v3 holds as it has to.

    Args:
        id: its id.
        document: what both sides have, as document.encode gives it.
        owner: its organization.
        form: its form.
        answers: how many v2 has, and v3.
    """

    id: str
    document: bytes
    owner: str
    form: str
    answers: int


class _Form(NamedTuple):
    """A form whose submissions can be plain: its fields by the names that v3 has for them too.

    Args:
        owner: its organization, None where it has none.
        single: fields with one answer: id → name.
        lists: fields whose answers are a list (M16): id → (name, Choice.Id → place).
        order: all of them, name and id, by their ids.
    """

    owner: str | None
    single: Mapping[str, str]
    lists: Mapping[str, tuple[str, Mapping[str, int]]]
    order: Sequence[tuple[str, str]]


class _Made(NamedTuple):
    """The columns of a row of v3 but for its JSON, as text, in the order of COLUMNS."""

    id: str
    owner: str
    form: str
    number: str
    status: str
    created: str
    updated: str
    deleted: None
    submitted: str | None


class Plain:
    """Finds the submissions of a page that are plainly what they have to be.

    Args:
        ref: v2's small tables.
        stored: v3.
    """

    def __init__(self, ref: V2Reference, stored: Stored) -> None:
        settings = ref.settings
        self._ref = ref
        self._stored = stored
        self._zone = settings.zone
        self._started_at = settings.started_at
        self._is_utc = settings.zone.key == "UTC"
        self._begun = settings.started_at.astimezone(UTC).replace(tzinfo=None)
        self._metadata: Document = {"migration_batch": settings.migration}
        self._statuses = {
            own: known
            for own, name in ref.statuses.items()
            if isinstance(name, str)
            and own.isascii()
            and (known := settings.status(storable(name)))
        }
        # By what an answer names: a map of a field's choice, else the choice itself (M15).
        self._labels: dict[str, Any] = dict(ref.labels)
        self._labels |= {
            own: ref.labels.get(choice, _NOT_PLAIN) for own, choice in ref.choice_of_map.items()
        }
        self._forms: dict[str, _Form | None] = {}
        self._metadata_text = ""  # as PostgreSQL writes it; known once one was read

    def equal(
        self, rows: Sequence[Sequence[Any]], answers: AnswerColumns, found: Mapping[str, Row]
    ) -> Iterator[Equal]:
        """Those of the submissions (SUBMISSION_COLUMNS) that are equal, beyond doubt.

        Args:
            rows: of a page, each Id once.
            answers: those of the page.
            found: v3's rows by id.
        """
        if not answers.are_texts:
            return
        values = self._values(answers)
        fields, choices = answers.columns[FIELD], answers.columns[CHOICE]
        for row in rows:
            there, form = found.get(row[0]), self._form(row[1])
            if there is None or form is None:
                continue
            start, stop = answers.span(row[0])
            own = slice(start, stop)
            data = self._data(form, fields[own], choices[own], values[own])
            if data is None:
                continue
            made = self._made(row, form)
            if made is not None and self._is(there, made, data):
                encoded = _encoded(made, data, form, self._metadata)
                yield Equal(row[0], encoded, made.owner, row[1], stop - start)

    def _form(self, form_id: str) -> _Form | None:
        try:
            return self._forms[form_id]
        except KeyError:
            self._forms[form_id] = made = self._plain_form(form_id)
            return made

    def _plain_form(self, form_id: str) -> _Form | None:
        ref = self._ref
        if form_id not in ref.forms:
            return None
        ids = self._stored.names(form_id)
        # One that v3 has under another name as well, or under none, is not plain.
        names = Counter(ids.values())
        own = {
            one: field
            for one, field in ref.of_form.get(form_id, {}).items()
            if one and ids.get(field.name) == one and names[one] == 1
        }
        return _Form(
            ref.owner(form_id),
            {one: field.name for one, field in own.items() if field.positions is None},
            {
                one: (field.name, field.positions)
                for one, field in own.items()
                if field.positions is not None
            },
            [(own[one].name, one) for one in sorted(own)],
        )

    def _values(self, answers: AnswerColumns) -> Sequence[Any]:
        """What each answer is (M15): its text, or the name of its choice."""
        texts, choices = answers.columns[TEXT], answers.columns[CHOICE]
        label = self._labels.get
        return [
            text if choice is None else _NOT_PLAIN if text else label(choice, _NOT_PLAIN)
            for text, choice in zip(texts, choices, strict=True)
        ]

    def _data(
        self,
        form: _Form,
        fields: Sequence[Any],
        choices: Sequence[Any],
        values: Sequence[Any],
    ) -> Document | None:
        """The answers under the names of their fields; None where a rule has to decide."""
        names: list[Any] = list(map(form.single.get, fields))
        data: dict[Any, Any] = dict(zip(names, values, strict=True))
        if None not in data:
            return data if len(data) == len(names) else None  # one field answered twice
        del data[None]
        single = len(data)
        number = 0
        for at, name in enumerate(names):
            if name is None:
                if not self._choose(form, fields[at], choices[at], values[at], data):
                    return None
                number += 1
        if single + number != len(names):
            return None
        for name in list(data)[single:]:
            chosen = data[name]
            data[name] = [chosen[place] for place in sorted(chosen)]
        return data

    def _choose(
        self, form: _Form, field_id: str, choice: str, label: object, data: dict[str, Any]
    ) -> bool:
        """Add a choice of a field that is a list (M16), by its place among the field's choices.

        Returns:
            Whether it is one of them, and no other answer was the same.
        """
        if field_id not in form.lists or choice is None:
            return False
        name, places = form.lists[field_id]
        place = places.get(self._ref.choice_of_map.get(choice, choice))
        chosen = data.setdefault(name, {})
        if place is None or place in chosen:
            return False
        chosen[place] = label
        return True

    def _made(self, row: Sequence[Any], form: _Form) -> _Made | None:
        """What v3 has to hold besides the answers; None where a rule has to decide."""
        own_id, form_id, status_id, code, created_on, changed_on, owner = row
        status = self._statuses.get(status_id)
        if owner is None:
            owner = form.owner
        if status is None or type(owner) is not str or len(owner) != UUID_LENGTH:
            return None
        if type(code) is not str or not 0 < len(code) <= MAX_NUMBER:
            return None
        created = updated = self._time(created_on)
        if changed_on is not None:
            updated = self._time(changed_on)
        if created is None or updated is None:
            return None
        submitted = None if status == "draft" else updated
        return _Made(own_id, owner, form_id, code, status, created, updated, None, submitted)

    def _time(self, value: object) -> str | None:
        """A time as v3 has it (M3); None for what is none, or is after the migration's start."""
        if type(value) is not datetime or value.tzinfo is not None:
            return None
        if not self._is_utc:
            at = instant(value, "", self._zone)
            return as_stored(at) if at <= self._started_at else None
        if value > self._begun:
            return None
        text = value.isoformat(" ")
        return f"{text.rstrip('0') if value.microsecond else text}+00"

    def _is(self, there: Row, made: _Made, data: Document) -> bool:
        """Whether v3's row is this submission, with these answers."""
        answers, metadata = there[5], there[6]
        if metadata != self._metadata_text:
            if metadata is None or _parsed(metadata) != self._metadata:
                return False
            self._metadata_text = metadata
        others = (*there[:5], *there[7:])
        return others == made and answers is not None and _parsed(answers) == data


def _encoded(made: _Made, data: Document, form: _Form, metadata: Document) -> bytes:
    """The submission as document.encode gives it: with the keys in their order already."""
    return orjson.dumps(
        {
            "choices": {},
            "created_at": made.created,
            "data": {own: data[name] for name, own in form.order if name in data},
            "deleted_at": None,
            "form_id": made.form,
            "id": made.id,
            "metadata": metadata,
            "organization_id": made.owner,
            "status": made.status,
            "submission_number": made.number,
            "submitted_at": made.submitted,
            "updated_at": made.updated,
        }
    )


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
