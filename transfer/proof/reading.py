"""v2's records for the proof, a page at a time: all of a migration's, or a sample of them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from legacy_v2 import models as v2
from transfer import extract, reread
from transfer.cut import keys_to_cut_at
from transfer.extract_submissions import submissions
from transfer.page_answers import PageAnswers
from transfer.proof.expected import FORM_COLUMNS, ORGANIZATION_COLUMNS, USER_COLUMNS, Setting
from transfer.proof.rules import recorded
from transfer.source import Source

SETTING_COLUMNS = ("field_id", "id", "name", "stored_value")
# A form with a hundred fields is some 100 kB; their ids are named in one statement.
FORMS_AT_ONCE = 200
KEYS_AT_ONCE = 10_000
MOST_CUTS = 1000  # SQL Server takes 2,100 parameters a statement
SAMPLED = ("users", "submissions")  # the others are few, and all are looked at

Parts = Callable[[str], list["QuerySet[Any]"]]


class Place(NamedTuple):
    """How far a table is read: which of its queries, and the last key there as v2 gave it."""

    part: int = 0
    after: str = ""


class Range(NamedTuple):
    """Submissions of some following keys.

    Args:
        number: of the range, in the order in which v2 has its keys.
        begin: the place before it.
        until: its last key as v2 gave it; empty: it has no end.
    """

    number: int
    begin: Place
    until: str


class Page(NamedTuple):
    """Records of one table, what hangs on them, and the place behind them.

    answers: of submissions, by their id. settings: of the fields of forms.
    """

    rows: Sequence[Sequence[Any]]
    place: Place
    answers: PageAnswers | None = None
    settings: Sequence[Setting] = ()


def pages(source: Source, parts: Parts, table: str, size: int, place: Place) -> Iterator[Page]:
    """All records of a migration's table behind a place, ``size`` a page.

    Args:
        source: v2.
        parts: disjoint queries that are together a table's rows.
        table: v3's table.
        size: records a page.
        place: where to begin.
    """
    for number, part in enumerate(parts(table)):
        if number < place.part:
            continue
        after = place.after if number == place.part else ""
        for page in _READERS[table](source, part, size, after):
            yield page._replace(place=Place(number, page.place.after))


def ranges(source: Source, parts: Parts, rows: int, place: Place) -> Iterator[Range]:
    """All submissions of a migration behind a place, cut into ranges of about so many rows.

    Args:
        source: v2.
        parts: disjoint queries that are together the submissions.
        rows: of a range.
        place: where to begin.
    """
    number = count()
    for part, query in enumerate(parts("submissions")):
        if part < place.part:
            continue
        after = place.after if part == place.part else ""
        for until in _cut(source, query, after, rows):
            yield Range(next(number), Place(part, after), until)
            after = until


def _cut(source: Source, query: "QuerySet[Any]", after: str, rows: int) -> Iterator[str]:
    """Last keys of ranges, the last of them empty.

    In two steps, for a statement names a thousand keys at most, and not one is asked for each.
    """
    total = source.count(extract.between(source, query, "id", after))
    pieces = max(1, min(total // rows, MOST_CUTS))
    each = total // pieces
    for until in [*keys_to_cut_at(source, query, after, "", total, pieces), ""]:
        yield from keys_to_cut_at(source, query, after, until, each, each // rows)
        yield until
        after = until


def pages_of(source: Source, parts: Parts, size: int, given: Range) -> Iterator[Page]:
    """The submissions of a range, ``size`` a page."""
    part, after = given.begin
    found = _submissions(source, parts("submissions")[part], size, after, given.until)
    for page in found:
        yield page._replace(place=Place(part, page.place.after))


def _organizations(source: Source, query: "QuerySet[Any]", size: int, after: str) -> Iterator[Page]:
    for page in extract.pages(source, query, ORGANIZATION_COLUMNS, lambda: size, after):
        yield Page(list(page.rows()), Place(0, page.last_key))


def _users(source: Source, query: "QuerySet[Any]", size: int, after: str) -> Iterator[Page]:
    if source.has(v2.User):
        for page in extract.pages(source, query, USER_COLUMNS, lambda: size, after):
            yield Page(list(page.rows()), Place(0, page.last_key))


def _forms(source: Source, query: "QuerySet[Any]", size: int, after: str) -> Iterator[Page]:
    at_once = min(size, FORMS_AT_ONCE)
    for page in extract.pages(source, query, FORM_COLUMNS, lambda: at_once, after):
        rows = list(page.rows())
        fields = v2.Field._default_manager.filter(
            id=OuterRef("field_id"), form_type_id__in=[row[0] for row in rows]
        )
        settings = v2.FieldSetting._default_manager.filter(Exists(fields))
        read = source.read(settings, SETTING_COLUMNS)
        yield Page(rows, Place(0, page.last_key), settings=list(read.rows()))


def _submissions(
    source: Source, query: "QuerySet[Any]", size: int, after: str, until: str = ""
) -> Iterator[Page]:
    # Answers that are no submission's are counted elsewhere: here each is some submission's.
    found = submissions(source, query, lambda: size, after, until, everything=_is_all(query))
    for batch in found:
        if batch.beyond:
            return
        yield Page(batch.rows, Place(0, batch.last_key), answers=batch.answers)


def _is_all(query: "QuerySet[Any]") -> bool:
    """Whether the query has no condition: then every answer in a range is one of the range's."""
    return not query.query.where


_READERS: dict[str, Callable[[Source, "QuerySet[Any]", int, str], Iterator[Page]]] = {
    "organizations": _organizations,
    "users": _users,
    "forms": _forms,
    "submissions": _submissions,
}


def sample(source: Source, parts: Parts, table: str, wanted: int, seed: int) -> list[str]:
    """Ids of some records of a table, evenly spread over its keys.

    Args:
        source: v2.
        parts: disjoint queries that are together a table's rows.
        table: v3's table.
        wanted: how many; all where there are no more.
        seed: decides which.
    """
    queries = parts(table) if table != "users" or source.has(v2.User) else []
    total = sum(source.count(query) for query in queries)
    if not total:
        return []
    wanted = min(wanted, total)
    offset = Random(seed).randrange(total)  # noqa: S311 - no secret
    chosen: list[str] = []
    at, due = 0, offset // wanted
    for query in queries:
        for page in extract.pages(source, query, ("id",), lambda: KEYS_AT_ONCE, ""):
            keys = page.columns[0]
            while len(chosen) < wanted and due < at + len(keys):
                chosen.append(keys[due - at])
                # Whole numbers: no two are the same, and the last is not past the end.
                due = (len(chosen) * total + offset) // wanted
            at += len(keys)
    return chosen


def sampled(source: Source, table: str, ids: Sequence[str]) -> Iterator[Page]:
    """The records with these ids, reread.AT_ONCE a page."""
    for start in range(0, len(ids), reread.AT_ONCE):
        part = ids[start : start + reread.AT_ONCE]
        if table == "users":
            yield Page(reread.users(source, part).rows, Place())
        else:
            batch = reread.submissions(source, part)
            yield Page(batch.rows, Place(), answers=batch.answers)


def present(source: Source, parts: Parts, table: str, ids: Sequence[str]) -> set[str]:
    """Those of the ids, 1,000 at most, that v2 has in the migration's scope."""
    found: set[str] = set()
    for part in parts(table):
        query = part.filter(id__in=list(ids))
        found.update(recorded(row[0]) for row in source.read(query, ("id",)).rows())
    return found
