"""From the environment and ``.env`` (``envfile.py``) to settings.

Every error names the variable and what to write; none repeats the value, which may hold a
password (R8).
"""

import io
import os
import re
import secrets
from pathlib import Path
from typing import Any, overload
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from pliers import drivers, envfile, sql_server

POSTGRES_SCHEMES = frozenset({"postgres", "postgresql", "psql", "pgsql"})
V2_SCHEMES = POSTGRES_SCHEMES | {"mssql", "sqlite"}

_EXAMPLES = {
    "postgres": "postgres://user:password@host:5432/database",
    "mssql": "mssql://user:password@host:1433/database?Encrypt=yes",
    "sqlite": "sqlite:///folder/v2.sqlite3",
}
MAX_SCHEMA = 128  # characters of a name in SQL Server; PostgreSQL takes 63 bytes
_TRUE = frozenset({"1", "true", "yes", "on", "y"})
_FALSE = frozenset({"0", "false", "no", "off", "n"})

# What a session of a PostgreSQL copy of v2 starts with (R4).
READ_ONLY_SESSION = "-c default_transaction_read_only=on"


class Environment:
    """Typed access to the variables; a blank one counts as unset.

    Args:
        file: a ``.env`` file to read first, if it exists; the real environment wins over it.

    Raises:
        ImproperlyConfigured: the file cannot be used; the message names the line.
    """

    def __init__(self, file: Path) -> None:
        environ.Env.read_env(io.StringIO(envfile.read(file)))
        self._env = environ.Env()
        # django-environ takes a value that starts with "$" for the name of another variable, and
        # repeats it in its error. A password may start so: each "$" is escaped, and comes back.
        self._env.escape_proxy = True
        self._env.ENVIRON = {name: text.replace("$", r"\$") for name, text in os.environ.items()}

    def text(self, name: str, default: str = "") -> str:
        """Return a variable as it is written."""
        value: str = self._env.str(name, default="")
        return value or default

    @overload
    def number(self, name: str, default: int) -> int: ...
    @overload
    def number(self, name: str, default: None) -> int | None: ...
    def number(self, name: str, default: int | None) -> int | None:
        """Return a whole number.

        Raises:
            ImproperlyConfigured: it is not one.
        """
        value = self.text(name).strip()
        try:
            return int(value) if value else default
        except ValueError:
            raise ImproperlyConfigured(f"{name} has to be a whole number") from None

    def switch(self, name: str, *, default: bool) -> bool:
        """Return a yes or no.

        Raises:
            ImproperlyConfigured: it is neither.
        """
        value = self.text(name).strip().lower()
        if value and value not in _TRUE | _FALSE:
            raise ImproperlyConfigured(f"{name} has to be true or false")
        return value in _TRUE if value else default

    def words(self, name: str, default: str) -> list[str]:
        """Return the parts of a list that is written with commas."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def folder(self, name: str, default: Path, *, base: Path) -> Path:
        """Return a path; a relative one starts at ``base``.

        Raises:
            ImproperlyConfigured: it starts at the home of a user who has none.
        """
        return base / _at_home(name, self.text(name, str(default)))


def postgres(name: str, address: str) -> dict[str, Any]:
    """Return Django's settings for a PostgreSQL address.

    Args:
        name: the variable it came from, for messages.
        address: ``postgres://…``; its options go to libpq.

    Raises:
        ImproperlyConfigured: it is not such an address.
    """
    return _parse(name, address, POSTGRES_SCHEMES)


def legacy(
    name: str,
    address: str,
    *,
    base: Path,
    schema: str = "",
    driver: str = "",
    odbc_driver: str = "",
) -> tuple[dict[str, Any], Path | None]:
    """Return Django's settings for a v2 database, and its file where it is a SQLite file.

    SQLite is opened read-only: R4, and a mistyped path must not make an empty database. Who has
    to write the file (``seed_v2``) opens the path. A PostgreSQL session begins read-only, which
    ``seed_v2`` alone lifts; on SQL Server the login's rights are the guard.

    Args:
        name: the variable it came from, for messages.
        address: ``mssql://…``, ``postgres://…`` or ``sqlite:///…``.
        base: where a relative path starts.
        schema: V2_SCHEMA, the schema of v2's tables; empty: the database's usual one.
        driver: V2_SQL_SERVER_DRIVER; empty: mssql-python.
        odbc_driver: V2_ODBC_DRIVER, what pyodbc loads; empty: the one that mssql-python brings.

    Raises:
        ImproperlyConfigured: it is not such an address, or the rest does not go with it.
    """
    settings = _parse(name, address, V2_SCHEMES)
    _check_schema(schema)
    if settings["ENGINE"] == "mssql":
        return _sql_server(name, address, settings, schema, driver, odbc_driver), None
    if settings["ENGINE"] != "django.db.backends.sqlite3":
        return _postgres_copy(settings, schema), None
    if schema:
        raise ImproperlyConfigured(
            f"V2_SCHEMA is set, and {name} is a SQLite file, which has no schemas: unset it"
        )
    # django-environ reads "+" as a blank, which is right in a query and wrong in a path.
    written = unquote(urlsplit(address).path.removeprefix("/"))
    if written in {"", ":memory:"}:
        raise _not_an_address(name, {"sqlite"})
    path = base / _at_home(name, written)
    return read_only_sqlite(path), path


def _sql_server(
    name: str,
    address: str,
    parsed: dict[str, Any],
    schema: str,
    driver: str,
    odbc_driver: str,
) -> dict[str, Any]:
    driver = driver.strip().lower().replace("_", "-") or sql_server.MSSQL_PYTHON
    if driver not in sql_server.DRIVERS:
        raise ImproperlyConfigured(
            f"V2_SQL_SERVER_DRIVER has to be one of {', '.join(sql_server.DRIVERS)}"
        )
    if odbc_driver and driver != sql_server.PYODBC:
        raise ImproperlyConfigured(
            "V2_ODBC_DRIVER is set, and mssql-python brings its own: unset it, or set"
            " V2_SQL_SERVER_DRIVER=pyodbc"
        )
    if driver == sql_server.PYODBC:
        odbc_driver = odbc_driver or drivers.bundled() or drivers.USUAL
    # django-environ leaves the host as it is written, and reads "+" in a name as a blank.
    decoded = parsed | {
        "HOST": unquote(parsed["HOST"]),
        "NAME": unquote(urlsplit(address).path.removeprefix("/")),
    }
    if not decoded["NAME"].strip():
        raise _not_an_address(name, V2_SCHEMES)
    written = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    return sql_server.settings(
        name, decoded, written, driver=driver, odbc_driver=odbc_driver, schema=schema
    )


def _postgres_copy(settings: dict[str, Any], schema: str) -> dict[str, Any]:
    options = settings.get("OPTIONS", {})
    started = [str(options.get("options", "")), READ_ONLY_SESSION]
    if schema:
        if "search_path" in started[0]:
            raise ImproperlyConfigured(
                "V2_SCHEMA is set, and the options of V2_DATABASE_URL set search_path: keep one"
            )
        # A plain name as people write it; any other in quotes, and what ends a word for libpq
        # behind a backslash.
        plain = re.fullmatch(r"[a-z_][a-z0-9_]*", schema)
        quoted = schema if plain else '"{}"'.format(schema.replace('"', '""'))
        path = re.sub(r"([\\\s])", r"\\\1", quoted)
        started.append(f"-c search_path={path}")
    return settings | {"OPTIONS": options | {"options": " ".join(filter(None, started))}}


def _check_schema(schema: str) -> None:
    if schema and not (schema.isprintable() and len(schema) <= MAX_SCHEMA):
        raise ImproperlyConfigured(
            f"V2_SCHEMA has to be a schema's name: 1 to {MAX_SCHEMA} printable characters"
        )


def read_only_sqlite(path: Path) -> dict[str, Any]:
    """Return Django's settings for a SQLite file that is never written, nor made."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"file:{quote(str(path))}?mode=ro",
        "OPTIONS": {},
    }


