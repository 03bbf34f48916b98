"""Where v2 cuts a table into ranges of its keys."""

from operator import itemgetter
from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from transfer.extract import between
from transfer.extract_submissions import NO_SUBMISSION
from transfer.source import Source, key_text


def keys_to_cut_at(
    source: Source, query: "QuerySet[Any]", low: str, high: str, rows: int
) -> list[str]:
    """Keys that cut what is between two keys into parts of about so many rows, as v2 has them.

    v2 numbers its rows by the key and gives every so-manyth: it alone compares keys.

    Args:
        source: v2.
        query: the rows that are moved.
        low: the key before them; empty: they have no beginning.
        high: the last key; empty: they have no end.
        rows: of a part, from 1.
    """
    if low.startswith(NO_SUBMISSION):
        return []
    inside = between(source, query, "id", low, high)
    count = source.count(inside)
    parts = count // rows
    if parts < 2:
        return []
    places = [count * part // parts for part in range(1, parts)]
    numbered = inside.annotate(place=Window(RowNumber(), order_by=F("id").asc()))
    chosen = numbered.filter(place__in=places).order_by().values_list("place", "id")
    compiler = chosen.using(source.alias).query.get_compiler(source.alias)
    found = source.select(*compiler.as_sql())
    return [key_text(key) for _place, key in sorted(found, key=itemgetter(0))]
