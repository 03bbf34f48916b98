"""COPY into v3: a batch with its errors and its checkpoint in one transaction (R2, R7)."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.factories import OrganizationFactory, UserFactory
from tests.runs import errors, query, snapshot
from transfer import load
from transfer.batch import MappedBatch
from transfer.copytext import copy_line
from transfer.detail import decode_detail, encode_detail
from transfer.exceptions import RunError, TargetError
from transfer.journal import DatabaseJournal
from transfer.load import Loader
from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger, Finding, Outcome
from transfer.options import ImportOptions
from transfer.plan import PLAN
from transfer.progress import open_migration, start_table
from transfer.records import UserRow, V2User
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

USERS = PLAN[1]
NOW = datetime(2024, 3, 1, 10, 20, 30, 123456, tzinfo=UTC)
ORGANIZATION = "00000000-0000-4000-8000-00000000000a"


def user_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def outcome(number: int, **changes: Any) -> Outcome:
    row = UserRow(
        id=user_id(number),
        organization_id=ORGANIZATION,
        email=f"user{number}@example.org",
        status="active",
        auth_data=b'{"user_name": "u"}',
        metadata=b'{"migration_batch": "night"}',
        created_at=NOW,
        updated_at=NOW,
    )._replace(**changes)
    return Outcome(row.id, row, answers=AnswerLedger(migrated=1))


@pytest.fixture
def target() -> Iterator[Target]:
    OrganizationFactory(id=ORGANIZATION)
    with closing(Target("test", backoff=(0, 0), grace=0)) as opened:
        yield opened


@pytest.fixture
def journal(target: Target) -> DatabaseJournal:
    """A migration whose users are in hand; at most two warnings of a code are stored."""
    migration = open_migration(
        target.writer, "night", [USERS], ImportOptions().fingerprint("here"), 10
    )
    start_table(target.writer, "night", migration.states["users"], 0)
    return DatabaseJournal("night", migration.started_at, migration.states, max_stored_warnings=2)


@pytest.fixture
def loader(target: Target, journal: DatabaseJournal) -> Loader:
    return Loader(target, journal)


def batch(*outcomes: Outcome, number: int = 1, **changes: Any) -> MappedBatch:
    records = {
        o.record_id: (
            V2User(o.record_id, ORGANIZATION, "as in v2", None, None, None, True, NOW, None),
            None,
        )
        for o in outcomes
    }
    return MappedBatch(USERS, number, f"key {number}", list(outcomes), records=records, **changes)


def in_v3() -> list[int]:
    return sorted(int(row[0].hex[:8], 16) for row in query("SELECT id FROM users"))


def checkpoint() -> tuple[Any, ...]:
    (row,) = query(
        "SELECT status, processed_records, failed_records, last_key FROM migration_progress"
    )
    return row


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each statement the writer sends, its first words."""
    sent: list[str] = []

    def spy(name: str) -> None:
        real = getattr(psycopg.Cursor, name)

        def call(self: Any, statement: Any, *args: Any, **kwargs: Any) -> Any:
            text = statement if isinstance(statement, str) else statement.as_string(self)
            sent.append(" ".join(text.split()[:2]))
            return real(self, statement, *args, **kwargs)

        monkeypatch.setattr(psycopg.Cursor, name, call)

    spy("execute")
    spy("copy")
    return sent


# A clean batch


def test_a_clean_batch_goes_in_with_one_copy_and_no_query_a_row(
    loader: Loader, statements: list[str]
) -> None:
    statements.clear()

    result = loader.load(batch(*map(outcome, range(50))))

    assert (result.processed, result.failed, result.findings) == (50, 0, [])
    assert [s for s in statements if s.startswith("COPY")] == ['COPY "users"']
    assert len(statements) <= 4
    assert checkpoint() == ("in_progress", 50, 0, "key 1")


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_batch_of_any_size_moves_the_checkpoint(loader: Loader, size: int) -> None:
    assert loader.load(batch(*map(outcome, range(size)))).processed == size
    assert in_v3() == list(range(size))
    assert checkpoint() == ("in_progress", size, 0, "key 1")


def test_values_arrive_as_they_were_mapped(loader: Loader) -> None:
    email = 'tab\there\\N "quoted" \\. ü😀\r\n'
    auth = {"name": 'a\\b"c\n\t\x01', "n": None}

    loader.load(batch(outcome(1, email=email, auth_data=orjson.dumps(auth), status="inactive")))

    rows = query("SELECT email, auth_data::text, status::text, created_at FROM users")
    assert [(row[0], orjson.loads(row[1]), *row[2:]) for row in rows] == [
        (email, auth, "inactive", NOW)
    ]


# Refused rows

