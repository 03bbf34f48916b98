"""M5: slugs out of names, unique within their scope."""

import re
from collections.abc import Container, Iterable
from datetime import datetime
from typing import NamedTuple

from django.utils.text import slugify

from transfer.mapping.text import clean

MAX_SLUG = 255
_SLUG = re.compile(r"[a-z0-9_-]+")
_NO_TIME = datetime.fromisoformat("0001-01-01")  # naive, as every time of v2


class SlugRequest(NamedTuple):
    """A v2 row that wants a slug.

    scope is what the slug must be unique within: an organization's id for a form, "" for an
    organization. singular is the table's name in the singular: organization, form.
    """

    id: str
    scope: str
    name: str
    created_on: datetime | None
    singular: str


def slug_of(name: str, v2_id: str, singular: str) -> str:
    """The slug a row would have without any other row (M5), of at most 255 characters.

    A name that is no text (its row fails) counts as empty.
    """
    name = clean(name) if isinstance(name, str) else ""
    slug = name.lower().replace(" ", "-")
    if not _SLUG.fullmatch(slug):
        slug = slugify(name) or f"{singular}-{v2_id.replace('-', '')[:8]}"
    return slug[:MAX_SLUG]


def assign_slugs(
    requests: Iterable[SlugRequest], taken: Container[tuple[str, str]]
) -> dict[str, str]:
    """A slug for every row, unique in its scope (M5, M1).

    Rows choose in the order (CreatedOn, Id); one without CreatedOn after all that have one, as
    it will be created when the migration is. The order of ``requests`` does not matter.

    Args:
        requests: every v2 row of the table, also those that will fail or are not selected.
        taken: (scope, slug) of v3's own rows.

    Returns:
        v2 Id → slug.
    """
    slugs: dict[str, str] = {}
    used: set[tuple[str, str]] = set()
    # Where the search for a base's next suffix goes on: what is used stays used, so that a
    # thousand rows of one name cost a thousand steps and not half a million.
    next_suffix: dict[tuple[str, str], int] = {}
    for request in sorted(requests, key=_order):
        base = slug_of(request.name, request.id, request.singular)
        slug, number = base, next_suffix.get((request.scope, base), 1)
        if number > 1:
            slug = _suffixed(base, number)
        while (request.scope, slug) in used or (request.scope, slug) in taken:
            number += 1
            slug = _suffixed(base, number)
        next_suffix[request.scope, base] = number + 1
        used.add((request.scope, slug))
        slugs[request.id] = slug
    return slugs


def _suffixed(base: str, number: int) -> str:
    suffix = f"-{number}"
    return base[: MAX_SLUG - len(suffix)] + suffix


def _order(request: SlugRequest) -> tuple[bool, datetime, str]:
    # Ids compare as text as PostgreSQL compares uuids: same digits, hyphens in the same places.
    created_on = request.created_on
    if not isinstance(created_on, datetime):
        return True, _NO_TIME, request.id
    return False, created_on, request.id
