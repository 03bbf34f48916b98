"""Ranges of keys: where v2 cuts them, and what is read of each."""

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from legacy_v2 import models as v2_models
from tests.runs import query
from tests.v2 import V2, guid, make_v2
from transfer.batch import TableState
from transfer.cut import keys_to_cut_at, rows_between
from transfer.extract_submissions import NO_SUBMISSION, submissions
from transfer.plan import PLAN
from transfer.progress import open_migration, start_table
from transfer.ranges import cut_anew
from transfer.source import Source
from transfer.target import Target

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


@pytest.mark.django_db(transaction=True)
def test_r7_ranges_cut_anew_are_renumbered_once_where_the_answer_to_the_commit_is_lost() -> None:
    """Their errors go with them: the first warnings in the order of keys are those that stay."""
    tries: list[int] = []

    def cut_and_lose_the_answer() -> list[TableState]:
        found = cut_anew(
            target.writer, "night", table, [(first, ["b"]), *((one, []) for one in rest)]
        )
        tries.append(target.writer.info.backend_pid)
        if len(tries) == 1:
            query("SELECT pg_terminate_backend(%s)", tries)
            target.writer.execute("SELECT")
        return found

    with closing(Target("import_v2", backoff=(0,))) as target:
        table = open_migration(target.writer, "night", PLAN, {}, 1).states["submissions"]
        start_table(target.writer, "night", table, 9)
        first, *rest = cut_anew(target.writer, "night", table, [(table, ["d", "f"])])
        for partition in (1, 2, 3):
            query(
                "INSERT INTO migration_errors (migration_name, table_name, v2_table, record_id,"
                " severity, code, error_message, partition)"
                " VALUES ('night', 'submissions', 'FormSubmission', %s, 'warning', 'x', '', %s)",
                (f"of range {partition}", partition),
            )
        found = target.retrying(cut_and_lose_the_answer)

    assert len(set(tries)) == 2
    assert [(one.partition, one.last_key, one.until) for one in found] == [
        (1, "", "b"), (2, "b", "d"), (3, "d", "f"), (4, "f", ""),
    ]  # fmt: skip
    assert query(
        "SELECT partition, last_key, ledger->>'until' FROM migration_progress"
        " WHERE partition > 0 ORDER BY partition"
    ) == [(1, "", "b"), (2, "b", "d"), (3, "d", "f"), (4, "f", "")]
    assert query("SELECT record_id, partition FROM migration_errors ORDER BY record_id") == [
        ("of range 1", 1), ("of range 2", 3), ("of range 3", 4),
    ]  # fmt: skip