def secret_key(folder: Path) -> str:
    """Return the key kept in the folder, made at the first call.

    Where the folder cannot be written, or the key is another user's, the key lasts as long as the
    process: people have to log in again, nothing else.
    """
    path = folder / "secret_key"
    fresh = secrets.token_urlsafe(50)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(fresh)
    except FileExistsError:
        try:
            return path.read_text().strip() or fresh
        except OSError:
            return fresh
    except OSError:
        return fresh
    return fresh


def _parse(name: str, address: str, schemes: frozenset[str]) -> dict[str, Any]:
    if "\0" in unquote(address):
        # libpq takes what stands before it for the whole value, and connects elsewhere.
        raise ImproperlyConfigured(f"{name} holds %00, which no part of an address can")
    if "#" in address:
        # It would begin a fragment, and what follows it be dropped: the database, or its options.
        raise _not_an_address(name, schemes)
    try:
        scheme, host = urlsplit(address)[:2]
        # A "host" of a SQLite file means a slash too few; django-environ would print it.
        if scheme not in schemes or (scheme == "sqlite" and host):
            raise _not_an_address(name, schemes)
        # django-environ has ideas of its own about options; those of SQL Server are read apart.
        plain = urlsplit(address)._replace(query="").geturl() if scheme == "mssql" else address
        settings: dict[str, Any] = environ.Env.db_url_config(plain)
        # urlsplit accepts "host:port" with a word for a port until it is asked for it.
        port = settings["PORT"]
    except ValueError:
        raise _not_an_address(name, schemes) from None
    if not settings["NAME"] or (port and not str(port).replace(",", "").isdecimal()):
        raise _not_an_address(name, schemes)
    if scheme in POSTGRES_SCHEMES and urlsplit(address).query:
        # django-environ turns "yes" and "5" into other types; drivers want what was written.
        settings["OPTIONS"] = dict(parse_qsl(urlsplit(address).query))
    return settings


def _not_an_address(name: str, schemes: frozenset[str] | set[str]) -> ImproperlyConfigured:
    examples = " or ".join(text for scheme, text in _EXAMPLES.items() if scheme in schemes)
    return ImproperlyConfigured(
        f"{name} is not a usable database address: write {examples}, and the characters"
        " / ? # @ : % in a user, a password or a name as %2F %3F %23 %40 %3A %25"
    )


def _at_home(name: str, written: str) -> Path:
    """Return a path with the home folder in place of ``~``."""
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise ImproperlyConfigured(
            f"{name} begins with the home folder of a user (~), and there is none: write the whole"
            " path"
        ) from None
