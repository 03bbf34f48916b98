"""A batch on its way into v3, and what became of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from transfer.ledger import Ledger
from transfer.mapping.codes import Code, Severity
from transfer.mapping.findings import Finding, Outcome
from transfer.plan import Step
from transfer.records import V2Answer, V2Submission

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
        lines: the outcomes' rows as lines of COPY's text format, None where there is no row.
        closing: the table ends with this batch.
        passed_over: records that were read for it and are none of the run's.
        size: the batch size it was read with.
        seconds: what reading and mapping it took, or loading it where that took longer.
        rate: records a second that the run moves, without this batch; None: not known yet.
    """

    step: Step
    number: int
    last_key: str
    outcomes: list[Outcome] = field(default_factory=list)
    read: int = 0
    answers_read: int = 0
    loose: list[Finding] = field(default_factory=list)
    records: Mapping[str, SourceRecord] = field(default_factory=dict)
    lines: list[bytes | None] = field(default_factory=list)
    closing: bool = False
    passed_over: int = 0
    size: int | None = None
    seconds: float = 0.0
    rate: float | None = None

    @property
    def looked_at(self) -> int:
        """How many records v2 gave for it, those that are none of the run's too."""
        return len(self.outcomes) + self.passed_over

    @property
    def line_bytes(self) -> int:
        """How long its lines are, in bytes."""
        return sum(map(len, filter(None, self.lines)))


class SubmissionRecords(Mapping[str, SourceRecord]):
    """Submissions as they were read, with their answers: made only where they are asked for."""

    def __init__(self, rows: Sequence[V2Submission], answers: Mapping[str, list[V2Answer]]) -> None:
        self._rows = {row.id: row for row in rows}
        self._answers = answers

    def __getitem__(self, record_id: str) -> SourceRecord:
        return self._rows[record_id], self._answers[record_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Refusal(NamedTuple):
    """A row v3 would not take: its place in the batch's rows, and why."""

    place: int
    sqlstate: str
    message: str
    column: str = ""


@dataclass(slots=True)
class BatchResult:
    """What a batch added: where its records and answers went, and everything found.

    ``copied``: bytes of COPY text of the rows that v3 took.
    """

    records: Ledger = field(default_factory=Ledger)
    answers: Ledger = field(default_factory=Ledger)
    findings: list[Finding] = field(default_factory=list)
    copied: int = 0


@dataclass(slots=True)
class TableState:
    """One table of a migration, or a range of its keys, as its checkpoint has it.

    A range (``partition`` from 1, in the order of keys; transfer.ranges) ends with the key
    ``until``, the last one with the table: empty.
    """

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
    partition: int = 0
    until: str = ""
    # The size of the last batches (None: of those the table was begun with), the bytes of COPY
    # text that went into v3, and records a second at the last heartbeat, while it is in hand.
    batch_size: int | None = None
    copied: int = 0
    rate: float | None = None

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
        self.copied += result.copied

    def absorb(self, other: "TableState") -> None:
        """Count what a range of the table has counted."""
        self.records.add(other.records)
        self.answers.add(other.answers)
        self.findings.update(other.findings)
        self.unstored.update(other.unstored)
        self.batches += other.batches
        self.copied += other.copied
        self.batch_size = other.batch_size or self.batch_size
        if other.rate is not None:  # they move side by side
            self.rate = (self.rate or 0.0) + other.rate
        beats = [one.heartbeat_at for one in (self, other) if one.heartbeat_at]
        self.heartbeat_at = max(beats, default=None)

    def advance(self, batch: MappedBatch, result: BatchResult) -> None:
        """Move the checkpoint past a batch."""
        self.add(result)
        self.last_key = batch.last_key
        self.batches = batch.number
        self.batch_size = batch.size or self.batch_size
        self.rate = batch.rate

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
            **({"until": self.until} if self.partition else {}),
            **({"copied": self.copied} if self.copied else {}),
            **({"rate": self.rate} if self.rate is not None else {}),
        }
