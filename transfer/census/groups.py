"""What the rules make of groups of submissions and answers that v2 counted (M12 to M18)."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

from transfer.census.advice import DOCUMENT_LARGE, TEXT_BESIDE_CHOICE
from transfer.census.hazard import Tally
from transfer.census.questions import (
    AnswerGroup,
    DocumentGroup,
    Form,
    MergedGroup,
    Own,
    SubmissionGroup,
)
from transfer.census.records import Ground
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.layout import Reference
from transfer.mapping.text import clean, is_clean
from transfer.scope import Scope

AnyGroup: TypeAlias = AnswerGroup | SubmissionGroup | MergedGroup | DocumentGroup
SUBMISSION, ANSWER = "FormSubmission", "FormSubmissionMetaData"
FAULTS = {"missing": Code.NUMBER_MISSING, "long": Code.NUMBER_TOO_LONG}
MISSING = 2  # AnswerGroup.choice: one that exists nowhere


class Largest(NamedTuple):
    """The largest group of a hazard, where the most of its rows are found soonest.

    Args:
        size: its rows.
        kind: of what it is a group: see Questions.examples.
        where: what all of its rows have.
    """

    size: int
    kind: str
    where: dict[str, Any]


class Groups:
    """Counts hazards of submissions and answers, group by group.

    Args:
        scope: which submissions are in the run.
        ground: what will be in v3 by then.
        reference: fields, statuses and choices of v2.
        ctx: the run's settings.
        tally: where it is counted.
    """

    def __init__(
        self, scope: Scope, ground: Ground, reference: Reference, ctx: MappingContext, tally: Tally
    ) -> None:
        self._scope = scope
        self._ground = ground
        self._reference = reference
        self._ctx = ctx
        self._tally = tally
        self.largest: dict[tuple[str, str], Largest] = {}

    def in_run(self, form: Form, own: Own) -> bool:
        """Whether such submissions are in the run."""
        if self._scope.everything:
            return True
        owner = own or (self._scope.form_organization.get(form) if form else None)
        return self._scope.has_organization(owner)

    def failure(self, form: Form, own: Own) -> Code | None:
        """Why every such submission fails, None where it does not (M8, M18)."""
        if form is None or form not in self._ground.forms:
            return Code.FORM_UNKNOWN
        if own is not None and own not in self._ground.organizations:
            return Code.ORGANIZATION_UNKNOWN
        return None

    def migrates(self, form: Form, own: Own) -> bool:
        """Whether such submissions go into v3."""
        return self.in_run(form, own) and self.failure(form, own) is None

    def count_submissions(self, groups: Iterable[SubmissionGroup]) -> None:
        """M8, M12, M13 and M18, but for lookup codes used before."""
        for group in groups:
            if not self.in_run(group.form, group.own):
                continue
            for code in self._of_submission(group):
                self._add(code, SUBMISSION, "submissions", group, 4)

    def _of_submission(self, group: SubmissionGroup) -> list[Code]:
        failure = self.failure(group.form, group.own)
        if failure is not None:
            return [failure]
        codes = [FAULTS[group.fault]] if group.fault else []
        name = self._reference.statuses.get(group.status) if group.status else None
        if name is None:
            return [*codes, Code.STATUS_WITHOUT_ROW]
        if not is_clean(name):
            codes.append(Code.TEXT_CLEANED)
        if clean(name).casefold() not in self._ctx.statuses:
            codes.append(Code.STATUS_UNKNOWN)
        return codes

    def count_answers(self, groups: Iterable[AnswerGroup]) -> None:
        """M15 and M17, but for fields answered more than once."""
        for group in groups:
            codes: list[str] = []
            if not group.there:
                codes = [Code.ANSWER_ORPHANED] if self._scope.everything else []
            elif self.migrates(group.form, group.own):
                codes = self._of_answer(group)
            for code in codes:
                self._add(code, ANSWER, "answers", group, 6)

    def _of_answer(self, group: AnswerGroup) -> list[str]:
        layout = self._reference.fields.get(group.field) if group.field else None
        if layout is None:
            return [Code.ANSWER_FIELD_UNKNOWN]
        if group.choice == MISSING and not group.has_text:
            return [Code.ANSWER_CHOICE_UNKNOWN]
        codes: list[str] = []
        if layout.form_id != group.form:
            codes.append(Code.ANSWER_OTHER_FORM)
            if not self._has_room(group.form, layout.name):
                return codes
        if group.choice and group.has_text:
            codes.append(TEXT_BESIDE_CHOICE)
        if group.choice == MISSING:
            codes.append(Code.ANSWER_CHOICE_UNKNOWN)
        return codes

    def _has_room(self, form: Form, name: str) -> bool:
        return name not in self._reference.form_names.get(form or "", ())

    def has_rivals(self, groups: Iterable[AnswerGroup]) -> bool:
        """Whether two fields of other forms, alike in name, are answered on one form (M17).

        On one submission, the second gives way to the first: no group tells which that is.
        """
        names: dict[tuple[Form, str], str] = {}
        for group in groups:
            layout = self._reference.fields.get(group.field) if group.field else None
            if layout is None or layout.form_id == group.form:
                continue
            if not self.migrates(group.form, group.own):
                continue
            if self._has_room(group.form, layout.name):
                found = names.setdefault((group.form, layout.name), layout.id)
                if found != layout.id:
                    return True
        return False

    def count_merged(self, groups: Iterable[MergedGroup]) -> None:
        """M16: fields that are no lists, answered more than once."""
        for group in groups:
            layout = self._reference.fields.get(group.field)
            if layout is None or layout.is_list or not self.migrates(group.form, group.own):
                continue
            if layout.form_id == group.form or self._has_room(group.form, layout.name):
                self._add(Code.ANSWERS_MERGED, SUBMISSION, "merged", group, 3)

    def count_large_documents(self, groups: Iterable[DocumentGroup]) -> None:
        """Documents that are large but go in all the same."""
        for group in groups:
            if self.migrates(group.form, group.own):
                self._add(DOCUMENT_LARGE, SUBMISSION, "documents", group, 2)

    def _add(self, code: str, table: str, kind: str, group: AnyGroup, columns: int) -> None:
        """Count a group's rows; its first columns are what they have in common."""
        self._tally.add(code, table, group.size, (group.first, group.last))
        known = self.largest.get((code, table))
        if known is None or known.size < group.size:
            where = dict(zip(group._fields[:columns], group[:columns], strict=True))
            self.largest[code, table] = Largest(group.size, kind, where)
