"""One v2 that holds each hostile value in each place once: what random draws may miss."""

from itertools import cycle
from typing import Any

from tests.integration.hostile import values
from tests.integration.hostile.world import MAPPING, NOWHERE, REFERENCES, World
from tests.v2 import NUMBERS, TABLES, Row

ORDERS = (None, 1, 1, -7)


def museum(*, sqlite: bool) -> World:
    """The museum, as SQLite or (less) as PostgreSQL can hold it. Its zone has gaps and overlaps."""
    return _Curator(sqlite=sqlite).world


class _Curator:
    def __init__(self, *, sqlite: bool) -> None:
        self.world = World(loose=True, zone="America/New_York", mapping=MAPPING, batch_size=50)
        texts = (*values.NAMES, *values.TEXTS, values.TOO_LONG)
        self.texts = [text for text in texts if sqlite or values.storable(text)]
        self.sqlite = sqlite
        self.times = cycle([*values.TIMES, *(values.LOOSE_TIMES if sqlite else ())])
        self.homes = [
            self.add("organizations", Name=f"Home {n}", CreatedOn=values.TIMES[0])["Id"]
            for n in range(4)
        ]
        self.people()
        self.forms()
        self.submissions()
        self.answers()
        self.references()
        if sqlite:
            self.other_types()

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
                DisplayName=self.texts[-n] if n % 3 else None,
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
                FormSubmissionId=self.some("submissions", n % 7),
                FieldId=self.some("fields", n * 3 // 2),
                FreeFormEntry=None if n % 11 == 0 else text,
                FieldChoiceMapId=chosen,
            )

    def references(self) -> None:
        """Every reference of v2 once to each id that is nowhere, and once to nothing."""
        for name, column in REFERENCES:
            for nowhere in (*NOWHERE, None):
                if nowhere is not None or (name, column) != ("fields", "FormTypeId"):
                    self.again(name, **{column: nowhere})

    def other_types(self) -> None:
        """What only SQLite holds: bytes for text, a bit and a number as a CSV file has them."""
        self.again("organizations", Name=b"\xff\x00")
        self.again("users", Email=b"a@example.org")
        self.again("users", LastName=b"")
        self.again("users", IsActive="false")
        self.again("forms", Name=b"form")
        self.again("submissions", LookupCode=b"code")
        form, submission = self.again("forms"), self.again("submissions")
        self.again("fields", FormTypeId=form["Id"], SortOrder="first")
        self.again("answers", FormSubmissionId=submission["Id"], FreeFormEntry=b"answer")
