"""Batches of users for the loader, and what became of them in v3."""

from datetime import UTC, datetime
from typing import Any

from tests.runs import query
from transfer.batch import MappedBatch
from transfer.mapping.findings import AnswerLedger, Outcome
from transfer.plan import PLAN
from transfer.records import UserRow, V2User
from transfer.work import lines_of

USERS = PLAN[1]
NOW = datetime(2024, 3, 1, 10, 20, 30, 123456, tzinfo=UTC)
ORGANIZATION = "00000000-0000-4000-8000-00000000000a"


def user_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def outcome(number: int, **changes: Any) -> Outcome:
    row = UserRow(
        id=user_id(number),
        organization_id=ORGANIZATION,
        email=f"user{number}@example.org",
        status="active",
        auth_data=b'{"user_name": "u"}',
        metadata=b'{"migration_batch": "night"}',
        created_at=NOW,
        updated_at=NOW,
    )._replace(**changes)
    return Outcome(row.id, row, answers=AnswerLedger(migrated=1))


def batch(*outcomes: Outcome, number: int = 1, **changes: Any) -> MappedBatch:
    records = {
        o.record_id: (
            V2User(o.record_id, ORGANIZATION, "as in v2", None, None, None, True, NOW, None),
            None,
        )
        for o in outcomes
    }
    read = {"read": len(outcomes), "answers_read": sum(o.answers.read for o in outcomes)}
    return MappedBatch(
        USERS,
        number,
        f"key {number}",
        list(outcomes),
        records=records,
        lines=lines_of(outcomes),
        **(read | changes),
    )


def in_v3() -> list[int]:
    return sorted(int(row[0].hex[:8], 16) for row in query("SELECT id FROM users"))


def checkpoint() -> tuple[Any, ...]:
    (row,) = query(
        "SELECT status, processed_records, failed_records, last_key FROM migration_progress"
    )
    return row
