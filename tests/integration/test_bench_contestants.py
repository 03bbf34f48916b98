"""make bench's contestants on a small v2: each leaves all of it in v3, or it would not count."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from benchmarks import copy_floor, database, strategy
from benchmarks.database import Connection
from benchmarks.dataset import Dataset, counted
from benchmarks.read_floor import read
from legacy_v2.seed.service import seed
from tests.runs import documents, empty_v3, query, run

pytestmark = pytest.mark.django_db(transaction=True)

SUBMISSIONS, ANSWERS = 40, 20


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("bench") / "v2 of a bench.sqlite3"
    seed(path, submissions=SUBMISSIONS, answers=ANSWERS)
    return counted(path, SUBMISSIONS, ANSWERS)


@pytest.fixture
def v3(transactional_db: None) -> Iterator[Connection]:
    """A connection as the benchmark has one."""
    settings = connections["default"].get_connection_params()
    words = {key: settings[key] for key in ("host", "port", "user", "password", "dbname")
             if settings.get(key)}  # fmt: skip
    with psycopg.connect(**words, autocommit=True) as connection:
        yield connection
        connection.execute(f"DROP SCHEMA IF EXISTS {strategy.STAGED} CASCADE")


@pytest.fixture
def imported(seeded: Dataset, point_v2_at, v3: Connection) -> Dataset:
    point_v2_at(seeded.path)
    run(name="bench", batch_size=15)
    database.expect(v3, seeded, "import_v2")
    return seeded


def answered(dataset: Dataset) -> int:
    with closing(sqlite3.connect(dataset.path)) as v2:
        (count,) = v2.execute(
            'SELECT count(*) FROM (SELECT DISTINCT "FormSubmissionId", "FieldId"'
            ' FROM "FormSubmissionMetaData")'
        ).fetchone()
    return int(count)


def test_strategy_md_s_sql_leaves_every_row_and_every_answered_field(
    seeded: Dataset, v3: Connection
) -> None:
    strategy.stage(v3, seeded.path)
    strategy.migrate(v3)
    database.expect(v3, seeded, "d")
    assert database.facts(v3)["fields"] == answered(seeded)


def test_strategy_md_s_sql_gives_the_values_an_import_gives(
    imported: Dataset, v3: Connection
) -> None:
    ours = {row["id"]: row["data"] for row in documents("submissions")}
    database.reset(v3)
    strategy.stage(v3, imported.path)
    strategy.migrate(v3)
    theirs = {row["id"]: row["data"] for row in documents("submissions")}
    assert theirs.keys() == ours.keys()
    for key, data in ours.items():
        # Of a field with several answers it keeps one.
        assert {n: v for n, v in theirs[key].items() if not isinstance(data[n], list)} == {
            n: v for n, v in data.items() if not isinstance(v, list)
        }


@pytest.mark.parametrize("batch", [1, 40, 41])
def test_the_copy_floor_writes_the_rows_of_the_import_again(
    imported: Dataset, v3: Connection, tmp_path: Path, monkeypatch, capsys, v3_url, batch: int
) -> None:
    monkeypatch.setattr(database, "BATCH", batch)
    before = documents("submissions")
    sizes = database.take_out(v3, tmp_path)
    assert len(sizes["submissions"]) == -(-SUBMISSIONS // batch)
    (tmp_path / "sizes.json").write_text(json.dumps(sizes))
    database.reset(v3)
    assert query("SELECT count(*) FROM submissions") == [(0,)]
    monkeypatch.setenv("BENCH_V3", v3_url)
    monkeypatch.setattr("sys.argv", ["copy_floor", str(tmp_path)])
    copy_floor.main()
    assert "seconds" in json.loads(capsys.readouterr().out)
    assert documents("submissions") == before


def test_the_plain_importer_leaves_every_row_and_every_answered_field(
    seeded: Dataset, v3: Connection, point_v2_at, settings
) -> None:
    from benchmarks.plain_import import import_all  # noqa: PLC0415 - it sets Django up

    point_v2_at(seeded.path)
    import_all()
    database.expect(v3, seeded, "f")
    assert database.facts(v3)["fields"] == answered(seeded)


def test_the_read_floor_reads_every_submission_and_answer(seeded: Dataset) -> None:
    with closing(sqlite3.connect(seeded.path)) as v2:
        (answers,) = v2.execute('SELECT count(*) FROM "FormSubmissionMetaData"').fetchone()
        assert read(v2) == SUBMISSIONS + answers


def test_a_contestant_that_leaves_rows_out_does_not_count(
    imported: Dataset, v3: Connection
) -> None:
    query("DELETE FROM submissions WHERE id = (SELECT min(id::text)::uuid FROM submissions)")
    with pytest.raises(SystemExit, match=r"import_v2 left .*39.* nothing is compared"):
        database.expect(v3, imported, "import_v2")


def test_between_two_runs_v3_and_the_books_are_empty(imported: Dataset, v3: Connection) -> None:
    database.reset(v3)
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]
    assert query("SELECT count(*) FROM organizations") == [(0,)]
    empty_v3()
