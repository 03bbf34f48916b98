"""R5: what is held of the answers is bounded, and every way to cut them gives the same rows."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from legacy_v2 import models as v2_models
from legacy_v2.ids import uuid_of
from tests.runs import TABLES, empty_v3, rich_v2, run, snapshot
from tests.v2 import V2, copy_into_schema, guid, make_v2, use_v2
from transfer import extract_submissions
from transfer.extract import between, has_key
from transfer.extract_submissions import SubmissionBatch, submissions
from transfer.source import Source

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = v2_models.FormSubmission._default_manager.all()
ANSWERS = v2_models.FormSubmissionMetaData._default_manager.all()
LOW = guid(10, 1)


def uneven_v2(path: Path) -> V2:
    """Submissions of none to six answers, orphans before, between and behind them."""
    v2 = make_v2(
        path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{} for _ in range(12)]
    )
    each = (0, 1, 6, 0, 2, 1, 0, 0, 6, 2, 1, 0)
    owners = [
        one["Id"] for one, times in zip(v2.submissions, each, strict=True) for _ in range(times)
    ]
    strays = [guid(9, 1), guid(11, 1), guid(11, 1), guid(11, 2)]
    between = [one["Id"][:-1] + "e" for one in v2.submissions[::3] for _ in range(2)]
    texts = [{"FormSubmissionId": owner} for owner in (*owners, *strays, *between)]
    for number, row in enumerate(texts):
        row["FreeFormEntry"] = "x" * (number % 7)
    v2.add("answers", *texts)
    return v2


def read(size: int, after: str = "") -> list[SubmissionBatch]:
    with closing(Source()) as source:
        return list(submissions(source, EVERYTHING, lambda: size, after))


def content(batches: list[SubmissionBatch]) -> tuple[list[Any], list[Any], list[Any]]:
    """Submissions in their order, their answers, and the orphans, whatever the batches."""
    rows = [row.id for batch in batches for row in batch.rows]
    answers = [(row, sorted(own)) for batch in batches for row, own in batch.answers.items()]
    orphans = sorted(orphan for batch in batches for orphan in batch.orphans)
    assert sum(batch.answers_read for batch in batches) == len(orphans) + sum(
        len(own) for _, own in answers
    )
    return rows, answers, orphans


@pytest.mark.parametrize("at_once", [1, 2, 3, 6, 7, 1000])
@pytest.mark.parametrize("size", [1, 5, 100])
def test_r5_answers_are_cut_between_submissions_and_none_is_lost_or_doubled(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, size: int
) -> None:
    uneven_v2(v2_path)
    whole = content(read(1000))
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", at_once)

    batches = read(size)

    assert content(batches) == whole
    for number, batch in enumerate(batches):
        own = [len(answers) for answers in batch.answers.values()]
        # More than may be held there is only where one submission has them all.
        assert sum(own) + len(batch.orphans) <= max(at_once, *own, 2)
        rest = content(read(size, after=batch.last_key))
        assert rest == content(batches[number + 1 :])


@pytest.mark.parametrize("characters", [1, 4, 9, 1000])
def test_r5_long_texts_cut_a_batch_too(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    uneven_v2(v2_path)
    whole = content(read(1000))
    monkeypatch.setattr(extract_submissions, "CHARACTERS_AT_ONCE", characters)
    monkeypatch.setattr("transfer.fetch.FIRST_ROWS", 1)

    batches = read(100)

    assert content(batches) == whole
    assert (len(batches) > 2) is (characters < 1000)


def test_r2_a_run_in_small_parts_gives_the_same_rows(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=5)
    whole = snapshot(*TABLES, "migration_errors", "migration_assignments")
    empty_v3()
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", 2)

    run(name="night", batch_size=5)

    assert snapshot(*TABLES, "migration_errors", "migration_assignments") == whole


def test_a_submission_that_goes_while_its_batch_is_read_takes_no_other_with_it(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}, {}, {}])
    v2.add("answers", *({"FormSubmissionId": one["Id"]} for one in v2.submissions for _ in "ab"))
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", 3)
    gone = v2.submissions[1]["Id"]

    def reading() -> Iterator[SubmissionBatch]:
        with closing(Source()) as source:
            for number, batch in enumerate(submissions(source, EVERYTHING, lambda: 4)):
                if number == 0:
                    v2.execute("DELETE FROM FormSubmission WHERE Id = ?", [gone])
                    v2.execute(
                        "DELETE FROM FormSubmissionMetaData WHERE FormSubmissionId = ?", [gone]
                    )
                yield batch

    batches = list(reading())

    assert [row.id for batch in batches for row in batch.rows] == [
        one["Id"] for one in v2.submissions
    ]
    assert {row: len(own) for batch in batches for row, own in batch.answers.items()} == {
        one["Id"]: 0 if one["Id"] == gone else 2 for one in v2.submissions
    }


def test_submissions_that_come_while_a_batch_is_read_push_no_other_out_of_it(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}, {}])
    v2.add("answers", *({"FormSubmissionId": one["Id"]} for one in v2.submissions for _ in "ab"))
    mine = [one["Id"] for one in v2.submissions]
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", 5)
    real = Source.read

    def read(self: Source, query: Any, columns: Any, *rest: Any) -> Any:
        if query.model is v2_models.FormSubmissionMetaData and len(v2.submissions) == 3:
            v2.add("submissions", *({"Id": mine[0][:-1] + digit} for digit in "abc"))
        return real(self, query, columns, *rest)

    monkeypatch.setattr(Source, "read", read)
    with closing(Source()) as source:
        batches = list(submissions(source, EVERYTHING, lambda: 3))

    found = {row: len(own) for batch in batches for row, own in batch.answers.items()}
    assert {key: found[key] for key in mine} == dict.fromkeys(mine, 2)


@pytest.mark.parametrize("characters", [5, 1000])
def test_r5_orphans_beyond_the_last_submission_are_bounded_too(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    texts = [{"FormSubmissionId": guid(10, n // 2), "FreeFormEntry": "abc"} for n in range(9)]
    v2.add("answers", *texts, {"FormSubmissionId": ""})
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", 5)
    monkeypatch.setattr(extract_submissions, "CHARACTERS_AT_ONCE", characters)
    monkeypatch.setattr("transfer.fetch.FIRST_ROWS", 1)

    batches = read(100)

    assert sum(len(batch.orphans) for batch in batches) == 10
    assert max(len(batch.orphans) for batch in batches) <= 5
    assert [len(batch.orphans) for batch in read(100, after=batches[0].last_key)] == [
        len(batch.orphans) for batch in batches[1:]
    ]


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_r5_answers_that_name_no_submission_come_last_in_pages_by_their_ids(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Where NULL is let into their column: here PostgreSQL, taken at its word as SQL Server is."""
    monkeypatch.setattr(extract_submissions, "_has_own_keys", lambda _source: True)
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}])
    v2.add("answers", *({"FormSubmissionId": one["Id"]} for one in v2.submissions))
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS keyless CASCADE")
        copy_into_schema(v2, "keyless")
        table = 'keyless."FormSubmissionMetaData"'
        cursor.execute(f'ALTER TABLE {table} ALTER "FormSubmissionId" DROP NOT NULL')
        cursor.execute(
            f"""
            INSERT INTO {table} ("Id", "FieldId", "FreeFormEntry")
            SELECT gen_random_uuid(), (SELECT "Id" FROM keyless."Field"), n
              FROM generate_series(1, 3) AS n
            """
        )
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", at_once)
    own = connection.settings_dict
    try:
        with use_v2(**own | {"OPTIONS": {"options": "-c search_path=keyless"}}):
            batches = read(5)
            assert sorted(answer[2] for batch in batches for answer in batch.orphans) == list("123")
            assert max(len(batch.orphans) for batch in batches) <= at_once
            for number, batch in enumerate(batches):
                assert content(read(5, after=batch.last_key)) == content(batches[number + 1 :])
            report = run(name="night", batch_size=1)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA keyless CASCADE")

    assert report.answers().failed == {"answer_orphaned": 3}
    assert report.answers().read == 5


