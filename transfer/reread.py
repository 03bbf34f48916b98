"""v2 records read once more, by their ids: what retry_v2 tries again.

A page of ids at a time, AT_ONCE at most: SQL Server takes 2,100 parameters a statement.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet, TextField, Value

from legacy_v2 import models as v2
from transfer import extract
from transfer.extract_submissions import (
    ANSWER_COLUMNS,
    SUBMISSION_COLUMNS,
    SubmissionBatch,
    by_submission,
)
from transfer.mapping.record_detail import answer_key
from transfer.records import (
    V2Answer,
    V2Form,
    V2Organization,
    V2Submission,
    V2User,
    is_id,
)
from transfer.source import Source

AT_ONCE = 200
NO_ID = "None"  # as the first half of an answer's key that names no submission


def organizations(source: Source, ids: Sequence[str]) -> extract.Batch[V2Organization]:
    """Those of the organizations that v2 has."""
    page = source.read(_with(source, v2.Organization, ids), extract.ORGANIZATION_COLUMNS)
    return extract.Batch([V2Organization(*row) for row in page.rows()], "")


def users(source: Source, ids: Sequence[str]) -> extract.Batch[V2User]:
    """Those of the users that v2 has."""
    page = source.read(_with(source, v2.User, ids), extract.USER_COLUMNS)
    return extract.Batch([V2User(*row) for row in page.rows()], "")


def forms(source: Source, known: extract.Lookups, ids: Sequence[str]) -> extract.FormBatch:
    """Those of the forms that v2 has, with all that hangs on them."""
    page = source.read(_with(source, v2.FormType, ids), extract.FORM_COLUMNS)
    batch = extract.FormBatch([V2Form(*row) for row in page.rows()], "")
    own = v2.Field._default_manager.filter(form_type_id__in=[form.id for form in batch.rows])
    extract.add_fields(source, known, batch, own)
    return batch


def submissions(source: Source, ids: Sequence[str]) -> SubmissionBatch:
    """Those of the submissions that v2 has, with their answers."""
    page = source.read(_with(source, v2.FormSubmission, ids), SUBMISSION_COLUMNS)
    batch = SubmissionBatch([V2Submission(*row) for row in page.rows()], "")
    ids_now = [row.id for row in batch.rows]
    answers = _with(source, v2.FormSubmissionMetaData, ids_now, "form_submission_id")
    found = source.read_rows(answers, ANSWER_COLUMNS)
    batch.answers = by_submission(source, ids_now, found.rows)
    batch.answers_read = batch.answers.number
    return batch


def submission_ids(source: Source, ids: Sequence[str]) -> set[str]:
    """Those of the ids that are submissions of v2."""
    return {row[0] for row in source.read(_with(source, v2.FormSubmission, ids), ("id",)).rows()}


def answers_of(source: Source, submissions: Sequence[str]) -> list[V2Answer]:
    """The answers that name these submissions, whether v2 has those or not."""
    query = _with(source, v2.FormSubmissionMetaData, submissions, "form_submission_id")
    return list(source.read(query, ANSWER_COLUMNS).rows())


def answers(source: Source, keys: Sequence[str]) -> list[V2Answer]:
    """Those of the answers that v2 has, by what findings call them (see ``answer_key``)."""
    model = v2.FormSubmissionMetaData
    own = [key for key in keys if "/" not in key]
    found: list[V2Answer] = []
    if own and source.has(model, "id"):
        found += source.read(_with(source, model, own), ANSWER_COLUMNS).rows()
    if without_id := {key.partition("/")[0] for key in keys if "/" in key}:
        found += answers_of(source, sorted(without_id))
    wanted = set(keys)
    return [answer for answer in found if answer_key(answer) in wanted]


def _with(
    source: Source, model: type[Model], ids: Sequence[str], key: str = "id"
) -> "QuerySet[Any]":
    """The rows with these ids; such as are no GUIDs only a copy made by hand can hold."""
    condition = Q(**{f"{key}__in": sorted(set(filter(is_id, ids)))})
    for other in sorted({one for one in ids if not is_id(one)}):
        if other == NO_ID:
            condition |= Q(**{f"{key}__isnull": True})
        elif source.connection.vendor == "sqlite":  # elsewhere the column holds GUIDs alone
            condition |= Q(**{key: Value(other, TextField())})
    return model._default_manager.filter(condition)
