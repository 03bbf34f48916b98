"""M8 and M12 to M18 for plain submissions, about which nothing is to be said: fast.

``PlainSubmissions`` gives what ``map_submission`` would give, or None where it does not know: then
the rules have to be asked. Nearly all submissions are plain, and what an answer costs here is most
of what mapping costs: so there is no call and no object an answer.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from transfer.answer_columns import CHOICE, FIELD, TEXT, AnswerColumns
from transfer.mapping.answers import MappedAnswers
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import AnswerLedger, Outcome
from transfer.mapping.layout import Reference
from transfer.mapping.numbers import MAX_NUMBER
from transfer.mapping.text import is_clean
from transfer.mapping.times import is_utc, to_utc
from transfer.records import SubmissionRow, V2Submission, is_id


class _Odd:
    """In the place of a choice that has text beside it: no label is found for it."""


class PlainSubmissions:
    """Maps the plain ones of a run's submissions.

    Args:
        ref: forms, choices, organizations and statuses, complete.
        ctx: the run's settings.
    """

    def __init__(self, ref: Reference, ctx: MappingContext) -> None:
        self._ref = ref
        self._ctx = ctx
        self._is_utc = is_utc(ctx.time_zone)
        labels: dict[object, str | None] = dict(ref.labels.items())
        for own, choice in ref.choice_of_map.items():
            if choice in ref.labels:
                labels[own] = ref.labels[choice]
            else:
                labels.pop(own, None)
        self._labels = labels
        self._statuses = {
            own: ctx.statuses.get(name.casefold()) if is_clean(name) else None
            for own, name in ref.statuses.items()
            if isinstance(name, str)
        }
        self._ledgers: dict[tuple[int, int], AnswerLedger] = {}

    def outcome(self, row: V2Submission, answers: AnswerColumns) -> Outcome | None:
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

    def answers(self, row: V2Submission, answers: AnswerColumns) -> MappedAnswers | None:
        """The submission's answers, where all are plain: M15, M16 and M4 have nothing to say.

        Each is to a field of the submission's form, and a text or a choice that exists; a field
        has one, or as a list of choices several.
        """
        names = self._ref.plain_names.get(row.form_type_id)
        if names is None or not answers.are_texts:
            return None
        start, stop = answers.span(row.id)
        columns = answers.columns
        fields = columns[FIELD][start:stop]
        texts = columns[TEXT][start:stop]
        choices = columns[CHOICE][start:stop]
        labels = self._labels
        try:
            own = list(map(names.get, fields))
            values = [
                text if choice is None else labels[_Odd if text else choice]
                for text, choice in zip(texts, choices, strict=True)
            ]
            data: dict[Any, Any] = dict(zip(own, values, strict=True))
            alone = kept = len(own)
            if None in data:
                del data[None]
                lists = self._lists(row.form_type_id, own, fields, choices, values)
                kept -= own.count(None)
                if lists is None or len(data) != kept:
                    return None
                alone = kept + [len(one) for one in lists.values()].count(1)
                data |= lists
            elif len(data) != kept:
                return None
            document = orjson.dumps(data)
        except (KeyError, TypeError):  # no such choice; a lone surrogate, or no id at all
            return None
        if b"\\u0000" in document:
            return None
        return MappedAnswers(document, {}, self._ledger(alone, len(own) - alone))

    def _lists(
        self,
        form_id: str,
        own: Sequence[str | None],
        fields: Sequence[str],
        choices: Sequence[str | None],
        labels: Sequence[str | None],
    ) -> dict[str | None, list[str | None]] | None:
        """The fields that are lists, where each answer is one of the field's own choices (M16).

        None where one is not, or two are the same choice: these go by the answers' Ids.
        """
        ref = self._ref
        found: dict[str | None, dict[int, str | None]] = {}
        number = 0
        for place, name in enumerate(own):
            if name is not None:
                continue
            layout, choice = ref.fields.get(fields[place]), choices[place]
            if layout is None or choice is None or layout.form_id != form_id or not layout.order:
                return None
            position = layout.order.get(ref.choice_of_map.get(choice, choice))
            if position is None:
                return None
            found.setdefault(layout.name, {})[position] = labels[place]
            number += 1
        if sum(map(len, found.values())) != number:
            return None
        return {name: [one[at] for at in sorted(one)] for name, one in found.items()}

    def _ledger(self, migrated: int, merged: int) -> AnswerLedger:
        found = self._ledgers.get((migrated, merged))
        if found is None:
            self._ledgers[migrated, merged] = found = AnswerLedger(migrated, merged)
        return found
