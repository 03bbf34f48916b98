"""A load with keys off and indexes dropped ends as a normal one does."""

from pathlib import Path

import pytest

from tests.integration.deferral.common import deferred, indexes, normal, unsettled, whole
from tests.runs import Quiet, query, rich_v2, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_rows_books_and_indexes_are_those_of_a_normal_run(v2_path: Path, size: int) -> None:
    rich_v2(v2_path)
    want = normal(batch_size=size)

    said = deferred(batch_size=size).remarks

    assert whole() == want
    assert unsettled() == []
    assert [line.partition(" in ")[0] for line in said][-1].startswith("submissions: ")
