"""A batch on its way into v3, and what became of it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from transfer.mapping.findings import AnswerLedger, Finding, Outcome
from transfer.plan import Step
from transfer.records import V2Answer

# A v2 row as read, and for a submission its answers.
SourceRecord: TypeAlias = tuple[Any, list[V2Answer] | None]


@dataclass(slots=True)
class MappedBatch:
    """The outcomes of one batch's records, and what was found beside them.

    Args:
        step: the table it belongs to.
        number: its place in the migration's table, from 1; the checkpoint counts them.
        last_key: the v2 key up to which everything is in this batch or an earlier one.
        outcomes: one a v2 record read, in v2's order.
        loose: findings about rows that belong to no record (orphans, dangling references).
        loose_answers: answers counted by the loose findings.
        records: v2's rows by id as they were read, for error_detail.
        closing: the table ends with this batch.
    """

    step: Step
    number: int
    last_key: str
    outcomes: list[Outcome] = field(default_factory=list)
    loose: list[Finding] = field(default_factory=list)
    loose_answers: AnswerLedger = field(default_factory=AnswerLedger)
    records: dict[str, SourceRecord] = field(default_factory=dict)
    closing: bool = False


class Refusal(NamedTuple):
    """A row v3 would not take: its place in the batch's rows, and why."""

    place: int
    sqlstate: str
    message: str
    column: str = ""


@dataclass(slots=True)
class BatchResult:
    """What a batch added: rows in v3, records that failed, everything found."""

    processed: int = 0
    failed: int = 0
    findings: list[Finding] = field(default_factory=list)
    answers: AnswerLedger = field(default_factory=AnswerLedger)


@dataclass(slots=True)
class TableState:
    """One table of a migration as its checkpoint has it."""

    table: str
    status: str
    total: int | None = None
    processed: int = 0
    failed: int = 0
    last_key: str = ""
    batches: int = 0
    prepared: bool = False
    findings: Counter[str] = field(default_factory=Counter)
    answers: AnswerLedger = field(default_factory=AnswerLedger)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_message: str | None = None
    heartbeat_at: datetime | None = None

    def add(self, batch: MappedBatch, result: BatchResult) -> None:
        """Move the checkpoint past a batch."""
        self.processed += result.processed
        self.failed += result.failed
        self.last_key = batch.last_key
        self.batches = batch.number
        self.findings.update(finding.code.value for finding in result.findings)
        self.answers = self.answers.plus(result.answers)

    def ledger(self) -> dict[str, Any]:
        """The JSON document of migration_progress.ledger."""
        return {
            "batches": self.batches,
            "prepared": self.prepared,
            "findings": dict(self.findings),
            "answers": self.answers._asdict(),
        }
