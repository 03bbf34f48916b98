"""rollback_v2 as a person calls it."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.acceptance.resuming import Done
from tests.factories import UserFactory
from tests.integration.rollback.common import ALL, NONE, first, rows_of, two_tenants
from tests.runs import query
from transfer import rollback_restore
from transfer.archive import BackupInfo
from transfer.exceptions import TargetError
from transfer.management.commands import rollback_v2

pytestmark = pytest.mark.django_db(transaction=True)


def command(*arguments: str) -> Done:
    out, err = StringIO(), StringIO()
    try:
        call_command("rollback_v2", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return Done(int(str(end.code)), out.getvalue(), err.getvalue())
    except CommandError as error:
        return Done(error.returncode, out.getvalue(), f"{err.getvalue()}{error}")
    return Done(0, out.getvalue(), err.getvalue())


class Keyboard(StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


def test_it_shows_what_goes_asks_for_the_name_and_says_what_went(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_tenants(v2_path)

    monkeypatch.setattr("sys.stdin", Keyboard("two\n"))
    wrong = command("one")
    monkeypatch.setattr("sys.stdin", Keyboard(""))
    nothing = command("one")
    assert wrong.status == nothing.status == 1
    assert "not confirmed; nothing was changed" in wrong.err
    assert rows_of("one") == ALL

    monkeypatch.setattr("sys.stdin", Keyboard("one\n"))
    done = command("one")

    assert done.status == 0
    assert "Rollback of one: preview" in done.err
    assert "To go on, type the migration's name, one: " in done.err
    assert "Rollback of one: finished" in done.out
    assert "9 rows removed" in done.out
    assert rows_of("one") == NONE
    assert rows_of("two") == ALL

    again = command("one")
    assert (again.status, "nothing to do" in again.out) == (0, True)


def test_where_nobody_can_be_asked_it_refuses(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_tenants(v2_path)
    monkeypatch.setattr("sys.stdin", StringIO("one\n"))

    done = command("one")

    assert done.status == 1
    assert "no terminal to ask on; --no-input does it without asking" in done.err
    assert rows_of("one") == ALL


def test_a_dry_run_changes_nothing_and_exits_as_the_rollback_would(v2_path: Path) -> None:
    two_tenants(v2_path)

    clean = command("one", "--dry-run")
    query("UPDATE submissions SET status = 'approved' WHERE id = %s", [first("submissions")])
    changed = command("one", "--dry-run")
    UserFactory(organization_id=first("organizations", "two"))
    in_the_way = command("two", "--dry-run")

    assert (clean.status, changed.status, in_the_way.status) == (0, 3, 1)
    assert "Rollback of one: dry run" in clean.out
    assert "Nothing was changed." in clean.out
    assert "organization_id → organizations" in in_the_way.out
    assert rows_of("one") == rows_of("two") == ALL


def test_what_blocks_exits_1_and_what_is_kept_exits_3(v2_path: Path) -> None:
    two_tenants(v2_path)
    user = UserFactory(organization_id=first("organizations"))

    done = command("one", "--no-input")
    assert (done.status, "Rollback of one: blocked" in done.out) == (1, True)
    assert rows_of("one") == ALL

    user.delete()
    query("UPDATE submissions SET status = 'approved' WHERE id = %s", [first("submissions")])
    done = command("one", "--no-input")
    assert (done.status, "Rollback of one: finished" in done.out) == (3, True)
    again = command("one", "--no-input")
    assert (again.status, "nothing to do" in again.out) == (3, True)

    done = command("one", "--no-input", "--include-modified")
    assert done.status == 0
    assert rows_of("one") == NONE


def test_json_is_one_document(v2_path: Path) -> None:
    two_tenants(v2_path)
    own = UserFactory(organization_id=first("organizations"))

    before = json.loads(command("one", "--json", "--dry-run").out)
    done = command("one", "--json", "--no-input", "--cascade", "--batch-size", "2")
    after = json.loads(done.out)

    assert (before["outcome"], before["blocked"]) == ("dry run", True)
    assert before["referring"] == [
        {
            "table": "users",
            "rows": 1,
            "through": ["organization_id → organizations"],
            "samples": [str(own.pk)],
        }
    ]
    assert {one["table"]: one["to_remove"] for one in before["tables"]} == ALL
    assert done.status == 0
    assert (after["migration"], after["outcome"], after["finished"]) == ("one", "finished", True)
    assert {one["table"]: one["removed"] for one in after["tables"]} == ALL
    assert after["cascaded"] == {"users": 1}
    assert after["other_migrations"] == {}
    assert after["seconds"] > 0


def test_a_wrong_name_exits_1_and_lists_the_known_ones(v2_path: Path) -> None:
    two_tenants(v2_path)

    done = command("three", "--no-input")

    assert (done.status, done.out) == (1, "")
    assert done.err == "no migration is named 'three'; v3 knows: one, two"


def test_an_organization_stands_for_the_migration_that_moved_it_alone(v2_path: Path) -> None:
    v2 = two_tenants(v2_path)

    done = command("--organization", v2.organizations[1]["Id"].upper(), "--no-input")

    assert (done.status, "Rollback of two: finished" in done.out) == (0, True)
    assert (rows_of("one"), rows_of("two")) == (ALL, NONE)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["one", "--organization", "01234567-89ab-cdef-0123-456789abcdef"],
        ["--organization", "somebody"],
        ["one", "--batch-size", "0"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        rollback_v2.Command().run_from_argv(["manage.py", "rollback_v2", *arguments])
    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_restore_is_not_for_choosing_rows(v2_path: Path) -> None:
    done = command("one", "--restore", "x.dump", "--cascade")

    assert (done.status, "--cascade and --include-modified are not for it" in done.err) == (2, True)


INFO = BackupInfo("before.dump", 1234, "pliers", "2026-01-02 03:04:05 UTC", 15, 15, 21)


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were put back; what that does is another test's."""
    files: list[Path] = []

    def restore(file: Path) -> BackupInfo:
        files.append(file)
        return INFO

    monkeypatch.setattr(rollback_restore.backup, "inspect", lambda _file: INFO)
    monkeypatch.setattr(rollback_restore.backup, "restore", restore)
    return files


