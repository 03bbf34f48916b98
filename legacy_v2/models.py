"""The v2 tables as they stand, read-only; v2's own names are in db_table and db_column.

No reference of v2 can be relied on: every key may name a row that is not there, so a related
object may raise DoesNotExist. Queries over two tables go through ``Exists`` and ``OuterRef``
(see legacy_v2.fields on why not through a join). Some columns are assumed, and may be missing
in a given v2 (legacy_v2.introspection): name the columns wanted, with ``values_list``.
"""

from django.db import models

from legacy_v2.fields import GuidField, GuidForeignKey, NaiveDateTimeField
from legacy_v2.readonly import ReadOnlyModel


class Organization(ReadOnlyModel):
    """A tenant of v2."""

    id = GuidField(primary_key=True, db_column="Id")
    name = models.CharField(max_length=255, db_column="Name")
    created_on = NaiveDateTimeField(db_column="CreatedOn")

    class Meta(ReadOnlyModel.Meta):
        db_table = "Organization"

    def __str__(self) -> str:
        return self.name


class User(ReadOnlyModel):
    """A person of an organization; the whole table is assumed."""

    id = GuidField(primary_key=True, db_column="Id")
    organization = GuidForeignKey(Organization, db_column="OrganizationId")
    email = models.CharField(max_length=255, null=True, db_column="Email")
    user_name = models.CharField(max_length=255, null=True, db_column="UserName")
    first_name = models.CharField(max_length=255, null=True, db_column="FirstName")
    last_name = models.CharField(max_length=255, null=True, db_column="LastName")
    is_active = models.BooleanField(db_column="IsActive")
    created_on = NaiveDateTimeField(db_column="CreatedOn")
    last_updated_on = NaiveDateTimeField(null=True, db_column="LastUpdatedOn")

    class Meta(ReadOnlyModel.Meta):
        db_table = "User"

    def __str__(self) -> str:
        return self.email or self.id


class FieldType(ReadOnlyModel):
    """A kind of field: TextBox, TextArea, DropDown, CheckBox, and others."""

    id = GuidField(primary_key=True, db_column="Id")
    name = models.CharField(max_length=255, db_column="Name")

    class Meta(ReadOnlyModel.Meta):
        db_table = "FieldType"

    def __str__(self) -> str:
        return self.name


class FormType(ReadOnlyModel):
    """A form; its organization and its time are assumed columns."""

    id = GuidField(primary_key=True, db_column="Id")
    name = models.CharField(max_length=255, db_column="Name")
    display_name = models.CharField(max_length=255, null=True, db_column="DisplayName")
    short_description = models.TextField(null=True, db_column="ShortDescription")
    organization = GuidForeignKey(Organization, null=True, db_column="OrganizationId")
    created_on = NaiveDateTimeField(null=True, db_column="CreatedOn")

    class Meta(ReadOnlyModel.Meta):
        db_table = "FormType"

    def __str__(self) -> str:
        return self.display_name or self.name


class Field(ReadOnlyModel):
    """A field of a form."""

    id = GuidField(primary_key=True, db_column="Id")
    form_type = GuidForeignKey(FormType, db_column="FormTypeId")
    field_type = GuidForeignKey(FieldType, db_column="FieldTypeId")
    name = models.CharField(max_length=255, db_column="Name")
    display_name = models.CharField(max_length=255, null=True, db_column="DisplayName")
    required = models.BooleanField(db_column="Required")
    sort_order = models.IntegerField(db_column="SortOrder")

    class Meta(ReadOnlyModel.Meta):
        db_table = "Field"

    def __str__(self) -> str:
        return self.name


class FieldSetting(ReadOnlyModel):
    """A named setting of a field; its Id is an assumed column."""

    id = GuidField(primary_key=True, db_column="Id")
    field = GuidForeignKey(Field, db_column="FieldId")
    name = models.CharField(max_length=255, null=True, db_column="Name")
    stored_value = models.TextField(null=True, db_column="StoredValue")

    class Meta(ReadOnlyModel.Meta):
        db_table = "FieldSetting"

    def __str__(self) -> str:
        return f"{self.name}={self.stored_value}"


class Choice(ReadOnlyModel):
    """Something to choose, shared by the fields that are mapped to it."""

    id = GuidField(primary_key=True, db_column="Id")
    display_name = models.CharField(max_length=255, null=True, db_column="DisplayName")

    class Meta(ReadOnlyModel.Meta):
        db_table = "Choice"

    def __str__(self) -> str:
        return self.display_name or self.id


class FieldChoiceMap(ReadOnlyModel):
    """A choice offered by a field; its Id is an assumed column."""

    id = GuidField(primary_key=True, db_column="Id")
    field = GuidForeignKey(Field, db_column="FieldId")
    choice = GuidForeignKey(Choice, db_column="ChoiceId")
    sort_order = models.IntegerField(db_column="SortOrder")

    class Meta(ReadOnlyModel.Meta):
        db_table = "Field_Choice_Map"

    def __str__(self) -> str:
        return f"{self.choice_id} of {self.field_id}"


class FormSubmissionStatus(ReadOnlyModel):
    """A state a submission can be in: Draft, Submitted, Approved, Rejected, and others."""

    id = GuidField(primary_key=True, db_column="Id")
    name = models.CharField(max_length=255, db_column="Name")

    class Meta(ReadOnlyModel.Meta):
        db_table = "FormSubmissionStatus"

    def __str__(self) -> str:
        return self.name


class FormSubmission(ReadOnlyModel):
    """A filled-in form; its own organization is an assumed column, and wins over the form's."""

    id = GuidField(primary_key=True, db_column="Id")
    form_type = GuidForeignKey(FormType, db_column="FormTypeId")
    form_submission_status = GuidForeignKey(
        FormSubmissionStatus, db_column="FormSubmissionStatusId"
    )
    lookup_code = models.CharField(max_length=50, null=True, db_column="LookupCode")
    created_on = NaiveDateTimeField(db_column="CreatedOn")
    last_updated_on = NaiveDateTimeField(null=True, db_column="LastUpdatedOn")
    organization = GuidForeignKey(Organization, null=True, db_column="OrganizationId")

    class Meta(ReadOnlyModel.Meta):
        db_table = "FormSubmission"

    def __str__(self) -> str:
        return self.lookup_code or self.id


class FormSubmissionMetaData(ReadOnlyModel):
    """One answer of a submission; its Id is an assumed column."""

    id = GuidField(primary_key=True, db_column="Id")
    form_submission = GuidForeignKey(FormSubmission, db_column="FormSubmissionId")
    field = GuidForeignKey(Field, db_column="FieldId")
    free_form_entry = models.TextField(null=True, db_column="FreeFormEntry")
    # The Id of a Field_Choice_Map, or of a Choice (M15): so no reference to either.
    field_choice_map_id = GuidField(null=True, db_column="FieldChoiceMapId")

    class Meta(ReadOnlyModel.Meta):
        db_table = "FormSubmissionMetaData"

    def __str__(self) -> str:
        return f"{self.field_id} of {self.form_submission_id}"
