"""Processes side by side: given tasks, heard, stopped, lost, and gone with their parent."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from mmap import mmap
from multiprocessing import Pipe, active_children, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from tests.crashes import wait_until
from transfer.crew import GRACE_SECONDS, Crew, Ended, Line, MemberLostError, Report, _live
from transfer.exceptions import RunError, SourceLostError, WorkersNotStartedError


def greet(line: Line, name: str) -> None:
    line.send(f"hello {name} from {os.getpid()}")


def repeat(line: Line) -> None:
    while (said := line.receive()) is not None:
        line.send(said)


def until_stopped(line: Line) -> None:
    line.send("at it")
    while not line.stopped:
        time.sleep(0.01)


def wait_for_ever(line: Line) -> None:
    """As one waits for a v2 that is locked: without a look at its line."""
    line.send("at it")
    while True:
        signal.pause()


def fail(_line: Line, how: str) -> None:
    if how == "a lost v2":
        raise SourceLostError("v2 is gone", table="submissions")
    if how == "a defect":
        raise ValueError(how)

    class Local(Exception):  # noqa: N818 - it cannot be sent
        pass

    raise Local(how)


def die(_line: Line) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def crew() -> Iterator[Crew]:
    with closing(Crew(2)) as made:
        yield made


def heard(crew: Crew, number: int = 1) -> list[Report]:
    found: list[Report] = []
    wait_until(lambda: found.extend(crew.reports(1)) or len(found) >= number)
    return found


def test_members_do_their_tasks_side_by_side_and_say_when_they_have_ended(crew: Crew) -> None:
    crew.begin(0, greet, "one")
    crew.begin(1, greet, "two")

    found = heard(crew, 4)

    assert len(crew) == 2
    assert {r.member for r in found} == {0, 1}
    assert [r.message for r in found if isinstance(r.message, Ended)] == [Ended(), Ended()]
    processes = {r.message.split()[-1] for r in found if isinstance(r.message, str)}
    assert len(processes | {str(os.getpid())}) == 3


def test_a_member_hears_what_its_parent_says_and_takes_one_task_after_another(crew: Crew) -> None:
    for word in ("first", "second"):
        crew.begin(1, repeat)
        crew.say(1, word)
        crew.say(1, None)
        assert heard(crew, 2) == [Report(1, word), Report(1, Ended())]


def test_stop_ends_every_task(crew: Crew) -> None:
    for member in (0, 1):
        crew.begin(member, until_stopped)
    heard(crew, 2)

    crew.stop()

    assert [r.message for r in heard(crew, 2)] == [Ended(), Ended()]


@pytest.mark.parametrize(
    ("how", "kind", "told"),
    [
        ("a lost v2", SourceLostError, "v2 is gone"),
        ("a defect", ValueError, "a defect"),
        ("what cannot be sent", RunError, "Local: what cannot be sent"),
    ],
)
def test_what_a_task_raises_is_told(crew: Crew, how: str, kind: type[Exception], told: str) -> None:
    crew.begin(0, fail, how)

    (report,) = heard(crew)

    error = report.message.error
    assert type(error) is kind
    assert str(error) == told
    if isinstance(error, SourceLostError):
        assert (error.table, error.retryable) == ("submissions", True)
    if isinstance(error, ValueError):
        assert "in fail" in error.__notes__[0]  # where the defect is


def test_a_member_that_is_killed_is_told_once_and_the_others_go_on(crew: Crew) -> None:
    crew.begin(0, die)
    with pytest.raises(MemberLostError, match=r"worker process 1 ended by itself \(signal 9\)"):
        heard(crew)

    with pytest.raises(MemberLostError):
        crew.say(0, "still there?")
    crew.begin(1, greet, "two")
    assert len(heard(crew, 2)) == 2


def test_close_at_once_waits_for_nobody(crew: Crew) -> None:
    crew.begin(0, repeat)  # waits for ever
    crew.begin(1, repeat)

    crew.close(at_once=True)

    assert len(crew) == 0


def test_close_gives_all_members_together_as_long_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waited = [100.0], list[float]()

    def join(process: BaseProcess, timeout: float | None = None) -> None:
        if timeout is not None:  # else it has been killed
            waited.append(timeout)
            now[0] += min(timeout, 3)

    crew = Crew(4)
    for member in range(4):
        crew.begin(member, wait_for_ever)
    heard(crew, 4)
    processes = [*crew._processes]
    with monkeypatch.context() as patched:
        patched.setattr("transfer.crew.time", SimpleNamespace(monotonic=lambda: now[0]))
        patched.setattr(BaseProcess, "join", join)
        patched.setattr(BaseProcess, "close", lambda _process: None)
        crew.close()

    assert waited == [GRACE_SECONDS, GRACE_SECONDS - 3, 0, 0]
    for process in processes:
        process.join()
        assert process.exitcode == -signal.SIGKILL


PARENT = """
import os, signal, sys, time
from tests.unit import test_crew
from transfer.crew import Crew
crew = Crew(2)
for member in (0, 1):
    crew.begin(member, getattr(test_crew, sys.argv[1]))
