"""Faults of submissions themselves: M12 to M14, and M18."""

from legacy_v2.seed.faults.registry import fault
from legacy_v2.seed.workshop import Workshop
from transfer.mapping.codes import Code

TOO_LONG = "TOO-LONG-" * 6  # 54 characters, of which v3 holds 50


@fault("M12", Code.NUMBER_MISSING)
def no_lookup_code(w: Workshop) -> None:
    """A submission whose LookupCode is NULL, and one whose LookupCode is empty."""
    w.submission(LookupCode=None)
    w.submission(LookupCode="")


@fault("M12", Code.NUMBER_MISSING)
def made_up_number_taken(w: Workshop) -> None:
    """No LookupCode, and a later submission has the number that would be made from the Id."""
    key = w.submission(LookupCode=None)
    w.submission(LookupCode=f"V2-{key[:8].lower()}")


@fault("M12", Code.NUMBER_TOO_LONG)
def lookup_code_too_long(w: Workshop) -> None:
    """A LookupCode of more than 50 characters."""
    w.submission(LookupCode=TOO_LONG)


@fault("M12", Code.NUMBER_DUPLICATE)
def lookup_code_used_twice(w: Workshop) -> None:
    """Two submissions of an organization with one LookupCode; another organization has it too."""
    w.submission(LookupCode="TWICE-1")
    w.submission(LookupCode="TWICE-1")
    w.submission(LookupCode="TWICE-1", OrganizationId=w.organization(Name="Third Party"))


@fault("M12", Code.NUMBER_DUPLICATE)
def lookup_code_of_a_failure(w: Workshop) -> None:
    """A LookupCode first used by a submission that fails: failed ones count too (M1)."""
    w.submission(LookupCode="FAILED-1", FormTypeId=w.nowhere(), OrganizationId=w.home)
    w.submission(LookupCode="FAILED-1")


@fault("M13", Code.STATUS_UNKNOWN)
def unknown_status(w: Workshop) -> None:
    """A status that v3 does not have."""
    w.submission(FormSubmissionStatusId=w.status("On Hold"))


@fault("M13")
def status_in_another_case(w: Workshop) -> None:
    """A status that v3 has, in another case."""
    w.submission(FormSubmissionStatusId=w.status("aPPROVED"))


@fault("M14")
def never_updated(w: Workshop) -> None:
    """A submission without LastUpdatedOn, and a draft: one is submitted, the other is not."""
    w.submission(LastUpdatedOn=None)
    w.submission("Draft", LastUpdatedOn="2024-07-01 12:00:00.000001")


@fault("M14")
def updated_in_the_future(w: Workshop) -> None:
    """A submission updated after any migration's start, and one updated before it was made."""
    w.submission(LastUpdatedOn="2999-01-01 00:00:00.000000")
    w.submission(LastUpdatedOn="2001-01-01 00:00:00.000000")


@fault("M18", Code.FORM_UNKNOWN)
def submission_without_form(w: Workshop) -> None:
    """A submission of a form that does not exist, with an answer."""
    w.answer(FormSubmissionId=w.submission(FormTypeId=w.nowhere()), FreeFormEntry="formless")


@fault("M18", Code.STATUS_WITHOUT_ROW)
def submission_without_status(w: Workshop) -> None:
    """A submission whose status row does not exist."""
    w.submission(FormSubmissionStatusId=w.nowhere())
