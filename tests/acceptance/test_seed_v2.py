"""manage.py seed_v2: the demo v2, as the person who makes one meets it."""

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from legacy_v2.introspection import inspect
from legacy_v2.models import FormSubmission, FormSubmissionMetaData
from legacy_v2.seed import schema, writers
from legacy_v2.seed.faults import FAULTS
from legacy_v2.seed.service import seed
from tests.v2 import env_of, make_v2, use_v2
from transfer.models import MigrationError

ROOT = Path(__file__).resolve().parents[2]


def manage(
    *args: str, path: Path = Path("unused"), **env: str
) -> "subprocess.CompletedProcess[str]":
    """Run manage.py in a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=env_of(path) | env,
        capture_output=True,
        text=True,
        check=False,
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(path: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_demo_v2_is_made_whole_and_said(v2_path: Path, capsys: Any) -> None:
    call_command("seed_v2", submissions=30, answers=7)
    shown = capsys.readouterr().out
    assert str(v2_path) in shown
    assert "FormSubmission                    30" in shown
    assert FormSubmission.objects.count() == 30
    assert FormSubmissionMetaData.objects.count() == 210
    assert inspect(connections["v2"]).missing() == ()
    assert inspect(connections["v2"]).absent() == ()
    assert inspect(connections["v2"]).answers_indexed
    assert [path.name for path in v2_path.parent.iterdir()] == [v2_path.name]


def test_no_submissions_are_a_demo_too(v2_path: Path) -> None:
    call_command("seed_v2", submissions=0)
    assert FormSubmission.objects.count() == 0
    assert rows(v2_path, 'SELECT count(*) > 0 FROM "FormType"') == [(1,)]


def test_the_same_arguments_make_the_same_bytes(tmp_path: Path) -> None:
    made = {}
    for name, arguments, hash_seed in (
        ("a", ["--seed", "7", "--faults"], "1"),
        ("b", ["--seed", "7", "--faults"], "2"),
        ("c", ["--seed", "8", "--faults"], "1"),
        ("d", ["--seed", "7"], "1"),
    ):
        path = tmp_path / f"{name}.sqlite3"
        done = manage(
            "seed_v2", "--submissions", "600", *arguments, path=path, PYTHONHASHSEED=hash_seed
        )
        assert done.returncode == 0, done.stderr
        made[name] = digest(path)
    assert made["a"] == made["b"]
    assert len(set(made.values())) == 3


def test_faults_leave_the_believable_part_alone(tmp_path: Path) -> None:
    plain, faulty = tmp_path / "plain.sqlite3", tmp_path / "faulty.sqlite3"
    seed(plain, submissions=50)
    report = seed(faulty, submissions=50, faults=True)
    for table in schema.tables():
        believable = rows(plain, f'SELECT * FROM "{table}"')
        raw = sqlite3.connect(faulty)
        raw.text_factory = lambda text: text.decode("utf-8", "surrogatepass")
        everything = raw.execute(f'SELECT * FROM "{table}"').fetchall()
        raw.close()
        assert not Counter(believable) - Counter(everything)
        assert len(everything) == report.rows[table]
    assert report.faults == len([fault for fault in FAULTS if not fault.on_request])


def test_sqlite_holds_text_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "v2.sqlite3"
    seed(path, submissions=0, faults=True)
    halved = "SELECT typeof(FreeFormEntry), hex(FreeFormEntry) FROM FormSubmissionMetaData"
    assert ("text", b"cut off \xed\xa0\xbd".hex().upper()) in rows(path, halved)
    nul = "SELECT count(*) FROM FormSubmissionMetaData WHERE instr(FreeFormEntry, char(0)) > 0"
    assert rows(path, nul) == [(1,)]


def test_m8_a_form_without_any_organization_comes_on_request_only(tmp_path: Path) -> None:
    path = tmp_path / "v2.sqlite3"
    ownerless = "SELECT Name FROM FormType WHERE OrganizationId IS NULL"
    seed(path, submissions=1, faults=True)
    assert rows(path, ownerless) == []
    seed(path, submissions=1, form_without_organization=True)
    assert rows(path, ownerless) == [("Ownerless Form",)]
    assert rows(path, 'SELECT count(*) FROM "FormSubmission"') == [(2,)]


def test_json_is_one_document(v2_path: Path, capsys: Any) -> None:
    call_command("seed_v2", submissions=3, answers=2, json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["rows"]["FormSubmission"] == 3
    assert document["rows"]["FormSubmissionMetaData"] == 6
    assert document["faults"] == 0
    assert document["skipped"] == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--submissions", "-1"], "takes a whole number of at least 0, got '-1'"),
        (["--submissions", "x"], "takes a whole number of at least 0, got 'x'"),
        (["--submissions", "1", "--answers", "1001"], "takes a whole number from 0 to 1,000"),
        (["--submissions", "1", "--answers", "²"], "takes a whole number from 0 to 1,000"),
        (["--submissions", "1", "--seed", "x"], "invalid int value: 'x'"),
        ([], "required: --submissions"),
    ],
)
def test_a_wrong_argument_is_refused_with_the_reason(arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match="Error: ") as caught:
        call_command("seed_v2", *arguments)
    assert reason in str(caught.value)


def test_wrong_usage_exits_2(tmp_path: Path) -> None:
    path = tmp_path / "v2.sqlite3"
    done = manage("seed_v2", "--submissions=-1", path=path)
    assert done.returncode == 2
    assert "takes a whole number of at least 0, got '-1'" in done.stderr
    assert not path.exists()


def test_a_demo_replaces_a_demo(v2_path: Path) -> None:
    call_command("seed_v2", submissions=5)
    before = digest(v2_path)
    call_command("seed_v2", submissions=6)
    assert digest(v2_path) != before
    call_command("seed_v2", submissions=5)
    assert digest(v2_path) == before


def test_a_demo_replaces_nothing_but_a_demo(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}])
    before = digest(v2_path)
    done = manage("seed_v2", "--submissions", "1", path=v2_path)
    assert done.returncode == 1
    assert f"{v2_path} was not made by seed_v2, which replaces nothing else" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert digest(v2_path) == before


def test_what_is_no_database_is_not_replaced_either(v2_path: Path) -> None:
    v2_path.write_text("my notes")
    with pytest.raises(CommandError, match="was not made by seed_v2"):
        call_command("seed_v2", submissions=1)
    assert v2_path.read_text() == "my notes"


def test_an_empty_file_is_room_for_a_demo(v2_path: Path) -> None:
    v2_path.touch()
    call_command("seed_v2", submissions=1)
    assert FormSubmission.objects.count() == 1


def test_a_link_is_followed_and_folders_are_made(tmp_path: Path) -> None:
    target, link = tmp_path / "deep" / "er" / "v2.sqlite3", tmp_path / "link.sqlite3"
    link.symlink_to(target)
    seed(link, submissions=1)
    assert link.is_symlink()
    assert target.is_file()


def test_a_directory_is_refused(v2_path: Path) -> None:
    v2_path.mkdir()
    with pytest.raises(CommandError, match="is a directory"):
        call_command("seed_v2", submissions=1)


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_database_in_use_is_refused(v2_path: Path, suffix: str) -> None:
    call_command("seed_v2", submissions=1)
    v2_path.with_name(v2_path.name + suffix).touch()
    with pytest.raises(CommandError, match="another program is writing"):
        call_command("seed_v2", submissions=1)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "v2.sqlite3"
    done = manage("seed_v2", "--submissions", "1", path=path)
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_error_half_way_leaves_the_earlier_demo(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("seed_v2", submissions=5)
    before = digest(v2_path)
    monkeypatch.setattr(schema, "create_answer_index", lambda: "NO SUCH STATEMENT")
    with pytest.raises(CommandError, match=r"cannot write .*syntax error"):
        call_command("seed_v2", submissions=6)
    assert digest(v2_path) == before
    assert list(v2_path.parent.iterdir()) == [v2_path]


def test_r9_interrupted_it_leaves_the_earlier_demo(tmp_path: Path) -> None:
    path = tmp_path / "v2.sqlite3"
    seed(path, submissions=5)
    before = digest(path)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "seed_v2", "--submissions", "10000000"],
        cwd=ROOT,
        env=env_of(path),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "Interrupted; the v2 database is as it was.\n"
    assert digest(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_r4_sql_server_is_refused(v2_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["v2"], "ENGINE", "mssql")
    with pytest.raises(CommandError, match=r"SQL Server, which is only ever read \(R4\)") as caught:
        call_command("seed_v2", submissions=1)
    assert caught.value.returncode == 1


@pytest.fixture
def v2_schema(transactional_db: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Point the v2 alias, read-only, at a schema beside v3 in the test's PostgreSQL."""
    settings = {**connection.settings_dict}
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA copy_of_v2")
    settings["OPTIONS"] = {
        **settings["OPTIONS"],
        "options": "-c search_path=copy_of_v2 -c default_transaction_read_only=on",
    }
    try:
        with django_db_blocker.unblock(), use_v2(**settings):
            yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA copy_of_v2 CASCADE")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = copy_of_v2")
        cursor.execute(statement)
        cursor.execute("RESET search_path")


