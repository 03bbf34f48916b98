"""A load with keys off and indexes dropped ends as a normal one does, for whoever may do it."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.deferral.common import (
    another_session,
    deferred,
    in_submissions,
    indexes,
    normal,
    role,
    unsettled,
    whole,
)
from tests.runs import Quiet, query, rich_v2, run
from tests.v2 import make_v2
from transfer import deferral
from transfer.retry import RetryOptions, run_retry

pytestmark = pytest.mark.django_db(transaction=True)

MAY_SET = "GRANT SET ON PARAMETER session_replication_role TO"
# The tables' owner is who runs the tests; being one of its members is not being a superuser.
OWNS = "GRANT {owner} TO"
MAY_WRITE = "GRANT ALL ON ALL TABLES IN SCHEMA public TO"
NORMALLY = "everything is loaded normally, with foreign keys checked and indexes in place"


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_rows_books_and_indexes_are_those_of_a_normal_run(v2_path: Path, size: int) -> None:
    rich_v2(v2_path)
    want = normal(batch_size=size)

    said = deferred(batch_size=size).remarks

    assert whole() == want
    assert unsettled() == []
    *_, last = [line.partition(" in ")[0] for line in said]
    assert last.startswith("submissions: ")
    assert last.endswith("index(es) built again and 2 foreign key(s) proven")


def test_while_it_loads_keys_are_off_indexes_gone_and_both_on_record(v2_path: Path) -> None:
    rich_v2(v2_path)
    before = indexes()
    seen: dict[str, Any] = {}

    def look() -> None:
        seen["indexes"] = before.keys() - indexes().keys()
        seen["open"] = {name: kind for _, _, kind, name in unsettled()}

    deferred(in_submissions(look))

    keys = {"submissions_form_id_fkey", "submissions_organization_id_fkey"}
    assert "idx_submissions_form" in seen["indexes"]
    assert not any(name.endswith(("_key", "_pkey")) for name in seen["indexes"])
    assert seen["open"] == dict.fromkeys(seen["indexes"], "index") | dict.fromkeys(
        keys, "foreign_key"
    )


def test_an_empty_v2_and_one_of_a_single_submission(v2_path: Path, tmp_path: Path) -> None:
    make_v2(v2_path, organizations=[{}])
    want = normal()

    deferred()

    assert whole() == want


def test_run_again_it_changes_nothing(v2_path: Path) -> None:
    rich_v2(v2_path)
    deferred()
    before = whole()

    report = run(name="night", batch_size=4, defer_constraints=True)

    assert report.outcome == "nothing to do"
    assert whole() == before


def test_retry_afterwards_finds_the_keys_checked_again(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    want = normal()
    deferred()
    v2.execute("UPDATE FormType SET DisplayName = 'Survey' WHERE length(DisplayName) = 300")

    report = run_retry(RetryOptions("night"), Quiet())

    assert report.closed.total() > 1
    assert whole().indexes == want.indexes


@pytest.mark.parametrize(
    ("grants", "why"),
    [
        ((OWNS,), "the role may not set session_replication_role"),
        (
            (MAY_SET, MAY_WRITE, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO"),
            "the role does not own the tables, and could build no index again",
        ),
    ],
)
def test_without_the_right_to_it_says_so_once_and_loads_normally(
    v2_path: Path, grants: tuple[str, ...], why: str
) -> None:
    rich_v2(v2_path)
    want = normal()

    with role("importer_of_a_test", *grants):
        said = deferred().remarks

    assert said == [f"--defer-constraints: {why}; {NORMALLY}"]
    assert whole() == want
    assert query("SELECT count(*) FROM migration_deferrals") == [(0,)]


def test_a_role_that_the_right_is_granted_to_needs_not_be_a_superuser(v2_path: Path) -> None:
    rich_v2(v2_path)
    want = normal()

    with role("importer_of_a_test", OWNS, MAY_SET):
        said = deferred().remarks

    assert any("proven" in line for line in said)
    assert whole() == want


def test_a_dry_run_puts_nothing_off(v2_path: Path) -> None:
    rich_v2(v2_path)
    before = indexes()
    seen: list[bool] = []
    observer = in_submissions(lambda: seen.append(indexes() == before))

    report = run(observer, name="night", batch_size=4, dry_run=True, defer_constraints=True)

    assert report.outcome == "dry run"
    assert observer.remarks == ["--defer-constraints: a dry run puts nothing off"]
    assert seen == [True]


def test_a_table_in_use_is_loaded_normally(v2_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rich_v2(v2_path)
    want = normal()
    monkeypatch.setattr(deferral, "DROP_LOCK_SECONDS", "0.05")
    monkeypatch.setattr(deferral, "DROP_PAUSES", ())

    with another_session() as application:
        application.execute("BEGIN")
        application.execute("SELECT FROM submissions")
        said = deferred().remarks

    assert (
        "--defer-constraints: submissions: it is in use, and its indexes could not be dropped; "
        "it is loaded normally"
    ) in said
    assert whole() == want


@pytest.mark.parametrize("enabled", ["ENABLE", "ENABLE REPLICA"])
def test_a_table_with_a_trigger_of_the_application_is_loaded_normally(
    v2_path: Path, enabled: str
) -> None:
    """It would not fire while the role is set (or only then), and rows would differ."""
    rich_v2(v2_path)
    query("CREATE TABLE app_log (n int)")
    query(
        "CREATE FUNCTION app_log() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO app_log VALUES (1); RETURN NULL; END $$"
    )
    query(
        "CREATE TRIGGER app_log AFTER INSERT ON submissions FOR EACH ROW EXECUTE FUNCTION app_log()"
    )
    query(f"ALTER TABLE submissions {enabled} TRIGGER app_log")
    try:
        want = normal()
        logged = query("SELECT count(*) FROM app_log")
        query("TRUNCATE app_log")

        said = deferred().remarks

        assert (
            "--defer-constraints: submissions: it has what would not be done then: trigger "
            "app_log; it is loaded normally" in said
        )
        assert whole() == want
        assert query("SELECT count(*) FROM app_log") == logged
    finally:
        query("DROP FUNCTION app_log CASCADE")
        query("DROP TABLE app_log")
