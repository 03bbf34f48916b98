"""What the books tell of a running import, and status_v2 of every migration."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.runs import empty_v3, query, rich_v2, run, state
from tests.v2 import make_v2
from transfer.exceptions import RunError
from transfer.progress import read_migrations
from transfer.scope import Scope
from transfer.status import read_status
from transfer.target import Connection, Target

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def v3() -> Iterator[Connection]:
    with closing(Target("test", exclusive=False)) as target:
        yield target.writer


def test_status_tells_how_far_each_migration_is(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="one", tables=["organizations"])
    run(name="my night", limit=5)

    done, begun = read_status()

    assert (done.migration, done.outcome, done.failed) == ("one", "completed", 0)
    assert (begun.migration, begun.outcome) == ("my night", "in_progress")
    assert state(begun, "organizations").status == "completed"
    assert any(
        re.fullmatch(r"users: 2 of 5 \(40 %\), .* bytes copied.*; last batch \d+ s ago\.", note)
        for note in begun.notes
    ), begun.notes
    assert begun.notes[-1] == "To go on: import_v2 --name 'my night'"
    assert "To go on" not in " ".join(done.notes)
    assert read_status("one")[0].migration == "one"


@pytest.mark.parametrize(("ago", "told"), [(5, True), (70, False), (-3600, False)])
def test_status_tells_how_fast_a_run_is_by_its_last_heartbeat(
    v2_path: Path, ago: int, *, told: bool
) -> None:
    rich_v2(v2_path)
    run(name="night", limit=5)
    query(
        "UPDATE migration_progress SET total_records = 38002,"
        """ ledger = ledger || '{"rate": 10.4}',"""
        " heartbeat_at = clock_timestamp() - make_interval(secs => %s) WHERE table_name = 'users'",
        [ago],
    )

    (report,) = read_status()

    (note,) = (note for note in report.notes if note.startswith("users: "))
    assert ("10 a second" in note) is told
    assert ("1:00:54 left" in note) is told
    assert state(report, "users").rate == (10.4 if told else None)


def test_the_books_tell_the_rate_while_a_table_is_in_hand_and_what_was_copied(
    v2_path: Path, v3: Connection
) -> None:
    make_v2(v2_path, organizations=[{} for _ in range(9)])

    run(name="night", tables=["organizations"], batch_size=2, limit=6)

    (begun,) = (found.states["organizations"] for found in read_migrations(v3))
    assert begun.rate is not None
    assert begun.rate > 0
    assert begun.copied > 6 * 36
    run(name="night", tables=["organizations"], batch_size=2)
    (ended,) = (found.states["organizations"] for found in read_migrations(v3))
    assert ended.rate is None
    lines = query("SELECT length(organizations::text) FROM organizations")
    assert ended.copied == pytest.approx(sum(length for (length,) in lines), rel=0.2)


def test_the_books_tell_the_batch_size_in_hand_of_each_table(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{} for _ in range(9)])

    run(name="night", tables=["organizations", "users"], batch_size="auto")

    sizes = dict(query("SELECT table_name, batch_size FROM migration_progress"))
    assert 1 < sizes["organizations"] <= 4 * 9
    assert sizes["users"] is None  # nothing was read


def test_a_run_resumed_with_auto_keeps_the_size_until_it_has_found_one(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}, {}, {}], users=[{"Email": "a@b.c"}])
    sizes = "SELECT table_name, batch_size FROM migration_progress"
    run(name="night", tables=["organizations", "users"], batch_size=2, limit=2)
    assert dict(query(sizes)) == {"organizations": 2, "users": 2}

    run(name="night", tables=["organizations", "users"], batch_size="auto")

    assert dict(query(sizes)) == {"organizations": 1, "users": 1}


def test_status_of_a_failed_migration_tells_why(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night", limit=5)
    query(
        "UPDATE migration_progress SET status = 'failed', error_message = 'v2 went away'"
        " WHERE status = 'in_progress'"
    )

    (report,) = read_status()

    assert report.outcome == "failed"
    assert any(note.endswith(": v2 went away") for note in report.notes)


def test_status_of_an_unknown_name_names_the_known_ones(v2_path: Path) -> None:
    with pytest.raises(RunError, match="no migration is named 'night'; v3 knows: none"):
        read_status("night")
    make_v2(v2_path)
    run(name="one")
    with pytest.raises(RunError, match="v3 knows: one"):
        read_status("night")
    assert empty_v3() is None
    assert read_status() == []


def test_the_total_is_counted_once_a_start(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, v3: Connection
) -> None:
    rich_v2(v2_path)
    counted = []
    real = Scope.count_submissions

    def count(self: Scope) -> int:
        counted.append(real(self))
        return counted[-1]

    monkeypatch.setattr(Scope, "count_submissions", count)

    run(name="night", batch_size=1)

    assert counted == [18]
    (migration,) = read_migrations(v3)
    assert migration.states["submissions"].total == 18
