"""What an ``mssql://`` address may say, and the connection string that ODBC makes of it.

Every option is known by name and its value checked before anything connects: a driver's own
complaint comes late, and a mistyped one would be passed over. No message repeats a value (R8).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured

ENGINE = "legacy_v2.sqlserver"
MSSQL_PYTHON = "mssql-python"
PYODBC = "pyodbc"
DRIVERS = (MSSQL_PYTHON, PYODBC)
DEFAULT_SCHEMA = "dbo"
PORT = 1433

_SWITCH = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


class Login(NamedTuple):
    """What an Authentication wants of the address; None: either is right."""

    user: bool | None
    password: bool
    drivers: tuple[str, ...] = DRIVERS
    # With these it is Microsoft's ODBC driver that asks Entra, and loads libcurl for it; otherwise
    # mssql-python asks by azure-identity.
    curl: tuple[str, ...] = ()


LOGINS = {
    "SqlPassword": Login(user=True, password=True),
    "ActiveDirectoryPassword": Login(user=True, password=True, curl=DRIVERS),
    "ActiveDirectoryServicePrincipal": Login(user=True, password=True, curl=DRIVERS),
    "ActiveDirectoryIntegrated": Login(user=False, password=False, curl=DRIVERS),
    "ActiveDirectoryMsi": Login(user=None, password=False, curl=(PYODBC,)),
    "ActiveDirectoryInteractive": Login(user=None, password=False, drivers=(MSSQL_PYTHON,)),
    "ActiveDirectoryDefault": Login(user=False, password=False, drivers=(MSSQL_PYTHON,)),
    "ActiveDirectoryDeviceCode": Login(user=False, password=False, drivers=(MSSQL_PYTHON,)),
}


def _one_of(spellings: Mapping[str, str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        try:
            return spellings[value.strip().lower()]
        except KeyError:
            raise ValueError(f"has to be one of {', '.join(spellings)}") from None

    return check


def _words(*words: str) -> Callable[[str], str]:
    known = {word.lower(): word for word in words}

    def check(value: str) -> str:
        found = known.get(value.strip().lower())
        if found is None:
            raise ValueError(f"has to be one of {', '.join(words)}")
        return found

    return check


def _number(low: int, high: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not (value.isascii() and value.isdecimal() and low <= int(value) <= high):
            raise ValueError(f"has to be a whole number from {low} to {high}")
        return str(int(value))

    return check


def _only_nought(value: str) -> str:
    if value != "0":
        raise ValueError(
            "has to be 0: a lost connection is opened again at the last key anyway, and where the"
            " driver restores one by itself, an answer that was cut short goes unseen"
        )
    return value


def _text(value: str) -> str:
    if not value:
        raise ValueError("has no value")
    return value


_DAY = 86_400
# Those of mssql-django; they travel beside the connection string.
_OWN: dict[str, Callable[[str], str]] = {
    "connection_timeout": _number(0, _DAY),
    "query_timeout": _number(0, _DAY),
    "connection_retries": _number(0, 1000),
    "connection_retry_backoff_time": _number(0, _DAY),
    # Reading what is not committed may find what never was: it is not among them.
    "isolation_level": _words("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"),
}
# Those of Microsoft's ODBC driver 18; where it takes any value for one it does not know, or fails
# without saying why, the check here says it.
_KEYWORDS: dict[str, Callable[[str], str]] = {
    "ApplicationIntent": _words("ReadOnly", "ReadWrite"),
    "Authentication": _words(*LOGINS),
    "ConnectRetryCount": _only_nought,
    "Encrypt": _one_of(_SWITCH | {"mandatory": "yes", "optional": "no", "strict": "strict"}),
    "HostnameInCertificate": _text,
    "IpAddressPreference": _words("IPv4First", "IPv6First", "UsePlatformDefault"),
    "KeepAlive": _number(1, _DAY),
    "KeepAliveInterval": _number(1, _DAY),
    "MultiSubnetFailover": _one_of(_SWITCH),
    "PacketSize": _number(512, 32_767),
    "ServerCertificate": _text,
    "ServerSPN": _text,
    "Trusted_Connection": _one_of(_SWITCH),
    "TrustServerCertificate": _one_of(_SWITCH),
}
# mssql-python passes no other; pyodbc passes anything on. Left out are those that change how values
# are read, and those that hold a secret.
_PYODBC_KEYWORDS: dict[str, Callable[[str], str]] = {
    "APP": _text,
    "ColumnEncryption": _text,
    "KeystoreAuthentication": _text,
    "KeystorePrincipalId": _text,
    "LongAsMax": _one_of(_SWITCH),
    "TransparentNetworkIPResolution": _words("Enabled", "Disabled"),
    "UseFMTONLY": _one_of(_SWITCH),
    "WSID": _text,
}
# Where the address has a place for it.
_IN_ADDRESS = frozenset({
    "addr", "address", "database", "failoverpartner", "filedsn", "initialcatalog", "datasource",
    "port", "pwd", "password", "savefile", "server", "servername", "uid", "user", "userid",
})  # fmt: skip
_IN_SETTINGS = frozenset({"driver", "dsn"})
_SAME = {
    "connecttimeout": "connection_timeout",
    "logintimeout": "connection_timeout",
    "commandtimeout": "query_timeout",
    "integratedsecurity": "Trusted_Connection",
}
_OPTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,63}")


def settings(
    name: str,
    parsed: Mapping[str, Any],
    written: Sequence[tuple[str, str]],
    *,
    driver: str,
    odbc_driver: str | None,
    schema: str,
) -> dict[str, Any]:
    """Return Django's settings for a SQL Server.

    TLS is asked for (Encrypt=yes) unless the address says otherwise, and the certificate is
    verified unless it says TrustServerCertificate=yes. ApplicationIntent is left at ReadWrite: a
    readable secondary lags behind, and what is to be proven is what v2 holds now.

    Args:
        name: the variable the address came from, for messages.
        parsed: host, port, database and login as Django names them, decoded.
        written: the options of the address, in order.
        driver: one of DRIVERS.
        odbc_driver: for pyodbc, its ODBC driver's name or file.
        schema: v2's tables are in it; empty: ``dbo``.

    Raises:
        ImproperlyConfigured: an option or a login that cannot be used.
    """
    keywords = _KEYWORDS | (_PYODBC_KEYWORDS if driver == PYODBC else {})
    found = _checked(name, written, _OWN | keywords, driver)
    _check_login(name, parsed, found, driver)
    options: dict[str, Any] = (
        {"python_driver": "mssql_python"} if driver == MSSQL_PYTHON else {"driver": odbc_driver}
    )
    # mssql-django would try five times, for half a minute, where the database is not there (4060);
    # who reads v2 tries again by himself.
    options["connection_retries"] = 0
    for key in _OWN.keys() & found.keys():
        options[key] = found[key] if key == "isolation_level" else int(found[key])
    in_string = {"Encrypt": "yes"} | {key: found[key] for key in keywords if key in found}
    in_string.pop("Trusted_Connection", None)  # connection_string writes it where there is no user
    options["extra_params"] = _joined(in_string)
    return dict(parsed) | {
        "ENGINE": ENGINE,
        "SCHEMA": schema or DEFAULT_SCHEMA,
        "OPTIONS": options,
    }


def connection_string(settings_dict: Mapping[str, Any]) -> str:
    r"""Return what ODBC is given to connect to an alias: ``DRIVER={…};SERVER={host,1433};…``.

    Each value stands in braces, which is the one way that lets a password with ``;`` or blanks at
    its ends arrive as it is; mssql-django writes braces around some. A named instance
    (``host\NAME``) without a port has to be looked up by the driver, so it gets none.

    Args:
        settings_dict: of a connection whose settings ``settings`` made.
    """
    options = settings_dict.get("OPTIONS", {})
    parts = {} if options.get("python_driver") else {"DRIVER": str(options["driver"])}
    host, port = str(settings_dict.get("HOST") or "localhost"), settings_dict.get("PORT")
    if not port and "\\" not in host:
        port = PORT
    parts["SERVER"] = f"{host},{port}" if port else host
    extra = str(options.get("extra_params") or "")
    if settings_dict.get("USER"):
        parts["UID"] = str(settings_dict["USER"])
        if settings_dict.get("PASSWORD"):
            parts["PWD"] = str(settings_dict["PASSWORD"])
    elif login_of(settings_dict) is None:
        parts["Trusted_Connection"] = "yes"
    parts["DATABASE"] = str(settings_dict["NAME"])
    return ";".join(part for part in (_joined(parts), extra) if part)


def login_of(settings_dict: Mapping[str, Any]) -> Login | None:
    """Return what an alias's Authentication wants; None without that option."""
    extra = str(settings_dict.get("OPTIONS", {}).get("extra_params") or "")
    found = re.search(r"(?:^|;)Authentication=\{(\w+)\}", extra)
    return LOGINS[found.group(1)] if found else None


