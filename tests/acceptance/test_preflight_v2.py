"""preflight_v2 as a person calls it: what it prints and how it exits."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from legacy_v2.seed.service import seed
from tests.runs import query
from tests.v2 import make_v2
from transfer.management.commands import preflight_v2

pytestmark = pytest.mark.django_db


def preflight(*arguments: str) -> tuple[int, str]:
    """The command's exit status and what it printed."""
    out = StringIO()
    try:
        call_command("preflight_v2", *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_every_fault_is_named_and_nothing_is_blocked(v2_path: Path) -> None:
    seed(v2_path, submissions=20, faults=True)

    status, printed = preflight("--full", "--json")

    document: dict[str, Any] = json.loads(printed)
    assert status == 0
    assert document["status"] == "WARNING"
    codes = {hazard["code"] for hazard in document["hazards"]}
    assert {"form_unknown", "answer_orphaned", "email_duplicate", "number_too_long"} <= codes
    warned = {line["check"] for line in document["lines"] if line["area"] == "hazards"}
    assert {h["code"] for h in document["hazards"] if h["severity"] == "error"} <= warned
    assert document["counts"]["BLOCKED"] == 0
    assert document["volumes"]["total"]["submissions"] > 20
    assert document["estimate"]["needed"] > 0


def test_what_is_blocked_exits_3_with_the_line(v2_path: Path) -> None:
    status, printed = preflight()

    assert status == 3
    assert "BLOCKED" in printed
    assert "1 BLOCKED; not ready: deal with what is BLOCKED first" in printed
    assert "Traceback" not in printed


def test_the_text_has_volumes_hazards_and_the_checklist(v2_path: Path, tmp_path: Path) -> None:
    make_v2(v2_path, organizations=[{"Name": "Acme"}], forms=[{}], submissions=[{}, {}])

    status, printed = preflight("--backup", str(tmp_path / "v3.dump"), "--restore-point", "before")

    assert status == 0
    assert "Acme (1 form)" in printed
    assert "Checklist" in printed
    assert max(len(one) for one in printed.splitlines() if one.startswith(("│", "┃"))) <= 100
    assert (tmp_path / "v3.dump").is_file()
    assert query("SELECT count(*) FROM organizations") == [(0,)]


def test_a_restore_point_nobody_can_make_is_refused_before_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transfer.preflight.service.open_target", None)  # not even asked
    with pytest.raises(CommandError, match="takes a name of 1 to 63") as refused:
        preflight("--restore-point", "x" * 64)
    assert refused.value.returncode == 1


def test_ctrl_c_exits_130(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_v2(v2_path)

    def interrupted(*_given: object, **_how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(preflight_v2, "run_preflight", interrupted)
    assert preflight() == (130, "")
    assert "Interrupted; nothing was written to v2 or v3." in capsys.readouterr().err
