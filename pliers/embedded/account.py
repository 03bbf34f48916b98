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
            EmbeddedError: ``data`` is another user's, or we are root and there is nobody else.
        """
        uid = owner(data)
        ours = os.geteuid()
        if data.exists() and data.stat().st_uid != uid:
            if ours == 0:
                raise EmbeddedError(
                    f"{data} belongs to root, and PostgreSQL refuses to run as root: give it to"
                    f" another user (chown -R {UNPRIVILEGED}), or remove it"
                )
            raise EmbeddedError(
                f"{data} belongs to another user ({_name(data.stat().st_uid)}): run as that user,"
                " or set PLIERS_VAR_DIR to a directory of your own"
            )
        if ours != 0:
            return cls(uid, os.getegid(), _name(uid))
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            entry = None
        if entry is None or uid == 0:
            raise EmbeddedError(
                "PostgreSQL refuses to run as root, and there is no unprivileged user"
                f" {UNPRIVILEGED} to run it as: run as an ordinary user, or set DATABASE_URL to"
                " another server"
            )
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
            if _can_run(words, binaries, directory):
                return words
        raise EmbeddedError(
            f"user {self.name} cannot reach {directory} and {binaries}, and this machine does not"
            " let it pass: move the project out of closed directories, or run as an ordinary user"
        )


# The shell between setpriv and the programs is part of the question: setpriv itself may still
# enter closed directories, what it starts may not. initdb loads libraries that postgres does not.
_PROBE = 'test -r "$1" -a -w "$1" -a -x "$1" && "$2/postgres" --version && "$2/initdb" --version'


def _can_run(words: tuple[str, ...], binaries: Path, directory: Path) -> bool:
    """Say whether PostgreSQL's programs, run behind ``words``, work and can write ``directory``."""
    done = subprocess.run(  # noqa: S603 - our own words and paths
        [*words, "/bin/sh", "-c", _PROBE, "probe", str(directory), str(binaries)],
        capture_output=True,
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def owner(data: Path) -> int:
    """Return the id of the user the server of ``data`` runs as, or would run as.

    Root's own data directory (a copy made by root, say) counts as nobody's, like a missing one.
    """
    if os.geteuid() != 0:
        return os.geteuid()
    try:
        found = data.stat().st_uid
    except OSError:
        found = 0
    if found != 0:
        return found
    try:
        return pwd.getpwnam(UNPRIVILEGED).pw_uid
    except KeyError:
        return 0


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