def _checked(
    name: str,
    written: Sequence[tuple[str, str]],
    known: Mapping[str, Callable[[str], str]],
    driver: str,
) -> dict[str, str]:
    squeezed = {_squeezed(one): one for one in known} | _SAME
    found: dict[str, str] = {}
    for key, value in written:
        if not _OPTION_NAME.fullmatch(key) or _squeezed(key) in _IN_ADDRESS:
            raise ImproperlyConfigured(
                f"{name}: an option of the address cannot be used; host, user, password and"
                " database are written before the question mark"
            )
        if _squeezed(key) in _IN_SETTINGS:
            raise ImproperlyConfigured(
                f"{name}: the driver is not written in the address: see V2_SQL_SERVER_DRIVER"
            )
        option = squeezed.get(_squeezed(key))
        if option is None:
            only_there = _squeezed(key) in {_squeezed(one) for one in _PYODBC_KEYWORDS}
            raise ImproperlyConfigured(
                f"{name}: {driver} takes no option {key}"
                f"{' (pyodbc does)' if only_there else ''}; there are {', '.join(sorted(known))}"
            )
        if option in found:
            raise ImproperlyConfigured(f"{name}: the option {option} is there twice")
        try:
            found[option] = known[option](value)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: the option {option} {error}") from None
    return found


