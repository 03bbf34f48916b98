"""The accepted differences: all that v3 may differ from v2 in, each with its rule and its reason.

verify_v2 lets nothing pass but what is on this list: a check that would fail becomes a warning
only by naming an entry and how often it applies. An error is never accepted: it stays open until
it is resolved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from transfer.mapping.codes import CODES, Severity


class Accepted(NamedTuple):
    """An entry of the list.

    Args:
        name: what it is called; the code, where it is a warning of the mapping's.
        rule: the rule it comes from (M12, R1).
        meaning: what differs, in one sentence.
        reason: why that is accepted.
    """

    name: str
    rule: str
    meaning: str
    reason: str


MADE_SINCE = "made_in_v2_since"
CHANGED_SINCE = "changed_in_v2_since"
LEDGER_MISSING = "ledger_missing"

# What no warning of the mapping's tells; verify_v2 itself finds it.
_OF_THE_RUN = (
    Accepted(
        MADE_SINCE,
        "R1",
        "made in v2 since the migration began",
        "v2 may go on living; what it gained after its range was read is a later sync's to move",
    ),
    Accepted(
        CHANGED_SINCE,
        "R1",
        "changed in v2 since the migration began, in records that v2 says were changed since",
        "v2 may go on living; what it changed after it was read is a later sync's to move",
    ),
    Accepted(
        LEDGER_MISSING,
        "R1",
        "moved by an earlier version, which kept no ledger by reason",
        "what that version wrote down is compared all the same, and so are rows and errors",
    ),
)

# The mapping's warnings: found and counted while rows are moved.
WARNINGS: Mapping[str, Accepted] = {
    code.value: Accepted(code.value, info.rule, info.meaning, info.reason)
    for code, info in CODES.items()
    if info.severity is Severity.WARNING
}
ACCEPTED: Mapping[str, Accepted] = {**WARNINGS, **{entry.name: entry for entry in _OF_THE_RUN}}


@dataclass(frozen=True, slots=True)
class Difference:
    """An accepted difference that was found.

    Args:
        name: its entry in ACCEPTED.
        of: what differs: a table's rows, or answers.
        count: how many of them.
        more: what else there is to say about it here.

    Raises:
        ValueError: the list has no such entry, or there is nothing to accept.
    """

    name: str
    of: str
    count: int
    more: str = ""

    def __post_init__(self) -> None:
        if self.name not in ACCEPTED:
            raise ValueError(f"{self.name!r} is not on the list of accepted differences")
        if self.count < 1:
            raise ValueError(f"{self.name!r} was not found, and so explains nothing")

    @property
    def entry(self) -> Accepted:
        """The entry it is an instance of."""
        return ACCEPTED[self.name]

    def __str__(self) -> str:
        what = self.name if self.name in WARNINGS else self.entry.meaning
        more = f"; {self.more}" if self.more else ""
        return f"{self.count:,} {what} ({self.entry.rule}){more}"
