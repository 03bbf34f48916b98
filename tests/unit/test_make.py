"""The Makefile and what it runs first: one clear line when something is missing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

BOOTSTRAP = settings.BASE_DIR / "tools" / "bootstrap.py"
RUN_WITH = """
import importlib.util, runpy, sys
{change}
sys.argv = ["bootstrap.py", {venv!r}]
runpy.run_path({script!r}, run_name="__main__")
"""

# Keeps a test quick: the environment has no pip, and what would be asked of it can be answered.
WITHOUT_PIP = """
import subprocess
real = subprocess.run
answers = {"venv": lambda words: [*words, "--without-pip"]}
def run(words, **options):
    for word, answer in answers.items():
        words = answer(words) if word in words else words
    return real(words, **options)
subprocess.run = run
"""
WITHOUT_ENSUREPIP = """
real = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "ensurepip" else real(name)
"""


def make(*words: str) -> "subprocess.CompletedProcess[str]":
    outer = ("MAKE", "PYTHON", "ARGS")  # what the make that runs these tests hands down
    variables = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return subprocess.run(
        ["make", *words],
        cwd=settings.BASE_DIR,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def bootstrap(folder: Path, venv: str = "venv", change: str = "") -> tuple[int, str]:
    """Run the bootstrap in a folder with an empty lock file, after a change to Python."""
    (folder / "requirements.lock").touch()
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITH.format(change=change, venv=venv, script=str(BOOTSTRAP))],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_help_names_every_target():
    makefile = (settings.BASE_DIR / "Makefile").read_text()
    targets = [line.partition(": ")[2] for line in makefile.splitlines() if ".PHONY" in line]
    said = make().stdout
    assert {"demo", "admin", "test", "lint", "format", "stop"} <= set(targets)
    assert [target for target in targets if f"make {target} " not in said] == []


def test_a_python_that_is_not_there_is_one_clear_line():
    done = make("test", "PYTHON=python3.99")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("error: python3.99 is not installed")


def test_another_python_gets_an_environment_of_its_own():
    assert ".venv-python3.13/bin/python -m pytest" in make("-n", "test", "PYTHON=python3.13").stdout
    assert ".venv/bin/python -m pytest" in make("-n", "test").stdout


def test_the_demo_keeps_away_from_databases_that_are_set():
    lines = make("-n", "demo").stdout.splitlines()
    commands = [line for line in lines if "manage.py" in line]
    assert len(commands) == 4
    assert all(line.startswith("DATABASE_URL= V2_DATABASE_URL= ") for line in commands)


def test_an_environment_is_made_once_and_then_left_alone(tmp_path):
    quick = WITHOUT_PIP + "answers['pip'] = lambda words: [words[0], '-c', '']"
    code, said = bootstrap(tmp_path, "a folder", quick)
    assert (code, said.count("making a folder")) == (0, 1), said
    assert bootstrap(tmp_path, "a folder", quick) == (0, "")

    (tmp_path / "requirements.lock").write_text("# changed\n")
    assert "making a folder" in bootstrap(tmp_path, "a folder", quick)[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sys.version_info = (3, 10, 1)", "error: Python 3.11 or later is needed, this is 3.10"),
        (WITHOUT_ENSUREPIP, "apt-get install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_one_clear_line(tmp_path, change, said):
    code, output = bootstrap(tmp_path, change=change)
    assert code == 1
    assert said in output
    assert output.count("\n") == 1


def test_an_environment_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    code, output = bootstrap(tmp_path, "file/venv")
    assert (code, output.count("\n")) == (1, 1)
    assert output.startswith("error: file/venv cannot be made")


def test_a_package_that_cannot_be_installed_is_one_clear_line(tmp_path):
    code, output = bootstrap(tmp_path, change=WITHOUT_PIP)
    assert code == 1
    assert output.splitlines()[-1].startswith(
        "error: the packages of requirements.lock could not be installed:"
    )
    assert "No module named pip" in output


def test_what_a_real_sql_server_can_answer_is_asked_of_one_too() -> None:
    tests = settings.BASE_DIR / "tests"
    lines = (settings.BASE_DIR / "Makefile").read_text().replace("\\\n", " ").splitlines()
    (listed,) = [line for line in lines if line.startswith("SQL_SERVER_TESTS :=")]
    run = {path for word in listed.split()[2:] for path in settings.BASE_DIR.glob(word)}
    of_the_peer_alone = re.compile(r"^pytestmark = \[[^\]]*pytest\.mark\.peer_only", re.MULTILINE)
    for path in tests.rglob("test_*.py"):
        text = path.read_text()
        if not re.search(r"^from tests\.sqlserver\.server import", text, re.MULTILINE):
            continue
        if not of_the_peer_alone.search(text) and path.name != "test_source_short_answers.py":
            assert path in run, path
