"""The census: every hazard of a v2, with its count, before anything is moved.

What is about relations (what is missing, twice, or somebody else's) is counted in all rows and as
the run will count it; what is inside texts in all rows or in a sample, and it says which.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Q

from legacy_v2 import models as v2
from legacy_v2 import names
from transfer import extract, fitness
from transfer.census.advice import DATE_EXTREME, FIRST_YEAR, ID_TWICE, LAST_YEAR
from transfer.census.groups import ANSWER, SUBMISSION, Groups
from transfer.census.hazard import ALL_ROWS, MAX_SAMPLES, Hazard, Tally
from transfer.census.questions import Questions
from transfer.census.records import Ground, Records
from transfer.census.selects import Selects
from transfer.census.singles import Singles
from transfer.census.spool import Spool
from transfer.exceptions import SourceError
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.options import ImportOptions
from transfer.plan import TABLES
from transfer.scope import Scope
from transfer.source import Source
from transfer.work_submissions import read_reference

_OF_TABLE = {
    "Organization": "organizations",
    "User": "users",
    SUBMISSION: "submissions",
    ANSWER: "submissions",
}  # any other is a part of forms
_SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Present:
    """What v3 holds already, from earlier migrations or from elsewhere.

    Args:
        organizations: ids of all its organizations.
        forms: its migrated forms, id → organization.
    """

    organizations: Collection[str] = ()
    forms: Mapping[str, str] = field(default_factory=dict)


def take_census(
    source: Source,
    options: ImportOptions,
    *,
    full: bool,
    sample: int = 10_000,
    present: Present | None = None,
) -> list[Hazard]:
    """Count the hazards of what an import with these options would move.

    Args:
        source: v2.
        options: the import's; ``--limit`` is not looked at.
        full: look for hazards inside texts in all rows.
        sample: otherwise in so many submissions, with all their answers.
        present: what v3 holds; nothing unless given.

    Returns:
        Those there are, by table and severity; of what was looked for in a sample also what was
        not found there, with a count of 0. The count of one whose code is a finding's and
        whose basis is all rows is the number of findings a run into such a v3 records, as long
        as v2 does not change and v3 has no rows of its own with v2's ids, emails or numbers.

    Raises:
        SourceError: v2 lacks a table or column that the import needs, or refused a query.
    """
    if missing := source.schema.missing():
        raise SourceError(f"{source.describe()}: {'; '.join(missing)}")
    with Spool() as spool:
        return _Census(source, options, spool, present or Present()).take(full=full, sample=sample)


class _Census:
    def __init__(
        self, source: Source, options: ImportOptions, spool: Spool, present: Present
    ) -> None:
        self._source = source
        self._spool = spool
        self._present = present
        self._tables = {step.table for step in options.steps}
        self._ctx: MappingContext = options.context("census", datetime.now(UTC))
        self._scope = Scope(source, self._ctx, options.organizations)
        self._lookups = extract.lookups(source)
        self._tally = Tally()
        self._ground = Ground(set(present.organizations), dict(present.forms))
        given = options.default_organization
        if given and not source.count(v2.Organization._default_manager.filter(id=given)):
            self._ground.organizations.add(given)  # then v3 has it, or import refuses to start

    def take(self, *, full: bool, sample: int) -> list[Hazard]:
        """See take_census."""
        self._count_ids_twice()
        records = Records(self._source, self._scope, self._ctx, self._lookups, self._tally)
        # What this run does not move has to be in v3 already, for whatever belongs to it (M8, M18).
        if "organizations" in self._tables:
            records.organizations(self._ground)
        if "users" in self._tables:
            records.users(self._ground, self._spool)
        records.forms(self._ground, moved="forms" in self._tables)
        sampled: list[Hazard] = []
        if "submissions" in self._tables:
            sampled = self._submissions(full=full, sample=sample)
        return sorted([*self._tally.hazards(), *sampled], key=_order)

    def _count_ids_twice(self) -> None:
        for model, twice in fitness.ids_twice(self._source):
            if count := self._source.count(twice):
                first = self._source.first(twice)
                self._tally.add(ID_TWICE, names.table(model), count, (first,))

    def _submissions(self, *, full: bool, sample: int) -> list[Hazard]:
        source, tally, in_utc = self._source, self._tally, self._ctx.time_zone.key == "UTC"
        reference = read_reference(
            source, self._lookups, self._ctx, self._ground.organizations, self._ground.forms
        )
        groups = Groups(self._scope, self._ground, reference, self._ctx, tally)
        singles = Singles(source, self._scope, reference, self._ctx, self._spool, groups)
        in_v2 = {row[0] for row in extract.scan(source, v2.Organization, ("id",))}
        selects = Selects(
            source,
            texts=full,
            in_utc=in_utc,
            elsewhere=bool(self._ground.organizations - in_v2),
        )
        questions = Questions(source, selects)
        self._spool.decide(())
        singles.decide_numbers(questions, by_home=not self._ground.inherits)
        if questions.any_odd():
            selects.leave_out(strangers=False)
        answers = questions.answers()
        if groups.has_rivals(answers):
            selects.leave_out(strangers=True)
            answers = questions.answers()
        singles.single_out(questions)
        groups.count_submissions(questions.submissions())
        groups.count_answers(answers)
        groups.count_merged(questions.merged())
        groups.count_large_documents(questions.large_documents())
        self._count_late_numbers(groups)
        self._fill_samples(groups, questions)
        self._count_extreme_times(groups)
        singles.count(tally, in_texts=full)
        if full:
            if not in_utc:
                singles.count_times(tally)
            return []
        if source.connection.vendor == "postgresql" and in_utc:
            return []  # it holds no text that PostgreSQL could not, and no time is in doubt
        texts = Tally()
        submissions, answers_read = singles.sample(texts, sample)
        there = source.count(v2.FormSubmission._default_manager.all())
        basis = {SUBMISSION: ALL_ROWS, ANSWER: ALL_ROWS}
        if submissions < there:
            rows = source.count(v2.FormSubmissionMetaData._default_manager.all())
            self._say_what_was_looked_for(texts, in_utc=in_utc)
            basis[SUBMISSION] = f"a sample of {submissions:,} rows of {there:,}"
            basis[ANSWER] = f"a sample of {answers_read:,} rows of {rows:,}"
        return texts.hazards(basis)

    def _say_what_was_looked_for(self, texts: Tally, *, in_utc: bool) -> None:
        """Where a sample held nothing of it, there may be some all the same: 0 is no silence."""
        if self._source.connection.vendor != "postgresql":
            for table in (SUBMISSION, ANSWER):
                texts.add(Code.TEXT_CLEANED, table, 0, ())
        if not in_utc:
            texts.add(Code.TIME_GAP_OR_OVERLAP, SUBMISSION, 0, ())

    def _count_late_numbers(self, groups: Groups) -> None:
        for form, own, count, first, last in self._spool.later_by_form():
            if groups.migrates(form, own):
                self._tally.add(Code.NUMBER_DUPLICATE, SUBMISSION, count, (first, last))

    def _fill_samples(self, groups: Groups, questions: Questions) -> None:
        """Get more ids where the groups' own two are too few."""
        for (code, table), found in groups.largest.items():
            have = len(self._tally.samples(code, table))
            if have < min(MAX_SAMPLES, self._tally.counts[code, table]):
                more = questions.examples(found.kind, found.where, MAX_SAMPLES)
                self._tally.add(code, table, 0, more)

    def _count_extreme_times(self, groups: Groups) -> None:
        """Of the submissions in the run whose form and organization let them in."""
        first, last = datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR + 1, 1, 1)  # noqa: DTZ001 - v2's times have no zone
        extreme = Q()
        for column in ("created_on", "last_updated_on"):
            extreme |= Q(**{f"{column}__lt": first}) | Q(**{f"{column}__gte": last})
        query = v2.FormSubmission._default_manager.filter(extreme)
        owners = ("form_type_id", "organization_id")
        found = [
            (form, own, count)
            for form, own, count in self._source.grouped_counts(query, owners)
            if groups.migrates(form, own)
        ]
        for form, own, count in found:
            theirs = query.filter(form_type_id=form)
            if self._source.has(v2.FormSubmission, "organization_id"):
                where = {"organization_id": own} if own else {"organization_id__isnull": True}
                theirs = theirs.filter(**where)
            have = len(self._tally.samples(DATE_EXTREME, SUBMISSION))
            page = self._source.read(theirs[: max(MAX_SAMPLES - have, 1)], ("id",))
            self._tally.add(DATE_EXTREME, SUBMISSION, count, page.columns[0])


def _order(hazard: Hazard) -> tuple[int, int, str, str]:
    table = TABLES.index(_OF_TABLE.get(hazard.v2_table, "forms"))
    return table, _SEVERITIES.index(hazard.severity), hazard.code, hazard.v2_table
