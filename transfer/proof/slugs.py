"""M5 proven: the slugs of organizations and forms, which other rows decide too.

All of v2's rows choose again, in their order, with v3's own rows' slugs taken. Names of records
that failed at first are those they had then, as their errors hold them: a repair since has not
moved the others. A slug that a row of v3's own had then and has no more is passed over as far as
there is a sign of it. Bounded by the number of organizations and forms.
"""

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.utils.text import slugify

from transfer.detail import decode_detail
from transfer.proof.rules import storable
from transfer.proof.stored import Stored

LONGEST = 255
_PLAIN = re.compile("[a-z0-9_-]+")

# Rows whose slugs v2's cannot have: id, scope, slug, whether a migration made them, whether they
# came after this one had begun, and whether they were changed after that.
_ROWS = """
SELECT id::text, {scope}, slug, metadata ? 'migration_batch', created_at > began, updated_at > began
  FROM {table},
       (SELECT min(started_at) AS began FROM migration_progress
         WHERE migration_name = %(migration)s) AS night
"""
_PRESENT = {
    "organizations": _ROWS.format(scope="''", table="organizations"),
    "forms": _ROWS.format(scope="organization_id::text", table="forms")
    + " WHERE version = '1.0.0'",
}
# What the run read of records that it could not move, whatever they have become since.
_AS_READ = """
SELECT DISTINCT ON (record_id)
       record_id, (error_detail->'Name')::text, resolved_at IS NOT NULL
  FROM migration_errors
 WHERE migration_name = %(migration)s
   AND table_name = %(table_name)s
   AND severity = 'error'
   AND jsonb_typeof(error_detail->'Name') IN ('string', 'object')
 ORDER BY record_id, id
"""


class Wish(NamedTuple):
    """A v2 row that has a slug: its id, what the slug is unique in, its name and time."""

    id: str
    scope: str
    name: object
    created_on: object


class Slugs:
    """The slugs that v2's rows have to have.

    Args:
        stored: v3.
        table: organizations or forms.
        wishes: every v2 row of the table.
        since: v2's time at which the migration began.
    """

    def __init__(self, stored: Stored, table: str, wishes: Iterable[Wish], since: datetime) -> None:
        self._singular = table[:-1]
        asked = sorted(wishes, key=_order)
        self._as_read: dict[str, tuple[object, bool]] = {
            record: (decode_detail(orjson.loads(name)), mended)
            for record, name, mended in stored.ask(_AS_READ, {"table_name": table})
        }
        self._bases: dict[str, str] = {}
        # Families in which v2 has changed since: there the others' slugs tell what is right.
        self._unsure: set[tuple[str, str]] = set()
        present = stored.ask(_PRESENT[table])
        self._moved = {row[0] for row in present if row[3]}
        ids = {wish.id for wish in asked}
        own, foreign, late = _taken(present, ids)
        # Whether the last two were there when the slugs were chosen, nothing tells.
        ways = [own]
        ways += [way | foreign for way in ways if foreign]
        ways += [way | late for way in ways if late]
        chosen = [self._choice(wish, since) for wish in asked]
        self._slugs = [_assigned(chosen, taken) for taken in ways]
        found = {row[0]: row[2] for row in present if row[3] and row[0] in ids}
        self._believed = self._passing_over(chosen, found, present)

    def _choice(self, wish: Wish, since: datetime) -> tuple[str, str, str]:
        """A row's id, scope and the slug it would have alone; see for its family."""
        name, mended = self._as_read.get(wish.id, (wish.name, False))
        # An error cuts what is very long, and tells what is no text as Python writes it.
        if not isinstance(name, str) or (
            name == repr(wish.name) and not isinstance(wish.name, str)
        ):
            name = wish.name
        base = self._base(name, wish.id)
        self._bases[wish.id] = self._base(wish.name, wish.id)
        if mended or self._is_later(wish, since):
            self._unsure |= {(wish.scope, base), (wish.scope, self._bases[wish.id])}
        return wish.id, wish.scope, base

    def expected(self, record_id: str, scope: str, found: object) -> str:
        """The slug of a row; the one it has, where nothing in v2 tells any more which it was."""
        might = [slugs.get(record_id, "") for slugs in self._slugs]
        expected = str(found) if found in might else might[0]
        base = self._bases.get(record_id, "")
        if found == self._believed.get(record_id):
            return str(found)
        if found != expected and (scope, base) in self._unsure and _is_of(found, base):
            return str(found)
        return expected

    def _passing_over(
        self,
        chosen: Sequence[tuple[str, str, str]],
        found: Mapping[str, str],
        present: Iterable[tuple[Any, ...]],
    ) -> dict[str, str]:
        """Slugs, by id, of families in which one that a row of v3's own had is free by now."""
        odd = {
            (scope, base)
            for row_id, scope, base in chosen
            if row_id in found and all(found[row_id] != way.get(row_id) for way in self._slugs)
        }
        if not odd:
            return {}
        families: dict[tuple[str, str], list[str]] = {}
        for row_id, scope, base in chosen:
            if (scope, base) in odd:
                families.setdefault((scope, base), []).append(row_id)
        # Rows of v3's own that were there, and of which any may have had another slug then.
        changed = Counter(row[1] for row in present if not row[3] and not row[4] and row[5])
        owners = {(row[1], row[2]): row[0] for row in present}
        meant = {(scope, self._slugs[0][row_id]): row_id for row_id, scope, _ in chosen}
        believed: dict[str, str] = {}
        for (scope, base), members in families.items():
            nobody = {None, *members}

            def is_others(slug: str, scope: str = scope, nobody: Container[Any] = nobody) -> bool:
                return any(known.get((scope, slug)) not in nobody for known in (owners, meant))

            slugs = [found.get(row_id) for row_id in members]
            if _is_explained(base, slugs, is_others, changed[scope]):
                believed |= {one: found[one] for one in members if one in found}
        return believed

    def _base(self, name: object, record_id: str) -> str:
        text = storable(name) if isinstance(name, str) else ""
        plain = text.lower().replace(" ", "-")
        if _PLAIN.fullmatch(plain) is None:
            plain = slugify(text) or f"{self._singular}-{record_id.replace('-', '')[:8]}"
        return plain[:LONGEST]

    def _is_later(self, wish: Wish, since: datetime) -> bool:
        """Whether v2 gained the row since; one that was moved with a time to come it did not."""
        if not isinstance(wish.created_on, datetime) or wish.created_on <= since:
            return False
        # A day ahead of UTC it is nobody's today.
        ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
        return wish.id not in self._moved or wish.created_on <= ahead


