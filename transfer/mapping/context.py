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

from legacy_v2.ids import uuid_of, written
from transfer.exceptions import ConfigurationError
from transfer.mapping import renamed
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
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)  # an id's; 20 digits are beyond 64 bits
_FIELD_TYPE = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class MappingFile:
    """What the file named by V2_MAPPING adds to the rules (M8, M9, M13), and v2's other names.

    Args:
        forms: form id (as v2 writes it, in lower case) or form name → organization id, a UUID
            in lower case.
        field_types: v2 field type name, case folded → v3 field type.
        statuses: v2 status name, case folded → v3 submission status.
        tables: canonical v2 table → the table's name in the v2 at hand, where that is another.
        columns: canonical v2 table → canonical column → its name there, where that is another.
    """

    forms: Mapping[str, str] = field(default_factory=dict)
    field_types: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def parse_mapping_file(text: str) -> MappingFile:
    """Read a mapping file: TOML with the tables of MappingFile, each optional.

    Raises:
        ConfigurationError: names the key that is wrong, and what is allowed there.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the mapping file is not TOML: {error}") from error
    rules = {
        "forms": (_form_key, _organization_id),
        "field_types": (str.casefold, _field_type),
        "statuses": (str.casefold, _status),
    }
    allowed = (*rules, "tables", "columns")
    for name, entries in document.items():
        if name not in allowed:
            raise ConfigurationError(
                f"the mapping file has {name!r}; allowed are [{'], ['.join(allowed)}.TABLE]"
            )
        if not isinstance(entries, dict):
            raise ConfigurationError(f"{name} in the mapping file is no table; write [{name}]")
    return MappingFile(
        **{
            name: _entries(name, document.get(name, {}), key_of, value_of)
            for name, (key_of, value_of) in rules.items()
        },
        tables=renamed.tables(document.get("tables", {})),
        columns=renamed.columns(document.get("columns", {})),
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
    """A form's id as v2 writes it, in lower case, or its name as it is."""
    lower = key.lower()
    return written(lower) if _UUID.fullmatch(lower) else key


def _organization_id(place: str, value: object) -> str:
    if isinstance(value, str) and _UUID.fullmatch(value.lower()):
        return value.lower()
    number = int(value) if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value) else value
    try:
        if isinstance(number, int) and not isinstance(number, bool):
            return uuid_of(number)
    except ValueError:  # beyond 64 bits
        pass
    raise ConfigurationError(
        f"{place} is {shorten(value)}; allowed is an organization's id, like "
        "01234567-89ab-cdef-0123-456789abcdef, or a number like 17 where v2's ids are numbers"
    )


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
