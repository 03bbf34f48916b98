"""System checks: what is wrong with a setting, and what to write instead.

An address that cannot be read at all stops the settings themselves (``environment.py``); here is
what can be told once they are loaded. Nothing connects, and no address is repeated (R8).
"""

import tomllib
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from forms_app.models import FormStatus
from pliers import drivers

SETTINGS = "settings"  # the tag of these checks, for commands that run no others
V3_ENGINES = frozenset({"django.db.backends.postgresql", "pliers.postgresql"})


@register(SETTINGS)
def check_v3_is_postgresql(**_: Any) -> list[CheckMessage]:
    """E001: v3 lives in PostgreSQL and nowhere else."""
    if settings.DATABASES["default"]["ENGINE"] in V3_ENGINES:
        return []
    return [
        Error(
            "The v3 database (DATABASE_URL) is not PostgreSQL.",
            hint="Write postgres://user:password@host:5432/database, or leave it unset.",
            id="pliers.E001",
        )
    ]


@register(SETTINGS)
def check_time_zone(**_: Any) -> list[CheckMessage]:
    """E002: the zone of v2's timestamps exists (M3)."""
    try:
        ZoneInfo(settings.V2_TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [
            Error(
                f"V2_TIME_ZONE is {settings.V2_TIME_ZONE!r}, which is no time zone known here.",
                hint="Write a name like Europe/Berlin, or leave it unset for UTC.",
                id="pliers.E002",
            )
        ]
    return []


@register(SETTINGS)
def check_form_status(**_: Any) -> list[CheckMessage]:
    """E003: migrated forms get a status that v3 has (M7)."""
    known = list(FormStatus.values)
    if settings.V2_FORM_STATUS in known:
        return []
    return [
        Error(
            f"V2_FORM_STATUS is {settings.V2_FORM_STATUS!r}, which is no status of a form.",
            hint=f"Write one of {', '.join(known)}, or leave it unset for draft.",
            id="pliers.E003",
        )
    ]


@register(SETTINGS)
def check_mapping_file(**_: Any) -> list[CheckMessage]:
    """E004: the mapping file is there and is TOML (M8)."""
    path = settings.V2_MAPPING
    if path is None:
        return []
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = f"is not TOML: {error}"
    else:
        return []
    return [
        Error(
            f"The mapping file {path} (V2_MAPPING) {problem}.",
            hint="Name a TOML file, or leave V2_MAPPING unset.",
            id="pliers.E004",
        )
    ]


@register(SETTINGS)
def check_stored_warnings(**_: Any) -> list[CheckMessage]:
    """E005: the number of warnings to store is a number of rows."""
    if settings.V2_MAX_STORED_WARNINGS >= 0:
        return []
    return [
        Error(
            "V2_MAX_STORED_WARNINGS is negative.",
            hint="Write how many warnings of a code and table are stored, 0 for none.",
            id="pliers.E005",
        )
    ]


@register(SETTINGS)
def check_workers(**_: Any) -> list[CheckMessage]:
    """E007: the number of workers is one that --workers takes."""
    asked = settings.PLIERS_WORKERS
    if asked is None or 1 <= asked <= settings.PLIERS_MOST_WORKERS:
        return []
    return [
        Error(
            f"PLIERS_WORKERS is {asked}.",
            hint=f"Write a number from 1 to {settings.PLIERS_MOST_WORKERS}, or nothing: the "
            "machine decides then.",
            id="pliers.E007",
        )
    ]


@register(SETTINGS)
def check_sql_server_driver(**_: Any) -> list[CheckMessage]:
    """E006: where v2 is SQL Server, its driver loads on this machine."""
    found = drivers.problem(settings.DATABASES.get("v2", {}))
    if found is None:
        return []
    return [
        Error(
            f"V2_DATABASE_URL names a SQL Server, whose driver does not load: {found.what}",
            hint=found.hint,
            id="pliers.E006",
        )
    ]
