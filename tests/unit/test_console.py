"""§7: progress goes to a terminal and nowhere else, or as lines into a log where asked for."""

import io
import threading
from collections import Counter
from typing import Any

import pytest
from rich.console import Console

from tests.clock import Clock
from transfer.batch import TableState
from transfer.console import ConsoleObserver
from transfer.ledger import Ledger


def watch(console: Console) -> None:
    state = TableState("submissions", "in_progress", total=10)
    with ConsoleObserver(console) as observer:
        observer.remark("[b]slow[/b] without an index")
        observer.batch_loaded(state)  # before any table: nothing to draw
        observer.table_started(state)
        state.records.add(Ledger(10, 7, failed=Counter(form_unknown=3)))
        state.copied = 12_345_678
        observer.batch_loaded(state)
        observer.table_ended(state)


def terminal() -> Console:
    return Console(force_terminal=True, width=160, record=True, file=io.StringIO())


def log_file() -> Console:
    return Console(force_terminal=False, width=160, record=True, file=io.StringIO())


def test_a_terminal_shows_the_share_done_and_what_failed_and_what_was_copied() -> None:
    console = terminal()

    watch(console)

    shown = console.export_text()
    for told in ("submissions", "100%", "10/10", "3 failed", "12.3 MB"):
        assert told in shown


def test_elsewhere_nothing_is_drawn_and_remarks_are_plain() -> None:
    console = log_file()

    watch(console)

    assert console.export_text() == "[b]slow[/b] without an index\n"


@pytest.mark.parametrize("width", [80, 120])
def test_a_table_of_millions_takes_one_line_of_a_terminal(width: int) -> None:
    console = Console(force_terminal=True, width=width, record=True, file=io.StringIO())
    state = TableState("submissions", "in_progress", total=30_000_000)
    clock = Clock()
    with ConsoleObserver(console, clock=clock) as observer:
        observer.table_started(state)
        state.records.add(Ledger(12_345_678, 12_345_678))
        state.copied = 16_000_000_000
        clock.now += 250
        observer.batch_loaded(state)
        observer._progress.refresh()

    last = console.export_text().rpartition("submissions")[2].rstrip()
    assert "\n" not in last
    assert "41%" in last
    assert "49,383/s" in last
    assert last.endswith("0:05:58 left")
    assert ("16.0 GB" in last) is (width == 120)


def moving(
    observer: ConsoleObserver, clock: Clock, state: TableState, batches: int, each: float
) -> None:
    """Batches of a hundred records, so many seconds each."""
    for _ in range(batches):
        clock.now += each
        state.records.add(Ledger(100, 100))
        state.copied += 100_000
        observer.batch_loaded(state)


def test_ten_thousand_batches_in_no_time_are_drawn_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, drawn = Clock(), []
    state = TableState("submissions", "in_progress", total=1_000_000)
    with ConsoleObserver(terminal(), clock=clock) as observer:
        observer.table_started(state)
        live = observer._progress.live
        monkeypatch.setattr(live, "refresh", lambda: drawn.append(state.processed))

        moving(observer, clock, state, batches=10_000, each=0.0001)

        assert len(drawn) < 100


def test_the_last_counts_are_drawn_whenever_they_came() -> None:
    clock, console = Clock(), terminal()
    state = TableState("submissions", "in_progress", total=400)
    with ConsoleObserver(console, clock=clock) as observer:
        observer.table_started(state)
        moving(observer, clock, state, batches=3, each=0.001)
        observer._progress.refresh()

        assert "75% 300/400" in console.export_text()


def test_the_share_is_rounded_down_so_that_100_is_all() -> None:
    console = terminal()
    state = TableState("submissions", "in_progress", total=30_000_000)
    with ConsoleObserver(console) as observer:
        observer.table_started(state)
        state.records.add(Ledger(29_860_000, 29_860_000))
        observer.batch_loaded(state)
        observer._progress.refresh()

    assert " 99% 29860000/30000000" in console.export_text()


def figures(observer: ConsoleObserver) -> str:
    assert observer._figures is not None
    return observer._figures.told(finished=False)


def test_the_time_left_is_by_the_last_moments_and_a_stall_shows() -> None:
    clock = Clock()
    state = TableState("submissions", "in_progress", total=60_000)
    state.records.add(Ledger(40_000, 40_000))  # by an earlier start
    with ConsoleObserver(terminal(), clock=clock) as observer:
        observer.table_started(state)
        assert figures(observer) == ""
        moving(observer, clock, state, batches=100, each=0.1)
        assert figures(observer) == "1,000/s 10.0 MB 0:00:10 left"

        clock.now += 10
        assert figures(observer) == "500/s 10.0 MB 0:00:20 left"
        clock.now += 35

        assert figures(observer).endswith("10.0 MB no batch for 0:00:45")


def test_nothing_runs_beside_before_the_first_table() -> None:
    """By then every process is forked: a thread that draws would be in the way."""
    before = set(threading.enumerate())

    with ConsoleObserver(terminal()) as observer:
        observer.remark("preparing")
        assert set(threading.enumerate()) <= before
        observer.table_started(TableState("users", "in_progress", total=1))
        assert len(set(threading.enumerate()) - before) == 1


@pytest.mark.parametrize("make", [terminal, log_file])
def test_what_a_server_says_steers_no_terminal(make: Any) -> None:
    console = make()

    with ConsoleObserver(console) as observer:
        observer.remark("v2 is lost: \x1b[2J\x07 gone")

    assert console.export_text() == "v2 is lost: \\x1b[2J\\x07 gone\n"
    assert console.file.getvalue() == "v2 is lost: \\x1b[2J\\x07 gone\n"


def test_a_log_gets_a_line_every_so_often_where_asked_for() -> None:
    clock, console = Clock(), log_file()
    state = TableState("submissions", "in_progress", total=20_000)
    with ConsoleObserver(console, log_seconds=10, clock=clock) as observer:
        observer.table_started(state)
        moving(observer, clock, state, batches=120, each=0.125)
        observer.table_ended(state)

    assert console.export_text().splitlines() == [
        "submissions: 8,000 of 20,000 (40 %), 800 a second, 8.0 MB copied, 0:00:15 left",
        "submissions: 12,000 of 20,000 (60 %), 800 a second, 12.0 MB copied, 0:00:10 left",
    ]
