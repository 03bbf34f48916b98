"""What a migration left, against v2 and against its books: counts, ids and structure (R1).

Every v2 record is in v3 under its id, or an unresolved error says why not; the run's ledger says
what the databases say; references lead somewhere, and forms and answers have their shape. What
passes though it differs is on the list of accepted differences. The values themselves are not
compared: a check to come.
"""

import contextlib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from transfer.exceptions import ConfigurationError, RunError, SourceError, TargetError
from transfer.mapping.context import MappingContext
from transfer.models import MigrationProgress, RunStatus
from transfer.options import ImportOptions, read_mapping_file
from transfer.plan import PLAN, TABLES
from transfer.source import Source
from transfer.target import NEEDED_TABLES, describe, first_line
from transfer.verify_checks import Verification
from transfer.verify_report import VerifyReport
from transfer.verify_source import Cut, SourceCounts
from transfer.verify_target import TargetCounts


def verify(
    name: str | None = None, *, v2_alias: str = "v2", v3_alias: str = DEFAULT_DB_ALIAS
) -> VerifyReport:
    """Verify a migration.

    Args:
        name: the migration; None: the only one, else the unfinished one, else the latest.
        v2_alias: the v2 database.
        v3_alias: the v3 database.

    Raises:
        SourceError: v2 cannot be reached or lacks what the counts need.
        TargetError: v3 cannot be reached or is not migrated.
        RunError: there is no such migration, or more than one is meant.
        ConfigurationError: v2, or the mapping file, is not what the migration was made from.
    """
    try:
        _check_migrated(v3_alias)
        migration = _choose(v3_alias, name)
        with contextlib.closing(Source(v2_alias)) as source:
            return _verify(migration, source, v3_alias)
    except DatabaseError as error:
        msg = f"cannot read v3, {describe(v3_alias)}: {first_line(error)}"
        raise TargetError(msg) from error


def _verify(rows: list[MigrationProgress], source: Source, v3_alias: str) -> VerifyReport:
    migration, started_at = rows[0].migration_name, rows[0].started_at
    fingerprint = rows[0].fingerprint
    if missing := source.schema.missing():
        raise SourceError(f"{source.describe()}: {'; '.join(missing)}")
    read_from = fingerprint.get("source")
    if read_from not in (None, source.identity()):
        raise ConfigurationError(
            f"{migration!r} was read from {read_from}, and V2_DATABASE_URL names "
            f"{source.identity()}; verify it against the v2 it was read from"
        )
    zone = ZoneInfo(fingerprint.get("time_zone", "UTC"))
    cut = Cut.at(started_at, zone)
    organizations = fingerprint.get("organizations", [])
    ctx = _context(migration, started_at, zone, fingerprint) if organizations else None
    verification = Verification(
        rows,
        {step.table: step for step in PLAN if step.table in fingerprint.get("tables", TABLES)},
        SourceCounts(source, cut, organizations, ctx),
        TargetCounts(v3_alias, migration, cut),
        settings.V2_MAX_STORED_WARNINGS,
    )
    return VerifyReport(
        migration,
        source.describe(),
        describe(v3_alias),
        list(verification.checks()),
        verification.open_errors,
    )


def _check_migrated(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        present = set(connections[alias].introspection.table_names(cursor))
    if missing := sorted(set(NEEDED_TABLES) - present):
        msg = f"{describe(alias)} has no table {', '.join(missing)}; run: manage.py migrate"
        raise TargetError(msg)


def _choose(alias: str, name: str | None) -> list[MigrationProgress]:
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


def _context(
    migration: str, started_at: datetime, zone: ZoneInfo, fingerprint: dict[str, Any]
) -> MappingContext:
    """The settings that said which form belongs to which organization (M8).

    Raises:
        ConfigurationError: V2_MAPPING has changed since.
    """
    mapping = read_mapping_file(settings.V2_MAPPING)
    default = fingerprint.get("default_organization")
    now = ImportOptions(mapping=mapping, default_organization=default).fingerprint("")
    if any(now[part] != fingerprint.get(part) for part in ("mapping", "rules")):
        raise ConfigurationError(
            f"{migration!r} moved selected organizations with another mapping; set V2_MAPPING "
            "back to what it was, for it says which form belongs to which organization"
        )
    return MappingContext(
        migration, started_at, zone, mapping=mapping, default_organization=default
    )
