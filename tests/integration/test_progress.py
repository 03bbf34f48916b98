"""Which migration a call means, when it may go on, and what a second start finds (§6, §7)."""

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.runs import Quiet, errors, query, rich_v2, run, snapshot
from tests.v2 import guid, make_v2
from transfer.exceptions import ConfigurationError, LockHeldError, ResumeRefusedError, RunError
from transfer.mapping.context import parse_mapping_file
from transfer.options import ImportOptions
from transfer.plan import PLAN, select_steps
from transfer.progress import choose_name, open_migration, read_migrations
from transfer.target import Connection, Target

pytestmark = pytest.mark.django_db(transaction=True)

HERE = ImportOptions().fingerprint("here")
NOW = datetime(2025, 1, 22, 20, 0, tzinfo=UTC)


@pytest.fixture
def v3() -> Iterator[Connection]:
    with closing(Target("test", exclusive=False)) as target:
        yield target.writer


def put(name: str, status: str, fingerprint: dict[str, Any] = HERE) -> None:
    """A migration of one table in that state."""
    with closing(Target("test", exclusive=False)) as target:
        open_migration(target.writer, name, PLAN[:1], fingerprint, 10)
    path = {"pending": [], "in_progress": ["in_progress"], "failed": ["in_progress", "failed"],
            "completed": ["in_progress", "completed"], "rolled_back": ["rolled_back"]}  # fmt: skip
    for step in path[status]:
        query(
            "UPDATE migration_progress SET status = %s, total_records = 0"
            " WHERE migration_name = %s",
            [step, name],
        )


# Which one


def test_the_first_migration_is_named_after_today_in_utc(v3: Connection) -> None:
    late_in_new_york = datetime(2025, 1, 21, 22, 0, tzinfo=timezone(timedelta(hours=-5)))

    assert choose_name(v3, None, HERE, late_in_new_york) == "v2_migration_2025_01_22"


@pytest.mark.parametrize("status", ["pending", "in_progress", "failed"])
def test_the_one_unfinished_migration_is_meant(v3: Connection, status: str) -> None:
    put("done", "completed")
    put("begun", status)
    put("undone", "rolled_back")

    assert choose_name(v3, None, HERE, NOW) == "begun"
    assert choose_name(v3, "done", HERE, NOW) == "done"


def test_of_several_unfinished_ones_the_user_has_to_say_which(v3: Connection) -> None:
    put("one", "in_progress")
    put("two", "failed")

    with pytest.raises(RunError, match="several migrations are unfinished: one, two; say which"):
        choose_name(v3, None, HERE, NOW)
    assert choose_name(v3, "two", HERE, NOW) == "two"


def test_a_finished_migration_of_the_same_is_meant_and_of_another_is_not(v3: Connection) -> None:
    put("there", "completed", ImportOptions().fingerprint("there"))
    assert choose_name(v3, None, HERE, NOW) == "v2_migration_2025_01_22"

    put("here", "completed")
    assert choose_name(v3, None, HERE, NOW) == "here"


def test_a_migration_rolled_back_is_not_gone_on_with_unasked(v3: Connection) -> None:
    put("undone", "rolled_back")

    assert choose_name(v3, None, HERE, NOW) == "v2_migration_2025_01_22"


def of(*organizations: str, source: str = "here") -> dict[str, Any]:
    """The fingerprint of a migration of these organizations."""
    return ImportOptions(organizations=frozenset(organizations)).fingerprint(source)


def test_a_name_that_another_organization_s_migration_had_before_its_rollback_is_not_taken_over(
    v3: Connection,
) -> None:
    """Their Ids begin alike; rows that the rollback kept go by the name still."""
    one = guid(1, 1)
    twin = one[:-1] + "f"
    name = choose_name(v3, None, of(one), NOW)
    put(name, "rolled_back", of(one))

    assert choose_name(v3, None, of(twin), NOW).startswith(f"{name}-")
    assert choose_name(v3, None, of(one, source="there"), NOW) != name
    assert choose_name(v3, None, of(one), NOW) == name


def test_today_s_name_is_not_taken_over_from_another_v2_s_that_was_rolled_back(
    v3: Connection,
) -> None:
    today = choose_name(v3, None, HERE, NOW)
    put(today, "rolled_back", ImportOptions().fingerprint("there"))

    assert choose_name(v3, None, HERE, NOW) == f"{today}_2"
    put(f"{today}_2", "pending")
    assert choose_name(v3, None, HERE, NOW) == f"{today}_2"


