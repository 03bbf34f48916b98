"""Verifications of whole migrations: pages of any size, and after a retry."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.proof.proving import (
    Pulled,
    after_batches,
    core,
    failing,
    proved,
    pull,
    table,
    verifications,
)
from tests.runs import Quiet, run
from tests.v2 import make_v2
from transfer.proof import keeper
from transfer.retry import RetryOptions, run_retry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_any_number_of_records_in_pages_of_any_size(number: int, v2_path: Path) -> None:
    v2 = make_v2(
        v2_path, organizations=[{}], users=[{}] * number, forms=[{}], fields=[{}],
        submissions=[{}] * number,
    )  # fmt: skip
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    run(name="night")
    found = [core(proved(batch_size=size)) for size in (1, 2, 3)]

    assert found[0] == found[1] == found[2]
    assert found[0]["status"] == "PASSED"
    submissions = table(found[0], "submissions")
    assert (submissions["compared"], submissions["equal"]) == (number, number)
    assert submissions["digest_v2"] == submissions["digest_v3"]
    assert (submissions["digest_v2"] == "0" * 64) == (number == 0)
    assert verifications() == [("completed", None)] * 3


def test_what_was_compared_before_a_retry_is_compared_again(
    v2_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(keeper, "SECONDS_BETWEEN", -1.0)
    v2 = make_v2(v2_path, organizations=[{}], users=[{}] * 8 + [{"Email": None}], forms=[{}])
    run(name="night")
    with pytest.raises(Pulled):
        proved(None, after_batches(4, pull), batch_size=2)
    v2.execute("UPDATE User SET Email = 'new@example.org' WHERE Email IS NULL")
    run_retry(RetryOptions(), Quiet())

    document = proved()

    assert not document["resumed"]
    assert failing(document) == {}
    assert table(document, "users")["equal"] == 9
    assert verifications() == [("abandoned", None), ("completed", None)]