def test_restore_says_what_is_lost_asks_and_puts_the_dump_back(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, restored: list[Path]
) -> None:
    two_tenants(v2_path)
    UserFactory()
    arguments = ("one", "--restore", "before.dump")

    looked = command(*arguments, "--dry-run", "--json")
    monkeypatch.setattr("sys.stdin", Keyboard("no\n"))
    refused = command(*arguments)
    assert (looked.status, refused.status, restored) == (0, 1, [])

    document = json.loads(looked.out)
    assert document["outcome"] == "dry run"
    assert document["backup"]["created"] == "2026-01-02 03:04:05 UTC"
    users = next(one for one in document["tables_before"] if one["table"] == "users")
    assert users == {"table": "users", "of_migration": 2, "of_others": 2, "own": 1}

    monkeypatch.setattr("sys.stdin", Keyboard("one\n"))
    done = command(*arguments)

    assert (done.status, restored) == (0, [Path("before.dump")])
    assert "whatever was added or changed since is lost" in done.err
    assert "So are other migrations, if they began since: two." in done.err
    assert "Restore in place of one: restored" in done.out
    assert "The dump is of another database: 'pliers', and v3 is 'test_" in done.err


def test_a_restore_that_fails_exits_1(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, restored: list[Path]
) -> None:
    two_tenants(v2_path)

    def fail(_file: Path) -> BackupInfo:
        raise TargetError("the server refused it. Nothing was changed")

    monkeypatch.setattr(rollback_restore.backup, "restore", fail)

    done = command("one", "--restore", "before.dump", "--no-input")

    assert (done.status, done.out) == (1, "")
    assert done.err.endswith("the server refused it. Nothing was changed")
