"""Where v2 cuts a table into ranges of its keys."""

from operator import itemgetter
from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from transfer.extract import between
from transfer.extract_submissions import NO_SUBMISSION
from transfer.source import Source
from transfer.source_pages import key_text


def rows_between(source: Source, query: "QuerySet[Any]", low: str, high: str) -> int:
    """How many of the query's rows there are between two keys; see ``keys_to_cut_at``."""
    if low.startswith(NO_SUBMISSION):
        return 0
    return source.count(between(source, query, "id", low, high))


def keys_to_cut_at(
    source: Source, query: "QuerySet[Any]", low: str, high: str, rows: int, parts: int
) -> list[str]:
    """Keys that cut what is between two keys into parts of the same size, as v2 has them.

    v2 numbers its rows by the key and gives every so-manyth: it alone compares keys.

    Args:
        source: v2.
        query: the rows that are moved.
        low: the key before them; empty: they have no beginning.
        high: the last key; empty: they have no end.
        rows: how many there are.
        parts: how many there are to be; with fewer than 2 there is nothing to cut.
    """
    if parts < 2:
        return []
    places = [rows * part // parts for part in range(1, parts)]
    inside = between(source, query, "id", low, high)
    numbered = inside.annotate(place=Window(RowNumber(), order_by=F("id").asc()))
    chosen = numbered.filter(place__in=places).order_by().values_list("place", "id")
    compiler = chosen.using(source.alias).query.get_compiler(source.alias)
    found = source.select(*compiler.as_sql())
    whole = source.has_numbers(query.model, "id")
    keys = (key_text(key, whole=whole) for _place, key in sorted(found, key=itemgetter(0)))
    return [key for key in keys if key]  # a copy made by hand may hold what is no key
