"""FormSubmission with its answers → submissions: the largest table's part of a run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg import sql

from legacy_v2 import models as v2
from transfer import extract, reread
from transfer.batch import MappedBatch, SubmissionRecords
from transfer.extract_submissions import SubmissionBatch, makers_of_answers, submissions
from transfer.lookup_codes import V2Codes, sortable
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Finding, Outcome
from transfer.mapping.layout import Reference, form_fields
from transfer.mapping.numbers import MOST_DIGITS, Number, fallback_number, number_fault
from transfer.mapping.plain import PlainSubmissions
from transfer.mapping.submissions import map_submission, orphaned_answer
from transfer.mapping.text import clean
from transfer.open_errors import OpenError
from transfer.plan import Step
from transfer.records import SubmissionRow, V2Submission, is_id
from transfer.source import Source
from transfer.target import Connection
from transfer.uniqueness import Assignments
from transfer.work import FORMS_AT_ONCE, Again, Run, ids_of, lines_of

_TAKEN = """
    SELECT present.organization_id::text, present.submission_number
      FROM submissions AS present
      JOIN unnest(%s::uuid[], %s::text[]) AS wish (organization_id, number)
        ON present.organization_id = wish.organization_id
       AND present.submission_number = wish.number
"""


class SubmissionsWork:
    """FormSubmission with its answers → submissions."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step
        self._reference = Reference()
        self._plain = PlainSubmissions(self._reference, run.ctx)
        self._assignments = Assignments(run.journal.migration, step.table, dry=run.journal.dry)

    def count(self) -> int:
        """See Work.count."""
        return self._run.scope.count_submissions()

    def prepare(self) -> None:
        """Learn the fields and choices of all forms; see Reference for what that holds."""
        run = self._run
        self._reference = read_reference(
            run.source, run.lookups, run.ctx, run.target_organizations(), run.target_forms()
        )
        self._plain = PlainSubmissions(self._reference, run.ctx, makers_of_answers(run.source))

    def decide(self, connection: Connection) -> None:
        """Find the submissions that need another number than their lookup code (M12)."""
        run = self._run
        codes = V2Codes(run.source, run.scope.form_organization)
        self._assignments.decide_numbers(connection, codes)

    def batches(
        self, after: str, size: extract.BatchSize, until: str = ""
    ) -> Iterator[MappedBatch]:
        """See Work.batches; up to a key, where one is given."""
        run = self._run
        everything = run.scope.everything
        query = run.scope.submission_query()
        read = submissions(run.source, query, size, after, until, everything=everything)
        for batch in read:
            if not everything:
                batch.pass_over(row.id for row in batch.rows if not self._selected(row))
            numbers = self._assignments.lookup(run.target, [row.id for row in batch.rows])
            yield self.mapped(batch, numbers)

    def mapped(self, batch: SubmissionBatch, numbers: dict[str, Number]) -> MappedBatch:
        """The submissions mapped with their answers (M12 to M18), and the orphans among these.

        Args:
            batch: as read.
            numbers: what was decided about those that cannot keep their lookup code.
        """
        outcomes = [self._map(row, batch, numbers) for row in batch.rows]
        return MappedBatch(
            self._step,
            0,
            batch.last_key,
            outcomes,
            read=len(batch.rows),
            answers_read=batch.answers_read,
            loose=[orphaned_answer(answer) for answer in batch.orphans],
            records=SubmissionRecords(batch.rows, batch.answers),
            lines=lines_of(outcomes),
            passed_over=batch.passed_over,
        )

    def _map(
        self, row: V2Submission, batch: SubmissionBatch, numbers: dict[str, Number]
    ) -> Outcome:
        number = numbers.get(row.id)
        if number is None:
            if (plain := self._plain.outcome(row, batch.answers)) is not None:
                return plain
            if fault := number_fault(row.lookup_code):
                # v2 gained or changed it after the numbers were decided: all its digits are its
                # own.
                number = late_number(row.id, fault)
        answers, mapped = batch.answers[row.id], self._plain.answers(row, batch.answers)
        return map_submission(row, answers, self._reference, self._run.ctx, number, mapped)

    def again(self, errors: Sequence[OpenError]) -> Again:
        """See Work.again.

        A number is the one decided for the record, as long as its lookup code is what it was.
        One that a row of v3 has by now gives way: nobody else's number changes (M12).
        """
        run = self._run
        batch = reread.submissions(run.source, ids_of(errors))
        outside = {row.id for row in batch.rows if not self._selected(row)}
        batch.pass_over(outside)
        decided = self._assignments.lookup(run.target, [row.id for row in batch.rows])
        before = {error.record_id: error.record for error in errors}
        numbers: dict[str, Number] = {}
        wishes: dict[str, tuple[str, str]] = {}
        for row in batch.rows:
            if row.id in decided and _claims_the_same(row, before.get(row.id, {})):
                numbers[row.id] = decided[row.id]
            elif fault := number_fault(row.lookup_code):
                numbers[row.id] = late_number(row.id, fault)
            number = numbers[row.id].value if row.id in numbers else row.lookup_code
            organization = run.scope.submission_organization(row)
            # What is no text, or has an id that is none, fails when it is mapped.
            if isinstance(number, str) and is_id(organization) and is_id(row.id):
                wishes[row.id] = organization, clean(number)
        organizations, wished = [list(part) for part in zip(*wishes.values(), strict=True)] or (
            [], [],
        )  # fmt: skip
        taken = set(run.target.read(sql.SQL(_TAKEN), (organizations, wished)))
        for v2_id, wish in wishes.items():
            if wish in taken:
                numbers[v2_id] = _late(v2_id, numbers)
        made = self.mapped(batch, numbers)
        # What two of the page want goes to the earlier, unless that one fails again.
        used: set[tuple[str, str]] = set()
        clashes = False
        created = {row.id: (sortable(row.created_on) or "", row.id) for row in batch.rows}
        kept = [one.row for one in made.outcomes if isinstance(one.row, SubmissionRow)]
        for made_row in sorted(kept, key=lambda one: created.get(one.id, ("", one.id))):
            wish = made_row.organization_id, made_row.submission_number
            if wish in used:
                numbers[made_row.id] = _late(made_row.id, numbers)
                clashes = True
            used.add(wish)
        return Again(self.mapped(batch, numbers) if clashes else made, outside)

    def as_decided(self, ids: Sequence[str]) -> MappedBatch:
        """See Work.as_decided."""
        run = self._run
        batch = reread.submissions(run.source, ids)
        return self.mapped(batch, self._assignments.lookup(run.target, list(ids)))

    def _selected(self, row: V2Submission) -> bool:
        return self._run.scope.has_organization(self._run.scope.submission_organization(row))

    def closing(self) -> list[Finding]:
        """See Work.closing."""
        return []


