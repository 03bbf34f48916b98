"""Which operating system user the server runs as: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pliers.embedded.errors import EmbeddedError

UNPRIVILEGED = "nobody"

# Lets the unprivileged user pass through directories closed to it (the project may lie below
# /root) without changing any of them. access(2) forgets capabilities of a user who is not root
# unless no_setuid_fixup is set, and PostgreSQL looks for its own programs with access(2).
_PASS_THROUGH = (
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
    "--securebits=+no_setuid_fixup",
)


@dataclass(frozen=True, slots=True)
class Account:
    """The user that owns the data directory and runs the server."""

    uid: int
    gid: int
    name: str

    @classmethod
    def for_data(cls, data: Path) -> "Account":
        """Return ourselves, or where we are root the owner of ``data``, else ``nobody``.

        Raises:
            EmbeddedError: we are root and there is no such user, or ``data`` is another user's.
        """
        owner = data.stat().st_uid if data.exists() else None
        ours = os.geteuid()
        if ours != 0:
            if owner not in (None, ours):
                raise EmbeddedError(
                    f"{data} belongs to another user ({_user_name(owner)}): run as that user,"
                    " or set PLIERS_VAR_DIR to a directory of your own"
                )
            return cls(ours, os.getegid(), _user_name(ours))
        try:
            entry = pwd.getpwuid(owner) if owner else pwd.getpwnam(UNPRIVILEGED)
        except KeyError:
            raise EmbeddedError(
                "PostgreSQL refuses to run as root, and there is no unprivileged user"
                f" {owner or UNPRIVILEGED!r} to run it as: run as an ordinary user, or set"
                " DATABASE_URL to another server"
            ) from None
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)

    def prefix(self, binaries: Path, directory: Path) -> tuple[str, ...]:
        """Return the words to put before a command so that it runs as this user.

        Args:
            binaries: the folder of PostgreSQL's programs, which the user must be able to run.
            directory: the folder the user must be able to write, which exists.

        Raises:
            EmbeddedError: this machine offers no way to become the user, or no way for that
                user to reach the two folders.
        """
        setpriv = shutil.which("setpriv")
        if os.geteuid() != 0:
            # The server goes when its supervisor does, whatever kills that.
            return (setpriv, "--pdeathsig=INT", "--") if setpriv else ()
        if not setpriv:
            raise EmbeddedError(
                "PostgreSQL refuses to run as root, and setpriv (Debian's util-linux), which would"
                " run it as another user, is missing: install it, or run as an ordinary user"
            )
        become = (
            setpriv,
            f"--reuid={self.uid}",
            f"--regid={self.gid}",
            "--clear-groups",
            "--pdeathsig=INT",
        )
        for extra in ((), _PASS_THROUGH):
            words = (*become, *extra, "--")
            if _can_run(words, binaries / "postgres", directory):
                return words
        raise EmbeddedError(
            f"user {self.name} cannot reach {directory} and {binaries}, and this machine does not"
            " let it pass: move the project out of closed directories, or run as an ordinary user"
        )


def _can_run(words: tuple[str, ...], program: Path, directory: Path) -> bool:
    """Say whether a command behind ``words`` can run ``program`` and write to ``directory``."""
    for command in (
        (str(program), "--version"),
        ("test", "-r", str(directory), "-a", "-w", str(directory), "-a", "-x", str(directory)),
    ):
        done = subprocess.run(  # noqa: S603 - our own words and paths, no shell
            [*words, *command], capture_output=True, cwd="/", check=False
        )
        if done.returncode != 0:
            return False
    return True


def _user_name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return str(uid)