def test_a_demo_in_postgresql_is_the_one_in_sqlite(
    v2_schema: None, tmp_path: Path, capsys: Any
) -> None:
    call_command("seed_v2", submissions=40, answers=5)
    seed(tmp_path / "v2.sqlite3", submissions=40, answers=5)
    with use_v2(tmp_path / "v2.sqlite3"):
        in_sqlite = [
            list(model._default_manager.order_by("pk").values())
            for model in schema.tables().values()
        ]
    in_postgresql = [
        list(model._default_manager.order_by("pk").values()) for model in schema.tables().values()
    ]
    assert in_postgresql == in_sqlite
    found = inspect(connections["v2"])
    assert (found.missing(), found.absent(), found.answers_indexed) == ((), (), True)
    # And again, in the place of the first.
    call_command("seed_v2", submissions=3, answers=5)
    assert FormSubmission.objects.count() == 3
    assert "PostgreSQL" in capsys.readouterr().out


def test_faults_that_postgresql_cannot_hold_are_said(v2_schema: None, capsys: Any) -> None:
    call_command("seed_v2", submissions=1, faults=True)
    shown = capsys.readouterr().out
    skipped = [fault for fault in FAULTS if fault.sqlite_only]
    assert shown.count("PostgreSQL cannot hold") == len(skipped) > 0
    for fault in skipped:
        assert f"{fault.rule}, {fault.description}" in shown


