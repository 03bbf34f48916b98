"""Submissions with their answers out of v2, a batch at a time (see extract).

A batch's answers are read in pages of their own, cut between two submissions where there are
very many or very long ones: so what is held is bounded, whatever a submission has (R5).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from legacy_v2 import models as v2
from transfer import fitness
from transfer.extract import Batch, BatchSize, before_all, between, has_key, last_key, pages
from transfer.makers import Maker
from transfer.page_answers import (
    ANSWERS_AT_ONCE,
    CHARACTERS_AT_ONCE,
    PageAnswers,
    RawAnswer,
)
from transfer.records import V2Answer, V2Submission
from transfer.source import Source

SUBMISSION_COLUMNS = (
    "id", "form_type_id", "form_submission_status_id", "lookup_code",
    "created_on", "last_updated_on", "organization_id",
)  # fmt: skip
ANSWER_COLUMNS = ("form_submission_id", "field_id", "free_form_entry", "field_choice_map_id", "id")
_KEY = "form_submission_id"
# A checkpoint among the answers that name no submission, which come last: this, and the Id of one.
NO_SUBMISSION = "no submission/"


@dataclass(slots=True)
class SubmissionBatch(Batch[V2Submission]):
    """Submissions with their answers by submission id, and answers in range without one.

    ``answers_read`` counts the answers v2 gave, less those that are none of the run's. ``beyond``:
    v2 has no submission at or after these keys.
    """

    answers: PageAnswers = field(default_factory=lambda: PageAnswers(()))
    orphans: list[V2Answer] = field(default_factory=list)
    answers_read: int = 0
    beyond: bool = False
    passed_over: int = 0

    def pass_over(self, submissions: Iterable[str]) -> None:
        """Leave out submissions that are not in the run after all, with their answers."""
        without = set(submissions)
        self.passed_over += len(without)
        self.rows = [row for row in self.rows if row.id not in without]
        self.answers_read -= sum(len(self.answers.raw(v2_id)) for v2_id in without)
        self.answers.without(without)


class _Part(NamedTuple):
    """Answers of whole submissions, in the order of these, and the last one's key as v2 has it.

    ``answers``: as read; ``nobodys``: those that name no submission. ``ends``: there are no more
    in the range.
    """

    answers: list[RawAnswer]
    nobodys: list[V2Answer]
    last_key: str
    ends: bool


def submissions(
    source: Source,
    query: "QuerySet[Any]",
    size: BatchSize,
    after: str = "",
    until: str = "",
    *,
    everything: bool = True,
) -> Iterator[SubmissionBatch]:
    """Batches of submissions with their answers: ``size()`` of them, fewer where these are many.

    Where the query holds ``everything``, an answer in range without its submission is an orphan
    (M17), and after the last submission come batches of the orphans beyond it, and of the answers
    that name no submission at all (where no key vouches for their Ids, these are in the first
    batch). Where it is a selection, only the answers of the selected submissions are read, and
    orphans, which belong to nobody, are not looked for.

    All of it lies behind the key ``after`` and up to ``until``; empty: up to the end.
    """
    low = after
    answers = v2.FormSubmissionMetaData._default_manager.all()
    paged = everything and _has_own_keys(source)
    if after.startswith(NO_SUBMISSION):
        yield from _without_submission(source, answers, size, after)
        return
    if not everything:
        answers = answers.filter(Exists(query.filter(id=OuterRef("form_submission_id"))))
    query = between(source, query, "id", "", until)
    for page in pages(source, query, SUBMISSION_COLUMNS, size, after):
        rows = [V2Submission(*row) for row in page.rows()]
        first = everything and not low and not paged
        for part in _parts(source, answers, low, page.last_key, keyless=first):
            own, high = rows, page.last_key
            if not part.ends:
                high = part.last_key
                own = rows[: _covered(source, query, rows, low, high)]
            yield _batch(source, own, part, low, high, everything=everything)
            rows, low = rows[len(own) :], high
    # A range ends with a submission, unless v2 has deleted it since.
    if everything and (low != until or not until):
        yield from _beyond(source, answers, size, low, until, paged=paged)


def _beyond(
    source: Source,
    answers: "QuerySet[Any]",
    size: BatchSize,
    low: str,
    until: str,
    *,
    paged: bool,
) -> Iterator[SubmissionBatch]:
    """Answers behind the last submission, and at v2's end those that name none."""
    if not size():
        return
    first = not low and not paged
    for part in _parts(source, answers, low, until, keyless=first):
        high = part.last_key or until or low
        high = high or before_all(source, v2.FormSubmissionMetaData, _KEY)
        batch = _batch(source, [], part, low, high, everything=True)
        batch.beyond = True
        if batch.orphans:
            yield batch
        if not size():
            return
        low = high
    if paged and not until:
        yield from _without_submission(source, answers, size, NO_SUBMISSION)


def _has_own_keys(source: Source) -> bool:
    """Whether answers can be read in pages by their own Ids: each has one, and none twice.

    Only SQL Server says so; a copy made by hand may hold none.
    """
    model = v2.FormSubmissionMetaData
    has_ids = source.has(model, "id") and not source.may_be_null(model, "id")
    return has_ids and fitness.is_unique(source, model)


