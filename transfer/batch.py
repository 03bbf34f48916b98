"""A batch on its way into v3, and what became of it."""

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from transfer.ledger import Ledger
from transfer.mapping.codes import Code, Severity
from transfer.mapping.findings import Finding, Outcome
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
        read: v2 records the extraction counted for this batch.
        answers_read: answers it counted, those of no submission among them.
        loose: findings about rows that belong to no record (orphans, dangling references).
        records: v2's rows by id as they were read, for error_detail.
        closing: the table ends with this batch.
    """

    step: Step
    number: int
    last_key: str
    outcomes: list[Outcome] = field(default_factory=list)
    read: int = 0
    answers_read: int = 0
    loose: list[Finding] = field(default_factory=list)
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
    """What a batch added: where its records and answers went, and everything found."""

    records: Ledger = field(default_factory=Ledger)
    answers: Ledger = field(default_factory=Ledger)
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class TableState:
    """One table of a migration as its checkpoint has it."""

    table: str
    status: str
    total: int | None = None
    last_key: str = ""
    batches: int = 0
    prepared: bool = False
    records: Ledger = field(default_factory=Ledger)
    answers: Ledger = field(default_factory=Ledger)
    findings: Counter[str] = field(default_factory=Counter)
    # Stored warnings that went with their rows while others of the code were not stored.
    unstored: Counter[str] = field(default_factory=Counter)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_message: str | None = None
    heartbeat_at: datetime | None = None
    # What v2's session was like when the table was last taken in hand (transfer.source_session).
    source: dict[str, str] = field(default_factory=dict)

    @property
    def processed(self) -> int:
        """Records that are in v3."""
        return self.records.migrated

    @property
    def failed(self) -> int:
        """Records that are not, and why is recorded."""
        return self.records.failures

    @property
    def errors(self) -> int:
        """Errors recorded: records that failed, and rows beside them that did (M17's orphans)."""
        return sum(
            count
            for code, count in self.findings.items()
            if Code(code).info.severity is Severity.ERROR
        )

    def add(self, result: BatchResult) -> None:
        """Count what a batch added."""
        self.records.add(result.records)
        self.answers.add(result.answers)
        self.findings.update(finding.code.value for finding in result.findings)

    def advance(self, batch: MappedBatch, result: BatchResult) -> None:
        """Move the checkpoint past a batch."""
        self.add(result)
        self.last_key = batch.last_key
        self.batches = batch.number

    def copy(self) -> "TableState":
        """A state that counts by itself from here on."""
        own = replace(
            self,
            records=Ledger(),
            answers=Ledger(),
            findings=Counter(self.findings),
            unstored=Counter(self.unstored),
        )
        own.records.add(self.records)
        own.answers.add(self.answers)
        return own

    def become(self, other: "TableState") -> None:
        """Take over all that another state of the table says."""
        for part in fields(self):
            setattr(self, part.name, getattr(other, part.name))

    def ledger(self) -> dict[str, Any]:
        """The JSON document of migration_progress.ledger."""
        unstored = {"unstored": dict(sorted(self.unstored.items()))} if self.unstored else {}
        return {
            "batches": self.batches,
            "prepared": self.prepared,
            "findings": dict(sorted((+self.findings).items())),
            "records": self.records.as_json(),
            "answers": self.answers.as_json(),
            **unstored,
            **({"source": self.source} if self.source else {}),
        }
