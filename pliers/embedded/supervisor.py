"""Runs the server and stops it when nobody uses it any more.

A program of its own, started by file name: it imports nothing but the standard library, so that
it is up at once and stays small. It belongs to no terminal and to no parent.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

_POLL_SECONDS = 0.2
_FAST_SHUTDOWN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, and how to see that it is not needed any more.

    Args:
        starting: lock file held by whoever starts or stops the server.
        users: lock file on which every process that uses the server holds a shared lock.
        supervised: lock file this program holds as long as it lives.
        linger: seconds without users after which the server stops.
        remove: directories to delete once it has stopped.
        status: file descriptor that is closed when the server is gone.
        command: the words that run the server in the foreground.
    """

    starting: str
    users: str
    supervised: str
    linger: float
    remove: tuple[str, ...]
    status: int
    command: tuple[str, ...]

    def to_json(self) -> str:
        """Return the order as one command line argument."""
        return json.dumps(asdict(self))


def run(order: Order) -> None:
    """Run the server until it ends, or until it has had no users for a while."""
    supervised = _open(order.supervised)
    fcntl.flock(supervised, fcntl.LOCK_EX)
    fcntl.fcntl(order.status, fcntl.F_SETFD, fcntl.FD_CLOEXEC)  # the server must not keep it open
    with subprocess.Popen(order.command, stdin=subprocess.DEVNULL) as server:  # noqa: S603 - our own words
        signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))
        users, starting = _open(order.users), _open(order.starting)
        needed = time.monotonic()
        while server.poll() is None:
            time.sleep(_POLL_SECONDS)
            if not _is_free(users):
                needed = time.monotonic()
            elif time.monotonic() - needed >= order.linger and _take(starting):
                # Nobody can begin to use it while we hold this lock; was somebody faster?
                if _is_free(users):
                    _stop(server)
                    _remove(order.remove)
                    return
                fcntl.flock(starting, fcntl.LOCK_UN)
    if _is_free(users) and _take(starting):
        _remove(order.remove)


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(descriptor: int) -> bool:
    if not _take(descriptor):
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _stop(server: "subprocess.Popen[bytes]") -> None:
    for how, seconds in ((signal.SIGINT, _FAST_SHUTDOWN_SECONDS), (signal.SIGQUIT, 10.0)):
        server.send_signal(how)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def _remove(directories: tuple[str, ...]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    """Leave the caller, then do what the order says."""
    order = Order(**json.loads(sys.argv[1]))
    if os.fork():  # the caller waits for this process; the one that stays is nobody's child
        os._exit(0)
    run(order)


if __name__ == "__main__":
    main()
