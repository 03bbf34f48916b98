"""A crew of processes that work side by side for one command: forked early, asked later.

They are forked before anything is open (no connection, no thread), and share the memory of what
is loaded by then. Each waits for a task, reports while it does it, and ends with its parent: on
Linux the kernel kills it, wherever it waits; elsewhere it ends once it looks, or has an answer.
"""

import ctypes
import gc
import mmap
import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from django.db import connections

from transfer.exceptions import RunError, TransferError, WorkersNotStartedError

# Seconds a member that was told to end may take before it is killed; nothing it does by then
# is committed.
GRACE_SECONDS = 5.0
# What they mean is the parent's to say.
OF_THE_PARENT = (signal.SIGINT, signal.SIGTERM)
# Linux's <linux/prctl.h>: the signal a process gets when the thread that forked it ends.
PR_SET_PDEATHSIG = 1


class Report(NamedTuple):
    """What a member sent: its number, and the message."""

    member: int
    message: Any


class Ended(NamedTuple):
    """A member is through with its task; ``error`` tells why where it did not get to the end."""

    error: Exception | None = None


class MemberLostError(RunError):
    """A process of the crew ended by itself: killed, or out of memory."""

    retryable = True

    def __init__(self, message: str, member: int) -> None:
        super().__init__(message)
        self.member = member


class Line:
    """A member's end of the talk with its parent."""

    def __init__(self, pipe: Connection, stop: mmap.mmap, parent: int) -> None:
        self._pipe = pipe
        self._stop = stop
        self._parent = parent

    @property
    def orphaned(self) -> bool:
        """Whether the parent is gone."""
        return os.getppid() != self._parent

    @property
    def stopped(self) -> bool:
        """Whether the member is to end its task with what it has in hand.

        So it is too where the parent is gone: another may begin where it was.
        """
        return self._stop[0] != 0 or self.orphaned

    def send(self, message: object) -> None:
        """Tell the parent something that can be pickled.

        Raises:
            OSError: the parent is gone.
        """
        self._pipe.send(message)

    def receive(self) -> Any:  # noqa: ANN401 - what the parent sent
        """What the parent says next, once it says it.

        Raises:
            EOFError: the parent is gone.
        """
        return self._pipe.recv()


Task = Callable[..., None]


class Crew:
    """Processes that wait for tasks. Close it, or they stay.

    It belongs to the thread that made it: on Linux its members are killed when that thread ends.

    Args:
        size: how many; 0 makes none.

    Raises:
        WorkersNotStartedError: the system refused one of them; those made by then are ended.
    """

    def __init__(self, size: int) -> None:
        self._stop = mmap.mmap(-1, 1)
        self._pipes: list[Connection | None] = []  # None: of a member that is lost
        self._processes: list[multiprocessing.context.ForkProcess] = []
        if not size:
            return
        try:
            self._make(size)
        except BaseException:  # nobody has the crew yet, and so nobody else closes it
            self.close(at_once=True)
            raise

    def __len__(self) -> int:
        return len(self._processes)

    def _make(self, size: int) -> None:
        gc.freeze()  # what is there by now stays shared: a collection would write into it
        # Between a fork and what Python does after it nobody hears a signal; here it waits.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_PARENT)
        try:
            for number in range(1, size + 1):
                try:
                    self._add()
                except OSError as error:
                    msg = (
                        f"cannot start worker process {number} of {size}: "
                        f"{error.strerror or error}; use fewer --workers, or let this user have "
                        "more processes, memory and open files"
                    )
                    raise WorkersNotStartedError(msg) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _add(self) -> None:
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        others = [*filter(None, self._pipes), here]
        line = Line(there, self._stop, os.getpid())
        process = context.Process(target=_live, args=(line, others))
        with there:
            try:
                process.start()
            except BaseException:
                here.close()
                raise
        self._pipes.append(here)
        self._processes.append(process)

    def begin(self, member: int, task: Task, *arguments: object) -> None:
        """Have a member do ``task(line, *arguments)``; it ends with an ``Ended``.

        Args:
            member: its number, from 0.
            task: a function of a module.
            arguments: what can be pickled.
        """
        self.say(member, (task, arguments))

    def say(self, member: int, message: object) -> None:
        """Tell a member something it waits for.

        Raises:
            MemberLostError: it is gone.
        """
        pipe = self._pipes[member]
        if pipe is None:
            raise self._lost(member)
        try:
            pipe.send(message)
        except OSError as error:
            raise self._lost(member) from error

    def reports(self, seconds: float) -> Iterator[Report]:
        """What members have sent, within so many seconds; ends once something came.

        Raises:
            MemberLostError: one of them is gone; it is told once, and the others can be heard
                when asked again.
        """
        ready = wait(list(filter(None, self._pipes)), seconds)
        for member, pipe in enumerate(self._pipes):
            if pipe is None or pipe not in ready:
                continue
            try:
                message = pipe.recv()
            except (EOFError, OSError) as error:
                raise self._lost(member) from error
            yield Report(member, message)

    def stop(self) -> None:
        """Have every member end its task with what it has in hand."""
        self._stop[0] = 1

    def close(self, *, at_once: bool = False) -> None:
        """End all members: after their tasks, or at once, whatever they have in hand."""
        self.stop()
        for pipe in filter(None, self._pipes):
            pipe.close()
        deadline = time.monotonic() + (0 if at_once else GRACE_SECONDS)  # of all together
        for process in self._processes:
            process.join(max(deadline - time.monotonic(), 0))
            if process.is_alive():
                process.kill()
            process.join()
            process.close()
        self._pipes, self._processes = [], []

    def _lost(self, member: int) -> MemberLostError:
        if pipe := self._pipes[member]:
            pipe.close()
            self._pipes[member] = None
        process = self._processes[member]
        process.join(GRACE_SECONDS)
        code = process.exitcode
        why = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        return MemberLostError(f"worker process {member + 1} ended by itself ({why})", member)


_inherited: list[object] = []


def _live(line: Line, others: list[Connection]) -> None:
    # Ctrl-C and SIGTERM reach the whole group; what they mean is the parent's to say.
    for one in OF_THE_PARENT:
        signal.signal(one, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_PARENT)
    if not _dies_with_parent(line):
        return
    for pipe in others:  # or nobody would see that the parent is gone
        pipe.close()
    _forget_connections()
    while True:
        try:
            task, arguments = line.receive()
        except (EOFError, OSError):
            return
        error = None
        try:
            task(line, *arguments)
        except Exception as raised:  # noqa: BLE001 - the parent raises it
            error = _sendable(raised)
        try:
            line.send(Ended(error))
        except OSError:
            return


def _dies_with_parent(line: Line) -> bool:
    """Have the kernel kill this process when its parent ends, where it can; false: it has ended.

    A member may wait for v2, or for a lock, long after; meanwhile it would hold the workers' lock,
    and no other import could begin. What it had in hand is not committed (R2).
    """
    if sys.platform == "linux":
        # Refused by a sandbox, it is as on other systems.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    # It may have ended before that.
    return not line.orphaned


def _sendable(error: Exception) -> Exception:
    """The error, or one that says the same where it cannot be sent; a defect's place is noted."""
    if not isinstance(error, TransferError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own, of this moment
    except Exception:  # noqa: BLE001 - whatever it is that cannot be sent
        return RunError(f"{type(error).__name__}: {error}")
    return error


def _forget_connections() -> None:
    """Let the parent's connections be the parent's: to close them here would end its sessions."""
    for alias in connections:
        wrapper = connections[alias]
        _inherited.append(wrapper.connection)
        wrapper.connection = None
