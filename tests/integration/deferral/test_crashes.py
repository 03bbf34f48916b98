"""A load with keys off that dies anywhere is gone on with, with the option or without (R2)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.crashes import end_backends
from tests.integration.deferral.common import (
    deferred,
    in_submissions,
    indexes,
    normal,
    unsettled,
    whole,
)
from tests.runs import Quiet, query, rich_v2, run
from transfer import deferral_indexes
from transfer.deferral import Deferral
from transfer.deferral_settle import Settlement
from transfer.exceptions import RunStoppedError

pytestmark = pytest.mark.django_db(transaction=True)


class PowerCutError(Exception):
    """What a run does not survive, and cannot say goodbye to."""


@contextmanager
def dying(place: type | Any, name: str, *, after: bool, times: int = 1) -> Iterator[None]:
    """Let a run die before or after a call, that many calls of it on."""
    real = getattr(place, name)
    calls = 0

    def call(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls < times:
            return real(*args, **options)
        if after:
            real(*args, **options)
        raise PowerCutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, call)
        with pytest.raises(PowerCutError):
            yield


def after_the_drop() -> Any:
    """Die when the submissions, the fourth table, have lost their indexes."""
    return dying(Deferral, "_put_off", after=True, times=4)


# Where it dies next, each time it is started again.
PHASES: dict[str, Callable[[], Any]] = {
    "before the rebuild": lambda: dying(Settlement, "run", after=False),
    "in the rebuild": lambda: dying(deferral_indexes, "build", after=True, times=2),
    "in the rebuild, again": lambda: dying(deferral_indexes, "build", after=True, times=2),
    "before the proof": lambda: dying(Settlement, "prove", after=False),
    "before it is completed": lambda: dying(Deferral, "settle", after=True),
}


def check_open(phase: str) -> None:
    """The submissions are in hand, and what is put off is on record."""
    ((status,),) = query("SELECT status FROM migration_progress WHERE table_name = 'submissions'")
    assert status == "in_progress", phase
    assert bool(unsettled()) == (phase != "before it is completed"), phase


def go_on(option: bool) -> None:
    assert run(name="night", batch_size=4, defer_constraints=option).outcome == "finished"


@pytest.mark.parametrize("option", [True, False])
def test_r2_dead_in_one_phase_after_the_other(v2_path: Path, option: bool) -> None:
    """Each life begins with what the one before left behind, and gets one phase further."""
    rich_v2(v2_path)
    want = normal()
    with after_the_drop():
        deferred()
    check_open("after the drop")
    for phase, dies in PHASES.items():
        with dies():
            go_on(option=option)
        check_open(phase)

    go_on(option=not option)

    assert whole() == want
    assert unsettled() == []


def test_r2_dead_after_every_batch(v2_path: Path) -> None:
    """With the option and without by turns."""
    rich_v2(v2_path)
    want = normal()

    def die(_state: object) -> None:
        raise PowerCutError

    lives = 0
    while True:
        try:
            run(Quiet(die), name="night", batch_size=4, defer_constraints=lives % 2 == 0)
        except PowerCutError:
            lives += 1
            assert lives < 50
        else:
            break

    assert lives >= 8
    assert whole() == want
    assert unsettled() == []


def test_r2_stopped_at_the_limit_it_says_what_is_put_off(v2_path: Path) -> None:
    rich_v2(v2_path)
    want = normal()

    report = run(name="night", batch_size=4, limit=16, defer_constraints=True)

    assert report.outcome == "limited"
    assert len(report.notes) == 2
    assert report.notes[1].startswith("submissions: ")
    assert report.notes[1].endswith("2 foreign key(s) unproven until it is completed.")
    assert "idx_submissions_form" in report.notes[1]
    go_on(option=True)
    assert whole() == want


def test_r7_a_lost_connection_leaves_keys_off_for_the_next(v2_path: Path) -> None:
    """Every backend of the run ends after each batch, and a form with the first."""
    v2 = rich_v2(v2_path)
    want = normal()

    def end() -> None:
        # What reads is opened again only when there is something to read.
        assert end_backends() in {1, 2}

    def end_with_a_form() -> None:
        query("DELETE FROM forms WHERE id = %s", (v2.forms[1]["Id"],))
        end()

    said = deferred(in_submissions(end_with_a_form, end, end)).remarks

    assert any("lost their parent while keys were off" in line for line in said)
    assert indexes() == want.indexes
    assert unsettled() == []


def test_r6_another_importer_that_proved_the_keys_meanwhile_is_noticed(v2_path: Path) -> None:
    """It held the lock while this one hung; what comes in now would be proven by nobody."""
    rich_v2(v2_path)
    want = normal()
    settle = "UPDATE migration_deferrals SET settled_at = now() WHERE kind = 'foreign_key'"

    with pytest.raises(RunStoppedError, match="another importer dealt with the foreign keys"):
        deferred(in_submissions(lambda: query(settle)))

    go_on(option=False)
    assert whole() == want
