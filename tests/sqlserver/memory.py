"""The peak of a command's memory, in a process of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

# Not what the parent waits for and is told (ru_maxrss): that holds the parent's own peak too.
_MEASURED = """
import re, sys
from pathlib import Path
from django.core.management import execute_from_command_line

try:
    execute_from_command_line(["manage.py", *sys.argv[2:]])
finally:
    status = Path("/proc/self/status").read_text()
    Path(sys.argv[1]).write_text(re.search(r"VmHWM:\\s+(\\d+) kB", status).group(1))
"""


def peak_of(*words: str, env: Mapping[str, str], statuses: tuple[int, ...] = (0, 3)) -> int:
    """Run a manage.py command; its peak of resident memory in bytes (on Linux)."""
    with tempfile.NamedTemporaryFile("r", prefix="pliers-peak-") as file:
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, file.name, *words],
            cwd=settings.BASE_DIR,
            env=dict(env),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in statuses, done.stderr
        return int(Path(file.name).read_text()) * 1024
