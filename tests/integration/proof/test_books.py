"""What a verification finds is kept: found again, mended, cleared."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from tests.integration.proof.mutations_v2 import ANN, BOB, FULL, NAME
from tests.integration.proof.proving import (
    failing,
    kept,
    proved,
    table,
    verifications,
)
from tests.runs import query
from tests.v2 import V2
from transfer.exceptions import LockHeldError
from transfer.proof import books, keeper
from transfer.proof.compare_submissions import SubmissionsComparer
from transfer.proof.compared import Compared

pytestmark = pytest.mark.django_db(databases=["default", "v2"])

RESOLVED = "SELECT id, record_id, verification_id, resolved_at IS NOT NULL"
DIFFERENCES = f"{RESOLVED} FROM migration_differences ORDER BY id"


def tamper(*users: str) -> None:
    query("UPDATE users SET email = 'x' || email WHERE id = ANY(%s::uuid[])", [list(users)])


def mend(*users: str) -> None:
    """Put back what ``tamper`` did, the time of the change too."""
    query(
        "UPDATE users SET email = substr(email, 2), updated_at ="
        " CASE WHEN id = %s THEN timestamptz '2024-05-05 05:05:05.050505+00' ELSE created_at END"
        " WHERE id = ANY(%s::uuid[])",
        [ANN, list(users)],
    )


def by_record() -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for number, record, verification, resolved in query(DIFFERENCES):
        found.setdefault(record, []).append((number, verification, resolved))
    return found


def test_a_difference_found_again_keeps_its_row_and_a_mended_one_is_closed(often: V2) -> None:
    tamper(ANN, BOB)
    first = proved(NAME)
    before = by_record()
    mend(ANN)

    second = proved(NAME)

    after = by_record()
    assert {one["record_id"] for one in first["differences"]["shown"]} == {ANN, BOB}
    assert {one["record_id"] for one in second["differences"]["shown"]} == {BOB}
    assert [row[0] for row in after[BOB]] == [row[0] for row in before[BOB]]
    assert {row[1] for row in after[BOB]} == {row[1] + 1 for row in before[BOB]}
    assert [row[2] for row in after[ANN]] == [True] * len(before[ANN])
    tamper(ANN)
    proved(NAME)
    # Broken anew, it is another difference: the first has its own time of its end.
    assert [row[2] for row in by_record()[ANN]] == [True] * len(before[ANN]) + [False] * len(
        before[ANN]
    )


def test_a_record_that_is_gone_from_both_closes_what_was_found_of_it(often: V2) -> None:
    query(
        "INSERT INTO users (id, organization_id, email, metadata)"
        " SELECT gen_random_uuid(), organization_id, 'stray', metadata FROM users WHERE id = %s",
        [BOB],
    )
    assert table(proved(NAME), "users")["missing_in_v2"] == 1
    query("DELETE FROM users WHERE email = 'stray'")

    assert failing(proved(NAME)) == {}
    assert [row[3] for row in query(DIFFERENCES)] == [True]


def test_no_more_are_stored_of_a_table_and_kind_than_the_cap_and_all_are_counted(
    often: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert books.MAX_STORED == 1000
    monkeypatch.setattr(keeper, "MAX_STORED", 5)
    query("UPDATE submissions SET deleted_at = now(), created_at = now()")
    query("DELETE FROM submissions WHERE id = %s", [FULL])

    document = proved(NAME, batch_size=4)

    submissions = table(document, "submissions")
    assert (submissions["different"], submissions["missing_in_v3"]) == (14, 1)
    by_place = {
        (one["kind"], one["column"]): one["count"]
        for one in document["differences"]["by_place"]
        if one["table"] == "submissions"
    }
    assert by_place == {
        ("different", "deleted_at"): 14,
        ("different", "created_at"): 14,
        ("different", "updated_at"): 14,
        ("missing_in_v3", ""): 1,
    }
    assert document["differences"]["total"] == 43
    assert document["differences"]["stored"] == 6 == len(kept())


def test_the_report_is_one_document_with_the_keys_that_are_promised(often: V2) -> None:
    tamper(BOB)

    document = proved(NAME)

    assert document.keys() >= {
        "migration", "source", "target", "status", "errors", "checks", "accepted_differences",
        "verified_at", "seconds", "sample", "resumed", "tables", "groups", "differences",
    }  # fmt: skip
    assert (document["sample"], document["resumed"]) == (None, False)
    assert [one["table"] for one in document["tables"]] == [
        "organizations", "users", "forms", "submissions",
    ]  # fmt: skip
    assert document["tables"][0].keys() >= {
        "table", "v2_table", "compared", "equal", "different", "missing_in_v3", "missing_in_v2",
        "accepted", "digest_v2", "digest_v3",
    }  # fmt: skip
    assert document["groups"][0].keys() >= {
        "level", "id", "organization_id", "check_name", "what", "source_count", "target_count",
        "difference", "open_errors", "status",
    }  # fmt: skip
    assert {(one["level"], one["what"]) for one in document["groups"]} == {
        (level, what) for level in ("organization", "form") for what in ("submissions", "answers")
    }
    submissions = [one for one in document["groups"] if one["what"] == "submissions"]
    for level in ("organization", "form"):
        assert sum(one["source_count"] for one in submissions if one["level"] == level) == 15
    assert document["differences"]["total"] == len(document["differences"]["shown"]) == 2
    assert document["differences"]["shown"][0] == {
        "table": "users",
        "v2_table": "User",
        "record_id": BOB,
        "kind": "different",
        "column": "email",
        "v2_value": '"bob@example.org"',
        "v3_value": '"xbob@example.org"',
    }
    ((stored,),) = query("SELECT report->>'status' FROM migration_verifications")
    assert stored == document["status"] == "FAILED"


@pytest.fixture
def elsewhere(often: V2) -> Iterator[psycopg.Connection[Any]]:
    """Return a session of somebody else's."""
    parameters = connections["default"].get_connection_params()
    wanted = {key: parameters[key] for key in ("host", "port", "user", "password", "dbname")
              if parameters.get(key)}  # fmt: skip
    with psycopg.connect(**wanted, application_name="night shift", autocommit=True) as other:
        yield other


