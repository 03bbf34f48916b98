"""M12 to M18: v2's FormSubmission with its answers to v3's submissions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from transfer.mapping.answers import TABLE as ANSWER_TABLE
from transfer.mapping.answers import MappedAnswers, map_answers
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import AnswerLedger, Finding, Outcome
from transfer.mapping.layout import Reference
from transfer.mapping.numbers import Number
from transfer.mapping.record import RecordInHand, UnmappableError
from transfer.mapping.record_detail import answer_key, submission_detail
from transfer.mapping.text import shorten
from transfer.records import SubmissionRow, V2Answer, V2Submission

OTHER_STATUS = "submitted"


def map_submission(
    row: V2Submission,
    answers: Sequence[V2Answer],
    ref: Reference,
    ctx: MappingContext,
    number: Number | None,
    mapped: MappedAnswers | None = None,
) -> Outcome:
    """The v3 submission of a v2 one with all its answers (M12 to M18).

    Args:
        row: the v2 submission.
        answers: all its answers, in any order.
        ref: forms, choices, organizations and statuses.
        ctx: the run's settings.
        number: what stands in for its lookup code, and why; None: the lookup code stands.
        mapped: what becomes of the answers, where that is known already (PlainSubmissions).

    Returns:
        The row and its warnings; or one error that holds the submission and its answers.
    """
    record = RecordInHand("FormSubmission", row.id, row)
    try:
        home = _home(record, row, ref)
        mapped = mapped or map_answers(answers, home.form_id, ref, record)
        submission = _submission(record, row, home, mapped, _Run(ref, ctx, number))
    except UnmappableError as error:
        finding = record.failure(error)._replace(detail=submission_detail(row, answers))
        return Outcome(record.key, None, [finding], AnswerLedger(failed=len(answers)))
    return Outcome(record.key, submission, record.findings, mapped.ledger)


def orphaned_answer(answer: V2Answer) -> Finding:
    """The error about an answer whose submission does not exist (M17)."""
    return RecordInHand(ANSWER_TABLE, answer_key(answer), answer).finding(
        Code.ANSWER_ORPHANED,
        f"submission {shorten(answer[0])} of this answer does not exist",
        "FormSubmissionId",
    )


class _Run(NamedTuple):
    ref: Reference
    ctx: MappingContext
    number: Number | None


class _Home(NamedTuple):
    form_id: str
    organization: str


def _home(record: RecordInHand, row: V2Submission, ref: Reference) -> _Home:
    """The form and the organization a submission belongs to (M8, M18)."""
    form_id = record.identifier(row.form_type_id, "FormTypeId")
    organization = ref.form_organization.get(form_id)
    if organization is None:
        raise UnmappableError(
            Code.FORM_UNKNOWN, f"form {shorten(form_id)} is not in v3", "FormTypeId"
        )
    if row.organization_id is not None:
        organization = record.identifier(row.organization_id, "OrganizationId")
        if organization not in ref.organizations:
            raise UnmappableError(
                Code.ORGANIZATION_UNKNOWN,
                f"organization {shorten(organization)} is not in v3",
                "OrganizationId",
            )
    return _Home(form_id, organization)


def _submission(
    record: RecordInHand, row: V2Submission, home: _Home, mapped: MappedAnswers, run: _Run
) -> SubmissionRow:
    ctx = run.ctx
    extra: dict[str, Any] = {}
    number = _number(record, row, run.number, extra)
    status = _status(record, row, run, extra)
    created_at = updated_at = record.time(row.created_on, "CreatedOn", ctx)
    if row.last_updated_on is not None:
        updated_at = record.time(row.last_updated_on, "LastUpdatedOn", ctx)
    if updated_at > ctx.started_at:
        extra["legacy_updated_at"] = updated_at.isoformat()
    extra |= mapped.metadata
    metadata = ctx.metadata
    if extra:
        metadata = orjson.dumps({"migration_batch": ctx.migration} | extra)
    return SubmissionRow(
        record.identifier(row.id, "Id"),
        home.organization,
        home.form_id,
        number,
        status,
        mapped.data,
        metadata,
        created_at,
        updated_at,
        None if status == "draft" else updated_at,
    )


def _number(
    record: RecordInHand, row: V2Submission, number: Number | None, extra: dict[str, Any]
) -> str:
    """The submission number; the lookup code it replaces goes to ``extra`` (M12)."""
    if number is None:
        return record.text(row.lookup_code, "LookupCode")
    extra["legacy_number"] = record.optional_text(row.lookup_code, "LookupCode")
    record.warn(
        number.code,
        f"LookupCode {shorten(row.lookup_code)}: {number.code.info.meaning}: {number.value}",
        "LookupCode",
    )
    return number.value


def _status(record: RecordInHand, row: V2Submission, run: _Run, extra: dict[str, Any]) -> str:
    """The v3 status; a v2 name that v3 does not have goes to ``extra`` (M13, M18)."""
    status_id = record.identifier(row.status_id, "FormSubmissionStatusId")
    name = run.ref.statuses.get(status_id)
    if name is None:
        record.warn(
            Code.STATUS_WITHOUT_ROW,
            f"status {shorten(status_id)} does not exist; the submission is {OTHER_STATUS}",
            "FormSubmissionStatusId",
        )
        return OTHER_STATUS
    name = record.text(name, "FormSubmissionStatus.Name")
    status = run.ctx.statuses.get(name.casefold())
    if status is not None:
        return status
    extra["legacy_status"] = name
    record.warn(
        Code.STATUS_UNKNOWN,
        f"v3 has no status {shorten(name)}; the submission is {OTHER_STATUS}",
        "FormSubmissionStatusId",
    )
    return OTHER_STATUS
