"""Given a v3 that is thus, preflight_v2 says so; v2 is a small, sound one."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections

from tests.integration.preflight.checking import check, line, lines, of_v3
from tests.runs import query, rich_v2, run
from tests.servers import use_v3
from tests.v2 import make_v2
from transfer.archive import BackupInfo
from transfer.backup import inspect
from transfer.exceptions import ConfigurationError, RunError, TargetError
from transfer.preflight import estimates, service, target_lines
from transfer.preflight.lines import Status
from transfer.preflight.report import PreflightReport
from transfer.preflight.service import WayBack, _prepare_return
from transfer.target import Target

pytestmark = pytest.mark.django_db
WRITES = pytest.mark.django_db(transaction=True)  # what the test puts into v3 is committed


@pytest.fixture(autouse=True)
def v2(v2_path: Path) -> Any:
    """A v2 with one of everything."""
    return make_v2(
        v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}], answers=[{}]
    )


@contextmanager
def role(name: str, *grants: str) -> Iterator[None]:
    """V3 as a role of few rights sees it."""
    settings = dict(connections["default"].settings_dict)
    query(f"CREATE ROLE {name} LOGIN")
    for grant in grants:
        query(grant.format(database=settings["NAME"], role=name))
    try:
        with use_v3(settings | {"USER": name}):
            yield
    finally:
        query(f"DROP OWNED BY {name}")
        query(f"DROP ROLE {name}")
        query(f'GRANT TEMPORARY ON DATABASE "{settings["NAME"]}" TO PUBLIC')


def test_an_unreachable_v3_blocks_and_v2_is_looked_at_all_the_same() -> None:
    settings = dict(connections["default"].settings_dict)
    nowhere = {"HOST": "127.0.0.1", "PORT": "1", "PASSWORD": "hunter2"}
    with use_v3(settings | nowhere | {"ENGINE": "django.db.backends.postgresql"}):
        report = check(way_back=WayBack(backup=Path("/nowhere/v3.dump")))

    assert line(report, "v3", "connection").status is Status.BLOCKED
    assert "cannot open v3" in line(report, "v3", "connection").found
    assert line(report, "volume", "what there is").status is Status.OK
    assert line(report, "disk", "room for v3").status is Status.WARNING
    assert "guessed from the text" in line(report, "disk", "room for v3").found
    assert "reading and mapping alone" in line(report, "time", "import").found
    assert line(report, "way back", "backup").status is Status.BLOCKED
    assert "hunter2" not in report.as_text() + str(report.as_json())


@WRITES
def test_a_v3_without_tables_blocks() -> None:
    settings = dict(connections["default"].settings_dict)
    name = f"{settings['NAME']}_bare"
    query(f'CREATE DATABASE "{name}"')
    try:
        with use_v3(settings | {"NAME": name}):
            report = check()
    finally:
        query(f'DROP DATABASE "{name}" WITH (FORCE)')

    found = line(report, "v3", "migrated")
    assert (found.status, found.action) == (Status.BLOCKED, "run: manage.py migrate")
    assert "contenttypes.0001_initial" in found.found
    assert lines(report, "v3", "contents") == []
    assert report.estimate is not None
    assert report.estimate.seconds is None


def test_an_older_postgresql_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_lines, "OLDEST", 99)

    found = line(check(), "v3", "version")

    assert (found.status, "99 or later" in found.action) == (Status.BLOCKED, True)


@WRITES
def test_what_v3_holds_is_told_by_migration(v2_path: Path) -> None:
    v2_path.unlink()
    rich_v2(v2_path)
    run(name="first", limit=14, batch_size=2)
    query("INSERT INTO organizations (name, slug) VALUES ('Own', 'own'), ('Two', 'two')")

    unfinished, own = lines(of_v3(), "v3", "contents")
    assert unfinished.status is Status.WARNING
    assert unfinished.found.startswith("migration 'first': in_progress; 3 organizations, ")
    assert "--name 'first'" in unfinished.action
    assert own.found == "rows of v3's own: 2 organizations"

    run(name="first")
    finished, _own = lines(of_v3(), "v3", "contents")
    assert finished.found.startswith("migration 'first': completed; 3 organizations, 2 users, ")
    assert "id_taken" in finished.action

    query("DELETE FROM migration_progress")
    alone, _own = lines(of_v3(), "v3", "contents")
    assert alone.found.startswith("migration 'first': not in the books; 3 organizations")


def test_another_importer_at_work_blocks_and_keeps_its_lock() -> None:
    with closing(Target("import_v2")) as importer:
        found = line(of_v3(), "v3", "other importers")
        importer.retrying(lambda: importer.writer.execute("SELECT 1"))

    assert found.status is Status.BLOCKED
    assert f"pliers import_v2 (process {os.getpid()})" in found.found
    assert line(of_v3(), "v3", "other importers").found == "none is at work"


@WRITES
def test_a_role_that_may_nothing_is_told_what_it_lacks() -> None:
    with role("may_read", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"):
        report = check(way_back=WayBack(restore_point="before"))

    assert line(report, "v3", "may write").status is Status.BLOCKED
    assert "organizations, users, forms" in line(report, "v3", "may write").found
    keys = line(report, "v3", "keys off")
    assert (keys.status, "loads normally" in keys.found) == (Status.OK, True)
    assert "may not make restore points" in line(report, "way back", "restore point").found


@WRITES
def test_a_role_that_may_not_even_read_or_use_temporary_tables() -> None:
    revoke = 'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC'
    with role("may_not", revoke):
        report = check()

    assert line(report, "v3", "temporary tables").status is Status.BLOCKED
    assert report.estimate is None or not report.estimate.measured
    assert line(report, "volume", "what there is").status is Status.OK


def test_the_estimate_is_measured_in_v3_and_leaves_nothing(v2_path: Path) -> None:
    v2_path.unlink()
    rich_v2(v2_path)

    report = check()

    made = report.estimate
    assert made is not None
    assert made.measured
    assert made.sampled == made.records == 3 + 5 + 4 + 18
    assert made.table_bytes >= 4 * 8192  # at least a page each
    assert made.index_bytes >= 4 * 8192
    assert made.needed == made.table_bytes + made.index_bytes + made.log_bytes
    assert made.seconds is not None
    assert made.seconds > 0
    assert query("SELECT count(*) FROM submissions") == [(0,)]
    assert query("SELECT relname FROM pg_class WHERE relname LIKE 'preflight%%'") == []


def test_the_estimate_grows_with_what_was_not_sampled(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2_path.unlink()
    rich_v2(v2_path)
    whole = check().estimate
    monkeypatch.setattr("transfer.preflight.sample.SAMPLE", 6)

    part = check().estimate

    assert whole is not None
    assert part is not None
    assert (part.sampled, part.records) == (3 + 5 + 4 + 6, whole.records)
    assert part.index_bytes > whole.index_bytes  # of a page or two each, times three


def test_a_full_disk_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connections["default"].settings_dict
    monkeypatch.setitem(settings, "HOST", settings["HOST"] or "localhost")
    monkeypatch.setattr(
        estimates.os, "statvfs", lambda _place: SimpleNamespace(f_bavail=3, f_frsize=1000)
    )

    report = check()

    assert report.blocked
    assert "has 3.0 kB free" in line(report, "disk", "room for v3").found


def test_room_on_another_machine_cannot_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connections["default"].settings_dict
    monkeypatch.setitem(settings, "HOST", "db.example.org")

    free, why = estimates.room(SimpleNamespace(), "")  # type: ignore[arg-type]

    assert (free, why) == (None, "v3's server is another machine, db.example.org")


def test_a_backup_and_a_restore_point_are_made_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "v3.dump"
    asked = WayBack("before_v2", file)

    report = check(way_back=asked)

    assert report.backup == inspect(file)
    assert line(report, "way back", "backup").found.startswith(f"{file}: ")
    point = line(report, "way back", "restore point")
    assert (point.status, "good for nothing" in point.found) == (Status.WARNING, True)
    assert report.as_json()["restore_point"]["usable"] is False
    assert report.as_json()["backup"]["tables"] == report.backup.tables


def test_a_backup_that_cannot_be_made_or_put_back_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "v3.dump"
    there.touch()
    for file, said in (
        (there, "not overwritten"),
        (tmp_path / ("x" * 300), "File name too long"),
        (tmp_path / "nowhere" / "v3.dump", "No such file"),
    ):
        report = PreflightReport(datetime.now(UTC), "v2", "v3")
        _prepare_return(WayBack(backup=file), report, lambda _text: None)
        found = line(report, "way back", "backup")
        assert (found.status, said in found.found) == (Status.BLOCKED, True)

    info = replace(BackupInfo("v3.dump", 1, "v3", "now", 15, 15, 30), notes=("it does not own x",))
    monkeypatch.setattr(service, "dump", lambda _file: info)
    report = PreflightReport(datetime.now(UTC), "v2", "v3")
    _prepare_return(WayBack(backup=there), report, lambda _text: None)
    assert [one.status for one in report.lines] == [Status.OK, Status.WARNING]
    assert report.lines[1].found == "it does not own x"


@pytest.mark.parametrize("error", [TargetError, ConfigurationError])
def test_a_restore_point_that_fails_keeps_no_backup_from_being_made(
    error: type[RunError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_name: str) -> None:
        raise error("no")

    made = BackupInfo("v3.dump", 1, "v3", "now", 15, 15, 30)
    monkeypatch.setattr(service, "create_restore_point", fail)
    monkeypatch.setattr(service, "dump", lambda _file: made)
    report = PreflightReport(datetime.now(UTC), "v2", "v3")
    _prepare_return(WayBack("before", Path("v3.dump")), report, lambda _text: None)

    assert line(report, "way back", "restore point").status is Status.BLOCKED
    assert report.backup == made
