"""A named place in v3's write-ahead log, to recover to: only where the server archives the log."""

import contextlib
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import psycopg
from django.db import DEFAULT_DB_ALIAS

from transfer.bare_target import BareTarget
from transfer.exceptions import ConfigurationError, TargetError
from transfer.target import Connection, describe, first_line

MAX_NAME_LENGTH = 63  # bytes; PostgreSQL's MAXFNAMELEN less its end


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """A restore point that was made, and what its server can do with it.

    Attributes:
        name: its name, for recovery_target_name.
        lsn: where in the write-ahead log.
        wal_level: the server's.
        archive_mode: the server's: off, on or always.
        archiver: what is wrong with the archiving of the log; empty where nothing is known to be.
    """

    name: str
    lsn: str
    wal_level: str
    archive_mode: str
    archiver: str = ""

    @property
    def usable(self) -> bool:
        """Whether the server keeps what a recovery to this point needs, beside a base backup."""
        return self.wal_level != "minimal" and self.archive_mode != "off" and not self.archiver

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return asdict(self) | {"usable": self.usable}

    def sentence(self) -> str:
        """What it is good for, plainly."""
        made = f"restore point {self.name!r} at {self.lsn}"
        if self.usable:
            return (
                f"{made}; the server archives its log (archive_mode {self.archive_mode}), so with "
                "a base backup from before this moment the whole server can be recovered to it"
            )
        why = self.archiver or f"archive_mode is {self.archive_mode}"
        return (
            f"{made}, and it is good for nothing as the server stands: {why}. A restore point is "
            "a name in the log, not a copy"
        )


# What archives the log; empty where a role may not know it.
_ARCHIVING = """
    SELECT coalesce(current_setting('archive_command', true), ''),
           coalesce(current_setting('archive_library', true), '')
"""
_ARCHIVED = """
    SELECT archived_count, last_failed_wal,
           last_failed_time > coalesce(last_archived_time, '-infinity'),
           to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
      FROM pg_stat_archiver
"""


class Archived(NamedTuple):
    """What the archiver did: segments kept, the last it failed at, whether that stands, when."""

    segments: int
    failed: str | None
    failing: bool | None
    since: str | None


def check_name(name: str) -> None:
    """Refuse what PostgreSQL takes for no restore point's name.

    Raises:
        ConfigurationError: it is empty, too long, or has characters that cannot be printed.
    """
    if not name.isprintable() or not 1 <= len(name.encode()) <= MAX_NAME_LENGTH:
        raise ConfigurationError(
            f"--restore-point takes a name of 1 to {MAX_NAME_LENGTH} printable characters"
        )


def fault_of_archiving(command: str | None, library: str | None, done: Archived) -> str:
    """Why a server that is to archive its log may keep nothing; empty where it does.

    Args:
        command: its archive_command; None where the role may not know.
        library: its archive_library (PostgreSQL 15), likewise.
        done: what its archiver says.
    """
    if command in ("", "(disabled)") and library == "":
        return "archive_mode is on, but there is neither an archive_command nor an archive_library"
    if done.failing:
        return f"archiving has failed since {done.since} UTC, at {done.failed}"
    if not done.segments:
        return (
            "nothing was archived yet, so nobody knows whether it works: SELECT pg_switch_wal(), "
            "and look into pg_stat_archiver"
        )
    return ""


def create_restore_point(name: str, alias: str = DEFAULT_DB_ALIAS) -> RestorePoint:
    """Make a restore point, and look whether the server could recover to it.

    Raises:
        ConfigurationError: PostgreSQL takes no such name.
        TargetError: v3 cannot be reached, or refuses: the role may not, or the server's log holds
            too little.
    """
    check_name(name)
    with contextlib.closing(BareTarget("restore point", exclusive=False, alias=alias)) as target:
        writer = target.writer
        try:
            (made,) = writer.execute("SELECT pg_create_restore_point(%s)::text", (name,)).fetchall()
        except psycopg.errors.InsufficientPrivilege as error:
            raise TargetError(
                f"{describe(alias)}: the role {writer.info.user!r} may not make restore points; a "
                "superuser may, or can allow it: GRANT EXECUTE ON FUNCTION "
                "pg_create_restore_point(text) TO …"
            ) from error
        except psycopg.Error as error:
            raise TargetError(
                f"{describe(alias)} made no restore point: {first_line(error)}"
            ) from error
        (level, mode) = writer.execute(
            "SELECT current_setting('wal_level'), current_setting('archive_mode')"
        ).fetchone() or ("", "")
        archiver = _archiver(writer) if mode != "off" else ""
    return RestorePoint(name, made[0], level, mode, archiver)


def _archiver(connection: Connection) -> str:
    command = library = None
    # A hosted server may keep them to itself.
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
        command, library = connection.execute(_ARCHIVING).fetchone() or (None, None)
    (done,) = connection.execute(_ARCHIVED).fetchall()
    return fault_of_archiving(command, library, Archived._make(done))
