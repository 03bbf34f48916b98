"""The read floor: every row the importer reads of a v2 in SQLite, and nothing done with it.

A program of its own, for the benchmark: it is given the file, and prints the seconds of the loop
alone. The sqlite3 module reads the same tables and columns, in ranges of 1000 submissions.
"""

import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

BATCH = 1000  # submissions
FETCH = 100  # rows: fetchmany is fastest where what it returns stays in the processor's cache
SMALL = (
    ("Organization", ("Id", "Name", "CreatedOn")),
    ("User", ("Id", "OrganizationId", "Email", "UserName", "FirstName", "LastName", "IsActive",
              "CreatedOn", "LastUpdatedOn")),
    ("FieldType", ("Id", "Name")),
    ("FormType", ("Id", "Name", "DisplayName", "ShortDescription", "OrganizationId", "CreatedOn")),
    ("Field", ("Id", "FormTypeId", "FieldTypeId", "Name", "DisplayName", "Required", "SortOrder")),
    ("FieldSetting", ("Id", "FieldId", "Name", "StoredValue")),
    ("Choice", ("Id", "DisplayName")),
    ("Field_Choice_Map", ("Id", "FieldId", "ChoiceId", "SortOrder")),
    ("FormSubmissionStatus", ("Id", "Name")),
)  # fmt: skip
SUBMISSIONS = """
    SELECT "Id", "FormTypeId", "FormSubmissionStatusId", "LookupCode", "CreatedOn",
           "LastUpdatedOn", "OrganizationId"
      FROM "FormSubmission" WHERE "Id" > ? ORDER BY "Id" LIMIT ?
"""
ANSWERS = """
    SELECT "FormSubmissionId", "FieldId", "FreeFormEntry", "FieldChoiceMapId", "Id"
      FROM "FormSubmissionMetaData"
     WHERE "FormSubmissionId" > ? AND "FormSubmissionId" <= ? ORDER BY "FormSubmissionId"
"""


def read(v2: sqlite3.Connection) -> int:
    """Read it all.

    Returns:
        How many rows of submissions and answers there were.
    """
    for table, columns in SMALL:
        names = ", ".join(f'"{name}"' for name in columns)
        v2.execute(f'SELECT {names} FROM "{table}"').fetchall()
    last, rows = "", 0
    while page := v2.execute(SUBMISSIONS, (last, BATCH)).fetchall():
        low, last = last, page[-1][0]
        rows += len(page)
        answers = v2.execute(ANSWERS, (low, last))
        while some := answers.fetchmany(FETCH):
            rows += len(some)
    return rows


def main() -> None:
    """Read the file that was named."""
    path = Path(sys.argv[1]).absolute()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as v2:
        began, cpu = time.perf_counter(), time.process_time()
        rows = read(v2)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rows": rows}))


if __name__ == "__main__":
    main()
