"""Where faulty records are made: say what is wrong with one, and the rest of it is sound."""

from datetime import datetime, timedelta

from legacy_v2.seed import schema
from legacy_v2.seed.design import Design, Row, stamp
from legacy_v2.seed.randomness import Dice

# The faults' own time, a minute from one record to the next, so that "earlier" is the one made
# first (M1).
_FIRST_TIME = datetime(2024, 6, 3, 9, 0)  # noqa: DTZ001 - v2's times have no zone


class Workshop:
    """Makes rows of v2, each by a method that returns the row's Id.

    Columns are given by v2's names; what is not given is sound and belongs to an organization,
    a form and fields of the faults' own.

    Attributes:
        rows: the rows made, by table.
        home: the Id of the faults' organization.
        sound: the Id of a sound form of it, with the fields that follow.
        text: a TextBox of the form.
        pick: a DropDown of the form, to choose Yes or No.
        boxes: a CheckBox of the form, to choose Red, Green and Blue.
        choices: Ids of Choice by name.
        maps: Ids of Field_Choice_Map by the name of the choice.
    """

    def __init__(self, design: Design, seed: int) -> None:
        self.rows: dict[str, list[Row]] = {}
        self._design = design
        self._ids = Dice(seed, "faults").ids()
        self._made = 0
        self.home = self.organization(Name="Fault Collection")
        self.sound = self.form(Name="Sound Form")
        self.text = self.field("TextBox", Name="Text")
        self.pick = self.field("DropDown", Name="Pick")
        self.boxes = self.field("CheckBox", Name="Boxes")
        self.choices: dict[str, str] = {}
        self.maps: dict[str, str] = {}
        for owner, names in ((self.pick, ("Yes", "No")), (self.boxes, ("Red", "Green", "Blue"))):
            for name in names:
                self.choices[name] = self.choice(DisplayName=name)
                self.maps[name] = self.map(FieldId=owner, ChoiceId=self.choices[name])

    def nowhere(self) -> str:
        """An Id that no row has."""
        return next(self._ids)

    def organization(self, **columns: object) -> str:
        """An organization."""
        return self._add("Organization", columns, Name="Fault", CreatedOn=self._now())

    def user(self, **columns: object) -> str:
        """A user of the faults' organization."""
        return self._add(
            "User",
            columns,
            OrganizationId=self.home,
            Email=f"fault{self._made}@example.org",
            UserName=f"fault{self._made}",
            FirstName="Pat",
            LastName="Fault",
            IsActive=True,
            CreatedOn=self._now(),
        )

    def field_type(self, name: str) -> str:
        """A field type."""
        return self._add("FieldType", {}, Name=name)

    def status(self, name: str) -> str:
        """A status."""
        return self._add("FormSubmissionStatus", {}, Name=name)

    def form(self, **columns: object) -> str:
        """A form of the faults' organization, without fields."""
        name = columns.setdefault("Name", f"Fault Form {self._made}")
        return self._add(
            "FormType", columns, DisplayName=name, OrganizationId=self.home, CreatedOn=self._now()
        )

    def field(self, type_name: str = "TextBox", **columns: object) -> str:
        """A field of the sound form."""
        name = columns.setdefault("Name", f"Fault{self._made}")
        return self._add(
            "Field",
            columns,
            FormTypeId=self.sound,
            FieldTypeId=self._design.field_types[type_name],
            DisplayName=name,
            Required=False,
            SortOrder=self._made,
        )

    def setting(self, **columns: object) -> str:
        """A setting of the sound form's TextBox."""
        return self._add("FieldSetting", columns, FieldId=self.text, StoredValue="1")

    def choice(self, **columns: object) -> str:
        """A choice no field offers yet."""
        return self._add("Choice", columns)

    def map(self, **columns: object) -> str:
        """A choice offered by a field; both are to be given."""
        return self._add("Field_Choice_Map", columns, SortOrder=self._made)

    def submission(self, status: str = "Submitted", **columns: object) -> str:
        """A submission of the sound form, without answers."""
        return self._add(
            "FormSubmission",
            columns,
            FormTypeId=self.sound,
            FormSubmissionStatusId=self._design.statuses[status],
            LookupCode=f"FAULT-{self._made:04}",
            CreatedOn=self._now(),
        )

    def answer(self, **columns: object) -> str:
        """An answer; to the sound form's TextBox, of a submission of its own."""
        if "FormSubmissionId" not in columns:
            columns["FormSubmissionId"] = self.submission()
        return self._add("FormSubmissionMetaData", columns, FieldId=self.text)

    def _now(self) -> str:
        return stamp(_FIRST_TIME + timedelta(minutes=self._made))

    def _add(self, table: str, columns: dict[str, object], **defaults: object) -> str:
        self._made += 1
        row = {"Id": next(self._ids), **defaults, **columns}
        names = schema.columns(table)
        if unknown := row.keys() - set(names):
            msg = f"{table} has no column {', '.join(sorted(unknown))}"
            raise LookupError(msg)
        self.rows.setdefault(table, []).append(tuple(row.get(name) for name in names))
        return str(row["Id"])
