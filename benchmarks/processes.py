"""Runs a command in a process of its own: how long it took, its CPU time, its peak memory.

A command gets a session of its own, so that all its processes can be found, and killed: whatever
ends the benchmark, none of them stays behind.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent
_PROC = Path("/proc")
# ru_maxrss is in KiB on Linux and in bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
SAMPLE_SECONDS = 0.02
LAST_WORDS = 4_000  # characters of what a failed command wrote to stderr


class Memory(NamedTuple):
    """The most that all processes of a command held at one moment, in bytes.

    ``pss`` counts a page that several processes share once, ``rss`` once for each of them.
    """

    pss: int
    rss: int
    processes: int


class Run(NamedTuple):
    """A process that has ended.

    Attributes:
        seconds: from before it was started to its end.
        peak: resident memory of the one process of it that had most, in bytes; never less than
            the benchmark itself had when it started it.
        status: its exit status; -9 after SIGKILL.
        output: what it printed.
        cpu: seconds of user and system time, with those of the processes it waited for.
        memory: of all its processes together; None where that was not asked for.
    """

    seconds: float
    peak: int
    status: int
    output: str
    cpu: float
    memory: Memory | None = None


@contextmanager
def started(
    command: Sequence[str],
    environment: dict[str, str],
    output: IO[str],
    errors: IO[str],
    cwd: Path = ROOT,
) -> Iterator["subprocess.Popen[str]"]:
    """Start a command in a session of its own; at the end nothing of that session is left."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill_group(process.pid)
        process.wait()


def kill_group(leader: int) -> None:
    """SIGKILL every process of the group that this one leads; none may be left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def run(
    command: Sequence[str],
    environment: dict[str, str],
    allowed: Sequence[int] = (0,),
    *,
    watch: bool = False,
    cwd: Path = ROOT,
) -> Run:
    """Run a command to its end.

    Args:
        command: the program and its words.
        environment: all of its environment.
        allowed: exit statuses that are no failure.
        watch: look at the memory of all its processes too. That costs it some time.
        cwd: the folder it begins in.

    Raises:
        SystemExit: it ended with another exit status; its last words are in the message.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        with started(command, environment, output, errors, cwd) as process:
            with _Watch(process.pid, active=watch) as watching:
                _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in allowed:
            errors.seek(0)
            said = errors.read()[-LAST_WORDS:]
            words = " ".join(command[1:])
            raise SystemExit(f"{words}: exit status {process.returncode}\n{said}")
        output.seek(0)
        return Run(
            seconds,
            usage.ru_maxrss * _RSS_UNIT,
            process.returncode,
            output.read(),
            usage.ru_utime + usage.ru_stime,
            watching.most,
        )


class _Watch:
    """Samples the memory of a session's processes in a thread, while it is entered."""

    def __init__(self, leader: int, *, active: bool) -> None:
        self._leader = leader
        self._ended = threading.Event()
        can = active and (_PROC / "self/smaps_rollup").exists()
        self._thread = threading.Thread(target=self._look) if can else None
        self.most: Memory | None = None

    def __enter__(self) -> Self:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _look(self) -> None:
        pss = rss = processes = 0
        while not self._ended.wait(SAMPLE_SECONDS):
            held = [memory_of(pid) for pid in session(self._leader)]
            pss = max(pss, sum(own for own, _ in held))
            rss = max(rss, sum(whole for _, whole in held))
            processes = max(processes, len(held))
        self.most = Memory(pss, rss, processes) if pss else None


def session(leader: int) -> list[int]:
    """The processes of the session, and whatever else descends from its leader (on Linux)."""
    parents: dict[int, int] = {}
    found = set()
    for entry in os.listdir(_PROC):  # noqa: PTH208 - many times a second, and Path objects cost
        if not entry.isdecimal():
            continue
        with suppress(OSError):
            # The name in brackets may hold anything; behind it: state, parent, group, session.
            fields = (_PROC / entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry)] = int(fields[1])
            if int(fields[3]) == leader:
                found.add(int(entry))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def memory_of(pid: int) -> tuple[int, int]:
    """A process's PSS and RSS in bytes; nothing for one that has gone."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {
        words[0]: int(words[1]) * 1024
        for words in (line.split() for line in lines)
        if words[0] in {"Pss:", "Rss:"}
    }
    return sizes.get("Pss:", 0), sizes.get("Rss:", 0)
