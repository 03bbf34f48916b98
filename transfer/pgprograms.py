"""PostgreSQL's own client programs: which of this machine's fit a server, and how they log in.

pg_dump refuses a server newer than itself, and pg_restore an archive newer than itself, so the
programs are taken as sets, by major version: the oldest that is new enough. Where a login has a
password it travels in the environment of the program, never among its words (R8).
"""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.db import connections
from psycopg.pq import Conninfo

from pliers.embedded import EmbeddedError
from pliers.embedded.cluster import programs as embedded_programs
from transfer.exceptions import ConfigurationError, TargetError

# Where Debian and Ubuntu keep a folder for each major version.
VERSIONED = Path("/usr/lib/postgresql")
NEEDED = ("pg_dump", "pg_restore", "psql")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with pg_dump, pg_restore and psql of one major version."""

    folder: Path
    version: int

    def path(self, name: str) -> str:
        """Where one of the programs is."""
        return str(self.folder / name)


def find_programs() -> list[Programs]:
    """Every complete set on this machine, oldest first; those on PATH win over their equals."""
    found: dict[int, Programs] = {}
    for folder in _folders():
        version = _version(folder)
        if version is not None:
            found.setdefault(version, Programs(folder, version))
    return [found[version] for version in sorted(found)]


def programs_for(version: int, what: str) -> Programs:
    """The oldest set of programs of at least this major version.

    Args:
        version: the major version that a server has, or that made an archive.
        what: which of them, for the message.

    Raises:
        TargetError: this machine has none that is new enough.
    """
    found = find_programs()
    for each in found:
        if each.version >= version:
            return each
    have = ", ".join(str(each.version) for each in found) or "none"
    raise TargetError(
        f"{what} is of PostgreSQL {version}, and this machine has no pg_dump, pg_restore and psql "
        f"as new as that (found: {have}). Install postgresql-client-{version}, or put its programs "
        "on PATH"
    )


def _folders() -> Iterator[Path]:
    for name in os.environ.get("PATH", "").split(os.pathsep):
        if name:
            yield Path(name)
    if VERSIONED.is_dir():
        yield from sorted(VERSIONED.glob("*/bin"))
    try:
        yield embedded_programs()
    except EmbeddedError:  # the server is another one, and the package need not be there
        return


@functools.cache  # a set of programs is asked once a process
def _version(folder: Path) -> int | None:
    if not all(shutil.which(name, path=str(folder)) for name in NEEDED):
        return None
    versions = set()
    for name in NEEDED:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's programs, by their names
            [str(folder / name), "--version"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"LC_ALL": "C"},
        )
        said = _VERSION.search(done.stdout)
        if done.returncode or not said:
            return None
        versions.add(int(said.group(1)))
    return versions.pop() if len(versions) == 1 else None


def login_environment(alias: str) -> dict[str, str]:
    """The environment in which a program logs in where the alias does.

    Raises:
        ConfigurationError: the alias has a secret that only a program's words could carry.
    """
    given: Mapping[str, Any] = connections[alias].get_connection_params()
    environment = os.environ | {"LC_ALL": "C"}
    for option in Conninfo.get_defaults():
        keyword = option.keyword.decode()
        if keyword == "client_encoding" or given.get(keyword) in (None, ""):
            continue
        if option.envvar is not None:
            environment[option.envvar.decode()] = str(given[keyword])
        elif option.dispchar == b"*":
            raise ConfigurationError(
                f"DATABASE_URL has {keyword}, which pg_dump could only be given for everybody on "
                "this machine to see; leave it out and use a key without it, or run pg_dump by hand"
            )
        # What is left tunes the network, and a program may take its defaults.
    return environment


def role_words(alias: str) -> list[str]:
    """The words that make pg_dump or pg_restore take the role the alias takes."""
    role = connections[alias].settings_dict.get("OPTIONS", {}).get("assume_role")
    return [f"--role={role}"] if role else []


def last_error(text: str) -> str:
    """What a program said when it failed: its first error with the detail, in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for place, line in enumerate(lines):
        if re.search(r"\b(error|ERROR|FATAL)\b", line):
            detail = next((x for x in lines[place + 1 : place + 3] if x.startswith("DETAIL")), "")
            more = detail.removeprefix("DETAIL:").strip()
            return f"{line} ({more})" if more else line
    return lines[-1] if lines else "it said nothing"


@contextlib.contextmanager
def child(words: Sequence[str], **how: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A program that is gone when the block is left, whatever ends it."""
    process = subprocess.Popen(  # noqa: S603 - PostgreSQL's programs with our own words
        words, start_new_session=True, **how
    )
    try:
        yield process
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        process.wait()


def complaint(stream: IO[bytes]) -> str:
    """What a program wrote about its failure, in one line."""
    stream.seek(0)
    return last_error(stream.read().decode(errors="replace"))


def run_program(
    programs: Programs, name: str, words: Sequence[str], environment: Mapping[str, str]
) -> str:
    """Run a program to its end; what it printed.

    Raises:
        TargetError: it failed; the message says with what.
    """
    command = [programs.path(name), *words]
    with (
        tempfile.TemporaryFile() as complaints,
        child(command, stdout=subprocess.PIPE, stderr=complaints, env=environment) as process,
    ):
        told = process.communicate()[0]
        if process.returncode:
            raise TargetError(f"{name} failed: {complaint(complaints)}")
    return told.decode(errors="replace")