def test_several_organizations_whose_names_are_taken_get_a_number(v3: Connection) -> None:
    one, two, three = (guid(1, number) for number in (1, 2, 3))
    names = []
    for other in (two, three):
        for _ in range(6):
            names.append(choose_name(v3, None, of(one, other), NOW))
            put(names[-1], "rolled_back", of(one, other, source=str(len(names))))

    assert len(set(names)) == 12


@pytest.mark.parametrize(
    ("rolled_back", "asked", "refused"),
    [
        ([1], [2], False),
        ([1], [1], True),
        ([1, 2], [2, 3], True),
        ([], [1], True),
        ([1], [], True),
    ],
)
def test_a_rollback_in_part_is_in_the_way_of_the_same_organizations_alone(
    v3: Connection, rolled_back: list[int], asked: list[int], refused: bool
) -> None:
    put("half", "rolled_back", of(*(guid(1, number) for number in rolled_back)))
    query(
        "UPDATE migration_progress SET ledger ="
        ' \'{"rollback": {"began_at": "2026-01-02T03:04:05+00:00", "finished": false}}\''
    )
    expected = pytest.raises(ResumeRefusedError, match="First: rollback_v2 half")

    with expected if refused else nullcontext():
        choose_name(v3, None, of(*(guid(1, number) for number in asked)), NOW)


# When it may go on

DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "tables": ({"steps": select_steps(["forms"])}, r"--tables was all, is forms \(leave it out"),
    "organizations": (
        {"organizations": frozenset({guid(1, 1)})},
        f"--organization was all, is {guid(1, 1)}",
    ),
    "mapping": (
        {"mapping": parse_mapping_file('[statuses]\nX = "draft"')},
        r"V2_MAPPING \[statuses\]: 'x' was not there, is draft",
    ),
    "default organization": (
        {"default_organization": guid(1, 1)},
        f"--default-organization was not given, is {guid(1, 1)}",
    ),
    "time zone": (
        {"time_zone": ZoneInfo("Europe/Berlin")},
        "V2_TIME_ZONE was UTC, is Europe/Berlin",
    ),
    "form status": ({"form_status": "archived"}, "V2_FORM_STATUS was draft, is archived"),
}


@pytest.mark.parametrize("limit", [2, None])
@pytest.mark.parametrize("part", DIFFERENT)
def test_going_on_is_refused_where_what_changes_rows_differs(
    v2_path: Path, part: str, limit: int | None
) -> None:
    rich_v2(v2_path)
    run(name="night", limit=limit)
    before = snapshot()
    changes, said = DIFFERENT[part]

    with pytest.raises(ResumeRefusedError, match="cannot go on with 'night', .*: " + said):
        run(name="night", **changes)

    assert snapshot() == before


def test_going_on_is_refused_with_another_source(
    v2_path: Path, point_v2_at: Callable[[Path], Path], tmp_path: Path
) -> None:
    rich_v2(v2_path)
    run(name="night", limit=2)
    rich_v2(point_v2_at(tmp_path / "other.sqlite3"))

    with pytest.raises(ResumeRefusedError, match=r"the v2 database was .*v2.sqlite3, is .*other"):
        run(name="night")


