"""Runs that stop by themselves: too many errors (--max-errors), books that do not balance (R1)."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.runs import empty_v3, query, rich_v2, run, snapshot
from tests.v2 import guid, make_v2
from transfer import work_submissions
from transfer.batch import MappedBatch
from transfer.exceptions import RunStoppedError, TooManyErrorsError
from transfer.tolerance import Tolerance
from transfer.work_submissions import SubmissionsWork

pytestmark = pytest.mark.django_db(transaction=True)


def broken_v2(path: Path, submissions: int, failing: int) -> None:
    """Make a v2 whose first submissions name a form that does not exist."""
    make_v2(
        path,
        organizations=[{}],
        forms=[{}],
        submissions=[{"FormTypeId": guid(4, 77)}] * failing + [{}] * (submissions - failing),
    )


def in_books() -> list[tuple[Any, ...]]:
    return query(
        "SELECT status, processed_records, failed_records, error_message FROM migration_progress"
        " WHERE table_name = 'submissions'"
    )


def test_a_run_with_more_errors_than_allowed_stops_after_the_batch_and_can_go_on(
    v2_path: Path,
) -> None:
    broken_v2(v2_path, submissions=9, failing=4)
    run(name="night", batch_size=2)
    whole = snapshot()
    empty_v3()

    with pytest.raises(RunStoppedError) as stopped:
        run(name="night", batch_size=2, tolerance=Tolerance(errors=2))

    assert isinstance(stopped.value.__cause__, TooManyErrorsError)
    assert str(stopped.value).startswith("4 errors are recorded, and --max-errors allows 2")
    assert str(stopped.value).endswith("To go on: import_v2 --name night")
    assert [row[:3] for row in in_books()] == [("failed", 0, 4)]
    assert in_books()[0][3].startswith("4 errors are recorded")

    # The same bound again stops it at once, without reading more; without it the run goes on.
    before = snapshot()
    with pytest.raises(RunStoppedError, match="4 errors are recorded"):
        run(name="night", batch_size=2, tolerance=Tolerance(errors=2))
    assert snapshot() == before
    run(name="night", batch_size=2)
    assert snapshot() == whole


def test_as_many_errors_as_allowed_stop_nothing(v2_path: Path) -> None:
    broken_v2(v2_path, submissions=4, failing=2)

    report = run(batch_size=1, tolerance=Tolerance(errors=2, share=Decimal("0.5")))

    assert report.outcome == "finished"


def test_a_share_that_can_no_longer_be_kept_stops_the_run(v2_path: Path) -> None:
    broken_v2(v2_path, submissions=10, failing=4)

    with pytest.raises(RunStoppedError, match=r"^2 of 10 submissions failed, and .* allows 10%"):
        run(batch_size=1, tolerance=Tolerance(share=Decimal("0.1")))

    assert [row[:3] for row in in_books()] == [("failed", 0, 2)]


def test_a_dry_run_stops_too(v2_path: Path) -> None:
    broken_v2(v2_path, submissions=4, failing=2)

    with pytest.raises(RunStoppedError, match="1 errors are recorded"):
        run(batch_size=1, dry_run=True, tolerance=Tolerance(errors=0))


@pytest.mark.parametrize("size", [1, 1000])
def test_r1_an_answer_that_gets_lost_on_the_way_makes_the_run_failed_with_its_batch(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    rich_v2(v2_path)
    run(name="night", batch_size=size)
    whole = snapshot()
    empty_v3()
    real = work_submissions.submissions

    def losing(*args: Any, **kwargs: Any) -> Any:
        for batch in real(*args, **kwargs):
            for own in batch.answers._own.values():
                del own[:1]
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(work_submissions, "submissions", losing)
        with pytest.raises(RunStoppedError, match=r"^batch \d+ of submissions, up to key '.*', do"):
            run(name="night", batch_size=size)

    ((status, processed, failed, message),) = in_books()
    assert (status, processed, failed) == ("failed", 0, 0)
    assert "its answers:" in message
    run(name="night", batch_size=size)
    assert snapshot() == whole


def test_r1_a_submission_that_gets_lost_on_the_way_makes_the_run_failed(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_v2(v2_path, submissions=3, failing=1)
    real = SubmissionsWork.mapped

    def losing(self: SubmissionsWork, *args: Any) -> MappedBatch:
        made = real(self, *args)
        if len(made.outcomes) == 1:
            made.outcomes.clear()
        return made

    monkeypatch.setattr(SubmissionsWork, "mapped", losing)

    with pytest.raises(RunStoppedError, match=r"^batch 2 of submissions.* records: 1 read = 0 mi"):
        run(batch_size=2)

    assert [row[:3] for row in in_books()] == [("failed", 1, 1)]
