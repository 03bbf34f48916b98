"""E006: a machine that lacks a library of the driver is told which package has it, in one line."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from pliers import drivers
from pliers.checks import check_sql_server_driver
from pliers.environment import legacy

PASSWORD = "s3cret"
ADDRESS = f"mssql://u:{PASSWORD}@127.0.0.1:1/d"
GONE = "libodbc.so.2: cannot open shared object file: No such file or directory"


def made(address: str = ADDRESS, **more: str) -> dict[str, Any]:
    return legacy("V2_DATABASE_URL", address, base=Path("/base"), **more)[0]


def manage(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    usual = {"DJANGO_SETTINGS_MODULE": "pliers.settings", "V2_DATABASE_URL": ADDRESS}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        env=os.environ | usual | variables,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def lacking(*names: str) -> Any:
    def load(name: str) -> None:
        if name in names:
            raise OSError(f"{name}: cannot open shared object file")

    return load


@pytest.mark.parametrize(("library", "package"), drivers.PACKAGES.items())
def test_exactly_the_missing_library_s_package_is_named(library: str, package: str) -> None:
    found = drivers.problem(made(), lacking(library))
    assert found == (f"{library} is missing.", f"On Debian: apt-get install {package}")


def test_several_missing_libraries_are_one_command() -> None:
    found = drivers.problem(made(), lacking(*drivers.PACKAGES))
    assert found is not None
    assert found.hint.endswith("install libodbc2 libltdl7 libkrb5-3 libgssapi-krb5-2")


def test_a_login_that_asks_entra_by_the_driver_needs_curl_too() -> None:
    native = made("mssql://u:p@h/d?Authentication=ActiveDirectoryServicePrincipal")
    found = drivers.problem(native, lacking("libcurl.so.4"))
    assert found == ("libcurl.so.4 is missing.", "On Debian: apt-get install libcurl4")
    managed = "mssql://h/d?Authentication=ActiveDirectoryMsi"
    assert drivers.problem(made(managed, driver="pyodbc"), lacking("libcurl.so.4")) == found
    for without in (managed, ADDRESS):  # mssql-python asks by azure-identity
        assert drivers.problem(made(without), lacking("libcurl.so.4")) is None


def test_other_databases_need_none_of_it() -> None:
    assert drivers.problem(settings.DATABASES["v2"], lacking(*drivers.PACKAGES)) is None


@pytest.mark.parametrize("driver", ["mssql-python", "pyodbc"])
def test_both_drivers_load_on_the_machine_of_the_tests(driver: str) -> None:
    assert drivers.problem(made(driver=driver)) is None


def test_a_library_that_is_not_on_the_list_is_named_without_a_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(name: str) -> None:
        raise ImportError(f"libnew.so.9: cannot open shared object file ({name})")

    monkeypatch.setattr(importlib, "import_module", fails)
    found = drivers.problem(made(), lacking())
    assert found == ("libnew.so.9 is missing.", "Install the package that has it.")


@pytest.mark.parametrize("name", ["/no/such/file.so", "ODBC Driver 1 for SQL Server"])
def test_an_odbc_driver_that_is_not_there_is_found_by_the_check(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(settings.DATABASES, "v2", made(driver="pyodbc", odbc_driver=name))
    (message,) = check_sql_server_driver()
    assert message.id == "pliers.E006"
    assert "V2_ODBC_DRIVER names" in message.msg


def test_the_backend_says_the_same_where_it_is_loaded_before_the_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    with pytest.raises(ImproperlyConfigured, match="driver for SQL Server does not load"):
        drivers.require(made())


def test_mssql_python_without_pyarrow_is_named_and_pyodbc_needs_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    found = drivers.problem(made())

    assert found is not None
    assert found.what.startswith("pyarrow: ")
    assert found.hint == "Install it again with make, see docs/dependencies.md."
    assert drivers.problem(made(driver="pyodbc")) is None


def test_no_command_shows_a_traceback_where_pyarrow_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError(\"No module 'pyarrow'\")\n")

    done = manage("inspectdb", "--database", "v2", PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert "the driver for SQL Server does not load: pyarrow: No module 'pyarrow'." in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_login_to_entra_with_nobody_signed_in_is_one_line() -> None:
    # Of all that azure-identity tries, only what needs neither network nor time.
    address = "mssql://127.0.0.1:1/d?Authentication=ActiveDirectoryDefault"
    only = {"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}

    done = manage("inspectdb", "--database", "v2", V2_DATABASE_URL=address, **only)

    assert done.returncode == 1
    assert "Failed to acquire an Entra ID access token" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pyodbc that does not load, as on a machine without libodbc2."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "pyodbc.py").write_text(f"raise ImportError({GONE!r})\n")
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("import_v2",),
        ("inspectdb", "--database", "v2"),  # these two load the backend before any check
        ("dbshell", "--database", "v2"),
    ],
)
def test_no_command_shows_a_traceback_for_a_missing_library(
    broken: Path, command: tuple[str, ...]
) -> None:
    done = manage(*command, PYTHONPATH=str(broken))
    assert done.returncode == 1
    assert "libodbc.so.2 is missing." in done.stderr
    assert "On Debian: apt-get install libodbc2\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    if "--database" in command:
        assert done.stderr.count("\n") == 1
