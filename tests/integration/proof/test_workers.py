"""verify_v2 --workers N: the same findings in the same order for every N, stopped or not."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from legacy_v2.seed.service import seed
from tests.crashes import wait_until
from tests.integration.proof.proving import (
    Pulled,
    after_batches,
    core,
    failing,
    proved,
    pull,
    verifications,
)
from tests.runs import Quiet, query, run
from transfer.batch import TableState
from transfer.exceptions import VerificationStoppedError
from transfer.pace import Pacing
from transfer.proof import keeper, side_by_side
from transfer.proof.plain import Plain
from transfer.verify import Mark, changed, marks

pytestmark = pytest.mark.django_db(transaction=True)

TAMPERING = (
    """UPDATE submissions SET data = data || '{"who": "nobody"}', updated_at = updated_at
        WHERE ascii(id::text) < ascii('4')""",
    """UPDATE submissions
          SET submission_number = submission_number || '.', updated_at = updated_at
        WHERE ascii(id::text) > ascii('b')""",
    """DELETE FROM submissions
        WHERE id IN (SELECT id FROM submissions ORDER BY id LIMIT 7 OFFSET 20)""",
    "UPDATE users SET email = 'x' || email",
)
# As they were found: by the order in which they are stored.
KEPT = """
    SELECT table_name, record_id, kind, column_name, v2_value, v3_value
      FROM migration_differences ORDER BY id
"""


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many processes each verification had; none of them may be left over."""
    asked: list[int] = []
    begin = side_by_side.SideBySide.__init__

    def begun(self: Any, team: Any, number: int, *args: Any, **kwargs: Any) -> None:
        asked.append(number)
        begin(self, team, number, *args, **kwargs)

    monkeypatch.setattr(side_by_side.SideBySide, "__init__", begun)
    yield asked
    assert multiprocessing.active_children() == []