def _taken(
    rows: Iterable[tuple[Any, ...]], own_ids: Container[str]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]], set[tuple[str, str]]]:
    """(scope, slug) of v3's own rows, of another v2's, and of own rows made since."""
    own: set[tuple[str, str]] = set()
    foreign: set[tuple[str, str]] = set()
    late: set[tuple[str, str]] = set()
    for row_id, scope, slug, migrated, is_late, _ in rows:
        if not migrated:
            (late if is_late else own).add((scope, slug))
        elif row_id not in own_ids:
            foreign.add((scope, slug))
    return own, foreign, late


def _assigned(
    choices: Iterable[tuple[str, str, str]], taken: set[tuple[str, str]]
) -> dict[str, str]:
    """Slugs by id where the rows choose in this order."""
    used = set(taken)
    slugs: dict[str, str] = {}
    numbers: dict[tuple[str, str], int] = {}
    for row_id, scope, base in choices:
        number = numbers.get((scope, base), 1)
        while (scope, slug := _numbered(base, number)) in used:
            number += 1
        numbers[scope, base] = number + 1
        used.add((scope, slug))
        slugs[row_id] = slug
    return slugs


def _is_explained(
    base: str, slugs: Iterable[str | None], is_others: Callable[[str], bool], changed: int
) -> bool:
    """Whether a family's slugs are right, but for some passed over that may have been v3's own.

    That is as many as rows of v3's own have been changed since: one of them may have had it.

    Args:
        base: the slug each would have alone.
        slugs: those they have, in v2's order; None: the row is not in v3.
        is_others: whether a row outside of the family has a slug, or has to have it.
        changed: rows of v3's own that were there, and were changed since.
    """
    number, gaps = 1, 0
    for slug in slugs:
        while (free := _numbered(base, number)) != slug:
            if not is_others(free):
                if slug is None:  # it had that one
                    break
                gaps += 1
            if gaps > changed:
                return False
            number += 1
        number += 1
    return True


def _order(wish: Wish) -> tuple[bool, datetime, str]:
    """By CreatedOn and Id, what has no time last (M1)."""
    made = wish.created_on
    return (
        (False, made, wish.id) if isinstance(made, datetime) else (True, datetime.min, wish.id)  # noqa: DTZ901 - v2's times have no zone
    )


def _numbered(base: str, number: int) -> str:
    suffix = f"-{number}" if number > 1 else ""
    return base[: LONGEST - len(suffix)] + suffix


def _is_of(slug: object, base: str) -> bool:
    """Whether a slug is the base, or the base with a number behind it."""
    if not isinstance(slug, str):
        return False
    stem, dash, number = slug.rpartition("-")
    if slug == base:
        return True
    return bool(dash) and number.isdecimal() and int(number) > 1 and base.startswith(stem)


def wishes(rows: Iterable[tuple[Any, ...]], owners: Mapping[str, str | None]) -> list[Wish]:
    """Wishes of v2 rows (Id, Name, CreatedOn).

    Args:
        rows: of one table.
        owners: form → organization; empty for organizations.
    """
    return [Wish(one, owners.get(one) or "", name, made) for one, name, made in rows]