def test_going_on_is_fine_with_what_changes_no_row(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    run(name="night", limit=2, batch_size=2)
    v2.execute("UPDATE Organization SET Name = 'Renamed' WHERE Id = ?", [guid(1, 3)])

    assert run(batch_size=5, max_stored_warnings=0).outcome == "finished"
    assert query("SELECT DISTINCT batch_size FROM migration_progress") == [(5,)]
    assert [row["code"] for row in errors() if row["severity"] == "warning"] == []


def test_a_name_that_was_rolled_back_starts_anew_and_keeps_its_old_errors_as_history(
    v2_path: Path,
) -> None:
    rich_v2(v2_path)
    run(name="night")
    whole, found = snapshot(), len(errors())
    query("UPDATE migration_progress SET status = 'rolled_back'")
    query("TRUNCATE organizations, users, forms, submissions CASCADE")

    report = run(name="night")

    assert report.outcome == "finished"
    assert [row["resolved_at"] is None for row in errors()].count(False) == found
    query("DELETE FROM migration_errors WHERE resolved_at IS NOT NULL")
    assert snapshot() == whole


def test_a_name_that_was_rolled_back_may_start_anew_with_other_tables(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night", limit=4)
    query("UPDATE migration_progress SET status = 'rolled_back'")
    query("TRUNCATE organizations, users, forms, submissions CASCADE")

    report = run(name="night", tables=["organizations", "forms"])

    assert report.outcome == "finished"
    assert [found.table for found in report.tables] == ["organizations", "forms"]


# Refused before anything is begun


def test_m8_forms_without_an_organization_are_named_and_nothing_is_begun(v2_path: Path) -> None:
    nobody = {"OrganizationId": None}
    v2 = make_v2(v2_path, organizations=[{}],
                 forms=[{}, *({"Name": f"Nobody {n}", **nobody} for n in range(12))])  # fmt: skip

    with pytest.raises(ConfigurationError) as refused:
        run()

    message = refused.value.message
    assert message.startswith("12 form(s) have no organization: ")
    assert f"'Nobody 0' ({v2.forms[1]['Id']})" in message
    assert "and 2 more" in message
    assert "--default-organization" in message
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


def test_m8_a_form_s_name_is_shown_harmless(v2_path: Path) -> None:
    name = "\x1b[2J" + "x" * 200
    make_v2(v2_path, organizations=[{}], forms=[{"Name": name, "OrganizationId": None}])

    with pytest.raises(ConfigurationError) as refused:
        run()

    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400


def test_m8_a_default_organization_takes_the_forms_without_one(v2_path: Path) -> None:
    make_v2(v2_path, organizations=[{}, {}], forms=[{}, {"OrganizationId": None}])

    report = run(default_organization=guid(1, 2))

    assert report.failed == 0
    assert query("SELECT organization_id::text FROM forms ORDER BY id") == [
        (guid(1, 1),), (guid(1, 2),),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"organizations": [guid(1, 1), guid(1, 9)]}, "--organization"),
        ({"default_organization": guid(1, 9)}, "--default-organization"),
    ],
)
def test_an_unknown_organization_is_named(
    v2_path: Path, given: dict[str, Any], option: str
) -> None:
    make_v2(v2_path, organizations=[{}])

    with pytest.raises(ConfigurationError, match=f"^{option} {guid(1, 9)}: no such org"):
        run(**given)


def test_m8_a_default_organization_may_be_v3_s_own(v2_path: Path) -> None:
    make_v2(v2_path, forms=[{"OrganizationId": None}])
    query("INSERT INTO organizations (id, slug, name) VALUES (%s, 'own', 'Own')", [guid(1, 9)])

    assert run(default_organization=guid(1, 9)).failed == 0


def test_r6_a_second_importer_is_refused_and_one_that_only_tries_is_not(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich_v2(v2_path)
    monkeypatch.setattr("transfer.importer.Target", partial(Target, grace=0))

    with closing(Target("import_v2")):
        with pytest.raises(LockHeldError, match="another importer is at work"):
            run()
        assert run(dry_run=True).outcome == "dry run"


# Once it is finished


def test_r3_a_finished_migration_is_not_read_from_v2_again(v2_path: Path, v3: Connection) -> None:
    make_v2(v2_path, organizations=[{}])
    run(name="night")
    v2_path.unlink()
    observer = Quiet()

    assert run(observer, name="night").outcome == "nothing to do"
    assert observer.started == []
    (migration,) = read_migrations(v3)
    assert migration.finished


def test_a_migration_of_the_first_builds_without_a_ledger_of_records_can_be_read(
    v3: Connection,
) -> None:
    query(
        "INSERT INTO migration_progress (migration_name, table_name, status, total_records,"
        " processed_records, failed_records, ledger) VALUES ('old', 'users', 'completed', 5, 3, 2,"
        """ '{"answers": {"migrated": 1, "merged": 0, "set_aside": 1, "failed": 2}}')"""
    )

    (migration,) = read_migrations(v3, "old")

    users = migration.states["users"]
    assert (users.total, users.processed, users.failed) == (5, 3, 2)
    assert users.answers.set_aside.total() == 1
