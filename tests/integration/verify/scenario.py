"""The migration that verify's tests start from, and how they look at a report."""

import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from tests.v2 import TIME
from transfer.mapping.context import parse_mapping_file
from transfer.models import MigrationError, MigrationProgress
from transfer.options import ImportOptions
from transfer.plan import PLAN
from transfer.source_place import identity
from transfer.verify_report import Check, Verdict, VerifyReport

NAME = "rehearsal"
STARTED = datetime(2025, 1, 22, 20, 0, tzinfo=UTC)
CREATED = datetime.fromisoformat(TIME).replace(tzinfo=UTC)
# Where the fixture's answers went: "Ada"; red and blue; one with a choice beside it, one unmapped.
ANSWERS = {"migrated": 1, "merged": 2, "set_aside": {"choices": 1, "unmapped": 1}}
# The database refuses a finished run whose ledger does not balance; verify trusts no constraint.
BALANCE = "migration_progress_ledger_check"
LATER = "2025-01-23 08:00:00.000000"
MINE, OTHER = "000a0001-0000-4000-8000-000a00000001", "000a0002-0000-4000-8000-000a00000002"


def field(name: str) -> dict[str, Any]:
    """Return a field of a form's definition, as the mapping writes it."""
    return {"id": name, "name": name, "type": "text", "settings": {}, "choices": []}


def record_run(name: str = NAME, status: str = "completed", **fingerprint: Any) -> None:
    """Write the books of a migration that moved everything in the fixture."""
    totals = {"organizations": 2, "users": 2, "forms": 2, "submissions": 3}
    tables = fingerprint.get("tables", list(totals))
    for table in tables:
        MigrationProgress.objects.create(
            migration_name=name,
            table_name=table,
            status=status,
            total_records=totals[table],
            processed_records=totals[table],
            failed_records=0,
            started_at=STARTED,
            fingerprint=ImportOptions().fingerprint(identity("v2"))
            | {"tables": tables}
            | fingerprint,
            ledger=ledger(totals[table], answers=ANSWERS if table == "submissions" else {}),
        )


def ledger(
    read: int,
    failed: dict[str, int] | None = None,
    answers: dict[str, Any] | None = None,
    findings: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Return a table's ledger as an import writes it, but for what verify does not look at."""
    return {
        "batches": 1,
        "prepared": True,
        "findings": (failed or {}) | (findings or {}),
        "records": balanced(migrated=read - sum((failed or {}).values()), failed=failed or {}),
        "answers": balanced(**(answers or {})),
    }


def balanced(
    migrated: int = 0,
    merged: int = 0,
    set_aside: dict[str, int] | None = None,
    failed: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Return what a ledger says of records or of answers, with their sum as read."""
    aside, lost = set_aside or {}, failed or {}
    return {
        "read": migrated + merged + sum(aside.values()) + sum(lost.values()),
        "migrated": migrated,
        "merged": merged,
        "set_aside": aside,
        "failed": lost,
    }


def wrote(
    table: str,
    *,
    total: int,
    failed: dict[str, int] | None = None,
    answers: dict[str, Any] | None = None,
    findings: dict[str, int] | None = None,
) -> None:
    """Change the books of a table: records read, those that failed by code, answers, findings."""
    rows = MigrationProgress.objects.filter(migration_name=NAME, table_name=table)
    lost = sum((failed or {}).values())
    inside = ANSWERS if answers is None and table == "submissions" else answers
    rows.update(
        total_records=total,
        processed_records=total - lost,
        failed_records=lost,
        ledger=ledger(total, failed, inside, findings),
    )


def rewrite(table: str, path: str, value: Any) -> None:
    """Put something else at a place in a table's ledger, ``answers,merged`` for instance."""
    execute("ALTER TABLE migration_progress DROP CONSTRAINT IF EXISTS " + BALANCE)
    execute(
        "UPDATE migration_progress SET ledger = jsonb_set(ledger, %s::text[], %s::jsonb)"
        " WHERE table_name = %s",
        f"{{{path}}}",
        json.dumps(value),
        table,
    )


def record_error(v2_table: str, record_id: str, **fields: Any) -> None:
    tables = {step.v2_table: step.table for step in PLAN} | {
        "FormSubmissionMetaData": "submissions"
    }
    MigrationError.objects.create(
        migration_name=NAME,
        table_name=tables[v2_table],
        v2_table=v2_table,
        record_id=record_id,
        **{"severity": "error", "code": "form_unknown"} | fields,
    )


def check(report: VerifyReport, name: str) -> Check:
    (found,) = [entry for entry in report.checks if entry.name == name]
    return found


def not_passed(report: VerifyReport) -> dict[str, str]:
    return {c.name: c.status.value for c in report.checks if c.status is not Verdict.PASSED}


def execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def selection(mapping: str = "", default: str | None = None) -> dict[str, Any]:
    options = ImportOptions(
        organizations=frozenset([MINE]),
        mapping=parse_mapping_file(mapping),
        default_organization=default,
    )
    return options.fingerprint(identity("v2"))
