"""Which migration verify_v2 looks at, and what has to be so before it can."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import Error, connections

from transfer import fitness
from transfer.exceptions import ConfigurationError, RunError, TargetError
from transfer.fingerprint import differences
from transfer.mapping.context import MappingContext
from transfer.models import MigrationProgress, RunStatus
from transfer.options import ImportOptions, read_mapping_file
from transfer.plan import TABLES
from transfer.proof.reading import Parts
from transfer.session import prepare_alias
from transfer.source import Source
from transfer.target import NEEDED_TABLES, describe, first_line
from transfer.verify_source import Cut, SourceCounts


@dataclass(frozen=True)
class Subject:
    """A migration and what is needed to look at it."""

    rows: list[MigrationProgress]
    source: Source
    alias: str
    cut: Cut
    ctx: MappingContext
    counts: SourceCounts

    @property
    def name(self) -> str:
        """The migration's."""
        return self.rows[0].migration_name

    @property
    def tables(self) -> list[str]:
        """Those the migration fills, parents first."""
        wanted = self.rows[0].fingerprint.get("tables", TABLES)
        return [table for table in TABLES if table in wanted]

    @property
    def parts(self) -> Callable[[Source], Parts]:
        """Gives v2's queries for a table, in another process too."""
        return partial(_parts, self.cut, self.rows[0].fingerprint, self.ctx)

    @property
    def finished(self) -> list[str]:
        """Those of its tables that were moved to their end."""
        done = {row.table_name for row in self.rows if row.status == RunStatus.COMPLETED}
        return [table for table in self.tables if table in done]


@contextlib.contextmanager
def the_subject(
    name: str | None, organization: str | None, v2_alias: str, v3_alias: str
) -> Iterator[Subject]:
    """The migration that is meant, its connection to v2 open.

    Args and errors are those of ``verify``.
    """
    try:
        _check_migrated(v3_alias)
        rows = _choose(v3_alias, name, organization)
        with contextlib.closing(Source(v2_alias)) as source:
            yield _make_subject(rows, source, v3_alias)
    except Error as error:
        msg = f"cannot read v3, {describe(v3_alias)}: {first_line(error)}"
        raise TargetError(msg) from error


def _make_subject(rows: list[MigrationProgress], source: Source, alias: str) -> Subject:
    migration, started_at = rows[0].migration_name, rows[0].started_at
    fingerprint = rows[0].fingerprint
    source.require()
    fitness.check_masks(source)
    read_from = fingerprint.get("source")
    if read_from not in (None, source.identity()):
        raise ConfigurationError(
            f"{migration!r} was read from {read_from}, and V2_DATABASE_URL names "
            f"{source.identity()}; verify it against the v2 it was read from"
        )
    zone = ZoneInfo(fingerprint.get("time_zone", "UTC"))
    cut = Cut.at(started_at, zone)
    ctx = _context(migration, started_at, zone, fingerprint)
    counts = _counts(cut, fingerprint, ctx, source)
    subject = Subject(rows, source, alias, cut, ctx, counts)
    if fingerprint.get("organizations"):  # the mapping says which form belongs to which of them
        check_known(subject)
    return subject


def _counts(
    cut: Cut, fingerprint: dict[str, Any], ctx: MappingContext, source: Source
) -> SourceCounts:
    organizations = fingerprint.get("organizations", [])
    return SourceCounts(source, cut, organizations, ctx if organizations else None)


def _parts(cut: Cut, fingerprint: dict[str, Any], ctx: MappingContext, source: Source) -> Parts:
    return _counts(cut, fingerprint, ctx, source).parts


def _check_migrated(alias: str) -> None:
    prepare_alias(alias)
    with connections[alias].cursor() as cursor:
        present = set(connections[alias].introspection.table_names(cursor))
    if missing := sorted(set(NEEDED_TABLES) - present):
        msg = f"{describe(alias)} has no table {', '.join(missing)}; run: manage.py migrate"
        raise TargetError(msg)


def _choose(
    alias: str, name: str | None, organization: str | None = None
) -> list[MigrationProgress]:
    """The progress rows of the migration that is meant.

    Raises:
        RunError: there is none, or there are several.
    """
    found: dict[str, list[MigrationProgress]] = {}
    query = MigrationProgress._default_manager.using(alias)
    for row in query.order_by("started_at", "id").iterator():
        found.setdefault(row.migration_name, []).append(row)
    if name is not None:
        if name not in found:
            known = f"there are: {', '.join(found)}" if found else "there is none; run import_v2"
            raise RunError(f"no migration is named {name!r}; {known}")
        return found[name]
    standing = {
        key: rows
        for key, rows in found.items()
        if any(row.status != RunStatus.ROLLED_BACK for row in rows)
    }
    if organization is not None:
        return _of_organization(standing, organization)
    if not standing:
        raise RunError("no migration to verify; run import_v2")
    unfinished = [
        key
        for key, rows in standing.items()
        if any(row.status != RunStatus.COMPLETED for row in rows)
    ]
    if len(unfinished) > 1:
        names = ", ".join(unfinished)
        raise RunError(f"several migrations are unfinished: {names}; say which one with --name")
    return standing[unfinished[0]] if unfinished else list(standing.values())[-1]


def _of_organization(
    standing: dict[str, list[MigrationProgress]], organization: str
) -> list[MigrationProgress]:
    """The migration that moved this organization and no other.

    Raises:
        RunError: there is none, or there are several.
    """
    wanted = [
        key
        for key, rows in standing.items()
        if rows[0].fingerprint.get("organizations") == [organization]
    ]
    if len(wanted) == 1:
        return standing[wanted[0]]
    known = ", ".join(wanted or standing) or "there is none"
    if wanted:
        raise RunError(f"several migrations moved {organization}: {known}; say which with --name")
    raise RunError(f"no migration moved organization {organization} alone; there are: {known}")


def _context(
    migration: str, started_at: datetime, zone: ZoneInfo, fingerprint: dict[str, Any]
) -> MappingContext:
    """The settings the migration was made with, with V2_MAPPING as it is now."""
    default = fingerprint.get("default_organization")
    mapping = read_mapping_file(settings.V2_MAPPING)
    return MappingContext(
        migration,
        started_at,
        zone,
        fingerprint.get("form_status", "draft"),
        mapping,
        default,
    )


def check_known(subject: Subject) -> None:
    """Refuse where the settings that say what v3 has to hold are not those of the migration.

    Raises:
        ConfigurationError: V2_MAPPING has changed since, or an earlier build began it.
    """
    then = subject.rows[0].fingerprint
    now = ImportOptions(mapping=subject.ctx.mapping).fingerprint("")
    now = then | {part: now[part] for part in ("mapping", "rules")}
    if told := differences(then, now):
        msg = f"cannot tell what {subject.name!r} has to hold: {'; '.join(told)}"
        raise ConfigurationError(msg)
