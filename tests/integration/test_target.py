"""The connections to v3: one importer at a time (R6), and a lost one is got again (R7)."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests.crashes import wait_until
from tests.runs import query
from transfer import target as module
from transfer.exceptions import LockHeldError, TargetError, TargetLostError
from transfer.target import Target, WorkerTarget

pytestmark = pytest.mark.django_db(transaction=True)

BACKEND = "SELECT FROM pg_stat_activity WHERE pid = %s"
TWO = sql.SQL("SELECT 1 + 1")
OTHER_RUN = 4711


def opened(**changes: Any) -> Target:
    return Target("import_v2", **({"backoff": (0, 0), "grace": 0} | changes))


@pytest.fixture
def target() -> Iterator[Target]:
    with closing(opened()) as made:
        yield made


def kill(connection: psycopg.Connection[Any]) -> None:
    query("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])


@pytest.fixture
def v3_alias(django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[..., None]]:
    """Change the default alias' settings until the test ends."""
    settings = connections["default"].settings_dict
    before = dict(settings)
    yield lambda **changes: settings.update(changes)
    settings.clear()
    settings.update(before)


def test_r6_a_second_importer_learns_who_is_at_work_and_since_when(target: Target) -> None:
    with pytest.raises(LockHeldError) as refused:
        opened()

    message = refused.value.message
    assert re.search(
        r"at work on PostgreSQL database '\w+' on .*: pliers import_v2 \(process", message
    )
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(backend \d+\)", message)
    assert f"(backend {target.writer.info.backend_pid})" in message


def test_r6_the_lock_goes_with_its_holder(target: Target) -> None:
    target.close()

    opened().close()


