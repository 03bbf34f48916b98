"""What every mapping function is given besides rows: the run's settings and the mapping file."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from transfer.exceptions import ConfigurationError
from transfer.mapping.text import shorten

# The labels of v3's enum submission_status, in its order.
SUBMISSION_STATUSES = (
    "draft",
    "submitted",
    "processing",
    "approved",
    "rejected",
    "completed",
    "archived",
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FIELD_TYPE = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class MappingFile:
    """What the file named by V2_MAPPING adds to the rules (M8, M9, M13).

    Args:
        forms: form id (lower case) or form name → organization id (lower case).
        field_types: v2 field type name, case folded → v3 field type.
        statuses: v2 status name, case folded → v3 submission status.
    """

    forms: Mapping[str, str] = field(default_factory=dict)
    field_types: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)


def parse_mapping_file(text: str) -> MappingFile:
    """Read a mapping file: TOML with the tables forms, field_types and statuses, each optional.

    Raises:
        ConfigurationError: names the key that is wrong, and what is allowed there.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the mapping file is not TOML: {error}") from error
    tables = {
        "forms": (_form_key, _organization_id),
        "field_types": (str.casefold, _field_type),
        "statuses": (str.casefold, _status),
    }
    for name, entries in document.items():
        if name not in tables:
            raise ConfigurationError(
                f"the mapping file has {name!r}; allowed are [{'], ['.join(tables)}]"
            )
        if not isinstance(entries, dict):
            raise ConfigurationError(f"{name} in the mapping file is no table; write [{name}]")
    return MappingFile(
        **{
            name: _entries(name, document.get(name, {}), key_of, value_of)
            for name, (key_of, value_of) in tables.items()
        }
    )


def _entries(
    table: str,
    entries: dict[str, Any],
    key_of: Callable[[str], str],
    value_of: Callable[[str, object], str],
) -> dict[str, str]:
    result: dict[str, str] = {}
    for key, value in entries.items():
        place = f"[{table}] {shorten(key)} in the mapping file"
        if not key:
            raise ConfigurationError(f"{place}: an empty name; name what v2 calls it")
        if key_of(key) in result:
            raise ConfigurationError(f"{place} is there twice (upper and lower case are the same)")
        result[key_of(key)] = value_of(place, value)
    return result


def _form_key(key: str) -> str:
    """A form's id in lower case, or its name as it is."""
    lower = key.lower()
    return lower if _UUID.fullmatch(lower) else key


def _organization_id(place: str, value: object) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value.lower()):
        raise ConfigurationError(
            f"{place} is {shorten(value)}; allowed is an organization's id, "
            "like 01234567-89ab-cdef-0123-456789abcdef"
        )
    return value.lower()


def _field_type(place: str, value: object) -> str:
    if not isinstance(value, str) or not _FIELD_TYPE.fullmatch(value):
        raise ConfigurationError(
            f"{place} is {shorten(value)}; allowed is a v3 field type: text, textarea, select, "
            "checkbox, or another lower-case word"
        )
    return value


def _status(place: str, value: object) -> str:
    if not isinstance(value, str) or value not in SUBMISSION_STATUSES:
        raise ConfigurationError(
            f"{place} is {shorten(value)}; allowed is one of {', '.join(SUBMISSION_STATUSES)}"
        )
    return value


@dataclass(frozen=True)
class MappingContext:
    """A run's settings, as far as the rules need them. Can be sent to another process.

    Args:
        migration: the migration's name (M2).
        started_at: when it was first started, aware, UTC: the time no rule gives (M3).
        time_zone: the zone v2's times are read in (M3).
        form_status: the status of every form (M7).
        mapping: the mapping file's contents.
        default_organization: id (lower case) of the organization for forms without one (M8).
    """

    migration: str
    started_at: datetime
    time_zone: ZoneInfo
    form_status: str = "draft"
    mapping: MappingFile = field(default_factory=MappingFile)
    default_organization: str | None = None

    @cached_property
    def metadata(self) -> bytes:
        """The metadata of a row that nothing more is to be said about, as JSON (M2)."""
        return orjson.dumps({"migration_batch": self.migration})

    @cached_property
    def statuses(self) -> Mapping[str, str]:
        """v2 status name, case folded → v3 status (M13). The mapping file wins."""
        return {status: status for status in SUBMISSION_STATUSES} | dict(self.mapping.statuses)
