"""import_v2 as a person calls it: what it prints, how it exits, and what it never says."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command

from tests.runs import BOOKS, TABLES, empty_v3, query, rich_v2, run, snapshot
from tests.v2 import V2, env_of, guid, make_v2
from transfer.management.commands import import_v2
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path, v3_url: str) -> dict[str, str]:
    """Of a process whose v3 is this test's and whose v2 is v2.sqlite3 in this test's folder."""
    return env_of(tmp_path / "v2.sqlite3") | {
        "DATABASE_URL": v3_url,
        "DJANGO_SETTINGS_MODULE": "pliers.settings",
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


@pytest.fixture
def manage(environment: dict[str, str]) -> Manage:
    """Run a manage.py command in a process of its own, as a person would."""

    def call(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command(*arguments),
            cwd=project.BASE_DIR,
            env=environment | changes,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """A clean v2 with one of each."""
    v2 = make_v2(v2_path, organizations=[{}], users=[{}], forms=[{}], fields=[{}], submissions=[{}])
    v2.add("answers", {"FreeFormEntry": "yes"})
    return v2


# Exit statuses and output


def test_a_clean_run_prints_a_summary_and_exits_0(manage: Manage, v2: V2) -> None:
    done = manage("import_v2", "--name", "night")

    assert done.returncode == 0
    assert "Migration night: finished" in done.stdout
    assert "Answers: 1 read = 1 migrated" in done.stdout
    assert done.stderr == ""  # no bar where there is no terminal
    assert "\x1b" not in done.stdout
    assert query("SELECT count(*) FROM submissions") == [(1,)]


def test_json_is_one_document_on_stdout_and_errors_exit_3(manage: Manage, v2_path: Path) -> None:
    rich_v2(v2_path)

    done = manage("import_v2", "--json", "--batch-size", "4")

    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["outcome"] == "finished"
    assert document["errors"]["form_unknown"] == 2
    assert [table["table"] for table in document["tables"]] == list(TABLES)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--batch-size", "0"], "argument --batch-size: takes a whole number from 1 to 100,000"),
        (["--batch-size", "-1"], "--batch-size"),
        (["--batch-size", "x"], "got 'x'"),
        (["--batch-size", "10000000"], "(a batch is held in memory), or auto, got '10000000'"),
        (["--tables", "forms", "events"], "invalid choice: 'events'"),
        (["--organization", "acme"], "where v2's Ids are numbers), got 'acme'"),
        (["--limit", "0"], "takes a whole number of at least 1, got '0'"),
        (["--name", ""], "takes 1 to 255 printable characters"),
        (["--max-errors", "-1"], "takes a whole number of at least 0, got '-1'"),
        (["--max-error-share", "2"], "takes a share, 0 to 1 or 0% to 100%, got '2'"),
        (["--sideways"], "unrecognized arguments: --sideways"),
    ],
)
def test_wrong_usage_exits_2_with_the_reason(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        import_v2.Command().run_from_argv(["manage.py", "import_v2", *arguments])

    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (
            ["--organization", guid(1, 1), "--organization", guid(1, 2).upper()],
            {"organizations": [guid(1, 1), guid(1, 2)]},
        ),
        (["--tables", "forms", "users"], {"tables": ["forms", "users"]}),
        (["--limit", "7", "--dry-run"], {"limit": 7, "dry_run": True}),
        (
            ["--max-errors", "0", "--max-error-share", "5%"],
            {
                "max_errors": 0,
                "max_error_share": Decimal("0.05"),
            },
        ),
        ([], {"max_errors": None, "max_error_share": None}),
        ([], {"batch_size": 1000, "tables": None, "organizations": None, "json": False}),
    ],
)
def test_the_options_of_the_design_are_there(given: list[str], options: dict[str, Any]) -> None:
    parser = import_v2.Command().create_parser("manage.py", "import_v2")

    assert vars(parser.parse_args(given)).items() >= options.items()


def test_a_dry_run_says_what_would_fail_and_exits_3(v2_path: Path, capsys: Any) -> None:
    rich_v2(v2_path)

    with pytest.raises(SystemExit) as end:
        call_command("import_v2", "--dry-run")

    out = capsys.readouterr().out
    assert end.value.code == 3
    assert ": dry run" in out
    assert "What would fail, the first of them" in out
    assert out.rstrip().endswith("Nothing was written.")
    assert {query(f"SELECT count(*) FROM {table}")[0][0] for table in (*TABLES, *BOOKS)} == {0}


# Could not


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    """What a command said that could not: one line."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().count("\n") == 0
    return done.stderr


@pytest.mark.parametrize(
    ("variable", "address", "named"),
    [
        ("V2_DATABASE_URL", "postgres://sa:S3cr%24t@127.0.0.1:1/Pliers", "'Pliers' on 127.0.0.1:1"),
        ("V2_DATABASE_URL", "postgres://sa:S3cr%24t@no.such.host.invalid/Pliers", "no.such.host"),
        ("DATABASE_URL", "postgres://sa:S3cr%24t@127.0.0.1:1/v3", "'v3' on 127.0.0.1:1"),
    ],
)
def test_r8_an_address_nobody_answers_at_is_one_line_without_the_password(
    manage: Manage, v2: V2, variable: str, address: str, named: str
) -> None:
    done = manage("import_v2", **{variable: address})

    said = refused(done)
    assert named in said
    assert "S3cr" not in said
    assert _books_hold("S3cr") == 0


