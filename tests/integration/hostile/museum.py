"""One v2 that holds each hostile value in each place once: what random draws may miss."""

from itertools import cycle
from typing import Any

from tests.integration.hostile import values
from tests.integration.hostile.world import MAPPING, NOWHERE, REFERENCES, World
from tests.v2 import NUMBERS, TABLES, Row

ORDERS = (None, 1, 1, -7)
# References to nothing that make an error of all they belong to, or leave the field nowhere.
ALL_FAILS = {("fields", "FormTypeId"), ("maps", "ChoiceId"), ("answers", "FieldId")}


def museum(*, sqlite: bool) -> World:
    """The museum, as SQLite or (less) as PostgreSQL can hold it. Its zone has gaps and overlaps."""
    return _Curator(sqlite=sqlite).world


class _Curator:
    def __init__(self, *, sqlite: bool) -> None:
        self.world = World(loose=True, zone="America/New_York", mapping=MAPPING, batch_size=50)
        texts = (*values.NAMES, *values.TEXTS, values.TOO_LONG)
        self.texts = [text for text in texts if sqlite or values.storable(text)]
        self.sqlite = sqlite
        self.times = cycle(values.TIMES)
        self.homes = [
            self.add("organizations", Name=f"Home {n}", CreatedOn=values.TIMES[0])["Id"]
            for n in range(4)
        ]
        self.people()
        self.forms()
        self.submissions()
        self.answers()
        self.references()
        self.collisions()
        if sqlite:
            self.other_types()
            self.errors_with_what_jsonb_refuses()

    def add(self, name: str, **columns: Any) -> Row:
        number = len(self.world.rows[name]) + 1
        v2_id = f"{number:08x}-aaaa-4abc-8def-{NUMBERS[TABLES[name]]:04x}{number:08x}"
        row = {"Id": (str.lower, str.upper, str.title)[number % 3](v2_id), **columns}
        self.world.rows[name].append(row)
        return row

    def again(self, name: str, **columns: Any) -> Row:
        """The list's first row once more, but for these columns."""
        first = {key: value for key, value in self.world.rows[name][0].items() if key != "Id"}
        return self.add(name, **first | columns)

    def some(self, name: str, n: int) -> str:
        """The id of the list's nth row, counted round and round, in another case."""
        rows = self.world.rows[name]
        return str.swapcase(rows[n % len(rows)]["Id"])

    def people(self) -> None:
        for text in self.texts:
            self.add("organizations", Name=text, CreatedOn=next(self.times))
        for n, text in enumerate(self.texts):
            self.add(
                "users",
                OrganizationId=self.homes[n % 4],
                Email=text,
                UserName=text,
                FirstName=self.texts[-n],
                LastName=text,
                IsActive=bool(n % 2),
                CreatedOn=values.TIMES[n % len(values.TIMES)],
                LastUpdatedOn=next(self.times),
            )

    def forms(self) -> None:
        for name in values.TYPE_NAMES:
            if self.sqlite or values.storable(name):
                self.add("field_types", Name=name)
        for n, text in enumerate(self.texts):
            self.add(
                "forms",
                Name=text,
                DisplayName=self.texts[n - 9] if n % 3 else None,
                ShortDescription=text,
                OrganizationId=self.homes[n % 4] if n % 5 else None,
                CreatedOn=next(self.times),
            )
        for n, text in enumerate(self.texts * 2):
            self.add(
                "fields",
                # All names in one form, and once more all over the place.
                FormTypeId=self.some("forms", 0 if n < len(self.texts) else n),
                FieldTypeId=self.some("field_types", n),
                Name=text,
                DisplayName=text,
                Required=bool(n % 2),
                SortOrder=ORDERS[n % 4],
            )
        for n, text in enumerate(self.texts):
            field = self.some("fields", n // 2)
            self.add("settings", FieldId=field, Name=text, StoredValue=self.texts[-n])
            self.add("choices", DisplayName=text)
        for n in range(2 * len(self.texts)):
            field, choice = self.some("fields", n), self.some("choices", n)
            self.add("maps", FieldId=field, ChoiceId=choice, SortOrder=ORDERS[n % 4])

    def submissions(self) -> None:
        for name in values.STATUS_NAMES:
            if self.sqlite or values.storable(name):
                self.add("statuses", Name=name)
        for n, text in enumerate(self.texts):
            self.add(
                "submissions",
                FormTypeId=self.some("forms", n % 3),
                FormSubmissionStatusId=self.some("statuses", n),
                OrganizationId=self.homes[n % 4] if n % 3 else None,
                LookupCode=text,
                CreatedOn=values.TIMES[n % len(values.TIMES)],
                LastUpdatedOn=next(self.times) if n % 2 else None,
            )

    def answers(self) -> None:
        """Every text: alone, beside a choice, several to a field, to a field of another form."""
        for n, text in enumerate(self.texts * 4):
            chosen = (None, None, self.some("maps", n), self.some("choices", n))[n % 4]
            self.add(
                "answers",
                FormSubmissionId=self.some("submissions", n // 2 % 7),
                FieldId=self.some("fields", n // 4 * 2),
                FreeFormEntry=None if n % 11 == 0 else text,
                FieldChoiceMapId=chosen,
            )
        for n, text in enumerate(self.texts):
            home, field = self.some("submissions", 9), self.some("fields", n)
            self.add(
                "answers",
                FormSubmissionId=home,
                FieldId=field,
                FreeFormEntry=text,
                FieldChoiceMapId=None,
            )

    def references(self) -> None:
        """Every reference of v2 once to each id that is nowhere, and once to nothing."""
        for name, column in REFERENCES:
            for nowhere in NOWHERE:
                self.again(name, **{column: nowhere})
            if (name, column) not in ALL_FAILS:
                self.again(name, **{column: None})
        form, submission = self.again("forms"), self.again("submissions")
        field = self.again("fields", FormTypeId=form["Id"])
        self.again("maps", FieldId=field["Id"], ChoiceId=None)
        self.again("answers", FormSubmissionId=submission["Id"], FieldId=None)

    def collisions(self) -> None:
        """Suffixes of two digits on names that are too long already, and who comes first."""
        for _ in range(12):
            self.again("organizations", Name=values.LONG_NAME)
            self.again("forms", Name=values.LONG_NAME)
        for email in ("\u017f@x", "s@x", "S@X", "\u00df@x", "SS@x"):
            self.again("users", Email=email)
        for made in (None, values.TIMES[0], None, values.TIMES[4]):
            # Without a time: last in the queue, and an error all the same.
            self.again("users", Email="queue@x", CreatedOn=made)
            self.again("submissions", LookupCode="queue", CreatedOn=made)

    def errors_with_what_jsonb_refuses(self) -> None:
        text = "\\\x00\\u0000\\\\\ud800"
        self.again("users", OrganizationId=NOWHERE[0], UserName=text, FirstName="\\u0000")
        lost = self.again("submissions", FormTypeId=NOWHERE[0], LookupCode=text)
        self.again("answers", FormSubmissionId=lost["Id"], FreeFormEntry=text)

    def other_types(self) -> None:
        """What only SQLite holds: bytes for text, a bit and a number as a CSV file has them."""
        for time in values.LOOSE_TIMES:
            self.again("organizations", CreatedOn=time)
            self.again("users", CreatedOn=time)
            self.again("forms", CreatedOn=time)
            self.again("submissions", LastUpdatedOn=time)
        self.again("organizations", Name=b"\xff\x00")
        self.again("users", Email=b"a@example.org")
        self.again("users", LastName=b"")
        self.again("users", IsActive="false")
        self.again("forms", Name=b"form")
        self.again("submissions", LookupCode=b"code")
        form, submission = self.again("forms"), self.again("submissions")
        self.again("fields", FormTypeId=form["Id"], SortOrder="first")
        self.again("answers", FormSubmissionId=submission["Id"], FreeFormEntry=b"answer")
