"""Which v2 database an alias names: for a person, for a fingerprint, and as a file."""

import re
import stat
from pathlib import Path
from urllib.parse import unquote

from django.db import connections

from legacy_v2.fields import SQL_SERVER
from legacy_v2.introspection import DEFAULT_SCHEMA
from transfer.exceptions import SourceError
from transfer.target import place

DEFAULT_PORTS = {"postgresql": "5432", SQL_SERVER: "1433"}
VENDOR_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", SQL_SERVER: "SQL Server"}


def describe(alias: str) -> str:
    """Which database the alias names: kind, host and name, never a login (R8)."""
    connection = connections[alias]
    settings = connection.settings_dict
    kind = VENDOR_NAMES.get(connection.vendor, connection.vendor)
    name = str(settings["NAME"])
    if connection.vendor == "sqlite":
        return f"{kind} file {sqlite_path(name)}"
    return f"{kind} database {name!r} on {place(settings)}"


def identity(alias: str) -> str:
    """Which v2 a migration is made from: kind, server, database, schema; never a login (R8).

    Known without connecting, so that a finished run again costs nothing.
    """
    connection = connections[alias]
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return describe(alias)
    kind = VENDOR_NAMES.get(connection.vendor, connection.vendor)
    host = str(settings.get("HOST") or "this machine")
    port = settings.get("PORT") or DEFAULT_PORTS.get(connection.vendor, "")
    if connection.vendor == SQL_SERVER:
        # A named instance has its own port. No name here tells upper from lower case, but on a
        # server whose own collation does, which nobody gives two databases that differ in nothing
        # else.
        host, name, schema = (
            str(one).lower()
            for one in (host, settings["NAME"], settings.get("SCHEMA") or DEFAULT_SCHEMA)
        )
        at = host if "\\" in host and not settings.get("PORT") else f"{host}:{port}"
        return f"{kind} database {name!r} on {at}, schema {schema}"
    text = f"{kind} database {settings['NAME']!r} on {host}:{port}"
    options = str(settings.get("OPTIONS", {}).get("options", ""))
    # libpq reads a character behind a backslash as it is: a blank in a name ends no word there.
    searched = re.search(r"search_path\s*=\s*((?:\\.|[^\s\\])+)", options)
    if searched is None:
        return text
    schema = re.sub(r"\\(.)", r"\1", searched.group(1))
    return f"{text}, schema {schema}"


def sqlite_path(name: str) -> Path:
    """The file behind a SQLite database name, plain or a ``file:`` URI."""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").split("?", 1)[0])
    return Path(name)


def check_file(path: Path) -> None:
    """Refuse a SQLite database that is no file.

    Raises:
        SourceError: nothing is there, or a folder, or it may not be looked at.
    """
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        msg = f"no v2 database: this user may not look at {path}"
        raise SourceError(msg) from error
    except OSError as error:
        msg = f"no v2 database: {path} does not exist; set V2_DATABASE_URL or run seed_v2"
        raise SourceError(msg) from error
    if stat.S_ISDIR(mode):
        msg = f"no v2 database: {path} is a folder; set V2_DATABASE_URL to a file in it"
        raise SourceError(msg)
