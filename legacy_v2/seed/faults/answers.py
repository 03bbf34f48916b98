"""Faults of answers: M15 to M17."""

from legacy_v2.seed.faults.registry import fault
from legacy_v2.seed.workshop import Workshop
from transfer.mapping.codes import Code


@fault("M15")
def text_beside_choice(w: Workshop) -> None:
    """Text beside a choice (the text is the answer), and empty text beside one (the choice is)."""
    w.answer(FieldId=w.pick, FreeFormEntry="Yes, but later", FieldChoiceMapId=w.maps["Yes"])
    w.answer(FieldId=w.pick, FreeFormEntry="", FieldChoiceMapId=w.maps["No"])


@fault("M15")
def choice_by_its_own_id(w: Workshop) -> None:
    """A FieldChoiceMapId that is the Id of a Choice."""
    w.answer(FieldId=w.pick, FieldChoiceMapId=w.choices["No"])


@fault("M15")
def neither_text_nor_choice(w: Workshop) -> None:
    """Answers with nothing in them: NULL, and empty text."""
    w.answer(FreeFormEntry=None)
    w.answer(FreeFormEntry="")


@fault("M15", Code.ANSWER_CHOICE_UNKNOWN)
def text_beside_unknown_choice(w: Workshop) -> None:
    """Text beside a choice that exists nowhere: the text is the answer."""
    w.answer(FieldId=w.pick, FreeFormEntry="by hand", FieldChoiceMapId=w.nowhere())


@fault("M16", Code.ANSWERS_MERGED)
def answered_more_than_once(w: Workshop) -> None:
    """Three answers to a TextBox."""
    submission = w.submission()
    for text in ("first", "second", "second"):
        w.answer(FormSubmissionId=submission, FreeFormEntry=text)


@fault("M16")
def boxes_and_text(w: Workshop) -> None:
    """Two boxes ticked against their order, text beside them, and one box alone: always a list."""
    submission = w.submission()
    for name in ("Blue", "Red"):
        w.answer(FormSubmissionId=submission, FieldId=w.boxes, FieldChoiceMapId=w.maps[name])
    w.answer(FormSubmissionId=submission, FieldId=w.boxes, FreeFormEntry="and a little gold")
    w.answer(FieldId=w.boxes, FieldChoiceMapId=w.maps["Green"])


@fault("M16")
def box_of_another_field(w: Workshop) -> None:
    """A box that the field does not offer, ticked twice beside one that it does."""
    submission = w.submission()
    for name in ("Yes", "Yes", "Green"):
        w.answer(FormSubmissionId=submission, FieldId=w.boxes, FieldChoiceMapId=w.maps[name])


@fault("M17", Code.ANSWER_FIELD_UNKNOWN)
def answer_to_no_field(w: Workshop) -> None:
    """Two answers to one field that exists nowhere."""
    submission, field = w.submission(), w.nowhere()
    for text in ("who asked?", "and again"):
        w.answer(FormSubmissionId=submission, FieldId=field, FreeFormEntry=text)


@fault("M17", Code.ANSWER_CHOICE_UNKNOWN)
def unknown_choice(w: Workshop) -> None:
    """No text, and a choice that exists nowhere; in a DropDown and among boxes."""
    w.answer(FieldId=w.pick, FieldChoiceMapId=w.nowhere())
    w.answer(FieldId=w.boxes, FieldChoiceMapId=w.nowhere())


@fault("M17", Code.ANSWER_OTHER_FORM)
def answer_to_another_form(w: Workshop) -> None:
    """Answers to another form's fields: one of a new name, one of a name this form has too."""
    form = w.form(Name="Other Form")
    submission = w.submission()
    for name in ("Only There", "Text"):
        field = w.field(FormTypeId=form, Name=name)
        w.answer(FormSubmissionId=submission, FieldId=field, FreeFormEntry=f"strayed: {name}")


@fault("M17", Code.ANSWER_ORPHANED)
def answer_without_submission(w: Workshop) -> None:
    """Answers to submissions that do not exist, one of them after every other Id."""
    w.answer(FormSubmissionId=w.nowhere(), FreeFormEntry="orphan")
    w.answer(FormSubmissionId="FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", FreeFormEntry="the last")
    w.answer(FormSubmissionId="00000000-0000-0000-0000-000000000000", FreeFormEntry="the first")
