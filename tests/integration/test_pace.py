"""A v2 that is spared: the same rows and proofs, and Ctrl-C does not wait for a pause's end (R9).

The pauses that are interrupted here last an hour: a test that waits for one does not end.
"""

import os
import signal
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.integration.proof.proving import after_batches, core, proved, table
from tests.integration.retry.common import open_errors, retry
from tests.runs import Quiet, empty_v3, query, rich_v2, run, snapshot
from transfer.pace import Pacing
from transfer.retry import RetryOptions, run_retry

pytestmark = pytest.mark.django_db(databases=["default", "v2"], transaction=True)

AN_HOUR = Pacing(pause_ms=3_600_000)


def press(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_pauses_change_no_row_and_no_proof(v2_path: Path, size: int) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=size)
    rows = snapshot()
    empty_v3()

    pacing = Pacing(pause_ms=1, per_minute=6000)
    run(name="night", batch_size=size, pacing=pacing)

    assert snapshot() == rows
    proof = core(proved("night"))
    query("TRUNCATE migration_differences, migration_verifications")
    assert core(proved("night", batch_size=size, pacing=pacing)) == proof


def test_r9_ctrl_c_in_an_import_s_pause_ends_it_and_it_goes_on_at_another_pace(
    v2_path: Path,
) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=2)
    rows = snapshot()
    empty_v3()

    pressed = Quiet(press)  # in the first pause: the batch is settled before it is slept
    stopped = run(pressed, name="night", batch_size=2, pacing=AN_HOUR)

    assert stopped.outcome == "interrupted"
    assert pressed.started == ["organizations"]
    begun = query("SELECT table_name, status, processed_records FROM migration_progress")
    assert [one for one in begun if one[1] != "pending"] == [("organizations", "in_progress", 2)]
    run(name="night", batch_size=2)
    assert snapshot() == rows


def test_r9_ctrl_c_in_a_verification_s_pause_ends_it_and_nothing_counts_as_looked_at(
    v2_path: Path,
) -> None:
    rich_v2(v2_path)
    run(name="night")
    expected = core(proved("night"))
    query("TRUNCATE migration_differences, migration_verifications")

    with pytest.raises(KeyboardInterrupt, match="To go on: verify_v2 --name night"):
        proved("night", Quiet(press), batch_size=2, pacing=AN_HOUR)

    document = proved("night")
    assert document["resumed"]
    assert core(document) == expected


def test_r9_ctrl_c_between_two_tables_leaves_the_second_for_the_next_time(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")
    query("DELETE FROM users")  # a table that would seem to be in order if nothing of it is read
    expected = core(proved("night"))
    assert table(expected, "users")["missing_in_v3"] > 0
    query("TRUNCATE migration_differences, migration_verifications")
    watcher = Quiet()
    begin = watcher.table_started

    def table_started(state: object) -> None:
        begin(state)  # type: ignore[arg-type]  # passed on
        if len(watcher.started) == 2:
            press()

    watcher.table_started = table_started  # type: ignore[method-assign]  # the one place to stand
    with pytest.raises(KeyboardInterrupt):
        proved("night", watcher, pacing=Pacing(pause_ms=200))

    assert watcher.started == ["organizations", "users"]
    assert core(proved("night")) == expected


def test_r9_ctrl_c_in_a_retry_s_pause_ends_it(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")
    before = len(open_errors())
    assert before > 2

    report = run_retry(RetryOptions("night", batch_size=1, pacing=AN_HOUR), after_batches(1, press))

    assert report.interrupted
    assert retry(name="night").migration is not None
    assert len(open_errors()) == before


@pytest.mark.parametrize("command", ["import_v2", "verify_v2", "retry_v2"])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--pause-ms", "-1"),
        ("--pause-ms", "3600001"),
        ("--pause-ms", "1.5"),
        ("--max-batches-per-minute", "0"),
        ("--max-batches-per-minute", "6001"),
    ],
)
def test_a_pace_nobody_can_keep_is_a_wrong_option(
    capsys: pytest.CaptureFixture[str], command: str, option: str, value: str
) -> None:
    with pytest.raises(Exception, match=f"argument {option}: takes ") as caught:
        call_command(command, f"{option}={value}")
    assert repr(value) in str(caught.value)