@pytest.fixture
def migrated(v2_path: Path, members: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A v2 with one of every fault, moved; ranges of two pages, and a place kept after each."""
    seed(v2_path, submissions=30, answers=3, faults=True)
    run(name="night")
    monkeypatch.setattr(side_by_side, "PAGES_A_RANGE", 2)
    monkeypatch.setattr(keeper, "SECONDS_BETWEEN", -1.0)


@pytest.fixture
def wronged(migrated: None) -> None:
    """The same, tampered with from end to end."""
    for statement in TAMPERING:
        query(statement)


def forget() -> None:
    query("TRUNCATE migration_differences, migration_verifications")


def test_any_number_of_workers_finds_the_same_in_the_same_order(
    wronged: None, members: list[int]
) -> None:
    expected = core(proved(batch_size=2))
    books = query(KEPT)
    assert expected["differences"]["total"] > 20
    for workers, batch_size in ((2, 2), (3, 5)):
        forget()
        document = core(proved(workers=workers, batch_size=batch_size))

        assert document == expected
        assert query(KEPT) == books
    assert members == [2, 3]


def test_an_untouched_migration_is_clean(migrated: None) -> None:
    alone = core(proved(batch_size=2))
    document = core(proved(batch_size=2, workers=2))

    assert document == alone
    assert failing(document) == {}


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM submissions WHERE id IN (SELECT id FROM submissions ORDER BY id LIMIT 1)",
        "UPDATE forms SET definition = '{}'",
    ],
)
def test_v3_is_counted_again_where_it_changed_since_it_was_counted_beside(
    migrated: None, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    counted_beside = side_by_side.SideBySide.aside

    def changed_then(self: Any) -> Any:
        made = counted_beside(self)
        query(change)
        return made

    monkeypatch.setattr(side_by_side.SideBySide, "aside", changed_then)

    assert failing(proved(batch_size=2, workers=2)) != {}


@pytest.fixture
def older() -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody's with a transaction that others, begun later, are ahead of."""
    parameters = connection.get_connection_params()
    wanted = {key: parameters[key] for key in ("host", "port", "user", "password", "dbname")
              if parameters.get(key)}  # fmt: skip
    with closing(psycopg.connect(**wanted)) as session:
        yield session


SOME_FORM = "(SELECT id FROM forms ORDER BY id LIMIT 1)"
OTHERS = f"UPDATE forms SET name = name WHERE id <> {SOME_FORM}"


def test_a_change_is_seen_though_a_later_transaction_was_committed_before(
    migrated: None, monkeypatch: pytest.MonkeyPatch, older: psycopg.Connection[Any]
) -> None:
    older.execute(f"UPDATE forms SET definition = '{{}}' WHERE id = {SOME_FORM}")
    query(OTHERS)
    counted_beside = side_by_side.SideBySide.aside

    def committed_then(self: Any) -> Any:
        made = counted_beside(self)
        older.commit()
        return made

    monkeypatch.setattr(side_by_side.SideBySide, "aside", committed_then)

    assert "Forms without title and fields" in failing(proved(batch_size=2, workers=2))


def test_a_change_in_a_subtransaction_is_seen(
    migrated: None, older: psycopg.Connection[Any]
) -> None:
    older.execute("SELECT pg_current_xact_id()")
    with older.transaction():  # a savepoint, with a number of its own
        older.execute(f"UPDATE forms SET name = name WHERE id = {SOME_FORM}")
    query(OTHERS)
    before = marks("default", ["forms"])

    older.commit()

    assert changed("default", before)


def test_a_row_that_takes_the_place_of_another_is_seen(migrated: None) -> None:
    before = marks("default", ["organizations"])
    query("CREATE TABLE taken AS SELECT * FROM migration_errors ORDER BY id LIMIT 1")

    query("DELETE FROM migration_errors WHERE id = (SELECT id FROM taken)")
    gone = changed("default", before)
    query("INSERT INTO migration_errors SELECT * FROM taken; DROP TABLE taken")

    assert gone
    assert changed("default", before)


@pytest.fixture
def laps(migrated: None) -> Iterator[None]:
    """Forms, and one whose transaction had a number near the end of the lap before."""
    query("""
        CREATE VIEW laps AS
        SELECT xmin FROM forms UNION ALL SELECT '4294967290'::xid
    """)
    yield
    query("DROP VIEW laps")


def test_a_change_is_seen_though_an_old_row_has_a_higher_number(laps: None) -> None:
    """Transactions are numbered anew after 2^32, and an old row keeps the number it has."""
    before: list[dict[str, Mark]] = []

    def nothing_changes() -> bool:
        before[:] = [marks("default", ["laps"])]
        return not changed("default", before[0])

    wait_until(nothing_changes)  # once no session of another database's is older than the forms

    query("UPDATE forms SET name = name")

    assert changed("default", before[0])


def test_the_careful_way_alone_comes_to_the_same(
    wronged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digests too."""
    expected, books = core(proved()), query(KEPT)
    forget()
    monkeypatch.setattr(Plain, "equal", lambda *_: iter(()))

    assert core(proved()) == expected
    assert query(KEPT) == books


def test_what_was_found_before_is_closed_and_found_again(wronged: None) -> None:
    proved(workers=2, batch_size=2)
    ((before,),) = query("SELECT count(*) FROM migration_differences")
    query("UPDATE submissions SET submission_number = rtrim(submission_number, '.')")

    again = proved(workers=2, batch_size=2)

    ((still,),) = query("SELECT count(*) FROM migration_differences WHERE resolved_at IS NULL")
    assert still == again["differences"]["stored"]
    assert query("SELECT count(*) FROM migration_differences") > [(before,)]


def test_beyond_what_is_stored_all_are_counted(
    wronged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("keeper", "member"):
        monkeypatch.setattr(f"transfer.proof.{module}.MAX_STORED", 3)
    expected, books = core(proved(batch_size=2)), query(KEPT)
    for _ in range(2):  # the second time what was found before is open
        assert core(proved(batch_size=2, workers=2)) == expected
        assert query(KEPT) == books


@pytest.mark.parametrize("batch", [9, 16])
def test_killed_after_any_page_it_goes_on_to_the_same_with_another_number(
    wronged: None, batch: int
) -> None:
    expected, books = core(proved(batch_size=2)), query(KEPT)
    forget()
    with pytest.raises(Pulled):
        proved(None, after_batches(batch, pull), batch_size=2, workers=2)
    assert verifications() == [("in_progress", None)]
    assert multiprocessing.active_children() == []

    for workers in (3, 1):
        with pytest.raises(Pulled):
            proved(None, after_batches(2, pull), batch_size=2, workers=workers)
    document = proved(batch_size=3, workers=2)

    assert document["resumed"]
    assert core(document) == expected
    assert query(KEPT) == books


def among_submissions(act: Callable[[], None]) -> Quiet:
    """An observer that acts once some submissions are compared."""
    left = [3]

    def count(state: TableState) -> None:
        left[0] -= state.table == "submissions"
        if left == [0]:
            left[0] = -1
            act()

    return Quiet(count)


def test_r9_ctrl_c_finishes_the_pages_in_hand(wronged: None) -> None:
    expected = core(proved(batch_size=2))
    forget()
    pressed = among_submissions(lambda: os.kill(os.getpid(), signal.SIGINT))

    with pytest.raises(KeyboardInterrupt, match="Stopped after the records in hand"):
        proved(None, pressed, batch_size=2, workers=2)

    assert verifications() == [("in_progress", None)]
    document = proved(batch_size=2, workers=2)
    assert document["resumed"]
    assert 3 < document["compared_before"] < sum(one["compared"] for one in document["tables"])
    assert core(document) == expected


def test_r9_the_second_ctrl_c_is_obeyed_at_once(wronged: None) -> None:
    def twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)  # a signal is told of between two instructions

    with pytest.raises(KeyboardInterrupt, match="Stopped at once"):
        proved(None, among_submissions(twice), batch_size=2, workers=2)

    assert not proved(restart=True, workers=2, batch_size=2)["resumed"]


def test_a_worker_that_is_killed_stops_the_verification_and_it_goes_on(wronged: None) -> None:
    expected = core(proved(batch_size=2))
    forget()

    def kill() -> None:
        multiprocessing.active_children()[0].kill()

    with pytest.raises(VerificationStoppedError, match=r"signal 9.*To go on: verify_v2"):
        proved(None, among_submissions(kill), batch_size=2, workers=2)

    assert core(proved(batch_size=2, workers=2)) == expected


def test_a_worker_that_loses_v3_stops_the_verification_and_it_goes_on(wronged: None) -> None:
    expected = core(proved(batch_size=2))
    forget()

    def end() -> None:
        query(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE 'pliers verify_v2 worker 1 %'"
        )

    with pytest.raises(VerificationStoppedError, match="What was compared is kept"):
        proved(None, among_submissions(end), batch_size=2, workers=2)

    assert core(proved(batch_size=2, workers=2)) == expected


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"workers": 2, "batch_size": 1, "sample": 5}, []),
        ({"workers": 2, "batch_size": 1, "pacing": Pacing(1)}, []),
        ({"workers": 1, "batch_size": 1}, []),
        ({"workers": 2, "batch_size": 1000}, []),
        ({"workers": 9, "batch_size": 25}, [3]),
        ({"workers": None, "batch_size": 20}, []),
    ],
)
def test_as_many_work_as_there_are_pages_for_and_one_alone_where_v2_is_spared(
    migrated: None, members: list[int], options: dict[str, Any], number: list[int]
) -> None:
    proved(**options)

    assert members == number
