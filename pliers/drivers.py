"""Whether this machine can load the driver for a SQL Server, and which Debian package it lacks.

The wheels bring the driver but not the system's libraries it is linked with; the loader's own
message names one file at a time, and no package.
"""

import ctypes
import importlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured

from pliers.sql_server import ENGINE, MSSQL_PYTHON, PYODBC, login_of

USUAL = "ODBC Driver 18 for SQL Server"
# Debian's packages of the libraries that pyodbc and Microsoft's driver are linked with.
PACKAGES = {
    "libodbc.so.2": "libodbc2",
    "libltdl.so.7": "libltdl7",
    "libkrb5.so.3": "libkrb5-3",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
}
# Loaded by the driver when it asks Entra for a token itself.
CURL = {"libcurl.so.4": "libcurl4"}
_LIBRARY = re.compile(r"lib[\w.+-]*?\.so(?:\.\d+)*")


class Problem(NamedTuple):
    """Why the driver does not load, and what to do: a sentence each."""

    what: str
    hint: str


def bundled() -> str | None:
    """Return the file of the ODBC driver in mssql-python's wheels, as mssql-python finds it.

    None where it is not there, or mssql-python does not load.
    """
    try:
        manager = importlib.import_module("mssql_python.odbc_provider").ProviderManager
    except (ImportError, OSError, RuntimeError):
        return None
    found = manager.get_info()["driver_path"]
    return str(found) if found and Path(found).is_file() else None


def problem(
    settings_dict: Mapping[str, Any], load: Callable[[str], object] = ctypes.CDLL
) -> Problem | None:
    """Return what keeps an alias's driver from loading; None where nothing does.

    Args:
        settings_dict: the alias's settings.
        load: loads a shared library or raises OSError.
    """
    if settings_dict.get("ENGINE") != ENGINE:
        return None
    options = settings_dict.get("OPTIONS", {})
    driver = MSSQL_PYTHON if options.get("python_driver") else PYODBC
    login = login_of(settings_dict)
    wanted = PACKAGES | (CURL if login and driver in login.curl else {})
    if sys.platform == "linux" and (missing := [name for name in wanted if not _loads(name, load)]):
        return _missing(missing)
    try:
        # mssql-django imports pyodbc even where it uses the other driver, which gives its answers
        # as Arrow and imports pyarrow only then.
        for module in ["pyodbc", *(["mssql_python", "pyarrow"] if driver == MSSQL_PYTHON else [])]:
            importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        if names := _LIBRARY.findall(str(error)):
            return _missing(names[:1])
        said = " ".join(str(error).split())
        hint = "Install it again with make, see docs/dependencies.md."
        return Problem(f"{module}: {said}.", hint)
    return None if driver == MSSQL_PYTHON else _odbc_problem(str(options["driver"]))


def require(settings_dict: Mapping[str, Any]) -> None:
    """Raise where the alias's driver does not load.

    Raises:
        ImproperlyConfigured: one line that names the package to install.
    """
    if found := problem(settings_dict):
        raise ImproperlyConfigured(
            f"the driver for SQL Server does not load: {found.what} {found.hint}"
        )


def _odbc_problem(driver: str) -> Problem | None:
    """Whether pyodbc finds what V2_ODBC_DRIVER names: a file, or a driver in odbcinst.ini."""
    if "/" in driver:
        if Path(driver).is_file():
            return None
        return Problem(
            "V2_ODBC_DRIVER names a file that is not there.",
            "Unset it to take the driver that mssql-python brings.",
        )
    known = importlib.import_module("pyodbc").drivers()
    if driver in known:
        return None
    listed = ", ".join(known) or "none"
    return Problem(
        f"V2_ODBC_DRIVER names an ODBC driver that is not installed (there are: {listed}).",
        "Unset it to take the driver that mssql-python brings.",
    )


def _loads(name: str, load: Callable[[str], object]) -> bool:
    try:
        load(name)
    except OSError:
        return False
    return True


def _missing(names: list[str]) -> Problem:
    packages = [(PACKAGES | CURL).get(name) for name in names]
    hint = (
        f"On Debian: apt-get install {' '.join(filter(None, packages))}"
        if all(packages)
        else "Install the package that has it."
    )
    verb = "is" if len(names) == 1 else "are"
    return Problem(f"{', '.join(names)} {verb} missing.", hint)