@pytest.mark.parametrize("ids", ["NULL", "'000b0001-0000-4000-8000-000b00000001'"])
def test_answers_of_no_submission_whose_ids_are_none_or_not_their_own_are_all_told(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, ids: str
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}])
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS keyless CASCADE")
        copy_into_schema(v2, "keyless")
        table = 'keyless."FormSubmissionMetaData"'
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "FormSubmissionMetaData_pkey"')
        for column in ("Id", "FormSubmissionId"):
            cursor.execute(f'ALTER TABLE {table} ALTER "{column}" DROP NOT NULL')
        cursor.execute(
            f"""
            INSERT INTO {table} ("Id", "FieldId")
            SELECT {ids}, (SELECT "Id" FROM keyless."Field") FROM generate_series(1, 5)
            """
        )
    monkeypatch.setattr(extract_submissions, "ANSWERS_AT_ONCE", 2)
    own = connection.settings_dict
    try:
        with use_v2(**own | {"OPTIONS": {"options": "-c search_path=keyless"}}):
            report = run(name="night", batch_size=1)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA keyless CASCADE")

    assert report.answers().read == report.answers().failed["answer_orphaned"] == 5


def test_an_orphan_s_odd_key_is_no_checkpoint(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}])
    v2.add("answers", {"FormSubmissionId": f"{v2.submissions[0]['Id']}\0x"})

    (batch,) = read(5)

    assert len(batch.orphans) == 1
    assert batch.last_key == v2.submissions[1]["Id"]


def test_a_text_that_python_takes_for_a_number_is_none_to_v2(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    v2.execute("DROP TABLE FormSubmission")
    v2.execute(
        "CREATE TABLE FormSubmission (Id INTEGER, FormTypeId text, FormSubmissionStatusId text,"
        " LookupCode text, CreatedOn text, LastUpdatedOn text)"
    )
    for key in (5, 6, "1_000"):
        v2.execute("INSERT INTO FormSubmission (Id) VALUES (?)", [key])

    assert [row.id for batch in read(1) for row in batch.rows] == [uuid_of(5), uuid_of(6), "1_000"]


def test_what_lies_behind_a_key_is_found_by_one_end_of_the_index(v2_path: Path) -> None:
    """Of two lower ends SQLite may take the one that it reads the whole index for."""
    make_v2(v2_path)
    with closing(Source()) as source:
        keyed, _ = has_key(source, v2_models.FormSubmissionMetaData, "form_submission_id", LOW)
        behind = between(source, ANSWERS.filter(keyed), "form_submission_id", LOW)
        plan = behind.order_by("form_submission_id").explain()
        statement, _ = behind.query.sql_with_params()

    assert "SEARCH" in plan
    assert statement.count(" > ") == 1
