"""Faults of forms, their fields, settings and choices: M7 to M11."""

from legacy_v2.seed.faults.registry import fault
from legacy_v2.seed.workshop import Workshop
from transfer.mapping.codes import Code


@fault("M7")
def form_without_title(w: Workshop) -> None:
    """Forms whose DisplayName is NULL or empty: the Name stands in."""
    w.form(Name="Untitled Form", DisplayName=None)
    w.form(Name="Untitled Form 2", DisplayName="")


@fault("M7")
def forms_of_one_name(w: Workshop) -> None:
    """Two forms of an organization with one Name: their slugs would collide."""
    w.form(Name="Twin Form", DisplayName="Twin Form A")
    w.form(Name="Twin Form", DisplayName="Twin Form B")


@fault("M8", Code.ORGANIZATION_UNKNOWN)
def form_of_no_organization(w: Workshop) -> None:
    """A form of an organization that exists nowhere, and a submission that fails with it (M18)."""
    form = w.form(Name="Lost Form", OrganizationId=w.nowhere())
    w.answer(FormSubmissionId=w.submission(FormTypeId=form), FreeFormEntry="lost")


@fault("M8", Code.ORGANIZATION_UNKNOWN)
def submission_of_no_organization(w: Workshop) -> None:
    """A submission of a sound form that names an organization that exists nowhere."""
    w.submission(OrganizationId=w.nowhere())


@fault("M8")
def submission_of_another_organization(w: Workshop) -> None:
    """A submission whose own organization wins over its form's."""
    w.submission(OrganizationId=w.organization(Name="Borrower"))


@fault("M8", on_request=True)
def form_without_organization(w: Workshop) -> None:
    """A form whose organization is NULL, with a submission: import refuses to start."""
    form = w.form(Name="Ownerless Form", OrganizationId=None)
    field = w.field(FormTypeId=form, Name="Text")
    submission = w.submission(FormTypeId=form)
    w.answer(FormSubmissionId=submission, FieldId=field, FreeFormEntry="whose?")


@fault("M9", Code.FIELD_TYPE_UNKNOWN)
def unknown_field_type(w: Workshop) -> None:
    """A field of a type that v3 has no name for, answered."""
    field = w.field(FieldTypeId=w.field_type("Hologram"), Name="Hologram")
    w.answer(FieldId=field, FreeFormEntry="shimmering")


@fault("M9")
def equal_sort_orders(w: Workshop) -> None:
    """Two fields and two choices with one SortOrder: the Id decides."""
    for name in ("Tied A", "Tied B"):
        w.field(Name=name, SortOrder=7)
    field = w.field("DropDown", Name="Tied Choices")
    for name in ("Heads", "Tails"):
        w.map(FieldId=field, ChoiceId=w.choice(DisplayName=name), SortOrder=1)


@fault("M9")
def choice_without_name(w: Workshop) -> None:
    """A choice whose DisplayName is NULL, offered and chosen."""
    nameless = w.map(FieldId=w.pick, ChoiceId=w.choice(DisplayName=None))
    w.answer(FieldId=w.pick, FieldChoiceMapId=nameless)


@fault("M10", Code.FIELD_RENAMED)
def fields_of_one_name(w: Workshop) -> None:
    """Three fields of one Name beside one that is called Name_2 already; each is answered."""
    form = w.form(Name="Repeating Form")
    names = ("Name", "Name", "Name_2", "Name")
    fields = [w.field(FormTypeId=form, Name=name) for name in names]
    submission = w.submission(FormTypeId=form)
    for number, field in enumerate(fields, 1):
        w.answer(FormSubmissionId=submission, FieldId=field, FreeFormEntry=f"answer {number}")


@fault("M11", Code.SETTING_DUPLICATE)
def setting_twice(w: Workshop) -> None:
    """Two settings of a field with one Name and different values."""
    w.setting(Name="MaxLength", StoredValue="10")
    w.setting(Name="MaxLength", StoredValue="20")


@fault("M11", Code.SETTING_WITHOUT_NAME)
def setting_without_name(w: Workshop) -> None:
    """A setting whose Name is NULL."""
    w.setting(Name=None, StoredValue="nameless")


@fault("M11", Code.SETTING_WITHOUT_FIELD)
def setting_without_field(w: Workshop) -> None:
    """A setting of a field that does not exist."""
    w.setting(FieldId=w.nowhere(), Name="Lost")


@fault("M11", Code.FIELD_WITHOUT_FORM)
def field_without_form(w: Workshop) -> None:
    """A field of a form that does not exist."""
    w.field(FormTypeId=w.nowhere(), Name="Formless")


@fault("M11", Code.FIELD_WITHOUT_TYPE)
def field_without_type(w: Workshop) -> None:
    """A field whose type does not exist, answered."""
    w.answer(FieldId=w.field(FieldTypeId=w.nowhere(), Name="Typeless"), FreeFormEntry="kept")


@fault("M11", Code.MAP_WITHOUT_FIELD)
def map_without_field(w: Workshop) -> None:
    """A choice offered by a field that does not exist."""
    w.map(FieldId=w.nowhere(), ChoiceId=w.choices["Yes"])


@fault("M11", Code.MAP_WITHOUT_CHOICE)
def map_without_choice(w: Workshop) -> None:
    """A field that offers a choice that does not exist."""
    w.map(FieldId=w.pick, ChoiceId=w.nowhere())
