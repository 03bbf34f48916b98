"""status_v2 as a person calls it."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.runs import query, rich_v2, run
from tests.v2 import make_v2
from transfer.management.commands import status_v2

pytestmark = pytest.mark.django_db(transaction=True)


def status(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("status_v2", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_before_the_first_migration_it_says_how_to_start_one() -> None:
    assert status() == (0, "No migration yet; start one with import_v2.\n")
    assert status("--json") == (0, '{\n  "migrations": []\n}\n')


def test_a_clean_migration_exits_0(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}])
    run(name="night")

    code, out = status()

    assert code == 0
    assert "Migration night: completed" in out


def test_recorded_errors_exit_3_until_they_are_rolled_back(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")

    code, out = status("--json", "--name", "night")
    assert code == 3
    (document,) = json.loads(out)["migrations"]
    assert document["outcome"] == "completed"
    assert document["errors"]["form_unknown"] == 2

    query("UPDATE migration_progress SET status = 'rolled_back'")
    assert status()[0] == 0


def test_an_unknown_name_exits_1() -> None:
    with pytest.raises(CommandError, match="no migration is named 'night'") as refused:
        call_command("status_v2", "--name", "night")
    assert refused.value.returncode == 1


def test_watch_shows_it_again_until_nothing_is_in_progress(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich_v2(v2_path)
    run(name="night", limit=4)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            run(name="night")

    monkeypatch.setattr(status_v2.time, "sleep", pause)

    code, out = status("--watch")

    assert code == 3
    assert out.count("Migration night: in_progress") == 2
    assert out.count("Migration night: completed") == 1
    assert pauses == [status_v2.WATCH_SECONDS] * 2


def test_ctrl_c_ends_watching(v2_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rich_v2(v2_path)
    run(name="night", limit=4)

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status_v2.time, "sleep", interrupt)

    code, _ = status("--watch")

    assert code == 130


def test_watch_and_json_exclude_each_other(capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        status_v2.Command().run_from_argv(["manage.py", "status_v2", "--watch", "--json"])
    assert end.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err
