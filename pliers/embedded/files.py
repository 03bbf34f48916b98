"""Small questions to the file system: locks, and which process is which."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pliers.embedded.errors import EmbeddedError


def open_lock(path: Path) -> int:
    """Open a lock file, made where missing; children that run another program do not inherit it."""
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock if nobody else has any; never wait."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Say whether any process holds a lock, shared or exclusive, on the file."""
    descriptor = open_lock(path)
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold the exclusive lock of a file, waiting for it for so many seconds.

    Raises:
        EmbeddedError: another process held it all that time.
    """
    descriptor = open_lock(path)
    deadline = time.monotonic() + seconds
    try:
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"another process has been starting or stopping the server for {seconds:.0f} s"
                    f" (lock {path})"
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def postmaster_lines(data: Path) -> list[str]:
    """Return the lines of ``postmaster.pid``: process, folder, start, port, socket, …, status."""
    with suppress(FileNotFoundError):
        return (data / "postmaster.pid").read_text(errors="replace").splitlines()
    return []


def is_server_process(pid: int, data: Path) -> bool:
    """Say whether a process is a PostgreSQL that works in this data directory.

    A process id alone proves nothing: after a crash another program may have it.
    """
    process = Path("/proc", str(pid))
    try:
        program = (process / "exe").readlink().name
        return program.startswith("postgres") and (process / "cwd").samefile(data)
    except OSError:  # it is gone, or it is somebody else's
        return False


def server_processes(data: Path) -> list[int]:
    """Return every process of a PostgreSQL that works in this data directory."""
    if not data.exists():
        return []
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in pids if is_server_process(pid, data)]
