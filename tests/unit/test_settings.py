"""Settings: what may be written, what comes of it, and that nothing secret is repeated."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from pliers import environment
from pliers.commandline import one_line
from pliers.environment import Environment
from transfer.cli import TransferCommand

SECRET = "s3cret"


@pytest.fixture
def env(tmp_path, monkeypatch):
    """Return a function that reads variables as if they stood in .env."""
    for name in ("A_TEXT", "A_NUMBER", "A_SWITCH", "A_LIST", "A_FOLDER"):
        monkeypatch.delenv(name, raising=False)

    def read(text: str) -> Environment:
        (tmp_path / ".env").write_text(text)
        before = dict(os.environ)
        try:
            return Environment(tmp_path / ".env")
        finally:
            os.environ.clear()
            os.environ.update(before)

    return read


def manage(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "pliers.settings"} | variables,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("value", ["$ecret", "a$b", r"a\$b", "$$", r"\$", "$HOME"])
def test_a_dollar_sign_is_only_a_dollar_sign(env, monkeypatch, value):
    monkeypatch.setenv("A_TEXT", value)
    assert env("").text("A_TEXT") == value


def test_the_file_is_read_and_the_environment_wins(env, monkeypatch):
    read = env("A_TEXT=from the file\nA_NUMBER=7\n")
    assert (read.text("A_TEXT"), read.number("A_NUMBER", 1)) == ("from the file", 7)

    monkeypatch.setenv("A_TEXT", "from outside")
    assert env("A_TEXT=from the file\n").text("A_TEXT") == "from outside"


def test_a_blank_variable_counts_as_unset(env):
    read = env("A_TEXT=\nA_NUMBER=\nA_SWITCH=\nA_LIST=\nA_FOLDER=\n")
    assert read.text("A_TEXT", "default") == "default"
    assert read.number("A_NUMBER", 5) == 5
    assert env("A_NUMBER='  '\n").number("A_NUMBER", 5) == 5
    assert read.switch("A_SWITCH", default=True) is True
    assert read.words("A_LIST", "a, b") == ["a", "b"]
    assert read.folder("A_FOLDER", Path("/base/var"), base=Path("/base")) == Path("/base/var")


def test_a_relative_path_starts_at_the_project(env):
    folder = env("A_FOLDER=data\n").folder("A_FOLDER", Path("/x"), base=Path("/base"))
    assert folder == Path("/base/data")


@pytest.mark.parametrize(("text", "meant"), [("yes", True), ("1", True), ("off", False)])
def test_a_switch_is_on_or_off(env, text, meant):
    assert env(f"A_SWITCH={text}\n").switch("A_SWITCH", default=not meant) is meant


def test_values_of_the_wrong_kind_are_named_and_not_repeated(env):
    read = env(f"A_NUMBER={SECRET}\nA_SWITCH={SECRET}\n")
    with pytest.raises(ImproperlyConfigured, match="A_NUMBER has to be a whole number") as number:
        read.number("A_NUMBER", 1)
    with pytest.raises(ImproperlyConfigured, match="A_SWITCH has to be true or false") as switch:
        read.switch("A_SWITCH", default=False)
    assert SECRET not in f"{number.value}{switch.value}"


def test_r8_a_broken_line_of_the_file_is_named_by_number(env, caplog):
    with pytest.raises(ImproperlyConfigured, match=r"\.env, line 2") as caught:
        env(f"# comment\nDATABASE_URL = postgres://u:{SECRET}@h/d\n")
    assert SECRET not in str(caught.value) + caplog.text


def test_a_postgresql_address():
    found = environment.postgres("X", "postgres://me:p%40ss%2F@db.example:6000/v3?sslmode=require")
    assert found == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "v3",
        "USER": "me",
        "PASSWORD": "p@ss/",
        "HOST": "db.example",
        "PORT": 6000,
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_postgresql_address_of_a_socket():
    found = environment.postgres("X", "postgres://me@/v3?host=/run/postgresql&connect_timeout=5")
    assert (found["HOST"], found["NAME"]) == ("", "v3")
    assert found["OPTIONS"] == {"host": "/run/postgresql", "connect_timeout": "5"}


@pytest.mark.parametrize(
    "address",
    [
        f"postgres://u:{SECRET}%00et@127.0.0.1:54329/d",
        f"postgres://{SECRET}%00@h/d",
        f"postgres://u:{SECRET}@h%00/d",
        f"mssql://u:{SECRET}@h/d%00",
        f"mssql://u:{SECRET}@h/d?Encrypt=%00",
        f"sqlite:///{SECRET}%00.sqlite3",
    ],
)
def test_r8_an_address_with_a_zero_byte_is_refused(address, tmp_path):
    # libpq would stop reading there, and connect to the local socket.
    with pytest.raises(ImproperlyConfigured, match="X holds %00") as caught:
        environment.legacy("X", address, base=tmp_path)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("sqlite:///copy.sqlite3", "/base/copy.sqlite3"),
        ("sqlite:////data/a%20b/c+d%23.sqlite3", "/data/a b/c+d#.sqlite3"),
    ],
)
def test_r4_a_sqlite_copy_is_opened_read_only(address, path):
    found, file = environment.legacy("X", address, base=Path("/base"))
    assert file == Path(path)
    assert found["NAME"].startswith("file:")
    assert found["NAME"].endswith("?mode=ro")


@pytest.mark.parametrize(
    "address",
    [
        f"mysql://u:{SECRET}@h/d",
        f"postgres://u:{SECRET}@h",
        f"postgres://u:pa/{SECRET}@h:5432/d",
        f"postgres://u:{SECRET}@h:port/d",
        f"postgres://u:{SECRET}@[h/d",
        f"//{SECRET}",
        SECRET,
        f"mssql://u:{SECRET}@h/",
        f"mssql://u:{SECRET}@h/%20",
        f"mssql://u:{SECRET}#@h/d",
        f"mssql://u:{SECRET}@h#/d",
        f"mssql://u:{SECRET}@h/#d",
        f"mssql://u:{SECRET}@h/d?Encrypt=yes#&ApplicationIntent=ReadOnly",
        f"postgres://u:{SECRET}@h/d#e",
        f"postgres://u:{SECRET}@h/d?sslmode=require#",
        f"sqlite:///{SECRET}#1.sqlite3",
        "sqlite://",
        "sqlite:///:memory:",
        f"sqlite://{SECRET}/v2.sqlite3",
    ],
)
def test_r8_an_address_that_cannot_be_used_is_named_and_not_repeated(address, tmp_path):
    with pytest.raises(ImproperlyConfigured, match="V2_DATABASE_URL is not a usable") as caught:
        environment.legacy("V2_DATABASE_URL", address, base=tmp_path)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_r4_a_postgresql_copy_begins_its_sessions_read_only(tmp_path):
    found, file = environment.legacy("X", "postgres://u:p@h/d?options=-c%20x.y=1", base=tmp_path)
    assert file is None
    assert found["OPTIONS"]["options"] == "-c x.y=1 -c default_transaction_read_only=on"


def test_v3_in_anything_but_postgresql_is_refused():
    for address in ("sqlite:///v3.sqlite3", "mssql://u:p@h/d"):
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is not a usable"):
            environment.postgres("DATABASE_URL", address)


def test_the_secret_key_is_made_once_and_is_private(tmp_path):
    key = environment.secret_key(tmp_path / "var")
    assert environment.secret_key(tmp_path / "var") == key
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_without_a_place_to_keep_it_the_secret_key_lasts_as_long_as_the_process(tmp_path):
    (tmp_path / "file").touch()
    first, second = (environment.secret_key(tmp_path / "file") for _ in range(2))
    assert len(first) > 50
    assert first != second


def found_ids() -> list[str | None]:
    return [
        message.id
        for message in checks.run_checks(tags=TransferCommand.requires_system_checks)
        if (message.id or "").startswith("pliers")
    ]


def test_the_settings_of_the_project_pass_their_checks():
    assert found_ids() == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("V2_TIME_ZONE", "Mars/Olympus", "pliers.E002"),
        ("V2_TIME_ZONE", "../etc/passwd", "pliers.E002"),
        ("V2_FORM_STATUS", "Draft!", "pliers.E003"),
        ("V2_MAPPING", Path("nowhere.toml"), "pliers.E004"),
        ("V2_MAPPING", Path("Makefile"), "pliers.E004"),
        ("V2_MAX_STORED_WARNINGS", -1, "pliers.E005"),
        ("PLIERS_WORKERS", -1, "pliers.E007"),
        ("PLIERS_WORKERS", 0, "pliers.E007"),
        ("PLIERS_WORKERS", 33, "pliers.E007"),
    ],
)
def test_a_wrong_setting_is_found_by_a_check(settings, name, value, code):
    setattr(settings, name, value)
    assert found_ids() == [code]


def test_without_a_number_of_workers_the_machine_decides(settings):
    settings.PLIERS_WORKERS = None

    assert found_ids() == []


def test_v3_in_anything_but_postgresql_is_found_by_a_check(monkeypatch):
    sqlite = environment.read_only_sqlite(Path("v3.sqlite3"))
    monkeypatch.setitem(settings.DATABASES, "default", sqlite)
    assert found_ids() == ["pliers.E001"]


def test_every_variable_is_in_the_example_file():
    example = (settings.BASE_DIR / ".env.example").read_text()
    source = (settings.BASE_DIR / "pliers" / "settings.py").read_text()
    documented = {line.partition("=")[0] for line in example.splitlines() if line.endswith("=")}
    read = set(re.findall(r'ENVIRONMENT\.\w+\(\s*"(\w+)"', source))
    of_tests = {"TEST_DATABASE_URL", "V2_TEST_DATABASE_URL", "V2_TEST_ADMIN_URL"}
    assert documented == read | of_tests


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DATABASE_URL": f"postgres://u:{SECRET}@h:x/d"}, "DATABASE_URL is not a usable"),
        ({"V2_DATABASE_URL": f"oracle://u:{SECRET}@h/d"}, "V2_DATABASE_URL is not a usable"),
        ({"V2_MAPPING": "~nosuchuser/x"}, "V2_MAPPING begins with the home folder"),
        ({"PLIERS_VAR_DIR": "~nosuchuser/x"}, "PLIERS_VAR_DIR begins with the home folder"),
        ({"V2_DATABASE_URL": "sqlite:///~nosuchuser/x"}, "V2_DATABASE_URL begins with the home"),
        ({"PLIERS_WORKERS": SECRET}, "PLIERS_WORKERS has to be a whole number"),
        ({"V2_MAX_STORED_WARNINGS": SECRET}, "V2_MAX_STORED_WARNINGS has to be a whole number"),
        ({"DATABASE_URL": f"postgres://u:{SECRET}@127.0.0.1:1/d"}, "connection"),
    ],
)
def test_manage_py_says_what_is_wrong_in_one_line_and_exits_1(variables, said):
    done = manage("migrate", "--plan", **variables)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_r8_a_password_never_leaves_through_an_error_message(monkeypatch):
    monkeypatch.setitem(settings.DATABASES["v2"], "PASSWORD", SECRET)
    assert one_line(RuntimeError(f"login\n failed: {SECRET}")) == "login failed: ***"
