"""Among a migration's many rows a page is found by its keys, however many there are.

PostgreSQL believes that a migration has few rows, and there is an index that lists them all.
"""

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg import sql

from tests.runs import query
from transfer import deferral_indexes, deferral_keys, deferral_rows, deferral_warnings
from transfer.deferral_keys import Key
from transfer.proof import stored
from transfer.reread import AT_ONCE
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

TABLE = sql.Identifier("submissions")
ALL_OF_THEM = "idx_submissions_migration_batch"
FIRST = "SELECT array_agg(id) FROM (SELECT id FROM submissions ORDER BY id LIMIT %s) AS first"


@pytest.fixture
def target() -> Iterator[Target]:
    """A v3 with a migration of 20,000 submissions, and as many rows of nobody's beside it."""
    query("INSERT INTO organizations (name, slug) VALUES ('Acme', 'acme')")
    query(
        "INSERT INTO forms (organization_id, name, slug, definition)"
        " SELECT id, 'Leave', 'leave', '{}' FROM organizations"
    )
    query(
        "INSERT INTO submissions (organization_id, form_id, submission_number, metadata)"
        " SELECT organization_id, id, n, CASE n %% 2 WHEN 0 THEN"
        " '{\"migration_batch\": \"night\"}'::jsonb ELSE '{}' END"
        " FROM forms, generate_series(1, 40000) AS n"
    )
    query("ANALYZE submissions")
    with closing(Target("import_v2")) as made:
        yield made


def plan(target: Target, statement: sql.Composable | str, parameters: Any) -> str:
    text = statement if isinstance(statement, str) else statement.as_string(None)
    found = target.writer.execute(f"EXPLAIN {text}".encode(), parameters).fetchall()
    return "\n".join(row[0] for row in found)


@pytest.mark.parametrize("statement", [deferral_rows._REMOVE, deferral_warnings._PARENTS])
def test_rows_that_are_taken_out_are_looked_up(target: Target, statement: sql.SQL) -> None:
    ((ids,),) = query(FIRST, [AT_ONCE])

    found = plan(target, statement.format(table=TABLE), (ids, "night"))

    assert "submissions_pkey" in found
    assert ALL_OF_THEM not in found


def test_who_refers_to_them_too(target: Target) -> None:
    ((ids,),) = query(FIRST, [AT_ONCE])
    statement = deferral_rows._REFERRED.format(
        table=TABLE, child=TABLE, matches=sql.SQL("c.id = t.id"), other=sql.SQL("")
    )

    found = plan(target, statement, {"ids": ids, "migration": "night"})

    assert ALL_OF_THEM not in found


def test_rows_that_are_tried_for_an_index_come_in_the_order_of_keys(target: Target) -> None:
    with target.writer.transaction():
        target.writer.execute(deferral_indexes._BY_KEY)
        statement = deferral_indexes._PAGE.format(table=TABLE)
        found = plan(target, statement, ("night", deferral_indexes.FIRST_ID, 5000))

    assert "Index Scan using submissions_pkey" in found
    assert "Sort" not in found


def test_orphans_come_in_the_order_of_keys(target: Target) -> None:
    query("CREATE TABLE gone (id uuid)")
    try:
        key = Key("gone", "", 0, "public", "gone", True, False, ["form_id"], ["id"])
        deferral_keys.stage_orphans(target.writer, "submissions", "night", key)
    finally:
        query("DROP TABLE gone")
    plans: list[str] = []

    def explain(statement: sql.Composable, parameters: Any) -> Any:
        plans.append(plan(target, statement, parameters))
        return target.writer.execute(statement, parameters)

    explaining: Any = SimpleNamespace(execute=explain)
    pages = [deferral_keys.next_orphans(explaining, None, 200)]
    pages += [deferral_keys.next_orphans(explaining, pages[-1][-1], 200) for _ in range(7)]

    own = "SELECT id::text FROM submissions WHERE metadata <> '{}' ORDER BY submissions.id LIMIT %s"
    assert [(one,) for page in pages[:2] for one in page] == query(own, [400])
    assert len(plans) == 8
    for found in plans:
        assert "Index Scan using orphans_pkey" in found
        assert "Sort" not in found
    number, first = deferral_keys.others_orphans(target.writer)
    assert (number, len(first)) == (20000, 5)


@pytest.mark.parametrize("after", [None, deferral_indexes.FIRST_ID])
def test_rows_that_v2_may_not_have_come_in_the_order_of_keys(
    target: Target, after: str | None
) -> None:
    statement = stored._IDS.format(table="submissions")

    found = plan(target, statement, {"after": after, "migration": "night", "size": 500})

    assert "Index Scan using submissions_pkey" in found
    assert "Sort" not in found