test_crew.heard(crew, 2)
print(*[process.pid for process in crew._processes], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("task", ["until_stopped", "wait_for_ever"])
def test_members_end_when_their_parent_is_killed_and_ctrl_c_is_nothing_to_them(task: str) -> None:
    """Whether they look or not: one that waits for a v2 that is locked looks at nothing."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, task],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings_without_database"},
    )
    assert parent.stdout is not None
    with parent.stdout:
        members = [int(pid) for pid in parent.stdout.readline().split()]
    for member in members:
        os.kill(member, signal.SIGINT)
        os.kill(member, signal.SIGTERM)
    assert all(map(alive, members))

    parent.kill()
    parent.wait()

    try:
        wait_until(lambda: not any(map(alive, members)))
    finally:
        for member in filter(alive, members):
            os.kill(member, signal.SIGKILL)


def alive(process: int) -> bool:
    try:
        stat = Path("/proc", str(process), "stat").read_text()
        return stat.rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_member_whose_parent_is_gone_before_it_begins_ends_at_once() -> None:
    """The kernel, asked after that, would tell it of another's end."""
    here, there = Pipe()
    with here, there:
        # This process is not the one that it takes for its parent.
        line = Line(there, mmap(-1, 1), os.getppid())
        member = get_context("fork").Process(target=partial(_live, line, []))
        member.start()
        member.join(30)
        member.kill()
        member.join()

        assert member.exitcode == 0


def test_ctrl_c_between_a_fork_and_what_follows_it_is_heard() -> None:
    """Python drops what a signal raises while it makes itself ready for a fork, or after one."""
    script = """
import functools, os, signal
import django
django.setup()
from transfer.crew import Crew
os.register_at_fork(before=functools.partial(os.kill, os.getpid(), signal.SIGINT))
try:
    Crew(2)
except KeyboardInterrupt:
    print("heard")
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings_without_database"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.stdout, done.stderr, done.returncode) == ("heard\n", "", 0)


@pytest.fixture
def third_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third process is one too many, as where their number is limited."""
    fork, asked = os.fork, list[None]()

    def refused() -> int:
        asked.append(None)
        if len(asked) == 3:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        return fork()

    monkeypatch.setattr(os, "fork", refused)


def test_where_a_process_is_refused_those_made_by_then_are_ended(third_refused: None) -> None:
    told = "cannot start worker process 3 of 4: Resource temporarily unavailable; use fewer"
    with pytest.raises(WorkersNotStartedError, match=told):
        Crew(4)

    assert active_children() == []


@pytest.mark.parametrize("command", ["import_v2", "verify_v2"])
def test_a_command_that_is_refused_a_process_says_so_in_one_line(
    third_refused: None, command: str
) -> None:
    with pytest.raises(CommandError, match=r"^cannot start worker process 3 of .*$") as error:
        call_command(command, workers=4)

    assert error.value.returncode == 1
    assert "\n" not in str(error.value)
    assert active_children() == []


def test_ctrl_c_while_the_crew_is_made_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Crew._add

    def pressed(crew: Crew) -> None:
        begin(crew)
        # Of this thread, for another one of the test runner's would hear it at once.
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Crew, "_add", pressed)
    # What it was told with holds the crew, as a debugger or a log would.
    with pytest.raises(KeyboardInterrupt) as held:
        Crew(2)

    assert held.traceback
    assert active_children() == []