def _check_login(
    name: str, parsed: Mapping[str, Any], found: Mapping[str, str], driver: str
) -> None:
    has_user, has_password = bool(parsed.get("USER")), bool(parsed.get("PASSWORD"))
    mode = found.get("Authentication")
    trusted = found.get("Trusted_Connection")
    if trusted and (mode or (trusted == "yes") == has_user):
        raise ImproperlyConfigured(
            f"{name}: Trusted_Connection contradicts the rest: without a user, password and"
            " Authentication the login is the integrated one (Kerberos), else it is theirs"
        )
    if mode is None:
        if has_user != has_password:
            raise ImproperlyConfigured(
                f"{name} has a user and no password, or the reverse: write both, or neither for the"
                " integrated login, which takes a Kerberos ticket (kinit)"
            )
        return
    login = LOGINS[mode]
    if driver not in login.drivers:
        raise ImproperlyConfigured(
            f"{name}: Authentication={mode} needs V2_SQL_SERVER_DRIVER={login.drivers[0]}"
        )
    wrong_user = login.user is not None and login.user != has_user
    if wrong_user or login.password != has_password:
        wants = {True: "takes a user", False: "takes no user", None: "may have a user"}[login.user]
        password = "and a password" if login.password else "and no password"
        raise ImproperlyConfigured(f"{name}: Authentication={mode} {wants} {password}")


def _joined(values: Mapping[str, str]) -> str:
    """Return keywords with their values in braces, where only a closing one needs escaping."""
    return ";".join(f"{key}={{{value.replace('}', '}}')}}}" for key, value in values.items())


def _squeezed(name: str) -> str:
    return re.sub(r"[ _-]", "", name).lower()