REFUSED: dict[str, dict[str, Any]] = {
    "22001": {"email": "x" * 300},
    "22P02 enum": {"status": "asleep"},
    "22P02 uuid": {"id": "not-a-guid"},
    "22P02 json": {"auth_data": b'{"a": 1,\n"b": }'},
    "22P05": {"auth_data": b'{"a": "\\u0000"}'},
    "22021": {"organization_id": "\x00"},
    "23502": {"email": None},
    "23503": {"organization_id": user_id(99)},
}
COLUMNS = {
    "22001": "email", "22P02 enum": "status", "22P02 uuid": "id", "22P02 json": "auth_data",
    "22P05": "auth_data", "23502": "email", "23503": "users_organization_id_fkey",
}  # fmt: skip


@pytest.mark.parametrize("place", [0, 4, 8])
@pytest.mark.parametrize("kind", REFUSED)
def test_r7_one_refused_row_is_left_out_wherever_it_stands(
    loader: Loader, kind: str, place: int
) -> None:
    outcomes = [outcome(n) for n in range(9)]
    outcomes[place] = outcome(place, **REFUSED[kind])

    result = loader.load(batch(*outcomes))

    assert in_v3() == [n for n in range(9) if n != place]
    assert (result.processed, result.failed) == (8, 1)
    assert result.answers == AnswerLedger(migrated=8, failed=1)
    (error,) = errors()
    assert (error["code"], error["severity"]) == ("refused_by_postgresql", "error")
    assert error["record_id"] == outcomes[place].record_id
    assert error["error_message"].startswith(f"PostgreSQL refused the row ({kind[:5]}): ")
    assert error["column_name"] == COLUMNS.get(kind, "")
    assert error["error_detail"]["Email"] == "as in v2"
    assert checkpoint() == ("in_progress", 8, 1, "key 1")


@pytest.mark.parametrize("refused", [range(0, 40, 10), range(40), range(1, 40, 2), (0, 39)])
@pytest.mark.parametrize("kind", ["22001", "23503"])
def test_r7_any_number_of_refused_rows_leaves_the_rest(
    loader: Loader, refused: Any, kind: str
) -> None:
    outcomes = [outcome(n, **(REFUSED[kind] if n in refused else {})) for n in range(40)]

    result = loader.load(batch(*outcomes))

    assert in_v3() == [n for n in range(40) if n not in refused]
    assert result.failed == len(refused)
    assert [error["record_id"] for error in errors()] == [user_id(n) for n in sorted(refused)]


def test_rows_refused_for_different_reasons_each_keep_their_own(loader: Loader) -> None:
    kinds = list(REFUSED)
    outcomes = [outcome(3 * n + 1, **REFUSED[kind]) for n, kind in enumerate(kinds)]
    outcomes += [outcome(3 * n) for n in range(len(kinds))]
    outcomes.sort(key=lambda o: o.record_id)

    loader.load(batch(*outcomes))

    found = {e["record_id"]: re.search(r"\((\w+)\)", e["error_message"]) for e in errors()}
    states = {record: match.group(1) for record, match in found.items() if match}
    assert states == {
        outcome(3 * n + 1, **REFUSED[kind]).record_id: kind[:5] for n, kind in enumerate(kinds)
    }
    assert in_v3() == [3 * n for n in range(len(kinds))]


def test_a_key_that_two_rows_of_a_batch_want_goes_to_the_first(loader: Loader) -> None:
    twice = [outcome(n, email="same@example.org") for n in (1, 2)]

    result = loader.load(batch(outcome(0), *twice, outcome(3)))

    assert in_v3() == [0, 1, 3]
    (error,) = errors()
    assert error["record_id"] == user_id(2)
    assert error["column_name"] == "unique_email_per_org"
    assert result.failed == 1


def test_m1_two_v2_rows_of_one_id_are_a_row_and_an_error(loader: Loader) -> None:
    """A copy made by hand may hold an id in both cases; the rest of the batch must go on."""
    result = loader.load(batch(outcome(1), outcome(2), outcome(2, email="other@example.org")))

    assert in_v3() == [1, 2]
    assert (result.processed, result.failed) == (2, 1)
    assert [error["record_id"] for error in errors()] == [user_id(2)]
    assert query("SELECT email FROM users ORDER BY id") == [
        ("user1@example.org",), ("user2@example.org",),
    ]  # fmt: skip


def test_what_the_mapping_remarked_on_a_refused_row_is_not_kept(loader: Loader) -> None:
    warned = outcome(1, email="x" * 300)
    warned.findings.append(Finding(Code.TEXT_CLEANED, "User", warned.record_id, "cleaned"))

    loader.load(batch(warned))

    assert [error["code"] for error in errors()] == ["refused_by_postgresql"]


