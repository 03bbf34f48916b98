"""Whether a v2 can be read in batches at all, and fast: looked at before anything is moved."""

from django.db.models import Count

from legacy_v2 import models as v2
from transfer.exceptions import SourceError
from transfer.source import Source


def check_keys(source: Source) -> None:
    """Refuse a v2 that holds an Id twice: the next batch begins behind it, and would lose one.

    SQL Server's primary keys do not let that happen; a copy's column may be declared otherwise.

    Raises:
        SourceError: names the table and the Id.
    """
    if source.connection.vendor == "microsoft":
        return
    for model in filter(source.has, (v2.Organization, v2.User, v2.FormType, v2.FormSubmission)):
        counted = model._default_manager.values("id").annotate(times=Count("id"))
        twice = source.first(counted.filter(times__gt=1).values_list("id", flat=True))
        if twice is not None:
            table = model._meta.db_table
            msg = f"{source.describe()}: {table} holds the Id {twice} more than once"
            raise SourceError(f"{msg} (the case of its letters does not matter)", table=table)


def slow_answers(source: Source) -> str | None:
    """What to say where no index finds a batch's answers, so that each batch reads all of them."""
    if source.schema.answers_indexed:
        return None
    collation = " COLLATE NOCASE" if source.connection.vendor == "sqlite" else ""
    return (
        "v2 has no index that finds the answers of a submission, so every batch reads all of "
        "them. On this copy, first: CREATE INDEX answers_of ON FormSubmissionMetaData "
        f"(FormSubmissionId{collation})"
    )
