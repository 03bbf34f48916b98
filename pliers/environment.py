"""From the environment and ``.env`` (``envfile.py``) to settings.

Every error names the variable and what to write; none repeats the value, which may hold a
password (R8).
"""

import io
import os
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from pliers import envfile

POSTGRES_SCHEMES = frozenset({"postgres", "postgresql", "psql", "pgsql"})
V2_SCHEMES = POSTGRES_SCHEMES | {"mssql", "sqlite"}

_EXAMPLES = {
    "postgres": "postgres://user:password@host:5432/database",
    "mssql": "mssql://user:password@host:1433/database?Encrypt=yes",
    "sqlite": "sqlite:///folder/v2.sqlite3",
}
_TRUE = frozenset({"1", "true", "yes", "on", "y"})
_FALSE = frozenset({"0", "false", "no", "off", "n"})

# Options that mssql-django itself reads; every other one belongs to the driver.
_MSSQL_NUMBERS = frozenset({
    "connection_retries", "connection_retry_backoff_time", "connection_timeout", "query_timeout",
})  # fmt: skip
_MSSQL_WORDS = frozenset({"collation", "isolation_level"})
# Where the address has a place for it, or the bundled driver decides.
_MSSQL_REFUSED_OPTIONS = frozenset({
    "addr", "address", "database", "driver", "dsn", "pwd", "password", "server", "uid", "user",
})  # fmt: skip
_OPTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _-]*")
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

    def number(self, name: str, default: int) -> int:
        """Return a whole number.

        Raises:
            ImproperlyConfigured: it is not one.
        """
        try:
            return int(self.text(name, str(default)))
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


def legacy(name: str, address: str, *, base: Path) -> tuple[dict[str, Any], Path | None]:
    """Return Django's settings for a v2 database, and its file where it is a SQLite file.

    SQLite is opened read-only: R4, and a mistyped path must not make an empty database. Who has
    to write the file (``seed_v2``) opens the path. A PostgreSQL session begins read-only, which
    ``seed_v2`` alone lifts; on SQL Server the login's rights are the guard.

    Args:
        name: the variable it came from, for messages.
        address: ``mssql://…``, ``postgres://…`` or ``sqlite:///…``.
        base: where a relative path starts.

    Raises:
        ImproperlyConfigured: it is not such an address.
    """
    settings = _parse(name, address, V2_SCHEMES)
    if settings["ENGINE"] == "mssql":
        return settings | {"OPTIONS": _mssql_options(name, settings.get("OPTIONS", {}))}, None
    if settings["ENGINE"] != "django.db.backends.sqlite3":
        options = settings.get("OPTIONS", {})
        started = f"{options.get('options', '')} {READ_ONLY_SESSION}".strip()
        return settings | {"OPTIONS": options | {"options": started}}, None
    # django-environ reads "+" as a blank, which is right in a query and wrong in a path.
    written = unquote(urlsplit(address).path.removeprefix("/"))
    if written in {"", ":memory:"}:
        raise _not_an_address(name, {"sqlite"})
    path = base / _at_home(name, written)
    return read_only_sqlite(path), path


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
    try:
        scheme, host = urlsplit(address)[:2]
        # A "host" of a SQLite file means a slash too few; django-environ would print it.
        if scheme not in schemes or (scheme == "sqlite" and host):
            raise _not_an_address(name, schemes)
        settings: dict[str, Any] = environ.Env.db_url_config(address)
        # urlsplit accepts "host:port" with a word for a port until it is asked for it.
        port = settings["PORT"]
    except ValueError:
        raise _not_an_address(name, schemes) from None
    if not settings["NAME"] or (port and not str(port).replace(",", "").isdecimal()):
        raise _not_an_address(name, schemes)
    if scheme != "sqlite" and urlsplit(address).query:
        # django-environ turns "yes" and "5" into other types; drivers want what was written.
        settings["OPTIONS"] = dict(parse_qsl(urlsplit(address).query))
    return settings


def _mssql_options(name: str, written: dict[str, Any]) -> dict[str, Any]:
    """Sort options into mssql-django's own and the driver's, which travel in one string."""
    options: dict[str, Any] = {"python_driver": "mssql_python"}
    extra = []
    for key, value in written.items():
        if not _OPTION_NAME.fullmatch(key) or key.lower() in _MSSQL_REFUSED_OPTIONS:
            raise ImproperlyConfigured(
                f"{name}: an option of the address cannot be used; host, user, password and"
                " database are written before the question mark"
            )
        if key in _MSSQL_NUMBERS:
            if not value.isdecimal():
                raise ImproperlyConfigured(f"{name}: the option {key} has to be a whole number")
            options[key] = int(value)
        elif key in _MSSQL_WORDS:
            options[key] = value
        else:
            escaped = value.replace("}", "}}")
            extra.append(f"{key}={{{escaped}}}")
    if extra:
        options["extra_params"] = ";".join(extra)
    return options


def _not_an_address(name: str, schemes: frozenset[str] | set[str]) -> ImproperlyConfigured:
    examples = " or ".join(text for scheme, text in _EXAMPLES.items() if scheme in schemes)
    return ImproperlyConfigured(
        f"{name} is not a usable database address: write {examples}, and the characters"
        " / ? # @ : % in a user or password as %2F %3F %23 %40 %3A %25"
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
