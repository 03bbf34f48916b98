"""Ranges of keys: where v2 cuts them, and what is read of each."""

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from legacy_v2 import models as v2_models
from tests.v2 import V2, guid, make_v2
from transfer.cut import keys_to_cut_at, rows_between
from transfer.extract_submissions import NO_SUBMISSION, submissions
from transfer.source import Source

EVERY = v2_models.FormSubmission._default_manager.all()


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Ten submissions of one answer each, and an answer of nobody behind each of them."""
    made = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    made.add("submissions", *({} for _ in range(10)))
    for row in made.submissions:
        for key in (row["Id"], behind(row["Id"])):
            made.add("answers", {"FormSubmissionId": key, "FreeFormEntry": "text"})
    return made


@pytest.fixture
def source(v2: V2) -> Iterator[Source]:
    with closing(Source()) as made:
        yield made


def behind(key: str) -> str:
    return key[:-1] + "f"


def submission(number: int) -> str:
    return guid(10, number)


def test_v2_cuts_what_lies_between_two_keys_into_equal_parts(source: Source) -> None:
    def cut(low: str, high: str, parts: int) -> list[str]:
        rows = rows_between(source, EVERY, low, high)
        return keys_to_cut_at(source, EVERY, low, high, rows, parts)

    assert cut("", "", 2) == [submission(5)]
    assert cut("", "", 5) == [submission(n) for n in (2, 4, 6, 8)]
    assert cut(submission(2), submission(8), 3) == [submission(4), submission(6)]
    assert cut("", "", 1) == cut(submission(10), "", 0) == []
    assert rows_between(source, EVERY, f"{NO_SUBMISSION}x", "") == 0


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_r1_each_range_has_its_submissions_and_the_orphans_among_them(
    source: Source, size: int
) -> None:
    ends = ["", submission(4), submission(5), ""]
    found = []
    for low, until in pairwise(ends):
        batches = list(submissions(source, EVERY, lambda: size, low, until))
        found.append(
            (
                [row.id for batch in batches for row in batch.rows],
                [orphan[0] for batch in batches for orphan in batch.orphans],
            )
        )

    assert [rows for rows, _ in found] == [
        [submission(n) for n in numbers] for numbers in (range(1, 5), [5], range(6, 11))
    ]
    assert [orphans for _, orphans in found] == [
        [behind(submission(n)) for n in numbers] for numbers in (range(1, 4), [4], range(5, 11))
    ]


def test_r1_where_v2_has_deleted_the_last_submission_of_a_range_its_answers_are_orphans(
    v2: V2, source: Source
) -> None:
    v2.execute("DELETE FROM FormSubmission WHERE Id = ?", (submission(4),))

    batches = list(submissions(source, EVERY, lambda: 2, submission(2), submission(4)))

    assert [row.id for batch in batches for row in batch.rows] == [submission(3)]
    assert [orphan[0] for batch in batches for orphan in batch.orphans] == [
        behind(submission(2)), behind(submission(3)), submission(4),
    ]  # fmt: skip
    assert batches[-1].last_key == submission(4)
