"""Ranges of submissions: together they are all of them, in v2's order, each once."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet

from tests.v2 import V2, guid, make_v2
from transfer.proof import reading
from transfer.proof.reading import Place, Range
from transfer.source import Source
from transfer.verify_source import MODELS

pytestmark = pytest.mark.django_db(databases=["v2"])
ROWS = 3


def a_v2(path: Path, submissions: int) -> V2:
    return make_v2(path, organizations=[{}], forms=[{}], submissions=[{}] * submissions)


def ids_in(found: list[Range], source: Source, size: int = 2) -> list[list[str]]:
    """The submissions of each range."""
    return [
        [row[0] for page in reading.pages_of(source, parts, size, one) for row in page.rows]
        for one in found
    ]


def parts(table: str) -> list["QuerySet[Any]"]:
    """All of it, but those of a form of nobody, which are a part of their own."""
    every = MODELS[table]._default_manager.all()
    strange = {"form_type_id": guid(4, 77)}
    return [every.exclude(**strange), every.filter(**strange)]


@pytest.mark.parametrize("cuts", [1, 2, 1000])
@pytest.mark.parametrize("number", [0, 1, 2, 3, 5, 6, 7, 20])
def test_ranges_are_all_submissions_in_their_order(
    v2_path: Path, number: int, cuts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_CUTS", cuts)
    v2 = a_v2(v2_path, number)
    source = Source()

    found = list(reading.ranges(source, parts, ROWS, Place()))

    ids = ids_in(found, source)
    assert [one for each in ids for one in each] == sorted(row["Id"] for row in v2.submissions)
    assert [one.number for one in found] == list(range(len(found)))
    assert all(len(each) <= 2 * ROWS for each in ids)
    assert len(found) == max(1, number // ROWS) + 1  # the other part has none


def test_behind_a_place_they_begin_there(v2_path: Path) -> None:
    v2 = a_v2(v2_path, 8)
    v2.add("submissions", *({"FormTypeId": guid(4, 77)} for _ in range(2)))
    every = [row["Id"] for row in v2.submissions]
    source = Source()

    (first, *_, last) = reading.ranges(source, parts, ROWS, Place(0, every[4]))

    assert ids_in([first, last], source) == [every[5:8], every[8:]]
    assert list(reading.ranges(source, parts, ROWS, Place(1, every[9]))) == [
        Range(0, Place(1, every[9]), "")
    ]


def test_a_range_whose_last_submission_is_gone_ends_where_it_did(v2_path: Path) -> None:
    v2 = a_v2(v2_path, 6)
    source = Source()
    (first, second, _) = reading.ranges(source, parts, ROWS, Place())
    v2.execute("DELETE FROM FormSubmission WHERE Id = ?", [first.until])

    every = [row["Id"] for row in v2.submissions]
    assert ids_in([first, second], source) == [every[:2], every[3:]]
