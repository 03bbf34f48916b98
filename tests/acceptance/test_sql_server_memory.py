"""An import from SQL Server holds what its batch holds."""

# At full size, 200,000 answers in one range and in many: python -m benchmarks.sql_server_memory

from pathlib import Path

import pytest

from legacy_v2.seed.service import seed
from tests.runs import empty_v3, query
from tests.sqlserver.memory import peak_of
from tests.sqlserver.server import publish
from tests.v2 import V2

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sql_server_driver"),
]

MIB = 1024 * 1024
ANSWERS_EACH, FEW, MANY = 20, 20, 300  # of a submission; submissions
TEXT = 4_000  # bytes an answer, so that few rows are many bytes
SLACK = 20 * MIB  # what two equal runs may differ by
# A range's texts are there as they are read, mapped and written: and not more often than that.
TIMES = 5


def peak(tmp_path: Path, v3_url: str, submissions: int) -> int:
    """The peak of importing so many submissions in one range of keys."""
    path = tmp_path / f"{submissions}.sqlite3"
    seed(path, submissions=submissions, answers=ANSWERS_EACH)
    V2(path).execute(
        "UPDATE FormSubmissionMetaData SET FreeFormEntry = hex(randomblob(?))", [TEXT // 2]
    )
    empty_v3()
    words = ("import_v2", "--name", "night", "--batch-size", str(submissions))
    with publish(path) as server:
        found = peak_of(*words, env=server.env | {"DATABASE_URL": v3_url})
    assert query("SELECT count(*) FROM submissions") == [(submissions,)]
    return found


def test_memory_follows_what_is_in_a_range_of_keys(tmp_path: Path, v3_url: str) -> None:
    few, many = (peak(tmp_path, v3_url, submissions) for submissions in (FEW, MANY))

    assert many - few < SLACK + TIMES * MANY * ANSWERS_EACH * TEXT
