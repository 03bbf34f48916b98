"""Submissions mapped one by one: those no group can tell about, and a sample for their texts."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from legacy_v2 import models as v2
from transfer import extract, reread
from transfer.census.advice import TEXT_BESIDE_CHOICE
from transfer.census.dialect import Dialect
from transfer.census.groups import ANSWER, SUBMISSION, Groups
from transfer.census.hazard import Tally
from transfer.census.questions import Questions
from transfer.census.records import refusal
from transfer.census.selects import SUBMISSION as OWN
from transfer.census.spool import Spool, Wish
from transfer.extract_submissions import SUBMISSION_COLUMNS
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Outcome
from transfer.mapping.layout import Reference
from transfer.mapping.numbers import Number, fallback_number, number_fault
from transfer.mapping.submissions import map_submission
from transfer.mapping.text import clean
from transfer.mapping.times import to_utc
from transfer.records import V2Submission, is_id
from transfer.scope import Scope
from transfer.source import Source
from transfer.source_pages import Page

# What a sample tells of: hazards inside texts, and times the zone has twice or not at all.
IN_TEXTS = (Code.TEXT_CLEANED, Code.TIME_GAP_OR_OVERLAP)
# Ids of left out submissions read at once: every page asks v2 for all of them.
LEFT_OUT_AT_ONCE = 100_000
# Submissions that may share a code read one by one; where there are more, all are read.
MOST_SHARED = 20_000
# A sample is taken in as many places, for Ids made one after another lie together.
SLICES = 16
# Of a sample read at once, as an import's batch is: without an index each reads all answers.
SAMPLE_AT_ONCE = 1000


class Singles:
    """Maps submissions with all their answers, as the run does, and counts what it says.

    Args:
        source: v2.
        scope: which submissions are in the run.
        reference: what mapping looks up.
        ctx: the run's settings.
        spool: numbers decided, and who is singled out.
        groups: the other submissions.
    """

    def __init__(
        self,
        source: Source,
        scope: Scope,
        reference: Reference,
        ctx: MappingContext,
        spool: Spool,
        groups: Groups,
    ) -> None:
        self._source = source
        self._scope = scope
        self._reference = reference
        self._ctx = ctx
        self._spool = spool
        self._groups = groups

    def decide_numbers(self, questions: Questions, *, by_home: bool) -> None:
        """Find the submissions whose lookup code was used before, by the run's own rule (M12).

        v2 finds those that may share one; who does, and who comes first, is decided here, for no
        two servers compare texts and ids alike.
        """
        count, ids = questions.shared_codes(by_home=by_home)
        if count:
            rows = self._some(questions.ids(ids, count)) if count <= MOST_SHARED else self._all()
            self._spool.decide(self._wishes(rows))

    def _all(self) -> Iterator[V2Submission]:
        rows = extract.scan(self._source, v2.FormSubmission, SUBMISSION_COLUMNS)
        return (V2Submission(*row) for row in rows)

    def _some(self, ids: Sequence[str]) -> Iterator[V2Submission]:
        for start in range(0, len(ids), reread.AT_ONCE):
            part = list(filter(is_id, ids[start : start + reread.AT_ONCE]))
            query = v2.FormSubmission._default_manager.filter(id__in=part)
            page = self._source.read(query, SUBMISSION_COLUMNS)
            yield from (V2Submission(*row) for row in page.rows())

    def _wishes(self, rows: Iterable[V2Submission]) -> Iterator[Wish]:
        """As transfer.work_submissions has the claims to numbers."""
        for row in rows:
            code, own = row.lookup_code, row.organization_id
            organization = self._scope.submission_organization(row)
            if not isinstance(code, str) or number_fault(code) is not None:
                continue
            if not is_id(organization) or not is_id(row.id):
                continue
            made = row.created_on
            created = made.isoformat(" ") if isinstance(made, datetime) else None
            form = None if row.form_type_id is None else clean(str(row.form_type_id))
            yield Wish(row.id, organization, created, clean(code), form, own)

    def single_out(self, questions: Questions) -> None:
        """Note all that the questions leave out of their groups."""
        after = ""
        while questions.leaves_out and (page := questions.left_out(after, LEFT_OUT_AT_ONCE)):
            self._spool.single_out(one.lower() for one in page)
            after = page[-1]
            if len(page) < LEFT_OUT_AT_ONCE:
                break

    def count(self, tally: Tally, *, in_texts: bool) -> None:
        """Count the findings of all that are singled out.

        Args:
            tally: where.
            in_texts: those inside texts too: every submission that has some is among them.
        """
        for ids in self._spool.singled():
            for outcome in self._outcomes(ids)[0]:
                code = refusal(outcome.row) if outcome.row is not None else None
                if code is not None:
                    tally.add(code.value, SUBMISSION, 1, (outcome.record_id,))
                    continue
                tally.take(f for f in outcome.findings if in_texts or f.code not in IN_TEXTS)
                if outcome.answers.choices:
                    key = (outcome.record_id,)
                    tally.add(TEXT_BESIDE_CHOICE, ANSWER, outcome.answers.choices, key)

    def sample(self, tally: Tally, size: int) -> tuple[int, int]:
        """Count what is inside texts and times of some submissions.

        Returns:
            How many submissions and how many answers were looked at.
        """
        if not self._source.schema.answers_indexed:
            size = min(size, SAMPLE_AT_ONCE)
        submissions = answers = 0
        for ids in self._together(self._spread(size)):
            outcomes, read = self._outcomes(ids)
            submissions += len(ids)
            answers += read
            for outcome in outcomes:
                if outcome.row is not None and refusal(outcome.row) is None:
                    tally.take(f for f in outcome.findings if f.code in IN_TEXTS)
        return submissions, answers

    def count_times(self, tally: Tally) -> None:
        """Count the times the zone has twice or not at all, of those not singled out (M3)."""
        columns = ("id", "form_type_id", "organization_id", "created_on", "last_updated_on")
        rows = extract.pages(
            self._source,
            v2.FormSubmission._default_manager.all(),
            columns,
            lambda: extract.SCAN_SIZE,
            "",
        )
        for page in rows:
            hit: list[str] = []
            for v2_id, form, own, *times in page.rows():
                if self._groups.migrates(form, own):
                    hit += [v2_id for time in times if self._is_doubtful(time)]
            singled = self._spool.singled_among(sorted(set(hit)))
            for v2_id in hit:
                if v2_id not in singled:
                    tally.add(Code.TIME_GAP_OR_OVERLAP, SUBMISSION, 1, (v2_id,))

    def _is_doubtful(self, time: object) -> bool:
        if not isinstance(time, datetime):
            return False
        return to_utc(time, self._ctx.time_zone)[1] is Code.TIME_GAP_OR_OVERLAP

    def _outcomes(self, ids: Sequence[str]) -> tuple[list[Outcome], int]:
        """What becomes of these submissions, those in the run, and how many answers were read."""
        batch = reread.submissions(self._source, ids)
        read = batch.answers_read
        owner = self._scope.submission_organization
        rows = [row for row in batch.rows if self._scope.has_organization(owner(row))]
        later = self._spool.later([row.id for row in rows if is_id(row.id)])
        outcomes = []
        for row in rows:
            fault = Code.NUMBER_DUPLICATE if row.id in later else number_fault(row.lookup_code)
            number = Number(fallback_number(row.id, 8), fault) if fault else None
            outcomes.append(
                map_submission(row, batch.answers[row.id], self._reference, self._ctx, number)
            )
        return outcomes, read

    @staticmethod
    def _together(ids: Iterator[str]) -> Iterator[list[str]]:
        while page := list(islice(ids, SAMPLE_AT_ONCE)):
            yield page

    def _spread(self, size: int) -> Iterator[str]:
        """Ids of about so many submissions out of all parts of the table."""
        bounds = self._bounds()
        left, after = size, {n: bounds[n] if n else "" for n in range(SLICES)}
        while left > 0 and after:
            share = max(left // len(after), 1)
            for n in list(after):
                until = bounds[n + 1] if n + 1 < SLICES else ""
                page = self._page(after[n], until, min(share, left))
                left -= page.length
                yield from page.columns[0]
                if page.length < share:
                    del after[n]
                else:
                    after[n] = page.last_key
                if left <= 0:
                    return

    def _bounds(self) -> list[str]:
        """Ids that part the table in SLICES, as v2 writes them; none of them need be there."""
        say = Dialect(self._source)
        if not say.is_number(OWN):
            digits = [f"{digit:x}" for digit in range(SLICES)]
            return ["-".join(digit * times for times in (8, 4, 4, 4, 12)) for digit in digits]
        key = say.key(OWN)
        statement = f"SELECT MIN({key}), MAX({key}) FROM {say.table(OWN.model)} s"  # noqa: S608 - quoted names of v2's own
        first, last = (value or 0 for value in self._source.select(statement)[0])
        return [str(first + (last - first) * n // SLICES) for n in range(SLICES)]

    def _page(self, after: str, until: str, rows: int) -> Page:
        every = v2.FormSubmission._default_manager.order_by("id")
        some = extract.between(self._source, every, "id", after, until)[:rows]
        return self._source.read(some, ("id",))