def test_two_at_once_the_second_says_who_is_at_it(
    often: V2, elsewhere: psycopg.Connection[Any]
) -> None:
    lock = "SELECT pg_advisory_lock(%s, hashtext(%s))"
    elsewhere.execute(lock, [books.LOCK_SPACE, NAME])

    with pytest.raises(LockHeldError, match="another verify_v2 is at work on 'night'") as held:
        proved(NAME)

    assert "night shift, from " in str(held.value)
    assert f"(backend {elsewhere.info.backend_pid})" in str(held.value)
    assert verifications() == []
    elsewhere.execute("SELECT pg_advisory_unlock_all()")
    assert failing(proved(NAME)) == {}


def test_another_migrations_verification_is_not_in_the_way(
    often: V2, elsewhere: psycopg.Connection[Any]
) -> None:
    elsewhere.execute(
        "SELECT pg_advisory_lock(%s, hashtext(%s))", [books.LOCK_SPACE, "another night"]
    )

    assert failing(proved(NAME)) == {}


@pytest.mark.parametrize("size", [1, 2, 15])
def test_a_page_takes_as_many_statements_as_any_however_many_records_it_has(
    often: V2, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    compare, taken = SubmissionsComparer.submissions, []

    def counted(*arguments: Any) -> Compared:
        with CaptureQueriesContext(connection) as captured:
            found = compare(*arguments)
        taken.append(len(captured))
        return found

    monkeypatch.setattr(SubmissionsComparer, "submissions", counted)
    proved(NAME, batch_size=size)

    assert len(taken) == -(-15 // size)
    assert max(taken) <= 6
