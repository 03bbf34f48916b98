"""M12 proven: the submission numbers that are not the lookup code.

A number that is the code needs no proof: v3 has it once in an organization. One made from the Id
needs three things: that the code could not be had, that no shorter number could, and that it is
nobody's code. What v3 has tells most of it; what the run's errors hold tells of those who failed,
whatever they have become since; v2 tells of codes that look like made numbers. Only where a code
is nobody's any more the decision is believed that the run recorded: it may have been the number
of a row of v3's own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson

from legacy_v2 import models as v2
from transfer.detail import decode_detail
from transfer.extract import SCAN_SIZE, pages
from transfer.proof.claims import Claim, Claims, at
from transfer.proof.reference import V2Reference
from transfer.proof.rules import storable
from transfer.proof.stored import Stored
from transfer.records import is_id
from transfer.source import Source

FEWEST, MOST = 8, 32  # digits
PREFIX = "V2-"
IDS_AT_ONCE = 500  # SQL Server takes 2,100 parameters a statement
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

# What the run read of those who failed, whatever they have become since.
_FAILED = """
SELECT id, record_id, (error_detail->'LookupCode')::text, error_detail->>'OrganizationId',
       error_detail->>'FormTypeId', error_detail->>'CreatedOn'
  FROM migration_errors
 WHERE migration_name = %(migration)s
   AND table_name = 'submissions'
   AND v2_table = 'FormSubmission'
   AND severity = 'error'
   -- Those before are of a run that was rolled back.
   AND created_at >= (SELECT min(started_at) FROM migration_progress
                       WHERE migration_name = %(migration)s)
   AND id > %(after)s
 ORDER BY id
 LIMIT %(size)s
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

# Of whom the run recorded, when it decided or when it loaded them, that another had the code.
_DECIDED = """
SELECT record_id::text
  FROM migration_assignments
 WHERE migration_name = %(migration)s
   AND table_name = 'submissions'
   AND code = 'number_duplicate'
   AND record_id = ANY(%(ids)s::uuid[])
 UNION
SELECT record_id
  FROM migration_errors
 WHERE migration_name = %(migration)s
   AND table_name = 'submissions'
   AND code = 'number_duplicate'
   AND record_id = ANY(%(ids)s::text[])
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


Wishes = Mapping[tuple[str, str], list[Made]]
Taken = set[tuple[str, str]]

# Read once for all pages of one verification, which has its V2Reference for itself.
_claims_of: "WeakKeyDictionary[V2Reference, Claims]" = WeakKeyDictionary()


def is_made(number: object) -> bool:
    """Whether a number looks like one made from an Id."""
    return isinstance(number, str) and _MADE.fullmatch(number) is not None


def expected(
    found: Sequence[Made], stored: Stored, source: Source, ref: V2Reference
) -> dict[str, str]:
    """The number each of the submissions has to have: id → number; some of a page at a time.

    ``found`` are those whose number is not their code, or whose code can be none.
    """
    if ref not in _claims_of:
        _claims_of[ref] = Claims(_read(stored, source, ref))
    claims = _claims_of[ref]
    by_wish: dict[tuple[str, str], list[Made]] = {}
    for one in found:
        for number in _wanted(one):
            by_wish.setdefault((one.organization, number), []).append(one)
    taken = _taken(by_wish, stored, source, claims, ref.settings.migration)
    contested = {
        (claim.organization, claim.value)
        for claim in claims.of((one.organization, one.number) for one in found)
        if claim.sure
    }
    whole = [one.id for one in found if one.number == _made(one.id, MOST)]
    late = {own_id for (own_id,) in stored.ask(_LATE, {"ids": whole})} if whole else set()
    result = {}
    for one in found:
        right = next((each for each in _wanted(one) if (one.id, each) not in taken), None)
        if one.id in late and (one.code is None or right != one.code):
            right = one.number
        if right is None and (one.organization, one.number) in contested:
            right = _uncontested(one, claims)
        result[one.id] = right or _made(one.id, _length(one.number))
    return result


def _made(record_id: str, digits: int) -> str:
    return f"{PREFIX}{record_id.replace('-', '')[:digits]}"


def _length(number: str) -> int:
    return len(number) - len(PREFIX) if is_made(number) else FEWEST


def _wanted(one: Made) -> list[str]:
    """What the submission would rather have than the number it has, best first."""
    shorter = [_made(one.id, digits) for digits in range(FEWEST, _length(one.number))]
    return shorter if one.code is None else [one.code, *shorter]


def _uncontested(one: Made, claims: Claims) -> str:
    """A made number, longer than the one it has, that is nobody's code."""
    longer = [_made(one.id, digits) for digits in range(_length(one.number) + 1, MOST + 1)]
    theirs = {claim.value for claim in claims.of((one.organization, each) for each in longer)}
    return next((each for each in longer if each not in theirs), _made(one.id, MOST))