def test_r8_a_wrong_password_is_one_line_without_it(manage: Manage, v2: V2, v3_url: str) -> None:
    """A role that has to give a password and gives the wrong one (or has none at all)."""
    login, _, place = v3_url.partition("@")
    assert login

    done = manage("import_v2", DATABASE_URL=f"postgres://nobody_here:S3cr%24t@{place}")

    said = refused(done)
    assert "cannot open v3, PostgreSQL database 'test_" in said
    assert "nobody_here" in said
    assert "S3cr" not in said


def _books_hold(secret: str) -> int:
    found = [
        query(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE %s", [f"%{secret}%"])
        for table in BOOKS
    ]
    return sum(rows[0][0] for rows in found)


def test_a_v2_file_that_is_not_there_is_one_line(manage: Manage, tmp_path: Path) -> None:
    assert "v2.sqlite3 does not exist; set V2_DATABASE_URL or run seed_v2" in refused(
        manage("import_v2")
    )
    assert not (tmp_path / "v2.sqlite3").exists()


def test_a_v3_that_is_not_migrated_says_what_to_run(manage: Manage, v2: V2) -> None:
    query("ALTER TABLE migration_assignments RENAME TO away")
    try:
        done = manage("import_v2")
    finally:
        query("ALTER TABLE away RENAME TO migration_assignments")

    assert "has no table migration_assignments; run: manage.py migrate" in refused(done)


def test_r6_a_second_importer_exits_1_and_says_who_holds_the_lock(
    v2: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.importer.Target", partial(Target, grace=0))
    with closing(Target("import_v2")), pytest.raises(CommandError) as refusal:
        call_command("import_v2")

    assert refusal.value.returncode == 1
    assert "another importer is at work on PostgreSQL database 'test_" in str(refusal.value)
    assert "UTC (backend " in str(refusal.value)


@pytest.mark.parametrize(
    "arguments",
    [["--organization", guid(1, 9)], ["--default-organization", guid(1, 9)]],
)
def test_an_unknown_organization_exits_1(v2: V2, arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=f"{guid(1, 9)}: no such organization") as refusal:
        call_command("import_v2", *arguments)

    assert refusal.value.returncode == 1


def test_a_server_s_own_error_is_one_line_and_exits_1(
    v2: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    query("ALTER TABLE migration_progress RENAME COLUMN ledger TO away")
    try:
        with pytest.raises(CommandError, match=r'column "ledger" does not exist$') as refusal:
            call_command("import_v2")
    finally:
        query("ALTER TABLE migration_progress RENAME COLUMN away TO ledger")

    assert refusal.value.returncode == 1


# Ctrl-C


@pytest.fixture
def long_v2(v2_path: Path) -> V2:
    return make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{}],
        submissions=[{} for _ in range(400)],
    )


def start(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command("import_v2", *arguments),
        cwd=project.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_submissions(process: "subprocess.Popen[str]", count: int) -> None:
    deadline = time.monotonic() + 30
    while query("SELECT count(*) FROM submissions")[0][0] < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_r9_ctrl_c_finishes_the_batch_says_how_to_go_on_and_exits_130(
    environment: dict[str, str], long_v2: V2, sent: signal.Signals
) -> None:
    process = start(environment, "--batch-size", "1", "--name", "my night")
    wait_for_submissions(process, 5)

    process.send_signal(sent)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "To go on: import_v2 --name 'my night'" in out
    assert "Traceback" not in err
    ((status, done, rows),) = query(
        "SELECT status, processed_records, (SELECT count(*) FROM submissions)"
        " FROM migration_progress WHERE table_name = 'submissions'"
    )
    assert status == "in_progress"
    assert done == rows < 400
    assert run(name="my night").outcome == "finished"
    assert query("SELECT count(*) FROM submissions") == [(400,)]


# The worst


def test_r2_killed_five_times_and_finished_equals_an_undisturbed_run(
    environment: dict[str, str], v2_path: Path
) -> None:
    v2 = rich_v2(v2_path)
    v2.add("submissions", *({"LookupCode": "A" if n % 7 else None} for n in range(150)))
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions[18:]))
    run(name="night", batch_size=2)
    whole = snapshot()
    empty_v3()

    # Each time a little later, so that every table is hit; how far it got is left to chance.
    reached = []
    for rows in (1, 3, 9, 30, 60):
        process = start(environment, "--batch-size", "2", "--name", "night")
        deadline = time.monotonic() + 30
        counting = " + ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
        while query(f"SELECT {counting}")[0][0] < rows and process.poll() is None:
            assert time.monotonic() < deadline
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        reached.append(query(f"SELECT {counting}")[0][0])
    finished = start(environment, "--batch-size", "2", "--name", "night")
    finished.communicate(timeout=60)

    assert finished.returncode == 3
    assert reached == sorted(reached)
    assert reached[0] < sum(len(whole[table]) for table in TABLES)  # it was killed, not done
    assert snapshot() == whole
