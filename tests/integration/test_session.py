"""Whatever a role begins its sessions with, the commands read all rows, and v3 checks them."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from tests.integration.deferral.common import in_submissions, role
from tests.integration.rollback.common import rollback
from tests.runs import errors, query, rich_v2, run
from transfer.exceptions import TargetError, VerificationStoppedError
from transfer.status import read_status
from transfer.target import Target
from transfer.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)

ROLE = "somebody_of_a_test"
# The tables' owner is who runs the tests; being one of its members is not being a superuser.
OWNS = "GRANT {owner} TO"
MAY_WRITE = (
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO",
    "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO",
    "GRANT TEMPORARY ON DATABASE {database} TO",
)


def may_write() -> list[str]:
    ((database,),) = query("SELECT quote_ident(current_database())")
    return [grant.replace("{database}", database) for grant in MAY_WRITE]


@pytest.fixture
def hidden(v2_path: Path) -> Path:
    """Import a v2, then hide all submissions from every role but their owner."""
    rich_v2(v2_path)
    run(name="night")
    return v2_path


def test_r1_rows_that_the_role_does_not_see_stop_a_rollback(hidden: Path) -> None:
    """With the policy at work there would be nothing to remove, and it would say it is done."""
    grants = may_write()
    query("ALTER TABLE submissions ENABLE ROW LEVEL SECURITY")
    before = query("SELECT count(*) FROM submissions")
    try:
        with role(ROLE, *grants), pytest.raises(psycopg.Error, match="row-level security"):
            rollback("night")
        assert query("SELECT count(*) FROM submissions") == before
        assert query("SELECT count(*) FROM migration_progress WHERE status = 'rolled_back'") == [
            (0,)
        ]
    finally:
        query("ALTER TABLE submissions DISABLE ROW LEVEL SECURITY")


def test_r1_rows_that_the_role_does_not_see_stop_a_verification(hidden: Path) -> None:
    grants = may_write()
    query("ALTER TABLE migration_errors ENABLE ROW LEVEL SECURITY")
    try:
        with (
            role(ROLE, *grants),
            pytest.raises(VerificationStoppedError, match="row-level security"),
        ):
            verify()
    finally:
        query("ALTER TABLE migration_errors DISABLE ROW LEVEL SECURITY")


def test_r7_a_role_that_skips_keys_by_default_has_them_checked(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)

    def lose_a_form() -> None:
        query("SET session_replication_role = origin")  # the test's own session
        query("DELETE FROM forms WHERE id = %s", (v2.forms[1]["Id"],))

    may_set = "GRANT SET ON PARAMETER session_replication_role TO"
    with role(ROLE, OWNS, may_set, session_replication_role="replica"):
        run(in_submissions(lose_a_form), name="night", batch_size=4)
        verify()
        ((now,),) = query("SHOW session_replication_role")
        assert now == "origin"

    assert "submissions_form_id_fkey" in {error["column_name"] for error in errors()}
    orphans = "SELECT count(*) FROM submissions WHERE form_id NOT IN (SELECT id FROM forms)"
    assert query(orphans) == [(0,)]


def test_r7_one_that_may_not_set_them_on_is_refused(v2_path: Path) -> None:
    rich_v2(v2_path)

    with role(ROLE, OWNS, session_replication_role="replica"):
        with pytest.raises(TargetError) as refused:
            run(name="night")
        with pytest.raises(TargetError, match="no foreign key"):
            verify()

    assert "session_replication_role = replica" in refused.value.message
    assert "\n" not in refused.value.message
    assert query("SELECT count(*) FROM migration_progress") == [(0,)]


def test_r7_no_limit_of_the_role_is_left() -> None:
    limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
    limits += ["idle_session_timeout", "transaction_timeout"]
    known = query("SELECT name FROM pg_settings WHERE name = ANY(%s) ORDER BY name", (limits,))
    assert len(known) >= 4
    defaults = dict.fromkeys((name for (name,) in known), "20min")

    with role(ROLE, OWNS, **defaults), closing(Target("import_v2")) as target:
        for connection in (target.writer, target.reader):
            found = connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (limits,)
            ).fetchall()
            assert dict(found) == {name: "0" for (name,) in known}


@pytest.mark.parametrize("style", ["SQL, DMY", "German"])
def test_r9_times_are_read_whatever_the_role_writes_them_like(v2_path: Path, style: str) -> None:
    rich_v2(v2_path)

    with role(ROLE, OWNS, DateStyle=style):
        assert run(name="night").outcome == "finished"
        assert read_status("night")[0].outcome == "completed"
        connections["default"].close()  # verify_v2 is a process of its own
        assert verify().checks
        assert rollback("night").outcome == "finished"