def _taken(
    by_wish: Wishes, stored: Stored, source: Source, claims: Claims, migration: str
) -> Taken:
    """Which of the wanted numbers were another's before: (submission, number)."""
    taken, later = _by_v3(by_wish, stored, source, migration)
    # Somebody who failed may have no row in v3, and had the number before all the same.
    for claim in claims.of(by_wish):
        for one in by_wish[claim.organization, claim.value]:
            if claim.id != one.id and (claim.value != one.code or claim.rank < _rank(one)):
                taken.add((one.id, claim.value))
    taken |= _by_digits_of_failed(by_wish, claims)
    # Of a code that a later one of v2's has, no row of v3's own can have been the cause.
    unexplained = [
        one
        for (_, number), ones in by_wish.items()
        for one in ones
        if number == one.code and (one.id, number) not in taken and one.id not in later
    ]
    if unexplained:
        asked = {"ids": [one.id for one in unexplained]}
        decided = {own_id for (own_id,) in stored.ask(_DECIDED, asked)}
        taken |= {(one.id, str(one.code)) for one in unexplained if one.id in decided}
    return taken


def _by_v3(
    by_wish: Wishes, stored: Stored, source: Source, migration: str
) -> tuple[Taken, set[str]]:
    """By what v3 has: the wanted numbers taken, and whose code a later one of v2's has."""
    parameters = {
        "organizations": [organization for organization, _ in by_wish],
        "numbers": [number for _, number in by_wish],
    }
    owners = stored.ask(_OWNERS, parameters)
    others = {owner for _, _, owner, batch, _, _ in owners if batch not in (None, migration)}
    own = others - _of_v2(source, others)
    own |= {owner for _, _, owner, batch, _, _ in owners if batch is None}
    taken: Taken = set()
    later: set[str] = set()
    for organization, number, owner, _, created_at, is_made_up in owners:
        for one in by_wish[organization, number]:
            if owner == one.id:
                continue
            # A row that is not v2's keeps its number, and a lookup code that looks like a made
            # number is its owner's; of two who want a made one the earlier has it. A code that
            # another has as a made number came too late, and got all digits.
            is_first = (created_at, owner) < (one.created_at, one.id)
            if number == one.code:
                is_others = is_first and (not is_made_up or _length(one.number) == MOST)
            else:
                is_others = is_first or not is_made_up
            if owner in own or is_others:
                taken.add((one.id, number))
            elif number == one.code:
                later.add(one.id)
    return taken, later


def _by_digits_of_failed(by_wish: Wishes, claims: Claims) -> Taken:
    """Made numbers that went to an earlier submission of which no row came (M1)."""
    digits = slice(len(PREFIX), len(PREFIX) + FEWEST)
    starts: dict[tuple[str, str], list[tuple[str, Made]]] = {}
    for (organization, number), ones in by_wish.items():
        wished = [(number, one) for one in ones if number != one.code]
        if wished:
            starts.setdefault((organization, number[digits]), []).extend(wished)
    return {
        (one.id, number)
        for claim in (claims.failed_of_digits(starts) if starts else ())
        for number, one in starts[claim.organization, claim.id[:FEWEST]]
        if claim.id != one.id
        and _made(claim.id, MOST).startswith(number)
        and claim.rank < _rank(one)
    }


def _of_v2(source: Source, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are submissions of this v2: another migration may be another's."""
    wanted = sorted(ids)
    found: set[str] = set()
    for start in range(0, len(wanted), IDS_AT_ONCE):
        part = wanted[start : start + IDS_AT_ONCE]
        query = v2.FormSubmission._default_manager.filter(id__in=part)
        found.update(own_id for (own_id,) in source.read(query, ("id",)).rows())
    return found


def _read(stored: Stored, source: Source, ref: V2Reference) -> Iterator[Claim]:
    """All that failed, with the codes they had, and all of v2 whose codes look like made ones."""
    settings = ref.settings
    since = settings.started_at.astimezone(settings.zone).replace(tzinfo=None)

    def is_before(made: object) -> bool:
        return not isinstance(made, datetime) or made <= since

    after = 0
    while rows := stored.ask(_FAILED, {"after": after, "size": SCAN_SIZE}):
        after = rows[-1][0]
        for _, own_id, code, own, form_id, created in rows:
            made = _time(created)
            value = decode_detail(orjson.loads(code)) if code is not None else None
            wish = _wish(value, own if own is not None else ref.owner(form_id))
            yield Claim(*wish, own_id, *at(made), failed=1, sure=is_before(made))
    columns = (
        "id", "form_type_id", "organization_id", "lookup_code", "created_on", "last_updated_on",
    )  # fmt: skip
    query = v2.FormSubmission._default_manager.filter(lookup_code__startswith=PREFIX)
    for page in pages(source, query, columns, lambda: SCAN_SIZE, ""):
        for own_id, form_id, own, code, made, changed in page.rows():
            organization, value = _wish(code, own if own is not None else ref.owner(form_id))
            if is_id(own_id) and organization and is_made(value):
                sure = is_before(made) and is_before(changed)
                yield Claim(organization, value, own_id, *at(made), sure=sure)


def _wish(code: object, organization: object) -> tuple[str, str]:
    """A claim's organization and value; empty for what no number of any can come of."""
    return (
        organization if is_id(organization) else "",
        storable(code) if isinstance(code, str) else "",
    )


def _time(text: str | None) -> datetime | None:
    """A time of v2 as an error tells it; None for what was none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _rank(one: Made) -> tuple[Any, ...]:
    return *at(one.created_on), one.id
