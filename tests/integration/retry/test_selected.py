"""Which migration and which of its errors a retry means."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.retry.common import assert_balanced, open_errors, retry
from tests.runs import (
    TABLES,
    empty_v3,
    query,
    rich_v2,
    run,
    snapshot,
)
from tests.v2 import make_v2
from transfer.exceptions import ResumeRefusedError, RunError

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_the_errors_that_are_asked_for_are_tried(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    run(name="night")

    report = retry(codes=("email_missing", "form_unknown"), tables=("users",))
    assert report.tried == {"email_missing": 1}
    one = v2.submissions[11]["Id"]
    assert {e["record_id"] for e in open_errors()} >= {one}
    assert retry(one).tried == {"form_unknown": 1}
    assert [e["attempts"] for e in open_errors() if e["record_id"] == one] == [2]
    assert retry(tables=("organizations",)).tried == {}


def test_an_id_of_which_no_error_is_open_is_refused(v2_path: Path) -> None:
    rich_v2(v2_path)
    run(name="night")

    with pytest.raises(RunError, match="no such open error of nobody"):
        retry("nobody")
    elsewhere = open_errors()[-1]
    other = "users" if elsewhere["table_name"] != "users" else "forms"
    with pytest.raises(RunError, match="no such open error"):
        retry(elsewhere["record_id"], tables=(other,))


def test_the_only_migration_with_errors_is_meant(v2_path: Path) -> None:
    with pytest.raises(RunError, match="no migration to retry"):
        retry()
    v2 = make_v2(v2_path, organizations=[{}, {}], users=[{"Email": None}])
    run(name="one", organizations=[v2.organizations[0]["Id"]])
    run(name="two", organizations=[v2.organizations[1]["Id"]])

    assert retry().migration.migration == "one"
    query("UPDATE migration_progress SET ledger = jsonb_set(ledger, '{findings,id_taken}', '1')")
    with pytest.raises(RunError, match=r"several migrations have errors: one, two; .*--name"):
        retry()
    with pytest.raises(RunError, match="no migration is named 'three'; v3 knows: one, two"):
        retry(name="three")
    query("UPDATE migration_progress SET status = 'rolled_back' WHERE migration_name = 'two'")
    with pytest.raises(RunError, match="'two' was rolled back"):
        retry(name="two")


def test_a_setting_that_changes_rows_must_be_what_it_was(v2_path: Path, settings: Any) -> None:
    make_v2(v2_path, organizations=[{}], users=[{"Email": None}])
    run(name="night")
    settings.V2_TIME_ZONE = "Europe/Berlin"

    with pytest.raises(ResumeRefusedError, match="V2_TIME_ZONE was UTC"):
        retry()


def test_an_unfinished_migration_can_be_retried_and_gone_on_with(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    v2.execute("UPDATE User SET Email = 'new@example.org' WHERE Email IS NULL")
    run(name="night", batch_size=2)
    whole = snapshot(*TABLES)
    empty_v3()
    v2.execute("UPDATE User SET Email = NULL WHERE Email = 'new@example.org'")
    run(name="night", batch_size=2, limit=14)
    v2.execute("UPDATE User SET Email = 'new@example.org' WHERE Email IS NULL")

    retry()
    assert "email_missing" not in {e["code"] for e in open_errors()}
    run(name="night", batch_size=2)

    assert snapshot(*TABLES) == whole
    assert_balanced()
