"""Verifications in pages of any size, stopped anywhere and gone on with, come to the same."""

import os
import signal
from typing import Any

import pytest
from django.db import connection

from tests.integration.proof.mutations_v2 import NAME
from tests.integration.proof.proving import (
    Pulled,
    after_batches,
    core,
    kept,
    proved,
    pull,
    table,
    verifications,
)
from tests.runs import Quiet, query
from tests.v2 import V2
from transfer.proof import keeper, service

pytestmark = pytest.mark.django_db(databases=["default", "v2"])

TAMPERING = (
    "UPDATE users SET email = 'x' || email WHERE starts_with(email, 'bob')",
    """UPDATE submissions SET data = data || '{"who": "nobody"}'
        WHERE ascii(id::text) < ascii('c')""",
    "DELETE FROM submissions WHERE id = (SELECT max(id::text)::uuid FROM submissions)",
    """INSERT INTO users (id, organization_id, email, metadata)
       SELECT gen_random_uuid(), organization_id, 'stray' || email, metadata FROM users""",
)


@pytest.fixture
def wronged(often: V2, monkeypatch: pytest.MonkeyPatch) -> V2:
    """A v3 with differences of every kind, and a place kept after every page."""
    for statement in TAMPERING:
        query(statement)
    monkeypatch.setattr(keeper, "SECONDS_BETWEEN", -1.0)
    monkeypatch.setattr(service, "STRAYS_AT_ONCE", 2)
    return often


@pytest.mark.parametrize("batch", range(1, 40, 3))
def test_killed_after_any_page_it_goes_on_to_the_same(wronged: V2, batch: int) -> None:
    expected = core(proved(NAME, batch_size=2))
    assert expected["differences"]["total"] > 10
    books = kept()
    query("TRUNCATE migration_differences, migration_verifications")

    try:
        document = proved(NAME, after_batches(batch, pull), batch_size=2)
        assert batch > 15  # it came to its end before
    except Pulled:
        assert verifications() == [("in_progress", None)]
        document = proved(NAME, batch_size=3)
        assert document["resumed"]

    assert core(document) == expected
    assert kept() == books
    assert verifications() == [("completed", None)]


def test_killed_among_the_rows_v2_has_no_record_for_none_is_counted_twice(
    wronged: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = core(proved(NAME))
    assert table(expected, "users")["missing_in_v2"] == 3
    query("TRUNCATE migration_differences, migration_verifications")
    read, asked = service.reading.present, []

    def present(*arguments: Any) -> set[str]:
        asked.append(arguments)
        if len(asked) == 2:
            raise Pulled
        return read(*arguments)

    monkeypatch.setattr(service.reading, "present", present)
    with pytest.raises(Pulled):
        proved(NAME)

    assert core(proved(NAME)) == expected


def test_r9_ctrl_c_finishes_the_page_in_hand_and_says_how_to_go_on(wronged: V2) -> None:
    expected = core(proved(NAME, batch_size=2))
    query("TRUNCATE migration_differences, migration_verifications")
    pressed = Quiet(lambda _state: os.kill(os.getpid(), signal.SIGINT))

    with pytest.raises(KeyboardInterrupt, match="To go on: verify_v2 --name night"):
        proved(NAME, pressed, batch_size=2)

    assert pressed.started == ["organizations"]
    assert core(proved(NAME)) == expected


def test_a_sample_that_was_stopped_begins_anew(wronged: V2) -> None:
    with pytest.raises(KeyboardInterrupt, match="A sample begins anew"):
        proved(NAME, after_batches(1, lambda: os.kill(os.getpid(), signal.SIGINT)), sample=2)

    assert not proved(NAME, sample=2)["resumed"]
    assert verifications() == [("abandoned", 2), ("completed", 2)]


def begin(name: str | None = None) -> None:
    """Verify a part."""
    with pytest.raises(Pulled):
        proved(name, after_batches(4, pull), batch_size=2)


def test_restart_begins_anew_and_leaves_the_other_abandoned(wronged: V2) -> None:
    begin(NAME)

    assert not proved(NAME, restart=True)["resumed"]
    assert verifications() == [("abandoned", None), ("completed", None)]


def test_one_that_came_to_its_end_is_not_gone_on_with(wronged: V2) -> None:
    proved(NAME)

    assert not proved(NAME)["resumed"]


def test_what_was_compared_under_other_rules_is_compared_again(wronged: V2) -> None:
    """The books tell what a verification stood on; anything else there is another."""
    begin(NAME)
    query("UPDATE migration_verifications SET basis = jsonb_set(basis, '{proof}', '0')")

    assert not proved(NAME)["resumed"]


def test_the_session_lock_is_let_go_of_however_it_ends(wronged: V2) -> None:
    begin(NAME)
    proved(NAME)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
            " AND pid = pg_backend_pid()"
        )
        assert cursor.fetchone() == (0,)
