"""rollback_v2 NAME --restore FILE with a real dump, in a v3 of its own."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.dumped import copied_v3
from tests.factories import SubmissionFactory
from tests.runs import TABLES, query, rich_v2, run, snapshot
from tests.v2 import make_v2
from transfer.backup import dump


@pytest.fixture
def own_v3(transactional_db: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A copy of the test's v3: PostgreSQL spells some checks anew when they are restored."""
    with copied_v3(django_db_blocker, "rolled_back"):
        yield


def test_everything_is_what_it_was_when_it_was_dumped(
    own_v3: None, v2_path: Path, tmp_path: Path
) -> None:
    rich_v2(v2_path)
    SubmissionFactory()
    before = snapshot()
    dump(tmp_path / "before.dump")
    run(name="one")
    SubmissionFactory()
    out = StringIO()

    call_command(
        "rollback_v2",
        "one",
        "--no-input",
        "--restore",
        str(tmp_path / "before.dump"),
        stdout=out,
        stderr=StringIO(),
    )

    assert "Restore in place of one: restored" in out.getvalue()
    assert snapshot() == before
    assert {len(before[table]) for table in TABLES} == {1, 0}
    assert run(name="one").outcome == "finished"


def restored(name: str, file: Path) -> str:
    """What the command said before and after, with exit status 0."""
    out, err = StringIO(), StringIO()
    words = ("rollback_v2", name, "--no-input", "--restore", str(file))
    call_command(*words, stdout=out, stderr=err)
    return f"{err.getvalue()}\n{out.getvalue()}"


def test_a_damaged_v3_is_restored_twice_and_what_the_dump_holds_is_said(
    own_v3: None, v2_path: Path, tmp_path: Path
) -> None:
    make_v2(v2_path, organizations=[{}])
    run(name="one")
    dump(tmp_path / "after.dump")
    query("DROP TABLE users CASCADE; DROP TABLE migration_progress CASCADE")
    connection.close()

    said = restored("one", tmp_path / "after.dump")

    assert "v3's books are damaged" in said
    assert "taken after 'one' began and holds it" in said.partition("Restore in place")[2]
    assert query("SELECT count(*) FROM users, migration_progress") == [(0,)]
    connection.close()
    again = restored("night", tmp_path / "after.dump")
    assert "v3 knows no migration 'night': it may have been restored already" in again
    assert "v3 knows: one" in again
    assert "of another database" not in again
