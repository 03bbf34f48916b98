"""What one call of the importer was asked to do, checked once, before anything is opened."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings

from legacy_v2.ids import uuid_of
from transfer.exceptions import ConfigurationError
from transfer.fingerprint import mapping_part
from transfer.mapping import RULES_VERSION
from transfer.mapping.context import WHOLE_NUMBER, MappingContext, MappingFile, parse_mapping_file
from transfer.pace import Pacing
from transfer.plan import Step, select_steps
from transfer.tolerance import Tolerance

DEFAULT_BATCH_SIZE = 1000
AUTO: Final = "auto"
BatchSize: TypeAlias = int | Literal["auto"]  # auto: see transfer.batch_size
# A batch is held in memory whole, once as read and once as COPY text: at 20 answers a
# submission a hundred thousand take about 1.5 GB, more than a laptop should give.
MAX_BATCH_SIZE = 100_000
BATCH_SIZE_RULE = f"takes a whole number from 1 to {MAX_BATCH_SIZE:,} (a batch is held in memory)"
BATCH_SIZE_OR_AUTO_RULE = f"{BATCH_SIZE_RULE}, or {AUTO}"
# Each has two connections to v3 and one to v2, and holds two batches in memory.
MAX_WORKERS: int = settings.PLIERS_MOST_WORKERS
WORKERS_RULE = f"takes a whole number from 1 to {MAX_WORKERS}"
MAX_NAME_LENGTH = 255  # migration_progress.migration_name varchar(255)
NAME_RULE = "takes a name that does not begin with '-' (a command would take it for an option)"


def uuid_text(value: str, what: str) -> str:
    """The id as 36 characters of lower-case text; of a whole number, the UUID made from it.

    Raises:
        ConfigurationError: it is neither; ``what`` says where it was given.
    """
    given = value.strip()
    try:
        return uuid_of(int(given)) if WHOLE_NUMBER.fullmatch(given) else str(uuid.UUID(given))
    except ValueError:
        msg = (
            f"{what} takes an organization's Id (a UUID, or a number where v2's Ids are "
            f"numbers), got {value!r}"
        )
        raise ConfigurationError(msg) from None


@dataclass(frozen=True)
class ImportOptions:
    """The options of import_v2 together with the settings that change rows."""

    name: str | None = None
    batch_size: BatchSize = DEFAULT_BATCH_SIZE
    organizations: frozenset[str] = frozenset()
    steps: tuple[Step, ...] = field(default_factory=lambda: select_steps(()))
    dry_run: bool = False
    limit: int | None = None
    default_organization: str | None = None
    mapping: MappingFile = field(default_factory=lambda: parse_mapping_file(""))
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    form_status: str = "draft"
    max_stored_warnings: int = 1000
    tolerance: Tolerance = field(default_factory=Tolerance)
    # These change no row, so they are no part of the fingerprint.
    defer_constraints: bool = False
    pacing: Pacing = field(default_factory=Pacing)
    workers: int | None = None  # None: as many as the machine is good for (transfer.workers)

    @classmethod
    def build(
        cls,
        *,
        name: str | None = None,
        batch_size: BatchSize = DEFAULT_BATCH_SIZE,
        organizations: list[str] | None = None,
        tables: list[str] | None = None,
        dry_run: bool = False,
        limit: int | None = None,
        default_organization: str | None = None,
        tolerance: Tolerance | None = None,
    ) -> "ImportOptions":
        """Options from the command line's values and the project's settings.

        Raises:
            ConfigurationError: a value that cannot be used, named.
        """
        if batch_size != AUTO and not 1 <= batch_size <= MAX_BATCH_SIZE:
            raise ConfigurationError(f"--batch-size {BATCH_SIZE_OR_AUTO_RULE}, got {batch_size:,}")
        if limit is not None and limit < 1:
            raise ConfigurationError(f"--limit takes 1 or more records, got {limit}")
        if name is not None and not 1 <= len(name.strip()) <= MAX_NAME_LENGTH:
            raise ConfigurationError(f"--name takes 1 to {MAX_NAME_LENGTH} characters")
        if name is not None and name.strip().startswith("-"):
            raise ConfigurationError(f"--name {NAME_RULE}, got {name.strip()!r}")
        return cls(
            name=name.strip() if name else None,
            batch_size=batch_size,
            organizations=frozenset(
                uuid_text(value, "--organization") for value in organizations or ()
            ),
            steps=select_steps(tables or ()),
            dry_run=dry_run,
            limit=limit,
            default_organization=(
                uuid_text(default_organization, "--default-organization")
                if default_organization
                else None
            ),
            mapping=read_mapping_file(settings.V2_MAPPING),
            time_zone=ZoneInfo(settings.V2_TIME_ZONE),
            form_status=settings.V2_FORM_STATUS,
            max_stored_warnings=settings.V2_MAX_STORED_WARNINGS,
            tolerance=tolerance or Tolerance(),
        )

    @classmethod
    def resumed(cls, fingerprint: Mapping[str, Any]) -> "ImportOptions":
        """The options a migration was begun with, with the settings as they are now.

        Raises:
            ConfigurationError: the mapping file cannot be used.
        """
        return cls.build(
            organizations=fingerprint.get("organizations"),
            tables=fingerprint.get("tables"),
            default_organization=fingerprint.get("default_organization"),
        )

    def context(self, migration: str, started_at: datetime) -> MappingContext:
        """What the mapping of a migration is given."""
        return MappingContext(
            migration=migration,
            started_at=started_at,
            time_zone=self.time_zone,
            form_status=self.form_status,
            mapping=self.mapping,
            default_organization=self.default_organization,
        )

    def fingerprint(self, source: str) -> dict[str, Any]:
        """Everything that changes which rows a run writes, part by part (transfer.fingerprint)."""
        return {
            "source": source,
            "tables": [step.table for step in self.steps],
            "organizations": sorted(self.organizations),
            "default_organization": self.default_organization,
            "mapping": mapping_part(self.mapping),
            "time_zone": self.time_zone.key,
            "form_status": self.form_status,
            "rules": RULES_VERSION,
        }


def read_mapping_file(path: str | Path | None) -> MappingFile:
    """The parsed V2_MAPPING file; an empty one where the setting is unset.

    Raises:
        ConfigurationError: the file cannot be read, or says something that cannot be used.
    """
    if not path:
        return parse_mapping_file("")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # editors on Windows begin it with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"V2_MAPPING: cannot read {path}: {reason}") from error
    return parse_mapping_file(text)
