"""make bench on somebody's server: ended in the midst of it, it leaves nothing there."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from benchmarks.processes import ROOT
from tests.crashes import wait_until
from tests.runs import query

pytestmark = pytest.mark.django_db(transaction=True)


def databases_of(pid: int) -> list[str]:
    rows = query(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"pliers_bench_{pid}_"]
    )
    return [str(name) for (name,) in rows]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_after_a_signal_neither_its_database_nor_its_folder_is_there(
    v3_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    server = urlunsplit(urlsplit(v3_url)._replace(path=""))
    words = ["--server", server, "--data", str(tmp_path), "--submissions", "10", "--only", "a"]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench", *words],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: databases_of(process.pid) or process.poll() is not None)
        assert list(tmp_path.glob("pliers-bench-*"))
        process.send_signal(number)
        said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()

    assert (process.returncode, *said) == (128 + number, "", "")
    assert databases_of(process.pid) == []
    assert list(tmp_path.glob("pliers-bench-*")) == []
