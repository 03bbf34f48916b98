"""M12 proven: the submission numbers that are not the lookup code.

A number that is the code needs no proof: v3 has it once in an organization. One made from the Id
needs two things: that the code could not be had, and that no shorter number could.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from legacy_v2 import models as v2
from transfer.proof.reference import V2Reference
from transfer.proof.rules import storable
from transfer.proof.stored import Stored
from transfer.source import Source

FEWEST, MOST = 8, 32  # digits
CODES_AT_ONCE = 500  # SQL Server takes 2,100 parameters a statement
_MADE = re.compile("V2-[0-9a-f]{8,32}")

# Who has these numbers in these organizations, and which migration made it.
_OWNERS = """
SELECT wish.organization_id::text, wish.number, owner.id::text,
       owner.metadata->>'migration_batch', owner.created_at::text,
       owner.metadata ? 'legacy_number'
  FROM unnest(%(organizations)s::uuid[], %(numbers)s::text[]) AS wish (organization_id, number)
  JOIN submissions AS owner
    ON owner.organization_id = wish.organization_id AND owner.submission_number = wish.number
"""

# Who failed, and wanted one of these numbers made from the Id as well.
_FAILED = """
SELECT wish.number, failed.record_id, failed.error_detail->>'OrganizationId',
       failed.error_detail->>'FormTypeId', failed.error_detail->>'CreatedOn'
  FROM unnest(%(numbers)s::text[]) AS wish (number)
  JOIN migration_errors AS failed
    ON failed.migration_name = %(migration)s
   AND failed.table_name = 'submissions'
   AND failed.v2_table = 'FormSubmission'
   AND failed.severity = 'error'
   -- The first eight by themselves, for they can be hashed.
   AND left(failed.record_id, 8) = substr(wish.number, 4, 8)
   AND starts_with('V2-' || replace(failed.record_id, '-', ''), wish.number)
"""

# A number of all digits is given to a record that nothing was decided about, for v2 gained or
# changed it since, and to one that was tried again.
_LATE = """
SELECT wish.id::text
  FROM unnest(%(ids)s::uuid[]) AS wish (id)
 WHERE NOT EXISTS (SELECT FROM migration_assignments AS decided
                    WHERE decided.migration_name = %(migration)s
                      AND decided.table_name = 'submissions'
                      AND decided.record_id = wish.id)
    OR EXISTS (SELECT FROM migration_errors AS failed
                WHERE failed.migration_name = %(migration)s
                  AND failed.table_name = 'submissions'
                  AND failed.record_id = wish.id::text
                  AND failed.severity = 'error')
"""


class Made(NamedTuple):
    """A submission whose number in v3 may be none of v2's.

    Args:
        id: its id.
        organization: its organization's id.
        code: its lookup code as v3 would hold it; None: it can be no number.
        created_on: v2's time.
        created_at: the same as v3 has it.
        number: its number in v3.
    """

    id: str
    organization: str
    code: str | None
    created_on: object
    created_at: str
    number: str


def is_made(number: object) -> bool:
    """Whether a number looks like one made from an Id."""
    return isinstance(number, str) and _MADE.fullmatch(number) is not None


def expected(
    found: Sequence[Made], stored: Stored, source: Source, ref: V2Reference
) -> dict[str, str]:
    """The number each of the submissions has to have: id → number; some of a page at a time.

    ``found`` are those whose number is not their code, or whose code can be none.
    """
    wanted = {one.id: _wanted(one) for one in found}
    taken = _taken(found, wanted, stored, source, ref)
    whole = [one.id for one in found if one.number == _made(one.id, MOST)]
    late = {own_id for (own_id,) in stored.ask(_LATE, {"ids": whole})} if whole else set()
    result = {}
    for one in found:
        right = next((each for each in wanted[one.id] if (one.id, each) not in taken), None)
        if one.id in late and (one.code is None or right != one.code):
            right = one.number
        result[one.id] = right or _made(one.id, _length(one.number))
    return result


def _made(record_id: str, digits: int) -> str:
    return f"V2-{record_id.replace('-', '')[:digits]}"


def _length(number: str) -> int:
    return len(number) - len("V2-") if is_made(number) else FEWEST


def _wanted(one: Made) -> list[str]:
    """What the submission would rather have than the number it has, best first."""
    shorter = [_made(one.id, digits) for digits in range(FEWEST, _length(one.number))]
    return shorter if one.code is None else [one.code, *shorter]


def _taken(
    found: Sequence[Made],
    wanted: Mapping[str, list[str]],
    stored: Stored,
    source: Source,
    ref: V2Reference,
) -> set[tuple[str, str]]:
    """Which of the wanted numbers were another's before: (submission, number)."""
    by_wish: dict[tuple[str, str], list[Made]] = {}
    for one in found:
        for number in wanted[one.id]:
            by_wish.setdefault((one.organization, number), []).append(one)
    taken = _taken_in_v3(by_wish, stored, source, ref.settings.migration)
    # Somebody who failed has no row in v3, and had the code before all the same.
    left = {
        number
        for (_, number), ones in by_wish.items()
        if any((one.id, number) not in taken for one in ones)
    }
    for organization, number, owner, created_on in _claims(source, ref, left):
        for one in by_wish.get((organization, number), ()):
            is_earlier = _before((created_on, owner), (one.created_on, one.id))
            if owner != one.id and (number != one.code or is_earlier):
                taken.add((one.id, number))
    return taken | _taken_by_failed(by_wish, stored, ref)


