"""M8 and M12 to M18 for plain submissions, about which nothing is to be said: fast.

``PlainSubmissions`` gives what ``map_submission`` would give, or None where it does not know: then
the rules have to be asked. Nearly all submissions are plain, and what an answer costs here is most
of what mapping costs: so there is no call and no object an answer.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from transfer.makers import Maker
from transfer.mapping.answers import MappedAnswers
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import AnswerLedger, Outcome
from transfer.mapping.layout import FieldLayout, Reference
from transfer.mapping.numbers import MAX_NUMBER
from transfer.mapping.text import is_clean
from transfer.mapping.times import is_utc, to_utc
from transfer.page_answers import AS_GIVEN, CHOICE, FIELD, PageAnswers, RawAnswer
from transfer.records import SubmissionRow, V2Submission, is_id

ODD = object()  # in the place of a choice that has text beside it: there is no label for it
# Spellings of ids that are kept, for each id there is.
SPELLINGS = 4
MOST_UNKNOWN = 10_000
_TEXT_OR_NULL = frozenset({str, type(None)})
T = TypeVar("T")


class _BySpelling(dict[Any, T]):
    """What is known by ids, by the ids as v2 spells them.

    Args:
        known: by id.
        make: makes the mapping's ids of a column's.
        otherwise: of what is not known.
    """

    def __init__(self, known: Mapping[str, T], make: Maker, otherwise: T) -> None:
        super().__init__()
        self._known = known
        self._make = make
        self._otherwise = otherwise
        self._most = SPELLINGS * len(known) + MOST_UNKNOWN

    def __missing__(self, spelling: object) -> T:
        found = self._known.get(self._make((spelling,))[0], self._otherwise)
        if len(self) >= self._most:  # of a v2 in which few of them are known
            self.clear()
        self[spelling] = found
        return found


class PlainSubmissions:
    """Maps the plain ones of a run's submissions.

    Args:
        ref: forms, choices, organizations and statuses, complete.
        ctx: the run's settings.
        makers: see PageAnswers.
    """

    def __init__(
        self, ref: Reference, ctx: MappingContext, makers: Sequence[Maker] = AS_GIVEN
    ) -> None:
        self._ref = ref
        self._ctx = ctx
        self._is_utc = is_utc(ctx.time_zone)
        # Of an id that is none the rules have something to say.
        choices = {
            own: choice
            for own, choice in ({own: own for own in ref.labels} | ref.choice_of_map).items()
            if own.isascii()
        }
        labels: dict[str, object] = {
            own: ref.labels[choice] for own, choice in choices.items() if choice in ref.labels
        }
        # ODD is a value that no document takes, whatever field it is for.
        self._labels = _BySpelling[object](labels, makers[CHOICE], ODD)
        self._choices = _BySpelling[str | None](choices, makers[CHOICE], None)
        fields = {own: layout for own, layout in ref.fields.items() if own.isascii()}
        self._layouts = _BySpelling[FieldLayout | None](fields, makers[FIELD], None)
        self._names: dict[str, _BySpelling[str | None]] = {
            form: _BySpelling(_own_names(form, names, ref), makers[FIELD], None)
            for form, names in ref.plain_names.items()
        }
        self._statuses = {
            own: ctx.statuses.get(name.casefold()) if is_clean(name) else None
            for own, name in ref.statuses.items()
            if isinstance(name, str) and own.isascii()
        }
        self._ledgers: dict[tuple[int, int], AnswerLedger] = {}

    def outcome(self, row: V2Submission, answers: PageAnswers) -> Outcome | None:
        """The submission with its answers, where both are plain.

        Args:
            row: a v2 submission that keeps its lookup code (M12).
            answers: of its page.
        """
        v2_id, form_id, status_id, code, created_on, changed_on, organization = row
        ref = self._ref
        owner = ref.form_organization.get(form_id)
        status = self._statuses.get(status_id)
        if owner is None or status is None or not is_id(v2_id):
            return None
        if organization is None:
            organization = owner
        elif organization not in ref.organizations:
            return None
        if type(code) is not str or not 0 < len(code) <= MAX_NUMBER or not is_clean(code):
            return None
        created = self._moment(created_on)
        updated = created if changed_on is None else self._moment(changed_on)
        if created is None or updated is None or updated > self._ctx.started_at:
            return None
        mapped = self.answers(row, answers)
        if mapped is None:
            return None
        submitted = None if status == "draft" else updated
        made = SubmissionRow(
            v2_id, organization, form_id, code, status, mapped.data, self._ctx.metadata,
            created, updated, submitted,
        )  # fmt: skip
        return Outcome(v2_id, made, [], mapped.ledger)

    def _moment(self, value: object) -> datetime | None:
        if type(value) is not datetime or value.tzinfo is not None:
            return None
        if self._is_utc:
            return value.replace(tzinfo=UTC, fold=0)
        moment, code = to_utc(value, self._ctx.time_zone)
        return moment if code is None else None

    def answers(self, row: V2Submission, answers: PageAnswers) -> MappedAnswers | None:
        """The submission's answers, where all are plain: M15, M16 and M4 have nothing to say.

        Each is to a field of the submission's form, and a text or a choice that exists; a field
        has one, or as a list of choices several.
        """
        names = self._names.get(row.form_type_id)
        if names is None:
            return None
        labels = self._labels
        own = answers.raw(row.id)
        data: dict[str | None, Any] = {
            names[field]: text
            if choice is None
            else labels[choice if text is None or text == "" else ODD]
            for _, field, text, choice, _ in own
        }
        others: list[RawAnswer] = []
        if None in data:  # an answer to a list, or to no field of the form
            del data[None]
            others = [answer for answer in own if names[answer[FIELD]] is None]
        lists = self._lists(row.form_type_id, others) if others else {}
        if lists is None or len(data) + len(others) != len(own):
            return None
        merged = sum(len(one) for one in lists.values() if len(one) > 1)
        document = _document(data, lists)
        ledger = self._ledger(len(own) - merged, merged)
        return None if document is None else MappedAnswers(document, {}, ledger)

    def _lists(
        self, form_id: str, answers: Sequence[RawAnswer]
    ) -> dict[str, list[str | None]] | None:
        """The fields that are lists, where each answer is one of the field's own choices (M16).

        None where one is not, or two are the same choice: these go by the answers' Ids.
        """
        found: dict[str, dict[int, Any]] = {}
        for _, field, text, choice, _ in answers:
            layout = self._layouts[field]
            if choice is None or layout is None or layout.form_id != form_id:
                return None
            if not (text is None or text == ""):
                return None
            position = (layout.order or {}).get(self._choices[choice] or "")
            if position is None:
                return None
            found.setdefault(layout.name, {})[position] = self._labels[choice]
        if sum(map(len, found.values())) != len(answers):
            return None
        return {name: [one[at] for at in sorted(one)] for name, one in found.items()}

    def _ledger(self, migrated: int, merged: int) -> AnswerLedger:
        found = self._ledgers.get((migrated, merged))
        if found is None:
            self._ledgers[migrated, merged] = found = AnswerLedger(migrated, merged)
        return found


def _own_names(form_id: str, names: Mapping[str, str], ref: Reference) -> dict[str, str]:
    """The names of a form's fields, but for ids that are none or that a copy holds twice."""
    fields = ((own, name, ref.fields.get(own)) for own, name in names.items())
    return {
        own: name
        for own, name, layout in fields
        if own.isascii()
        and layout
        and (layout.form_id, layout.name, layout.is_list) == (form_id, name, False)
    }


def _document(data: dict[str | None, Any], lists: dict[str, list[str | None]]) -> bytes | None:
    """The answers as one JSON document, where PostgreSQL can store it."""
    if not _TEXT_OR_NULL.issuperset(map(type, data.values())):
        return None  # a choice that does not exist, or a value v2's schema does not allow
    try:
        document = orjson.dumps(data | lists if lists else data)
    except TypeError:  # half of a surrogate pair
        return None
    return None if b"\\u0000" in document else document
