"""Answers that had no submission, looked for once more (M17)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from psycopg import sql

from transfer import open_errors, reread
from transfer.mapping.findings import Finding
from transfer.mapping.record_detail import answer_key
from transfer.mapping.submissions import orphaned_answer
from transfer.mapping.text import shorten
from transfer.open_errors import OpenError
from transfer.plan import Step
from transfer.records import V2Answer, is_id
from transfer.source import Source
from transfer.target import Target

_IN_V3 = "SELECT id::text FROM submissions WHERE id = ANY(%s::uuid[])"


class Stray(NamedTuple):
    """An error about an answer without a submission, and what v2 has of the answer now.

    ``finding`` is the error as it is now; None where the answer has a submission that can be
    moved with it, or where v2 does not find the answer. ``at_home``: v2 has its submission.
    """

    error: OpenError
    answer: V2Answer | None
    finding: Finding | None = None
    at_home: bool = False


@dataclass(slots=True)
class Strays:
    """Strays, and the submissions to be moved with all their answers.

    ``homes`` are those: their own open error, or one without an id where v2 did not have them.
    """

    all: list[Stray] = field(default_factory=list)
    homes: list[OpenError] = field(default_factory=list)


def find_homes(
    source: Source, target: Target, migration: str, step: Step, errors: Sequence[OpenError]
) -> Strays:
    """Look the answers of these errors up in v2, and the submissions they name."""
    strays = Strays()
    if not errors:
        return strays
    now = defaultdict[str, list[V2Answer]](list)
    for answer in reread.answers(source, [error.record_id for error in errors]):
        now[answer_key(answer)].append(answer)
    named = {answer[0] for answers in now.values() for answer in answers}
    # A copy made by hand may hold an answer that names none.
    in_v2 = reread.submission_ids(source, [key for key in named if isinstance(key, str)])
    failed = {
        error.record_id: error
        for error in open_errors.of_records(
            target, migration, table=step.table, v2_table=step.v2_table, ids=sorted(in_v2)
        )
    }
    query = sql.SQL(_IN_V3)
    in_v3 = {row[0] for row in target.read(query, (list(filter(is_id, in_v2)),))}
    homes: dict[str, OpenError] = {}
    for error in errors:
        if not now[error.record_id]:
            strays.all.append(Stray(error, None))
            continue
        answer = now[error.record_id].pop(0)
        home = answer[0]
        if home not in in_v2:
            strays.all.append(Stray(error, answer, orphaned_answer(answer)))
        elif home in in_v3 and home not in failed:
            strays.all.append(Stray(error, answer, _changed_since(answer), at_home=True))
        else:
            strays.all.append(Stray(error, answer, at_home=True))
            homes[home] = failed.get(home) or OpenError(0, step.v2_table, home, "")
    strays.homes = list(homes.values())
    return strays


def waiting(answer: V2Answer) -> Finding:
    """The error about an answer whose submission v2 has, and v3 not yet."""
    message = f"submission {shorten(answer[0])} of this answer is not in v3"
    return orphaned_answer(answer)._replace(message=message)


def _changed_since(answer: V2Answer) -> Finding:
    return orphaned_answer(answer)._replace(
        message=f"submission {shorten(answer[0])} of this answer is in v3 without it: v2 was "
        "changed after it was migrated, and that is not for a retry to bring over"
    )
