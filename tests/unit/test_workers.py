"""How many workers there are by default, what each may read, and what they report."""

import os
from dataclasses import replace
from typing import Any

import pytest

from transfer import team
from transfer.batch import TableState
from transfer.cli import workers
from transfer.mapping.codes import Code
from transfer.options import MAX_WORKERS, ImportOptions
from transfer.pace import Pacing
from transfer.plan import select_steps
from transfer.worker import REPORT_SECONDS, Reporter
from transfer.workers import shared_pacing


@pytest.mark.parametrize(("cores", "number"), [(1, 1), (2, 2), (3, 3), (4, 4), (8, 4), (64, 4)])
def test_the_default_is_a_worker_for_each_core_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch, settings: Any, cores: int, number: int
) -> None:
    settings.PLIERS_WORKERS = None
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(cores)), raising=False)

    assert team.default_workers() == number


def test_a_setting_says_another_number(settings: Any) -> None:
    settings.PLIERS_WORKERS = 7

    assert team.default_workers() == 7


def test_where_no_system_tells_what_may_be_used_all_cores_count(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PLIERS_WORKERS = None
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)

    assert team.default_workers() == 3


def test_who_spares_v2_has_one_worker_unless_he_says_otherwise(settings: Any) -> None:
    settings.PLIERS_WORKERS = 4
    spared = ImportOptions(pacing=Pacing(pause_ms=10))

    assert team.team_size(ImportOptions()) == 4
    assert team.team_size(spared) == 0
    assert team.team_size(replace(spared, workers=3)) == 3


def test_processes_are_made_only_where_there_is_something_to_share() -> None:
    asked = ImportOptions(workers=3)

    assert team.team_size(asked) == 3
    assert team.team_size(replace(asked, workers=1)) == 0
    assert team.team_size(replace(asked, dry_run=True)) == 0
    assert team.team_size(replace(asked, steps=select_steps(["forms", "users"]))) == 0


def test_batches_a_minute_are_those_of_all_workers_together() -> None:
    shared = shared_pacing(Pacing(50, 10), 3)

    assert [one.per_minute for one in shared] == [4, 3, 3]
    assert {one.pause_ms for one in shared} == {50}
    assert shared_pacing(Pacing(50), 2) == [Pacing(50)] * 2


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "", str(MAX_WORKERS + 1)])
def test_a_number_of_workers_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(Exception, match=f"takes a whole number from 1 to {MAX_WORKERS}, got"):
        workers(value)


def test_reports_come_a_few_times_a_second_and_at_once_for_an_error() -> None:
    told: list[int] = []
    now = 100.0
    reporter = Reporter(lambda state: told.append(state.batches), clock=lambda: now)
    state = TableState("submissions", "in_progress", partition=1)

    for number in range(1, 6):
        state.batches = number
        if number == 3:
            state.findings[Code.FORM_UNKNOWN.value] += 1
        if number == 5:
            now += REPORT_SECONDS
        reporter.batch_loaded(state)

    assert told == [1, 3, 5]
