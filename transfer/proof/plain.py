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

from transfer.page_answers import CHOICE, FIELD, TEXT, PageAnswers
from transfer.proof.expected import Document
from transfer.proof.reference import V2Reference
from transfer.proof.rules import as_stored, instant, storable
from transfer.proof.stored import COLUMNS, Row, Stored
from transfer.proof.submissions import MAX_NUMBER

_NOT_PLAIN = object()  # equal to nothing that v3 could have
_TEXT_OR_NULL = frozenset({str, type(None)})
_NO_LIST: tuple[str, Mapping[str, int]] = ("", {})
ORGANIZATION, DATA = map(COLUMNS["submissions"].index, ("organization_id", "data"))


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
        self, rows: Sequence[Sequence[Any]], answers: PageAnswers, found: Mapping[str, Row]
    ) -> Iterator[Equal]:
        """Those of the submissions (SUBMISSION_COLUMNS) that are equal, beyond doubt.

        Args:
            rows: of a page, each Id once.
            answers: those of the page.
            found: v3's rows by id.
        """
        texts, choices = answers.column(TEXT), answers.column(CHOICE)
        if not _TEXT_OR_NULL.issuperset(map(type, texts)):
            return  # a copy made by hand may hold other values
        values, fields = self._values(texts, choices), answers.column(FIELD)
        for row in rows:
            there, form = found.get(row[0]), self._form(row[1])
            if there is None or form is None or not self._is_row(row, there, form):
                continue
            start, stop = answers.span(row[0])
            own = slice(start, stop)
            data = self._data(form, fields[own], choices[own], values[own])
            if data is not None and data == _parsed(there[DATA]):
                encoded = _encoded(there, data, form, self._metadata)
                yield Equal(row[0], encoded, there[ORGANIZATION], row[1], stop - start)

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

    def _values(self, texts: Sequence[Any], choices: Sequence[Any]) -> Sequence[Any]:
        """What each answer is (M15): its text, or the name of its choice."""
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
        listed = names.count(None)
        if len(data) + listed != len(names):
            return None
        lists: dict[str, dict[int, Any]] = {}
        of_map = self._ref.choice_of_map
        at = -1
        for _ in range(listed):
            at = names.index(None, at + 1)
            choice = choices[at]
            name, places = form.lists.get(fields[at], _NO_LIST)
            place = places.get(of_map.get(choice, choice))
            chosen = lists.setdefault(name, {})
            # Not one of the field's choices; or two are the same: these go by the answers' Ids.
            if place is None or place in chosen:
                return None
            chosen[place] = values[at]
        for name, chosen in lists.items():
            data[name] = [chosen[place] for place in sorted(chosen)]
        return data

    def _is_row(self, row: Sequence[Any], there: Row, form: _Form) -> bool:
        """Whether v3's row is this submission, but for the answers; not where a rule decides."""
        _, form_id, status_id, code, created_on, changed_on, owner = row
        (
            _, organization, form_there, number, status, _, metadata, created, updated, deleted,
            submitted,
        ) = there  # fmt: skip
        if metadata != self._metadata_text:
            if _parsed(metadata) != self._metadata:
                return False
            self._metadata_text = metadata
        return bool(
            form_there == form_id
            and organization
            and organization == (form.owner if owner is None else owner)
            and number
            and number == code
            and len(number) <= MAX_NUMBER
            and status
            and status == self._statuses.get(status_id)
            and created
            and created == self._time(created_on)
            and updated
            and updated == (created if changed_on is None else self._time(changed_on))
            and submitted == (None if status == "draft" else updated)
            and deleted is None
        )

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


def _encoded(row: Row, data: Document, form: _Form, metadata: Document) -> bytes:
    """The submission as document.encode gives it: with the keys in their order already."""
    (
        own_id, organization, form_id, number, status, _, _, created, updated, deleted, submitted,
    ) = row  # fmt: skip
    return orjson.dumps(
        {
            "choices": {},
            "created_at": created,
            "data": {own: data[name] for name, own in form.order if name in data},
            "deleted_at": deleted,
            "form_id": form_id,
            "id": own_id,
            "metadata": metadata,
            "organization_id": organization,
            "status": status,
            "submission_number": number,
            "submitted_at": submitted,
            "updated_at": updated,
        }
    )


def _parsed(text: str | None) -> object:
    try:
        return orjson.loads(text or "null")
    except orjson.JSONDecodeError:
        return None