def test_a_record_the_mapping_refused_is_an_error_and_no_row(loader: Loader) -> None:
    finding = Finding(Code.EMAIL_MISSING, "User", user_id(1), "no email", "Email", {"Id": "1"})
    failed = Outcome(user_id(1), None, [finding], AnswerLedger(failed=3))

    result = loader.load(batch(outcome(0), failed))

    assert (result.processed, result.failed) == (1, 1)
    assert result.answers == AnswerLedger(migrated=1, failed=3)
    (error,) = errors("email_missing")
    assert (error["column_name"], error["error_detail"]) == ("Email", {"Id": "1"})


# Ids that are taken


def test_m1_a_row_of_this_migration_that_is_there_counts_and_is_not_touched(
    loader: Loader,
) -> None:
    UserFactory(
        id=user_id(1), organization_id=ORGANIZATION, migration_batch="night", email="mine@x.org"
    )

    result = loader.load(batch(*map(outcome, range(3))))

    assert (result.processed, result.failed) == (3, 0)
    assert errors() == []
    assert query("SELECT email FROM users WHERE id = %s", [user_id(1)]) == [("mine@x.org",)]


@pytest.mark.parametrize("batch_name", [None, "another night"])
def test_m1_an_id_that_came_from_elsewhere_is_an_error_and_is_not_touched(
    loader: Loader, batch_name: str | None
) -> None:
    UserFactory(
        id=user_id(1), organization_id=ORGANIZATION, migration_batch=batch_name, email="old@x.org"
    )

    result = loader.load(batch(*map(outcome, range(3))))

    assert (result.processed, result.failed) == (2, 1)
    (error,) = errors()
    assert (error["code"], error["record_id"]) == ("id_taken", user_id(1))
    assert error["error_detail"]["Id"] == user_id(1)
    assert query("SELECT email FROM users WHERE id = %s", [user_id(1)]) == [("old@x.org",)]


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
    assert (result.processed, result.failed) == (1, 1)
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
    assert (result.processed, result.failed) == (1, 1)
    assert in_v3() == [0]
    assert len(errors()) == 1
    assert checkpoint() == ("in_progress", 1, 1, "key 1")


def test_r1_a_batch_that_does_not_balance_is_not_kept(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot()
    monkeypatch.setattr(load.BatchCopy, "whole", lambda _self, _lines: True)

    with pytest.raises(RunError, match="batch 1 of users does not balance: 1 read, 0 migrated"):
        loader.load(batch(outcome(0)))

    assert snapshot() == before


@pytest.mark.parametrize(("done", "number"), [(0, 2), (2, 2), (3, 2)])
def test_a_checkpoint_that_moved_under_the_run_stops_it(
    loader: Loader, done: int, number: int
) -> None:
    query(f"""UPDATE migration_progress SET ledger = '{{"batches": {done}}}'""")

    with pytest.raises(RunError, match=r"moved under this run|was loaded by someone else"):
        loader.load(batch(outcome(0), number=number))

    assert in_v3() == []


def test_a_checkpoint_that_is_gone_stops_the_run(loader: Loader) -> None:
    query("DELETE FROM migration_progress")

    with pytest.raises(RunError, match=r"moved under this run \(status None"):
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
    assert len(errors("refused_by_postgresql")) == 1
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


# What only a real server can tell


@pytest.fixture(scope="module")
def copied() -> Iterator[Callable[[list[Any]], list[Any]]]:
    """A function that sends values through COPY into a text column and reads them back."""
    with closing(Target("test", exclusive=False)) as target:
        writer = target.writer
        writer.execute("CREATE TEMPORARY TABLE t (n serial, value text)")

        def through(values: list[Any]) -> list[Any]:
            writer.execute("TRUNCATE t")
            with writer.cursor() as cursor, cursor.copy("COPY t (value) FROM STDIN") as copy:
                for value in values:
                    copy.write(copy_line((value,)))
            return [row[0] for row in writer.execute("SELECT value FROM t ORDER BY n")]

        yield through


storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.none() | storable | st.sampled_from(["\\N", "\\.", "\\", "\t", "\r\n"])))
def test_any_text_comes_back_from_the_server(
    copied: Callable[[list[Any]], list[Any]], values: list[Any]
) -> None:
    assert copied(values) == values


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.dictionaries(st.sampled_from(["Id", "Name"]), st.text(st.characters())))
def test_any_record_comes_back_from_jsonb(
    copied: Callable[[list[Any]], list[Any]], record: dict[str, str]
) -> None:
    with closing(Target("test", exclusive=False)) as target:
        ((stored,),) = target.read(sql.SQL("SELECT %s::jsonb::text"), (encode_detail(record),))

    assert decode_detail(orjson.loads(stored)) == record
