"""The stream of believable submissions; it holds a chunk of them at a time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from legacy_v2.seed import catalogue
from legacy_v2.seed.design import Design, Form, Row, stamp
from legacy_v2.seed.randomness import Dice

FIRST_TIME = datetime(2016, 1, 4, 7, 30)  # noqa: DTZ001 - v2's times have no zone
LAST_TIME = datetime(2024, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - as above
# Submissions written at once, with all their answers.
CHUNK = 500
_LEFT_OUT = 0.06  # share of the optional fields that stay unanswered


class Chunk(NamedTuple):
    """Rows of FormSubmission and rows of FormSubmissionMetaData."""

    submissions: list[Row]
    answers: list[Row]


def stream(design: Design, seed: int, submissions: int, answers: int) -> Iterator[Chunk]:
    """Submissions in the order of their times, each with exactly ``answers`` rows of answers."""
    writer = _Clerk(design, Dice(seed, "submissions"), submissions, answers)
    for start in range(0, submissions, CHUNK):
        yield writer.chunk(start, min(start + CHUNK, submissions))


class _Clerk:
    def __init__(self, design: Design, dice: Dice, total: int, answers: int) -> None:
        self.design = design
        self.dice = dice
        self.ids = dice.ids()
        self.answers = answers
        self.step = (LAST_TIME - FIRST_TIME) / max(total, 1)
        self.statuses = list(design.statuses.values())
        weights = [catalogue.STATUSES[name] for name in design.statuses]
        self.by_weight = [
            status for status, n in zip(self.statuses, weights, strict=True) for _ in range(n)
        ]

    def chunk(self, start: int, end: int) -> Chunk:
        result = Chunk([], [])
        for number in range(start, end):
            form = self.dice.pick(self.design.forms)
            key = next(self.ids)
            result.submissions.append(self._submission(number, key, form))
            self._answer(key, form, result.answers)
        return result

    def _submission(self, number: int, key: str, form: Form) -> Row:
        throw = self.dice.throw
        created = FIRST_TIME + self.step * (number + throw())
        updated = None
        if throw() < 0.75:
            updated = stamp(min(created + timedelta(days=90) * throw() ** 2, LAST_TIME))
        # The first few go through every status, so that even a small v2 has them all.
        small = number < len(self.statuses)
        status = self.statuses[number] if small else self.dice.pick(self.by_weight)
        owner: str | None = form.organization
        lot = throw()
        if lot < 0.2:
            owner = None if lot < 0.15 else self.dice.pick(self.design.organizations)
        code = f"{form.prefix}-{created.year}-{number + 1:07}"
        return key, form.id, status, code, stamp(created), updated, owner

    def _answer(self, submission: str, form: Form, rows: list[Row]) -> None:
        throw, ids = self.dice.throw, self.ids
        left = self.answers
        spare = len(form.fields) - left
        for key, required, several, maps, pool in form.fields:
            if not left:
                break
            if spare and not required and throw() < _LEFT_OUT:
                spare -= 1
                continue
            if several:
                count = min(1 + int(throw() * 3), left)
                first = int(throw() * (len(maps) - count + 1))
                ticked = maps[first : first + count]
                rows += [(next(ids), submission, key, None, choice) for choice in ticked]
                spare += count - 1
                left -= count
                continue
            choice = maps[int(throw() * len(maps))] if maps else None
            text = None if maps else pool[int(throw() * len(pool))]
            rows.append((next(ids), submission, key, text, choice))
            left -= 1
