"""What comparing records of one table found: numbers, digests, and where they differ."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from transfer.proof.document import Mismatch

V2_TABLES: Mapping[str, str] = {
    "organizations": "Organization",
    "users": "User",
    "forms": "FormType",
    "submissions": "FormSubmission",
}


@dataclass(slots=True)
class Compared:
    """What comparing some records of one table found.

    Args:
        ids: of v2's records that were looked at.
        compared: those that both sides have.
        equal: those of them that are equal.
        failed: records that are open errors.
        ready: those of them that nothing keeps out of v3 any more.
        made_since: records v2 gained since the migration began, and that are not in v3.
        changed_since: records that differ, and that v2 changed since they were read.
        mismatches: where the others differ, the first places of each record.
        untold: (kind, column) → how many places there are beyond them.
        missing: records that are not in v3, and nothing says why.
        differing: records that both have, and that differ.
        accepted: the ids of those in made_since and changed_since.
        groups: (organization, form), empty where v2 has none → numbers as GROUP names them.
        digest_v2: the sum of the digests of what v3 has to hold, of all compared records.
        digest_v3: the sum of the digests of what it holds.
    """

    ids: list[str] = field(default_factory=list)
    compared: int = 0
    equal: int = 0
    failed: int = 0
    ready: int = 0
    made_since: int = 0
    changed_since: int = 0
    missing: int = 0
    differing: int = 0
    accepted: set[str] = field(default_factory=set)
    mismatches: list[Mismatch] = field(default_factory=list)
    untold: Counter[tuple[str, str]] = field(default_factory=Counter)
    digest_v2: int = 0
    digest_v3: int = 0
    groups: dict[tuple[str, str], list[int]] = field(default_factory=dict)


# A group's numbers: submissions and answers of v2, of v3, of open errors, and those that v2 has
# more of than v3 because it gained or changed them since the migration began.
GROUP = (
    "submissions_v2", "answers_v2", "submissions_v3", "answers_v3", "submissions_failed",
    "answers_failed", "submissions_since", "answers_since",
)  # fmt: skip
