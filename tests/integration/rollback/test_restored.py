"""rollback_v2 NAME --restore FILE with a real dump, in a v3 of its own."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.dumped import copied_v3
from tests.factories import SubmissionFactory
from tests.runs import TABLES, rich_v2, run, snapshot
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