def test_a_table_of_another_origin_is_never_dropped(v2_schema: None) -> None:
    call_command("seed_v2", submissions=1)
    execute('COMMENT ON TABLE "Choice" IS NULL')
    with pytest.raises(CommandError, match="has a table Choice that seed_v2 did not make"):
        call_command("seed_v2", submissions=2)
    assert FormSubmission.objects.count() == 1


def test_an_error_half_way_leaves_postgresql_as_it_was(v2_schema: None) -> None:
    call_command("seed_v2", submissions=1)
    execute('CREATE VIEW leaning AS SELECT * FROM "Choice"')
    with pytest.raises(CommandError, match=r"cannot write to v2's PostgreSQL database: .*depend"):
        call_command("seed_v2", submissions=2)
    assert FormSubmission.objects.count() == 1


def test_a_server_that_is_not_there_is_one_line_without_the_password(tmp_path: Path) -> None:
    url = f"postgres://pat:s3cret@/v2?host={tmp_path}"
    done = manage("seed_v2", "--submissions", "1", V2_DATABASE_URL=url)
    assert done.returncode == 1
    assert "cannot write to v2's PostgreSQL database" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_marker_of_a_demo_can_be_read_by_anyone(tmp_path: Path) -> None:
    path = tmp_path / "v2.sqlite3"
    seed(path, submissions=1)
    assert path.read_bytes()[68:72] == b"PLv2" == writers.APPLICATION_ID.to_bytes(4, "big")


@pytest.mark.django_db(transaction=True)
def test_import_meets_every_fault(v2_path: Path, settings: Any) -> None:
    """Given a v2 with faults, read in a zone with summer time: every code is recorded."""
    settings.V2_TIME_ZONE = "Europe/Berlin"
    call_command("seed_v2", submissions=10, faults=True)
    with pytest.raises(SystemExit) as done:
        call_command("import_v2", batch_size=7)
    assert done.value.code == 3
    recorded = set(MigrationError.objects.values_list("code", flat=True))
    assert recorded == {str(fault.code) for fault in FAULTS if fault.code}


@pytest.mark.django_db(transaction=True)
def test_m8_import_refuses_to_start_with_a_form_without_any_organization(v2_path: Path) -> None:
    call_command("seed_v2", submissions=10, form_without_organization=True)
    with pytest.raises(CommandError, match="organization"):
        call_command("import_v2")
