"""R5: an import with --batch-size auto holds a few answers of twenty megabytes, not all."""

from pathlib import Path

import pytest

from legacy_v2.seed.service import seed
from tests.runs import query
from tests.sqlserver.memory import peak_of
from tests.v2 import V2, env_of

pytestmark = pytest.mark.django_db(transaction=True)

MB = 1_000_000
ANSWERS, ANSWER = 9, 20 * MB
# An answer is there as it was read, mapped, quoted and sent, and the next one beside it: that is
# some ten times, and what Python does not give back at once.
TIMES = 13
BARE = 90 * MB  # of an import of next to nothing


def test_r5_memory_does_not_follow_how_many_large_answers_there_are(
    tmp_path: Path, v3_url: str
) -> None:
    path = tmp_path / "v2.sqlite3"
    seed(path, submissions=ANSWERS, answers=1)
    large = "UPDATE FormSubmissionMetaData SET FreeFormEntry = hex(zeroblob(?))"
    V2(path).execute(large, [ANSWER // 2])

    words = ("import_v2", "--name", "night", "--batch-size", "auto", "--workers", "1")
    peak = peak_of(*words, env=env_of(path) | {"DATABASE_URL": v3_url})

    stored = "SELECT count(*), min(length(data::text)) / %s FROM submissions"
    assert query(stored, [ANSWER]) == [(ANSWERS, 1)]
    # All of them at once, each there only three times, would be half as much again.
    assert peak < BARE + TIMES * ANSWER
