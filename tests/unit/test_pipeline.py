"""The small parts a run is made of: Ctrl-C, COPY's error context."""

import os
import signal
import threading
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from transfer.batch_copy import _line_of, is_refusal
from transfer.pipeline import Interruption


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_r9_the_first_signal_asks_and_the_second_stops_at_once(sent: signal.Signals) -> None:
    stop = Interruption()
    before = signal.getsignal(sent)

    with stop.listening(), stop.finishing():
        assert not stop.asked
        os.kill(os.getpid(), sent)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), sent)

    assert signal.getsignal(sent) is before


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_r9_where_no_batch_is_in_hand_the_first_signal_stops_at_once(sent: signal.Signals) -> None:
    stop = Interruption()

    with stop.listening():
        with stop.finishing():
            assert not stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), sent)


def test_outside_the_main_thread_no_signal_is_touched() -> None:
    stop = Interruption()
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []

    def listen() -> None:
        with stop.listening():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()

    assert seen == [before]


def refusal(context: str | None) -> psycopg.Error:
    return cast("psycopg.Error", SimpleNamespace(diag=SimpleNamespace(context=context)))


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ('COPY submissions, line 3, column status: "lost"', 2),
        ('COPY submissions, line 3: "a	b"', 2),
        ("COPY submissions, line 3", 2),
        ('COPY submissions, line 1: "x, line 5, column y"', 0),
        ('JSON data, line 1: {"a\\u0000...\nCOPY submissions, line 4, column data: "…"', 3),
        ("COPY submissions, line 11", None),  # more lines than were sent
        ("COPY submissions, line 0", None),
        ('SQL statement "SELECT 1 FROM ONLY forms x"', None),
        ("", None),
        (None, None),
    ],
)
def test_the_refused_line_is_read_from_copy_s_context(
    context: str | None, line: int | None
) -> None:
    assert _line_of(refusal(context), 10) == line


@pytest.mark.parametrize(
    ("sqlstate", "about_a_row"),
    [
        ("22001", True), ("22P02", True), ("23503", True), ("23505", True), ("54000", True),
        ("42P01", False), ("42501", False), ("57P01", False), ("53100", False), ("40P01", False),
    ],
)  # fmt: skip
def test_r7_only_what_is_wrong_with_a_row_is_a_refusal(sqlstate: str, *, about_a_row: bool) -> None:
    assert is_refusal(psycopg.errors.lookup(sqlstate)()) is about_a_row
