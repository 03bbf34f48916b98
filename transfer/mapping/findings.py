"""What the mapping has to say about a record besides its row: errors, warnings, the ledger."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from transfer.mapping.codes import Code
from transfer.records import V3Row


class Finding(NamedTuple):
    """One error or warning about one v2 record.

    ``detail`` holds the v2 record as read (column name → value, v2's names), for repair; it may
    hold datetimes, and text that jsonb refuses: the loader escapes it.
    """

    code: Code
    v2_table: str
    record_id: str
    message: str
    column: str = ""
    detail: dict[str, Any] | None = None


class AnswerLedger(NamedTuple):
    """Where the answers of submissions went, each counted once.

    migrated: is the value of its own key; merged: one of several in a list; choices: its text is
    in data, wherever there, and the choice beside it in ``metadata.choices``; unmapped: in
    ``metadata.unmapped``; failed: its submission failed, or does not exist.
    """

    migrated: int = 0
    merged: int = 0
    choices: int = 0
    unmapped: int = 0
    failed: int = 0

    @property
    def read(self) -> int:
        """All answers counted."""
        return sum(self)


NO_ANSWERS = AnswerLedger()


@dataclass(slots=True)
class Outcome:
    """What became of one v2 record: its v3 row, or None and an error among the findings."""

    record_id: str
    row: V3Row | None
    findings: list[Finding] = field(default_factory=list)
    answers: AnswerLedger = NO_ANSWERS