def _taken_by_failed(
    by_wish: Mapping[tuple[str, str], list[Made]], stored: Stored, ref: V2Reference
) -> set[tuple[str, str]]:
    """Made numbers that went to an earlier submission of which no row came (M1)."""
    made = sorted({number for (_, number) in by_wish if is_made(number)})
    taken: set[tuple[str, str]] = set()
    for number, owner, own, form_id, created_on in (
        stored.ask(_FAILED, {"numbers": made}) if made else ()
    ):
        organization = own if own is not None else ref.owner(form_id)
        for one in by_wish.get((str(organization), number), ()):
            is_earlier = _before((_time(created_on), owner), (one.created_on, one.id))
            if owner != one.id and number != one.code and is_earlier:
                taken.add((one.id, number))
    return taken


def _time(text: str | None) -> datetime | None:
    """A time of v2 as an error tells it; None for what was none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _taken_in_v3(
    by_wish: Mapping[tuple[str, str], list[Made]], stored: Stored, source: Source, migration: str
) -> set[tuple[str, str]]:
    parameters = {
        "organizations": [organization for organization, _ in by_wish],
        "numbers": [number for _, number in by_wish],
    }
    owners = stored.ask(_OWNERS, parameters)
    others = {owner for _, _, owner, batch, _, _ in owners if batch not in (None, migration)}
    own = others - _of_v2(source, others)
    own |= {owner for _, _, owner, batch, _, _ in owners if batch is None}
    taken = set()
    for organization, number, owner, _, created_at, is_made_up in owners:
        for one in by_wish[organization, number]:
            # A row that is not v2's keeps its number, and a lookup code that looks like a made
            # number is its owner's; of two who want a made one the earlier has it.
            is_first = (created_at, owner) < (one.created_at, one.id)
            is_theirs = number != one.code and not is_made_up
            if owner != one.id and (owner in own or is_theirs or is_first):
                taken.add((one.id, number))
    return taken


def _of_v2(source: Source, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are submissions of this v2: another migration may be another's."""
    wanted = sorted(ids)
    found: set[str] = set()
    for start in range(0, len(wanted), CODES_AT_ONCE):
        part = wanted[start : start + CODES_AT_ONCE]
        query = v2.FormSubmission._default_manager.filter(id__in=part)
        found.update(own_id for (own_id,) in source.read(query, ("id",)).rows())
    return found


def _claims(
    source: Source, ref: V2Reference, codes: Iterable[str]
) -> Iterator[tuple[str, str, str, object]]:
    """v2's submissions with one of these lookup codes: organization, code, id, CreatedOn."""
    columns = ("id", "form_type_id", "organization_id", "lookup_code", "created_on")
    wanted = sorted(codes)
    for start in range(0, len(wanted), CODES_AT_ONCE):
        part = wanted[start : start + CODES_AT_ONCE]
        query = v2.FormSubmission._default_manager.filter(lookup_code__in=part)
        for own_id, form_id, own, code, created_on in source.read(query, columns).rows():
            organization = own if own is not None else ref.owner(form_id)
            if organization is not None and isinstance(code, str):
                yield organization, storable(code), own_id, created_on


def _before(one: tuple[Any, str], other: tuple[Any, str]) -> bool:
    """Whether one comes before the other by (CreatedOn, Id), what has no time last (M1)."""
    keys = [(not isinstance(made, datetime), str(made or ""), own) for made, own in (one, other)]
    return keys[0] < keys[1]