def read_reference(
    source: Source,
    lookups: extract.Lookups,
    ctx: MappingContext,
    organizations: set[str],
    migrated: Mapping[str, str],
) -> Reference:
    """All that mapping submissions looks up, read from v2 once; see Reference for what it holds.

    Args:
        source: v2.
        lookups: its small tables.
        ctx: the run's settings.
        organizations: ids of the organizations that are in v3.
        migrated: the forms that are in v3, id → organization.
    """
    reference = Reference(organizations=organizations, statuses=lookups.statuses)
    for choice, name in lookups.choices.items():
        reference.add_choice(choice, name)
    for row in extract.scan(source, v2.FieldChoiceMap, ("id", "choice_id")):
        if row[0] is not None:
            reference.choice_of_map[row[0]] = row[1]
    for batch in extract.forms(source, lookups, lambda: FORMS_AT_ONCE, settings=False):
        for form in batch.rows:
            maps = batch.maps.get(form.id, [])
            layouts = form_fields(batch.fields.get(form.id, []), maps, ctx)
            reference.add_form(form.id, migrated.get(form.id), layouts)
        strays = batch.stray_fields
        theirs = [m for f in {f.form_type_id for f in strays} for m in batch.maps.get(f, [])]
        reference.add_fields(form_fields(strays, theirs, ctx, dangling=True))
    return reference


def _claims_the_same(row: V2Submission, before: Mapping[str, Any]) -> bool:
    """Whether the submission wants the number it wanted when it was read first (M12).

    That is: the same lookup code in the same organization, its own or its form's.
    """
    now = {"LookupCode": row.lookup_code, "OrganizationId": row.organization_id}
    if row.organization_id is None:
        now["FormTypeId"] = row.form_type_id
    return all(before.get(column) == value for column, value in now.items())


def _late(v2_id: str, numbers: Mapping[str, Number]) -> Number:
    fault = numbers[v2_id].code if v2_id in numbers else Code.NUMBER_DUPLICATE
    return late_number(v2_id, fault)


def late_number(v2_id: str, fault: Code) -> Number:
    """A number that nobody has to be asked about: all the digits of the Id (M12)."""
    return Number(fallback_number(v2_id, MOST_DIGITS), fault)
