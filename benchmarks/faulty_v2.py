"""Makes two v2 files: a clean one, and the same with every row of 1 % of its submissions faulty.

Faults rotate over what a v2 may hold; a record of each kind is in every few hundred. Some keep
their submission out of v3, some make PostgreSQL itself refuse a row, most are warnings.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

EVERY = 100  # submissions, users and forms to a faulty one
BAD_TIME = "2024-02-30 00:00:00.000000"
_FAULTY = EVERY // 2  # which of each hundred

Cursor = sqlite3.Cursor
Spoil = Callable[[Cursor, int, int], None]
"""Spoils the row of a table: cursor, rowid, and how many rows were spoiled before."""


def nowhere(number: int) -> str:
    """An Id that no row has."""
    return str(UUID(int=0xDEAD << 112 | number))


def more_users_and_forms(path: Path, submissions: int) -> None:
    """Add users and forms, so that 1 % of them is some: one for 20 and one for 200 submissions.

    v2's columns take nulls from here on, as those of a copy made by hand may.
    """
    with _writing(path) as cursor:
        cursor.execute("PRAGMA writable_schema = ON")
        cursor.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'"
        )
        ((organization,),) = cursor.execute('SELECT min("Id") FROM "Organization"').fetchall()
        cursor.executemany(
            'INSERT INTO "User" ("Id", "OrganizationId", "Email", "UserName", "IsActive",'
            ' "CreatedOn") VALUES (?, ?, ?, ?, 1, ?)',
            (
                (str(UUID(int=0xBEEF << 112 | n)), organization, f"more{n}@example.org", f"m{n}",
                 "2020-01-01 00:00:00.000000")
                for n in range(submissions // 20)
            ),
        )  # fmt: skip
        cursor.executemany(
            'INSERT INTO "FormType" ("Id", "Name", "DisplayName", "OrganizationId", "CreatedOn")'
            " VALUES (?, ?, ?, ?, ?)",
            (
                (str(UUID(int=0xF0F0 << 112 | n)), f"More{n}", f"More {n}", organization,
                 "2020-01-01 00:00:00.000000")
                for n in range(submissions // 200)
            ),
        )  # fmt: skip


def faulty_copy(clean: Path, faulty: Path) -> dict[str, int]:
    """Copy the clean file and spoil 1 % of it.

    Returns:
        How many rows were spoiled, by what is wrong with them.
    """
    shutil.copyfile(clean, faulty)
    counts: dict[str, int] = {}
    with _writing(faulty) as cursor:
        cursor.execute(
            'INSERT INTO "FormSubmissionStatus" ("Id", "Name") VALUES (?, ?)',
            (nowhere(0xFFFF), "On Hold"),
        )
        answers = _Answers(cursor)
        for number, (rowid, key) in enumerate(_hundredths(cursor, "FormSubmission")):
            rows = cursor.execute(
                'SELECT rowid FROM "FormSubmissionMetaData" WHERE "FormSubmissionId" = ?', (key,)
            ).fetchall()
            for place, (answer,) in enumerate(rows):
                answers.spoil(answer, number + place, counts)
            _rotate(SUBMISSIONS, cursor, rowid, number, counts)
        for table, faults, more in (("User", USERS, "beef%"), ("FormType", FORMS, "f0f0%")):
            for number, (rowid, _key) in enumerate(_hundredths(cursor, table, more)):
                _rotate(faults, cursor, rowid, number, counts)
    return counts


def taken_ids(faulty: Path) -> list[str]:
    """Ids of submissions that v3 is to hold rows of other origin for, before the import."""
    with _writing(faulty) as cursor:
        rows = cursor.execute(
            'SELECT "Id" FROM "FormSubmission" WHERE "LookupCode" LIKE \'TAKEN-%\''
        )
        return [row[0].lower() for row in rows]


@contextmanager
def _writing(path: Path) -> Iterator[Cursor]:
    with closing(sqlite3.connect(path)) as connection, closing(connection.cursor()) as cursor:
        yield cursor
        connection.commit()


def _hundredths(cursor: Cursor, table: str, like: str = "%") -> list[tuple[int, str]]:
    return cursor.execute(
        f'SELECT rowid, "Id" FROM "{table}" WHERE "Id" LIKE ? AND rowid % ? = ?',
        (like, EVERY, _FAULTY),
    ).fetchall()


def _rotate(
    faults: dict[str, Spoil], cursor: Cursor, rowid: int, number: int, counts: dict[str, int]
) -> None:
    name = list(faults)[number % len(faults)]
    faults[name](cursor, rowid, number)
    counts[name] = counts.get(name, 0) + 1


def _set(table: str, column: str, value: Callable[[int], object]) -> Spoil:
    def spoil(cursor: Cursor, rowid: int, number: int) -> None:
        cursor.execute(
            f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value(number), rowid)
        )

    return spoil


def _id_is_no_guid(cursor: Cursor, rowid: int, _number: int) -> None:
    ((key,),) = cursor.execute('SELECT "Id" FROM "FormSubmission" WHERE rowid = ?', (rowid,))
    broken = f"{key[:8]}-broken"
    cursor.execute('UPDATE "FormSubmission" SET "Id" = ? WHERE rowid = ?', (broken, rowid))
    cursor.execute(
        'UPDATE "FormSubmissionMetaData" SET "FormSubmissionId" = ? WHERE "FormSubmissionId" = ?',
        (broken, key),
    )


def _another_organization(cursor: Cursor, rowid: int, _number: int) -> None:
    cursor.execute(
        'UPDATE "FormSubmission" SET "OrganizationId" = (SELECT max("Id") FROM "Organization")'
        " WHERE rowid = ?",
        (rowid,),
    )


SUBMISSIONS: dict[str, Spoil] = {
    "submission: form unknown": _set("FormSubmission", "FormTypeId", nowhere),
    "submission: lookup code twice": _set("FormSubmission", "LookupCode", lambda _n: "TWICE"),
    "submission: organization unknown": _set("FormSubmission", "OrganizationId", nowhere),
    "submission: no lookup code": _set("FormSubmission", "LookupCode", lambda _n: None),
    "submission: id taken in v3": _set("FormSubmission", "LookupCode", lambda n: f"TAKEN-{n}"),
    "submission: status unknown": _set(
        "FormSubmission", "FormSubmissionStatusId", lambda _n: nowhere(0xFFFF)
    ),
    "submission: CreatedOn null": _set("FormSubmission", "CreatedOn", lambda _n: None),
    "submission: status without row": _set("FormSubmission", "FormSubmissionStatusId", nowhere),
    "submission: CreatedOn unusable": _set("FormSubmission", "CreatedOn", lambda _n: BAD_TIME),
    "submission: lookup code too long": _set("FormSubmission", "LookupCode", lambda _n: "9" * 60),
    "submission: Id is no GUID": _id_is_no_guid,
    "submission: U+0000 in its code": _set("FormSubmission", "LookupCode", lambda n: f"\0{n}"),
    "submission: form null": _set("FormSubmission", "FormTypeId", lambda _n: None),
    "submission: another organization": _another_organization,
    "submission: LastUpdatedOn unusable": _set(
        "FormSubmission", "LastUpdatedOn", lambda _n: BAD_TIME
    ),
    "submission: updated in 2999": _set(
        "FormSubmission", "LastUpdatedOn", lambda _n: "2999-01-01 00:00:00.000000"
    ),
}
USERS: dict[str, Spoil] = {
    "user: email too long (refused)": _set("User", "Email", lambda n: f"{'x' * 300}{n}@a.org"),
    "user: no email": _set("User", "Email", lambda _n: None),
    "user: organization unknown": _set("User", "OrganizationId", nowhere),
    "user: email twice": _set("User", "Email", lambda _n: "Same@example.org"),
    "user: CreatedOn unusable": _set("User", "CreatedOn", lambda _n: BAD_TIME),
    "user: U+0000 in the email": _set("User", "Email", lambda n: f"\0{n}@example.org"),
}
FORMS: dict[str, Spoil] = {
    "form: title too long (refused)": _set("FormType", "DisplayName", lambda _n: "x" * 300),
    "form: organization unknown": _set("FormType", "OrganizationId", nowhere),
    "form: CreatedOn unusable": _set("FormType", "CreatedOn", lambda _n: BAD_TIME),
    "form: name null": _set("FormType", "Name", lambda _n: None),
}


FIRST_FIELD = """
    SELECT other."FieldId" FROM "FormSubmissionMetaData" AS other
     WHERE other."FormSubmissionId" = "FormSubmissionMetaData"."FormSubmissionId"
