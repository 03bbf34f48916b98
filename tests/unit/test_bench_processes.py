"""make bench's processes: all of a command is seen, and none of it is left behind."""

import os
import sys

import pytest

from benchmarks.processes import run
from tests.crashes import wait_until

# A child that stays, and holds some memory; the leader tells its pid once it does.
WITH_A_CHILD = """
import os, signal, sys, time
ready, held = os.pipe()
pid = os.fork()
if not pid:
    kept = bytearray(os.urandom(1)) * 40_000_000
    os.write(held, b"x")
    signal.pause()
os.read(ready, 1)
print(pid, flush=True)
time.sleep(float(sys.argv[1]))
sys.exit(int(sys.argv[2]))
"""


def command(seconds: float, status: int) -> list[str]:
    return [sys.executable, "-c", WITH_A_CHILD, str(seconds), str(status)]


def is_there(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - it may be gone at any moment
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_the_memory_is_that_of_all_processes_and_none_stays() -> None:
    done = run(command(0.5, 0), dict(os.environ), watch=True)
    assert done.memory is not None
    assert done.memory.processes == 2
    assert 40_000_000 < done.memory.pss <= done.memory.rss
    wait_until(lambda: not is_there(int(done.output)))


def test_a_command_that_fails_says_what_it_said(tmp_path) -> None:
    words = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with pytest.raises(SystemExit, match="exit status 1\nno such thing"):
        run(words, dict(os.environ))
    assert run(words, dict(os.environ), (1,)).status == 1
