"""A dump of v3 and the way back from it (docs/runbook.md, "Restore points and backups")."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.dumped import copied_v3
from tests.runs import query, rich_v2, run
from transfer import pgprograms, replay
from transfer.backup import _unfinished, dump, inspect, restore
from transfer.bare_target import BareTarget
from transfer.exceptions import ConfigurationError, LockHeldError, TargetError
from transfer.pgprograms import login_environment, programs_for
from transfer.restore_point import create_restore_point
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)  # a dump sees what is committed


@pytest.fixture
def own_v3(transactional_db: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A copy of v3: PostgreSQL spells some checks anew when they are restored."""
    with copied_v3(django_db_blocker, "dumped"):
        yield


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A place for a dump."""
    return tmp_path / "v3.dump"


# What PostgreSQL writes differently of a list in a CHECK, once the check was read back.
_CHECK = re.compile(r"::character varying|::text(\[\])?|[()]")


def everything() -> dict[str, str]:
    """A digest of each table's rows, each sequence's place, and v3's whole schema."""
    tables = query(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' ORDER BY 1"
    )
    found = {
        table: str(
            query(f'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{table}" t')
        )
        for (table,) in tables
    }
    found["sequences"] = str(query("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"))
    connection.close()
    fitting = programs_for(connection.pg_version // 10_000, "v3")
    connection.close()
    made = subprocess.run(
        [fitting.path("pg_dump"), "--schema-only"],
        env=login_environment("default"),
        capture_output=True,
        check=True,
    ).stdout
    # A new pg_dump begins and ends with a random key.
    lines = [line for line in made.splitlines() if not line.startswith((b"\\restrict", b"\\unre"))]
    found["schema"] = "\n".join(_CHECK.sub("", line.decode()) for line in lines)
    return found


def test_a_dump_brings_back_what_was_there_before_an_import(
    own_v3: None, kept: Path, v2_path: Path
) -> None:
    rich_v2(v2_path)
    before = everything()
    info = dump(kept)

    run(name="night", batch_size=4)
    query("SELECT create_events_partition('2031-05-01')")
    query(
        "INSERT INTO events (organization_id, event_type, event_timestamp, aggregate_type,"
        " aggregate_id) SELECT id, 'made', '2031-05-03', 'organization', id FROM organizations"
    )
    assert everything() != before
    connection.close()

    assert restore(kept) == info
    assert everything() == before
    assert run(name="night", batch_size=4).outcome == "finished"  # types and triggers work


def test_a_dump_with_rows_brings_them_back(own_v3: None, kept: Path, v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")
    query("SELECT create_events_partition('2031-05-01')")
    before = everything()
    dump(kept)

    query("UPDATE submissions SET data = '{}', status = 'draft'")
    query("DELETE FROM migration_errors")
    query("DROP TABLE events_2031_05")
    query("DROP INDEX idx_submissions_form")
    query("ALTER TABLE users ADD COLUMN nickname text")
    assert everything() != before
    connection.close()

    restore(kept)
    assert everything() == before


def test_what_a_later_migrate_made_goes_and_comes_again(own_v3: None, kept: Path) -> None:
    call_command("migrate", "transfer", "0006", verbosity=0)
    connection.close()
    dump(kept)
    call_command("migrate", verbosity=0)
    query("CREATE TABLE somebody_elses (id int)")
    connection.close()

    restore(kept)

    names = {name for (name,) in query("SELECT tablename FROM pg_tables")}
    assert names & {"migration_deferrals", "somebody_elses"} == {"somebody_elses"}
    call_command("migrate", verbosity=0)
    assert query("SELECT count(*) FROM migration_deferrals") == [(0,)]


def test_what_depends_on_v3_stops_the_restore_and_nothing_is_changed(
    own_v3: None, kept: Path
) -> None:
    dump(kept)
    query("CREATE TABLE somebodys (status submission_status)")
    before = everything()
    connection.close()

    with pytest.raises(TargetError, match=r"(?s)cannot drop type submission_status.*Nothing was"):
        restore(kept)
    assert everything() == before


def test_a_truncated_dump_changes_nothing(own_v3: None, kept: Path, v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")
    dump(kept)
    whole = kept.read_bytes()
    before = everything()
    connection.close()

    for length, said in (
        (len(whole) // 2, ""),
        (len(whole) - 9, ""),
        (3, "no dump"),
        (0, "no dump"),
    ):
        cut = kept.with_name(f"cut{length}.dump")
        cut.write_bytes(whole[:length])
        with pytest.raises(TargetError) as refused:
            restore(cut)
        assert said in refused.value.message
        assert "\n" not in refused.value.message
        assert everything() == before


def test_a_foreign_file_is_refused(kept: Path) -> None:
    before = everything()
    connection.close()
    text = kept.with_name("notes.txt")
    text.write_text("SELECT 1;\n" * 100)
    foreign = kept.with_name("foreign.dump")
    fitting = programs_for(connection.pg_version // 10_000, "v3")
    subprocess.run(
        [fitting.path("pg_dump"), "-Fc", "--table=auth_*", f"--file={foreign}"],
        env=login_environment("default"),
        check=True,
    )
    bare = kept.with_name("bare.dump")
    subprocess.run(
        [fitting.path("pg_dump"), "-Fc", "--schema-only", f"--file={bare}"],
        env=login_environment("default"),
        check=True,
    )

    for file, said in (
        (text, "is no dump that can be read"),
        (foreign, "which is no v3: it has no table organizations, users"),
        (bare, "which is no v3"),
        (kept.with_name("nowhere"), "no such file"),
        (kept.parent, "no such file"),
    ):
        with pytest.raises(TargetError, match=said):
            restore(file)
    assert everything() == before


def test_a_restore_waits_for_nobody(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dump(kept)
    monkeypatch.setitem(Target.__init__.__kwdefaults__, "grace", 0.1)  # not three seconds
    with closing(Target("import_v2")), pytest.raises(LockHeldError, match="another importer"):
        restore(kept)
    with closing(BareTarget("the application", exclusive=False)) as target:
        target.writer.execute("BEGIN")
        target.writer.execute("SELECT count(*) FROM users")
        with pytest.raises(TargetError, match="in the middle of a transaction: pliers the appl"):
            restore(kept)


def test_a_dump_overwrites_nothing_and_leaves_nothing_unfinished(kept: Path) -> None:
    info = dump(kept)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert inspect(kept) == info
    assert info.size == kept.stat().st_size
    before = kept.read_bytes()

    with pytest.raises(TargetError, match="exists already, and is not overwritten"):
        dump(kept)
    with pytest.raises(TargetError, match=r"cannot write .*: No such file or directory"):
        dump(kept.parent / "nowhere" / "v3.dump")
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir() if "unfinished" in path.name] == []


def test_what_a_killed_dump_left_is_removed_by_the_next(kept: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    start = f".{kept.name}.{socket.gethostname()}"
    left = kept.with_name(f"{start}.{gone.pid}.unfinished")
    alive = kept.with_name(f"{start}.{os.getppid()}.unfinished")
    others = kept.with_name(f".other.dump.{socket.gethostname()}.{gone.pid}.unfinished")
    for file in (left, alive, others):
        file.touch()

    _unfinished(kept)

    assert (left.exists(), alive.exists(), others.exists()) == (False, True, True)


def test_a_dump_that_fails_leaves_no_file(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query("ALTER TABLE users ENABLE ROW LEVEL SECURITY")
    query("CREATE ROLE watched LOGIN")
    try:
        query("GRANT pg_read_all_data TO watched")
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"assume_role": "watched"})
        connection.close()
        with pytest.raises(TargetError, match=r"pg_dump failed: .*row-level security"):
            dump(kept)
    finally:
        monkeypatch.undo()
        connection.close()
        query("ALTER TABLE users DISABLE ROW LEVEL SECURITY")
        query("DROP OWNED BY watched; DROP ROLE watched")
    assert [path.name for path in kept.parent.iterdir()] == []


def test_a_v3_that_is_not_migrated_is_not_dumped(own_v3: None, kept: Path) -> None:
    query("ALTER TABLE migration_progress RENAME TO put_aside")
    with pytest.raises(TargetError, match=r"no table migration_progress.*manage.py migrate"):
        dump(kept)


def test_a_server_newer_than_every_pg_dump_is_one_line(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [each for each in pgprograms.find_programs() if each.version < 14]
    monkeypatch.setattr(pgprograms, "find_programs", lambda: old)
    with pytest.raises(TargetError) as refused:
        dump(kept)

    version = connection.pg_version // 10_000
    assert f"is of PostgreSQL {version}, and this machine has no pg_dump" in refused.value.message
    assert f"Install postgresql-client-{version}" in refused.value.message
    assert "\n" not in refused.value.message


def test_a_restore_point_says_what_it_is_good_for(kept: Path) -> None:
    made = create_restore_point("before_v2")

    assert (made.wal_level, made.archive_mode, made.usable) == ("replica", "off", False)
    assert "good for nothing as the server stands: archive_mode is off" in made.sentence()
    assert query("SELECT %s::pg_lsn <= pg_current_wal_insert_lsn()", [made.lsn]) == [(True,)]
    for name in ("", "x" * 64, "a\nb"):
        with pytest.raises(ConfigurationError, match="takes a name of 1 to 63"):
            create_restore_point(name)


def test_a_restore_point_is_refused_to_an_ordinary_role(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query("CREATE ROLE ordinary LOGIN")
    user = connection.settings_dict["USER"]
    try:
        monkeypatch.setitem(connection.settings_dict, "USER", "ordinary")
        connection.close()
        with pytest.raises(TargetError, match="the role 'ordinary' may not make restore points"):
            create_restore_point("before_v2")
    finally:
        monkeypatch.setitem(connection.settings_dict, "USER", user)
        connection.close()
        query("DROP ROLE ordinary")


def test_ctrl_c_ends_the_programs_and_leaves_v3_as_it_was(
    own_v3: None, kept: Path, v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich_v2(v2_path)
    dump(kept)
    run(name="night")
    before = everything()
    connection.close()
    whole = replay.blocks

    def stopped(*script: Any, **how: Any) -> Iterator[bytes]:
        yield from whole(*script, **how)
        raise KeyboardInterrupt  # everything is in, and nothing committed

    monkeypatch.setattr(replay, "blocks", stopped)
    with pytest.raises(KeyboardInterrupt):
        restore(kept)

    assert everything() == before


def test_the_password_is_no_word_of_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connection.settings_dict
    monkeypatch.setitem(settings, "PASSWORD", "hunter2")
    monkeypatch.setitem(settings, "OPTIONS", {"sslmode": "prefer", "keepalives_idle": "5"})
    environment = login_environment("default")
    assert (environment["PGPASSWORD"], environment["PGSSLMODE"]) == ("hunter2", "prefer")

    monkeypatch.setitem(settings, "OPTIONS", {"sslpassword": "hunter2"})
    with pytest.raises(ConfigurationError, match="sslpassword") as refused:
        login_environment("default")
    assert "hunter2" not in refused.value.message