def test_r6_a_killed_importer_s_lock_is_waited_for(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.target.time.sleep", lambda _seconds: kill(target.writer))

    opened(grace=5).close()


def test_r6_workers_that_their_importer_left_behind_are_named_and_nothing_begins() -> None:
    with (
        closing(opened(run_key=OTHER_RUN)) as importer,
        closing(WorkerTarget("import_v2 worker 2", OTHER_RUN, lambda: True)) as left_behind,
    ):
        pid = left_behind.writer.info.backend_pid
        importer.close()
        with pytest.raises(LockHeldError, match="workers of an import that has ended") as refused:
            opened()

    assert refused.value.message.count("backend") == 1
    assert re.search(
        rf": pliers import_v2 worker 2 \(process {os.getpid()}\), from \S.+, "
        rf"since [\d :-]+ UTC \(backend {pid}\)\. Start again in a moment, or end them$",
        refused.value.message,
    )
    opened(grace=5).close()


def test_one_that_only_looks_takes_no_lock(target: Target) -> None:
    with closing(opened(exclusive=False)) as other:
        assert other.read(TWO) == [(2,)]


def test_a_lock_let_go_between_two_looks_says_start_again(target: Target) -> None:
    target.writer.execute("SELECT pg_advisory_unlock_all()")

    assert "just let the lock go" in target._holder(target.reader)


def test_r7_a_lost_writer_is_got_again_with_the_lock(target: Target) -> None:
    before = target.writer.info.backend_pid
    kill(target.writer)

    found = target.retrying(lambda: target.writer.execute(TWO).fetchall())

    assert found == [(2,)]
    assert target.writer.info.backend_pid != before
    with pytest.raises(LockHeldError):
        opened()


def test_r7_a_lost_reader_is_got_again(target: Target) -> None:
    kill(target.reader)

    assert target.read(TWO) == [(2,)]


def test_r7_a_transaction_that_the_server_ends_is_a_lost_connection(target: Target) -> None:
    """The server's word for it is none of psycopg's operational errors."""
    tries: list[int] = []

    def idle() -> None:
        tries.append(target.writer.info.backend_pid)
        if len(tries) == 1:
            target.writer.execute("SET idle_in_transaction_session_timeout = 1")
            with target.writer.transaction():
                target.writer.execute(TWO)
                wait_until(lambda: not query(BACKEND, tries))
                target.writer.execute(TWO)

    target.retrying(idle)

    assert len(set(tries)) == 2


def deaf(target: Target) -> psycopg.Connection[Any]:
    """Break the network under the writer: its end is gone, the server has not noticed yet."""
    kept = target.writer
    target.writer = target._connect()
    target.writer.close()
    return kept


def test_r7_a_lock_that_its_own_dead_backend_still_holds_is_got_by_ending_that(
    target: Target,
) -> None:
    before = target.writer.info.backend_pid
    with closing(deaf(target)):
        assert target.retrying(lambda: target.writer.execute(TWO).fetchall()) == [(2,)]

    assert target.writer.info.backend_pid != before


def test_r7_an_own_dead_backend_that_does_not_end_is_no_other_importer(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "_end_own", lambda _connection: True)
    with (
        closing(deaf(target)),
        pytest.raises(TargetLostError, match="does not end the backend that was ours"),
    ):
        target.retrying(lambda: target.writer.execute(TWO))


def test_r9_what_is_abandoned_waits_for_nothing_and_tries_nothing_again(target: Target) -> None:
    waiting = threading.Thread(target=lambda: failed.append(sleeping()), name="load")
    failed: list[TargetLostError] = []

    def sleeping() -> TargetLostError:
        with pytest.raises(TargetLostError) as lost:
            target.retrying(lambda: target.writer.execute("SELECT pg_sleep(600)"))
        return lost.value

    waiting.start()
    while not query("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"):
        assert waiting.is_alive()
    target.abandon()
    waiting.join(20)

    assert len(failed) == 1
    # Nor does the server go on for the sake of one who has left: the lock is free.
    opened(grace=20).close()


def test_r7_a_deadlock_is_tried_again(target: Target) -> None:
    tries: list[int] = []

    def act() -> int:
        tries.append(target.writer.info.backend_pid)
        if len(tries) == 1:
            raise psycopg.errors.DeadlockDetected("deadlock detected")
        return len(tries)

    assert target.retrying(act) == 2
    assert tries[0] == tries[1]


def test_r6_a_writer_whose_lock_another_took_meanwhile_never_writes_again(target: Target) -> None:
    kill(target.writer)
    with closing(opened(grace=5)), pytest.raises(LockHeldError):
        target.retrying(lambda: target.writer.execute(TWO))

    with pytest.raises(psycopg.OperationalError, match="closed"):
        target.writer.execute(TWO)


def test_r7_a_server_that_stays_away_is_named_in_the_end(
    target: Target, v3_alias: Callable[..., None]
) -> None:
    kill(target.writer)
    kill(target.reader)
    v3_alias(HOST="127.0.0.1", PORT="1", PASSWORD="s3cret")

    with pytest.raises(TargetLostError) as lost:
        target.retrying(lambda: target.writer.execute(TWO))
    with pytest.raises(TargetLostError, match=r"lost PostgreSQL database .* on 127\.0\.0\.1:1"):
        target.read(TWO)

    assert "could not reach it again" in lost.value.message
    assert "s3cret" not in lost.value.message
    assert lost.value.retryable


def test_a_statement_that_is_wrong_is_not_tried_again(target: Target) -> None:
    tries = []

    def wrong() -> None:
        tries.append(1)
        target.writer.execute("SELECT * FROM nowhere")

    with pytest.raises(psycopg.errors.UndefinedTable):
        target.retrying(wrong)
    assert len(tries) == 1


def test_a_v3_that_cannot_be_reached_is_named_without_its_password(
    v3_alias: Callable[..., None],
) -> None:
    v3_alias(HOST="127.0.0.1", PORT="1", PASSWORD="s3cret", NAME="v3")

    with pytest.raises(TargetError) as refused:
        opened()

    assert "cannot open v3, PostgreSQL database 'v3' on 127.0.0.1:1" in refused.value.message
    assert "s3cret" not in refused.value.message
    assert "\n" not in refused.value.message


def test_a_v3_that_is_not_migrated_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEEDED_TABLES", ("forms", "nowhere", "neither"))

    with pytest.raises(TargetError, match=r"no table nowhere, neither; run: manage\.py migrate"):
        opened()


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"HOST": "db", "PORT": "5432"}, "db:5432"),
        ({"HOST": "db", "PORT": ""}, "db"),
        ({"HOST": "/run/postgresql", "PORT": "5432"}, "this machine"),
        ({"HOST": "", "PORT": None}, "this machine"),
    ],
)
def test_a_place_is_a_host_or_this_machine(settings: dict[str, Any], place: str) -> None:
    assert module.place(settings) == place


def test_r6_a_holder_that_one_may_not_look_into_is_named_as_far_as_one_may(
    target: Target, v3_alias: Callable[..., None]
) -> None:
    query("CREATE ROLE onlooker LOGIN")
    query("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker")
    try:
        v3_alias(USER="onlooker", PASSWORD="")
        with pytest.raises(LockHeldError, match="under another role") as refused:
            opened()
        assert f"backend {target.writer.info.backend_pid}" in refused.value.message
    finally:
        query("DROP OWNED BY onlooker")
        query("DROP ROLE onlooker")


def test_r7_a_deadlock_s_victim_is_tried_again(target: Target) -> None:
    tries = []

    def victim_at_first() -> int:
        tries.append(1)
        if len(tries) == 1:
            target.writer.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$")
        return len(tries)

    before = target.writer
    assert target.retrying(victim_at_first) == 2
    assert target.writer is before
