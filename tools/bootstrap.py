"""Make the virtual environment named on the command line match requirements.lock.

Run by the Makefile with the system's Python, so it needs nothing but the standard library, and
stays readable for a Python too old for the project: that has to get as far as saying so. Does
nothing, and needs no network, when the environment is as it should be. Every failure is one line.
"""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
LOCK = Path("requirements.lock")
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


class BootstrapError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def main(venv: Path) -> None:
    """Check, and build where the check fails.

    Raises:
        BootstrapError: this Python is too old or incomplete, or a package cannot be installed.
    """
    if sys.version_info < OLDEST:
        raise BootstrapError(f"Python 3.11 or later is needed, this is {VERSION}: use PYTHON=…")
    wanted = f"{VERSION} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}\n"
    if is_ready(venv, wanted):
        return
    with Path(f"{venv}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # make demo and make test may begin at once
        if not is_ready(venv, wanted):
            build(venv)
            (venv / "stamp").write_text(wanted)


def is_ready(venv: Path, wanted: str) -> bool:
    """Say whether the environment holds what the lock file names, and this user can run it."""
    stamp = venv / "stamp"
    return stamp.exists() and stamp.read_text() == wanted and runs([venv / "bin/python", "-c", ""])


def build(venv: Path) -> None:
    """Make the environment and install exactly what the lock file names."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise BootstrapError(
            f"{sys.executable} cannot make virtual environments: apt-get install python3-venv"
        )
    if venv.exists() and not os.access(venv, os.W_OK):
        raise PermissionError(13, "Permission denied", str(venv))
    sys.stdout.write(f"making {venv} with Python {VERSION} (once)\n")
    sys.stdout.flush()
    run([sys.executable, "-m", "venv", "--clear", venv], str(venv))
    # Wheels only: a source package would need compilers that a fresh machine does not have.
    pip = [venv / "bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    exactly = ["--quiet", "--require-hashes", "--only-binary=:all:", "-r", LOCK]
    run([*pip, *exactly], f"the packages of {LOCK}")


def run(command: "list[object]", what: str) -> None:
    """Run a command.

    Raises:
        BootstrapError: it failed; the message holds the last error it printed.
    """
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if "rror:" in line or "ERROR" in line]
        reason = (errors or lines or ["it gave no reason"])[-1]
        raise BootstrapError(f"{what} could not be installed: {reason}")


def runs(command: "list[object]") -> bool:
    """Say whether a command can be run, and succeeds."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - as above
    except OSError:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except BootstrapError as error:
        sys.exit(f"error: {error}")
    except PermissionError as error:
        sys.exit(
            f"error: {error.filename} belongs to another user: remove it as that user,"
            " or work in a clone of your own"
        )
    except OSError as error:
        sys.exit(f"error: {sys.argv[1]} cannot be made: {error}")
