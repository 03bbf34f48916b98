"""COPY into v3: a batch with its errors and its checkpoint in one transaction (R2)."""

from contextlib import closing
from typing import Any

import orjson
import psycopg
import pytest
from django.db import IntegrityError

from tests.batches import batch, checkpoint, in_v3, outcome, user_id
from tests.runs import errors, query, snapshot
from transfer import load
from transfer.detail import decode_detail
from transfer.exceptions import RunError, TargetError
from transfer.journal import DatabaseJournal
from transfer.load import Loader
from transfer.mapping.codes import Code
from transfer.mapping.findings import Finding, Outcome
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)


# One transaction


def test_r2_nothing_of_a_batch_is_kept_where_its_books_cannot_be(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot()

    def broken(*_args: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("transfer.journal.store_findings", broken)
    with pytest.raises(RuntimeError):
        loader.load(batch(outcome(0), outcome(1, email="x" * 300)))

    assert snapshot() == before


def test_r2_a_transaction_killed_before_its_end_leaves_nothing_and_is_done_again(
    loader: Loader, target: Target, journal: DatabaseJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, killed = journal.record, []

    def record_and_die(writer: Any, *args: Any) -> None:
        real(writer, *args)
        if not killed:
            assert in_v3() == []  # another connection does not see it yet
            killed.append(writer.info.backend_pid)
            target.reader.execute("SELECT pg_terminate_backend(%s)", (killed[0],))

    monkeypatch.setattr(journal, "record", record_and_die)

    result = loader.load(batch(outcome(0), outcome(1, email="x" * 300)))

    assert target.writer.info.backend_pid != killed[0]
    assert (result.records.migrated, result.records.failures) == (1, 1)
    assert in_v3() == [0]
    assert len(errors()) == 1
    assert checkpoint() == ("in_progress", 1, 1, "key 1")


def test_r2_a_commit_that_arrived_before_the_connection_broke_is_not_done_twice(
    loader: Loader, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[bool] = []
    transaction = psycopg.Connection.transaction

    class BreaksAfterCommit:
        def __init__(self, connection: Any, **kwargs: Any) -> None:
            self._connection, self._own = connection, transaction(connection, **kwargs)

        def __enter__(self) -> Any:
            return self._own.__enter__()

        def __exit__(self, *exception: object) -> Any:
            result = self._own.__exit__(*exception)
            if not lost and self._connection.info.transaction_status == 0:
                lost.append(True)
                self._connection.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return result

    def breaking(own: psycopg.Connection, **kwargs: Any) -> BreaksAfterCommit:
        return BreaksAfterCommit(own, **kwargs)

    monkeypatch.setattr(psycopg.Connection, "transaction", breaking)

    result = loader.load(batch(outcome(0), outcome(1, email="x" * 300)))

    assert lost
    assert (result.records.migrated, result.records.failures) == (1, 1)
    assert in_v3() == [0]
    assert len(errors()) == 1
    assert checkpoint() == ("in_progress", 1, 1, "key 1")


def test_r1_a_batch_that_does_not_balance_is_not_kept(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot()
    monkeypatch.setattr(load.BatchCopy, "whole", lambda _self, _lines: None)

    with pytest.raises(RunError, match=r"batch 1 of users.* its records: 1 read = 0 migrated"):
        loader.load(batch(outcome(0)))

    assert snapshot() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"read": 3}, r"its records: 3 read = 2 migrated"),
        ({"read": 1}, r"its records: 1 read = 2 migrated"),
        ({"answers_read": 3}, r"its answers: 3 read = 2 migrated"),
        ({"answers_read": 1}, r"its answers: 1 read = 2 migrated"),
    ],
)
def test_r1_a_row_that_was_read_and_is_nowhere_or_the_reverse_stops_the_batch(
    loader: Loader, changes: dict[str, int], said: str
) -> None:
    before = snapshot()

    with pytest.raises(RunError, match=f"batch 1 of users, up to key 'key 1', .*{said}"):
        loader.load(batch(outcome(0), outcome(1), **changes))

    assert snapshot() == before


def test_r1_a_record_with_neither_a_row_nor_an_error_stops_the_batch(loader: Loader) -> None:
    with pytest.raises(RunError, match=r"its records: 2 read = 1 migrated .* 0 failed$"):
        loader.load(batch(outcome(0), Outcome(user_id(1), None)))


def test_r1_v3_itself_refuses_to_complete_a_table_whose_ledger_does_not_balance(
    loader: Loader,
) -> None:
    loader.load(batch(outcome(0)))
    for broken in ("{records,read}", "{answers,migrated}", "{answers,failed,x}"):
        with pytest.raises(IntegrityError, match="migration_progress_ledger_check"):
            query(
                "UPDATE migration_progress SET status = 'completed', total_records = 1,"
                " ledger = jsonb_set(ledger, %s, '7')",
                [broken],
            )


def test_the_same_fault_again_is_the_same_row_and_a_closed_one_is_history(loader: Loader) -> None:
    finding = Finding(Code.EMAIL_MISSING, "User", user_id(1), "no email", "Email", {"Id": "1"})
    failed = Outcome(user_id(1), None, [finding])

    loader.load(batch(failed))
    loader.load(batch(failed, number=2))
    assert [(e["attempts"], e["occurrence"]) for e in errors()] == [(2, 1)]

    query("UPDATE migration_errors SET resolved_at = now()")
    loader.load(batch(failed, number=3))
    assert [(e["attempts"], e["resolved_at"] is None) for e in errors()] == [(2, False), (1, True)]


def test_several_faults_of_one_kind_in_one_record_are_several_rows(loader: Loader) -> None:
    warned = outcome(0)
    for text in ("one", "two"):
        warned.findings.append(Finding(Code.TEXT_CLEANED, "User", warned.record_id, text, "Email"))

    loader.load(batch(warned))

    assert [(e["error_message"], e["occurrence"]) for e in errors()] == [("one", 1), ("two", 2)]


@pytest.mark.parametrize(("done", "number"), [(0, 2), (2, 2), (3, 2)])
def test_a_checkpoint_that_moved_under_the_run_stops_it(
    loader: Loader, done: int, number: int
) -> None:
    query(f"""UPDATE migration_progress SET ledger = '{{"batches": {done}}}'""")

    with pytest.raises(RunError, match="moved under this run"):
        loader.load(batch(outcome(0), number=number))

    assert in_v3() == []


def test_r6_a_checkpoint_of_the_right_number_and_another_key_stops_the_run(loader: Loader) -> None:
    """Another importer took over with batches of another size, and stopped."""
    loader.load(batch(outcome(0)))
    query("UPDATE migration_progress SET last_key = 'elsewhere'")

    with pytest.raises(RunError, match="another importer took it over"):
        loader.load(batch(outcome(1), number=2))

    assert in_v3() == [0]


def test_a_checkpoint_that_is_gone_stops_the_run(loader: Loader) -> None:
    query("DELETE FROM migration_progress")

    with pytest.raises(RunError, match=r"moved under this run \(it is gone"):
        loader.load(batch(outcome(0)))


def test_what_is_no_row_s_fault_stops_the_run(loader: Loader) -> None:
    query("ALTER TABLE users RENAME TO users_away")
    try:
        with pytest.raises(RunError, match=r"v3 refused the batch after key 'key 1': .*users"):
            loader.load(batch(outcome(0)))
    finally:
        query("ALTER TABLE users_away RENAME TO users")


def test_a_fault_of_the_server_that_is_no_lost_connection_is_not_tried_again(
    loader: Loader, target: Target
) -> None:
    target.writer.execute("SET statement_timeout = 200")
    with closing(psycopg.connect(target.reader.info.dsn, host=target.reader.info.host)) as other:
        other.execute("LOCK TABLE migration_progress")

        with pytest.raises(TargetError, match=r"statement timeout|canceling statement"):
            loader.load(batch(outcome(0)))


# The books


def test_the_closing_batch_completes_the_table(loader: Loader) -> None:
    loader.load(batch(outcome(0), outcome(1, email="x" * 300)))

    loader.load(batch(number=2, closing=True))

    assert checkpoint() == ("completed", 1, 1, "key 2")
    assert query("SELECT total_records, completed_at IS NOT NULL FROM migration_progress") == [
        (2, True)
    ]


def test_warnings_are_stored_up_to_the_bound_and_all_counted(
    loader: Loader, journal: DatabaseJournal
) -> None:
    def warned(number: int) -> Outcome:
        made = outcome(number)
        made.findings.append(Finding(Code.TEXT_CLEANED, "User", made.record_id, "cleaned"))
        return made

    loader.load(batch(warned(0)))
    loader.load(batch(warned(1), warned(2), number=2))
    loader.load(batch(outcome(3, email=None), warned(4), number=3))

    assert [e["record_id"] for e in errors("text_cleaned")] == [user_id(0), user_id(1)]
    assert len(errors("refused_by_postgresql")) == 1  # a null, which v3 refuses
    ((ledger,),) = query("SELECT ledger->>'findings' FROM migration_progress")
    assert orjson.loads(ledger) == {"text_cleaned": 4, "refused_by_postgresql": 1}
    assert journal.states["users"].findings["text_cleaned"] == 4


def test_errors_are_all_stored(loader: Loader) -> None:
    loader.load(batch(*(outcome(n, email=None) for n in range(5))))

    assert len(errors()) == 5


@pytest.mark.parametrize("name", ["a\x00b", "lone \ud800", "x" * 300, "[/b]"])
def test_r7_a_record_whose_id_is_no_id_can_be_recorded(loader: Loader, name: str) -> None:
    """Only a copy made by hand can hold one; its error must not be the run's."""
    finding = Finding(Code.VALUE_UNUSABLE, "User", name, f"{name} is no id", "Id", {"Id": name})

    loader.load(batch(outcome(0), Outcome(name, None, [finding])))

    (error,) = errors()
    assert decode_detail(error["error_detail"]) == {"Id": name}
    assert error["record_id"][:5] == name[:5].replace("\x00", "�").replace("\ud800", "�")
    assert checkpoint()[:3] == ("in_progress", 1, 1)
