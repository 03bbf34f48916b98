"""--sample: a quick look at so many records, evenly spread."""

from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest

from legacy_v2.models import FormSubmission
from tests.integration.proof.mutations_v2 import NAME
from tests.integration.proof.proving import core, failing, kept, proved, verifications
from tests.runs import query
from tests.v2 import V2, guid
from transfer.proof import reading
from transfer.source import Source

pytestmark = pytest.mark.django_db(databases=["default", "v2"])


def chosen_of(parts: reading.Parts, wanted: int, seed: int = 1) -> list[str]:
    with closing(Source("v2")) as source:
        return reading.sample(source, parts, "submissions", wanted, seed)


def everything(name: str) -> list[Any]:
    """v2's submissions in three queries, as the selection of organizations has them."""
    assert name == "submissions"
    every, third, last = FormSubmission._default_manager, guid(10, 3), guid(10, 11)
    return [
        every.filter(id__lt=third),
        every.filter(id__gte=third, id__lt=last),
        every.filter(id__gte=last),
    ]


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 14, 15, 16, 1000])
def test_a_sample_has_exactly_as_many_records_as_asked_for_evenly_spread(
    often: V2, wanted: int
) -> None:
    every = sorted(row["Id"].lower() for row in often.submissions)
    for seed in range(1, 12):
        chosen = chosen_of(everything, wanted, seed)

        assert len(chosen) == len(set(chosen)) == min(wanted, 15)
        places = [every.index(one) for one in chosen]
        assert places == sorted(places)
        steps = [after - before for before, after in pairwise(places)]
        assert all(15 // wanted <= step <= -(-15 // wanted) for step in steps)


def test_a_sample_is_decided_by_its_seed(often: V2) -> None:
    chosen = {seed: tuple(chosen_of(everything, 3, seed)) for seed in range(1, 30)}

    assert {seed: tuple(chosen_of(everything, 3, seed)) for seed in chosen} == chosen
    assert len(set(chosen.values())) > 3
    assert {one for each in chosen.values() for one in each} == {
        row["Id"].lower() for row in often.submissions
    }


def test_a_sample_compares_so_many_users_and_submissions_and_all_forms(often: V2) -> None:
    document = proved(NAME, sample=2)

    assert [one["compared"] for one in document["tables"]] == [5, 2, 5, 2]
    assert failing(document) == {}
    assert document["sample"] == 2
    assert verifications() == [("completed", 2)]
    assert core(proved(NAME, sample=2)) == core(document)
    assert core(proved(NAME, sample=500))["tables"] == core(proved(NAME))["tables"]


def test_a_sample_closes_only_what_it_looked_at(often: V2) -> None:
    every = [row["Id"].lower() for row in often.submissions]
    query("UPDATE submissions SET created_at = created_at + interval '1 hour'")
    query("UPDATE submissions SET updated_at = coalesce(submitted_at, updated_at)")
    proved(NAME)
    assert {row[1] for row in kept()} == {*every}
    query("UPDATE submissions SET created_at = created_at - interval '1 hour'")
    query("UPDATE submissions SET updated_at = coalesce(submitted_at, updated_at)")
    looked_at = set(chosen_of(lambda _table: [FormSubmission._default_manager.all()], 4))

    proved(NAME, sample=4)

    closed = {row[1] for row in kept() if row[-1]}
    assert len(looked_at) == 4
    assert closed == looked_at
