"""Among another migration's many rows a rollback finds its own by index, and no slower the later.

PostgreSQL itself counts what was read, the checks of its foreign keys among it.
"""

from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from django.db import connections

from tests.crashes import wait_until
from tests.integration.rollback.common import NONE, rollback, rows_of, two_tenants
from tests.runs import TABLES, query
from transfer.rollback_graph import read_graph
from transfer.rollback_survey import Doomed, Surveyor
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

MINE, OTHERS = 400, 8000


USERS = """
    INSERT INTO users (organization_id, email, metadata, updated_at)
    SELECT o.id, n || '@' || o.id, o.metadata, 'epoch'
      FROM organizations AS o, generate_series(1, %(rows)s) AS n
     WHERE o.metadata->>'migration_batch' = %(name)s
"""
FORMS = """
    INSERT INTO forms (organization_id, name, slug, definition, metadata, updated_at)
    SELECT o.id, n, n, '{}', o.metadata, o.updated_at
      FROM organizations AS o, generate_series(1, %(rows)s / 10) AS n
     WHERE o.metadata->>'migration_batch' = %(name)s
"""
SUBMISSIONS = """
    INSERT INTO submissions (organization_id, form_id, submission_number, metadata, updated_at)
    SELECT f.organization_id, f.id, n || left(f.id::text, 13), f.metadata, 'epoch'
      FROM forms AS f, generate_series(1, 10) AS n
     WHERE f.metadata->>'migration_batch' = %(name)s
"""
ROWS = (USERS, FORMS, SUBMISSIONS)


@pytest.fixture
def many(v2_path: Path) -> None:
    """Two migrations: few users, forms and submissions of the one, many of the other."""
    two_tenants(v2_path, 1)
    for name, rows in (("one", MINE), ("two", OTHERS)):
        with connections["default"].cursor() as cursor:
            for statement in ROWS:
                cursor.execute(statement, {"rows": rows, "name": name})
    query("ANALYZE")


class Reads(NamedTuple):
    """Whole tables read, and entries read of each index by name."""

    scans: dict[str, int]
    entries: dict[str, int]


def reads() -> Reads:
    """What PostgreSQL counts so far; a session reports when it ends, this one when it is asked."""
    query("SELECT pg_stat_force_next_flush()")
    wait_until(
        lambda: (
            query(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND starts_with(application_name, 'pliers ')"
            )
            == [(0,)]
        )
    )
    query("SELECT pg_stat_clear_snapshot()")
    return Reads(
        dict(query("SELECT relname, seq_scan FROM pg_stat_user_tables")),
        dict(query("SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes")),
    )


def test_no_table_is_read_whole_and_no_index_again_for_each_batch(many: None) -> None:
    before = reads()

    report = rollback("one", batch_size=20)

    assert report.outcome == "finished"
    after = reads()
    assert {table: after.scans[table] - before.scans[table] for table in TABLES} == (
        dict.fromkeys(TABLES, 0)
    )
    for table, rows in (("users", MINE), ("forms", MINE // 10), ("submissions", MINE)):
        name = f"idx_{table}_migration_batch"
        # A survey reads each of its rows a few times; twenty batches would read them twenty times.
        assert after.entries[name] - before.entries[name] <= 12 * (rows + 3), name
    assert after.entries["idx_submissions_form"] - before.entries["idx_submissions_form"] <= (
        12 * MINE
    )
    assert rows_of("one") == NONE  # last, for the test itself reads the tables for it


def test_the_plans_of_the_survey_scan_none_of_the_migrated_tables(many: None) -> None:
    target = Target("test", exclusive=False)
    started_at = query("SELECT min(started_at) FROM migration_progress")[0][0]
    explained: list[str] = []
    execute = psycopg.Connection.execute  # unbound: the one on the writer is replaced

    def explain(statement: object, parameters: object = None, **how: object) -> object:
        text = statement.as_string(None) if hasattr(statement, "as_string") else str(statement)
        if text.startswith("SELECT count(*)"):
            plan = execute(target.writer, f"EXPLAIN {text}", parameters)
            explained.append("\n".join(row[0] for row in plan))
        return execute(target.writer, statement, parameters, **how)

    try:
        surveyor = Surveyor(read_graph(target.writer), Doomed("one", started_at))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target.writer, "execute", explain)
            surveyor.survey(target.writer)
    finally:
        target.close()

    assert len(explained) >= 8
    for plan in explained:
        for table in TABLES:
            assert f"Seq Scan on {table}" not in plan, plan
    assert any("idx_submissions_migration_batch" in plan for plan in explained)
