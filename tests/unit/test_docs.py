"""README and docs name only what exists: commands, options, targets, variables, files."""

import re
import shlex
import tomllib
from argparse import ArgumentParser
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from pliers import drivers
from pliers.management.sparing import SparesV2
from transfer.cli import ExitStatus
from transfer.mapping.context import parse_mapping_file

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN_APPS = {"pliers", "organizations", "forms_app", "submissions", "legacy_v2", "transfer"}

FENCED = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
VARIABLE = re.compile(r"\b(?:(?:V2|PLIERS|TEST)_[A-Z_]+|[A-Z0-9_]+_(?:URL|KEY|HOSTS)|DEBUG)\b")
READ_VARIABLE = re.compile(
    r"""ENVIRONMENT\.(?:text|number|switch|words|folder)\(\s*"([A-Z0-9_]+)\""""
)


def own_commands() -> dict[str, ArgumentParser]:
    """The project's own commands and their parsers; Django's that only spare v2 stay Django's."""
    return {
        name: command.create_parser("manage.py", name)
        for name, app in get_commands().items()
        if app in OWN_APPS
        and not isinstance(command := load_command_class(str(app), name), SparesV2)
    }


def options_of(parser: ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def variables() -> set[str]:
    """The variables of .env.example."""
    example = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))


def code_of(text: str) -> list[str]:
    """The pieces of code in a Markdown text, line by line."""
    blocks = FENCED.findall(text)
    text = FENCED.sub("", text)
    lines = [line for block in blocks for line in block.splitlines()]
    return [*lines, *INDENTED.findall(text), *INLINE.findall(text)]


def problems(text: str) -> list[str]:
    """What a document names that does not exist."""
    commands = own_commands()
    targets = make_targets()
    found: list[str] = []
    for line in code_of(text):
        code = line.split(" #")[0].strip()
        found += [
            f"make {target}"
            for target in re.findall(r"^make ([a-z][a-z-]*)", code)
            if target not in targets
        ]
        found += [name for name in VARIABLE.findall(code) if name not in variables()]
        named = re.findall(r"\b[a-z]+_v2\b", code)
        found += [name for name in named if name not in {*commands, *OWN_APPS}]
        found += command_problems(code, commands)
    return found


def command_problems(code: str, commands: dict[str, ArgumentParser]) -> list[str]:
    """What is wrong with a command line, written with manage.py or without, or a bare option."""
    try:
        words = shlex.split(code)
    except ValueError:
        return []
    if words and words[0].startswith("--"):
        known_options = set().union(*map(options_of, commands.values()))
        return [word for word in words[:1] if word.split("=")[0] not in known_options]
    place = next((n for n, word in enumerate(words) if word.endswith("manage.py")), None)
    rest = words[place + 1 :] if place is not None else words
    if not rest or rest[0] == "…" or (place is None and rest[0] not in commands):
        return []
    name, *arguments = rest
    if name not in get_commands():
        return [f"manage.py {name}"]
    app = get_commands()[name]
    parser = load_command_class(str(app), name).create_parser("manage.py", name)
    given = [word.split("=")[0] for word in arguments if word.startswith("--")]
    return [f"{name} {option}" for option in given if option not in options_of(parser)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_what_exists(document: Path) -> None:
    assert problems(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run `manage.py import_v3`", ["manage.py import_v3"]),
        ("run `sync_v2 NAME`", ["sync_v2"]),
        ("    manage.py import_v2 --threads 4", ["import_v2 --threads"]),
        ("```\n$ .venv/bin/python manage.py verify_v2 --samples=5\n```", ["verify_v2 --samples"]),
        ("with `--threads 4`", ["--threads"]),
        ("type `make coffee`", ["make coffee"]),
        ("set `V2_TIMEZONE`", ["V2_TIMEZONE"]),
        ("`import_v2 --batch-size 1000` and `make demo`, `V2_MAPPING`, `--json`", []),
        ("plain import_v3 --words are prose", []),
    ],
)
def test_what_does_not_exist_is_found(text: str, found: list[str]) -> None:
    assert problems(text) == found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if ":" not in link]

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_readme_lists_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [name for name in own_commands() if f"`{name}`" not in readme] == []


def test_readmes_settings_are_those_of_the_example_and_of_the_code() -> None:
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    code = (ROOT / "pliers/settings.py").read_text() + (ROOT / "tests/settings.py").read_text()
    # Settings name one by hand where the name is needed twice.
    read = set(READ_VARIABLE.findall(code)) | {"TEST_DATABASE_URL"}

    assert sorted(rows) == sorted(variables())
    assert variables() == read


def test_every_default_is_named_in_its_help() -> None:
    wrong = []
    for name, parser in own_commands().items():
        inherited = {"verbosity"}
        for action in parser._actions:
            if action.default in (None, False, "==SUPPRESS==") or action.dest in inherited:
                continue
            text = parser._get_formatter()._expand_help(action) if action.help else ""
            if str(action.default) not in text:
                wrong.append(f"{name} {action.option_strings[0]}: {action.default}")

    assert wrong == []


def test_the_runbook_has_every_exit_status() -> None:
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([a-z ]+) \|", text, re.MULTILINE)

    assert {int(number): name for number, name in rows} == {
        status.value: status.name.lower().replace("_", " ") for status in ExitStatus
    }


def test_dependencies_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    named = [name for cell in cells for name in INLINE.findall(cell)]

    assert sorted(named) == sorted(re.split(r"[\[<>=~]", name)[0] for name in wanted)
    assert f"apt-get install {' '.join(drivers.PACKAGES.values())}" in text
    assert [name for name in {**drivers.PACKAGES, **drivers.CURL} if f"`{name}`" not in text] == []


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)[0] == version


def test_the_runbooks_mapping_file_can_be_read() -> None:
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)

    mapping = parse_mapping_file(example)

    assert all((mapping.forms, mapping.field_types, mapping.statuses))