def _without_submission(
    source: Source, answers: "QuerySet[Any]", size: BatchSize, after: str
) -> Iterator[SubmissionBatch]:
    if not source.may_be_null(v2.FormSubmissionMetaData, _KEY):
        return
    _, without = has_key(source, v2.FormSubmissionMetaData, _KEY)
    nobody_s = answers.filter(without).order_by("id")
    low = after.removeprefix(NO_SUBMISSION)
    while size():
        some = between(source, nobody_s, "id", low)[:ANSWERS_AT_ONCE]
        page = source.read(some, ("id", *ANSWER_COLUMNS[:-1]), CHARACTERS_AT_ONCE)
        if not page.length:
            return
        low = last_key(page, some)
        orphans: list[V2Answer] = [(*rest, own) for own, *rest in page.rows()]
        high = f"{NO_SUBMISSION}{low}"
        yield SubmissionBatch([], high, orphans=orphans, answers_read=len(orphans), beyond=True)


def _batch(
    source: Source,
    rows: list[V2Submission],
    part: _Part,
    low: str,
    high: str,
    *,
    everything: bool,
) -> SubmissionBatch:
    answers = by_submission(source, (row.id for row in rows), part.answers)
    # What is neither the range's own nor an orphan came since the range was read.
    others = [*part.nobodys, *answers.others()] if everything else []
    orphans = _orphans(source, others, low, high)
    return SubmissionBatch(rows, high, answers, orphans, answers.number + len(orphans))


def by_submission(
    source: Source, submissions: Iterable[str], answers: Iterable[RawAnswer]
) -> PageAnswers:
    """Answers that were read (ANSWER_COLUMNS), by submission."""
    return PageAnswers(submissions, answers, makers_of_answers(source))


def makers_of_answers(source: Source) -> list[Maker]:
    """What makes the mapping's values of each of an answer's columns."""
    return [source.maker(v2.FormSubmissionMetaData, name) for name in ANSWER_COLUMNS]


def _parts(
    source: Source, answers: "QuerySet[Any]", low: str, high: str, *, keyless: bool
) -> Iterator[_Part]:
    """The answers to the submissions of a range of keys, in the order of these.

    Args:
        source: v2.
        answers: those to read.
        low: the key before the range; empty: it has no beginning.
        high: the range's last key; empty: it has no end.
        keyless: with those that name no submission, all at once.
    """
    extra: list[V2Answer] = []
    if keyless and source.may_be_null(v2.FormSubmissionMetaData, _KEY):
        _, without = has_key(source, v2.FormSubmissionMetaData, _KEY)
        extra = list(source.read(answers.filter(without), ANSWER_COLUMNS).rows())
    while True:
        keyed, _ = has_key(source, v2.FormSubmissionMetaData, _KEY, low)
        some = answers if low and high else answers.filter(keyed)
        inside = between(source, some, _KEY, low, high).order_by(_KEY)
        page = source.read_rows(inside[:ANSWERS_AT_ONCE], ANSWER_COLUMNS, CHARACTERS_AT_ONCE)
        if page.length < ANSWERS_AT_ONCE and not page.cut:
            # Within the submissions' range the last key is theirs, whatever an orphan's is.
            last = "" if high else last_key(page, answers)
            yield _Part(page.rows, extra, last, ends=True)
            return
        # The last submission's answers may go on behind the page: they begin the next one.
        whole, last = _whole(source, page.rows), last_key(page, answers)
        if whole:
            last = page.key(whole - 1)
        else:
            page = source.read_rows(between(source, some, _KEY, low, last), ANSWER_COLUMNS)
            whole = page.length
        yield _Part(page.rows[:whole], extra, last, ends=False)
        extra, low = [], last


def _whole(source: Source, answers: Sequence[RawAnswer]) -> int:
    """How many of the answers are before those of the last one's submission."""
    make = source.maker(v2.FormSubmissionMetaData, _KEY)
    last = make(answers[-1][:1])
    return next((n for n in range(len(answers), 0, -1) if make(answers[n - 1][:1]) != last), 0)


def _covered(
    source: Source, query: "QuerySet[Any]", rows: list[V2Submission], low: str, high: str
) -> int:
    """How many of the submissions have keys up to this one; v2 alone compares keys.

    It may have gained others there since the rows were read.
    """
    there = {row[0] for row in source.read(between(source, query, "id", low, high), ("id",)).rows()}
    return next((n for n in range(len(rows), 0, -1) if rows[n - 1].id in there), 0)


def _orphans(source: Source, answers: list[V2Answer], low: str, high: str) -> list[V2Answer]:
    """Those of the answers whose submission is not there now either.

    v2 is alive: a submission may have come, with answers, since its range was read.
    """
    if not answers:
        return answers
    submissions_now = between(source, v2.FormSubmission._default_manager.all(), "id", low, high)
    there = {row[0] for row in source.read(submissions_now, ("id",)).rows()}
    return [answer for answer in answers if answer[0] not in there]