"""


class _Answers:
    """Spoils answers, one kind after the other."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        ((self._field, self._map),) = cursor.execute(
            'SELECT f."Id", m."Id" FROM "Field" f JOIN "Field_Choice_Map" m ON m."FieldId" = f."Id"'
            " LIMIT 1"
        ).fetchall()
        self._made = 0
        text = '"FreeFormEntry" = '
        self._faults: dict[str, tuple[str, Callable[[], list[object]]]] = {
            "answer: U+0000 in the text": (text + "?", lambda: ["before\0after"]),
            "answer: field unknown": ('"FieldId" = ?', lambda: [nowhere(self._made)]),
            "answer: field of another form": (
                f'{text}?, "FieldId" = ?',
                lambda: ["a", self._field],
            ),
            "answer: choice unknown": (
                f'{text}NULL, "FieldChoiceMapId" = ?',
                lambda: [nowhere(self._made)],
            ),
            "answer: a field answered twice": (
                f'"FieldId" = ({FIRST_FIELD})',
                list,
            ),
            "answer: text beside a choice": (
                f'{text}?, "FieldChoiceMapId" = ?',
                lambda: ["and more", self._map],
            ),
            "answer: no such submission": (
                '"FormSubmissionId" = ?',
                lambda: [nowhere(self._made)],
            ),
            "answer: half an emoji": (text + "CAST(? AS TEXT)", lambda: [b"cut off \xed\xa0\xbd"]),
        }

    def spoil(self, rowid: int, number: int, counts: dict[str, int]) -> None:
        """Spoil one answer."""
        self._made += 1
        name = list(self._faults)[number % len(self._faults)]
        change, values = self._faults[name]
        self._cursor.execute(
            f'UPDATE "FormSubmissionMetaData" SET {change} WHERE rowid = ?', [*values(), rowid]
        )
        counts[name] = counts.get(name, 0) + 1
