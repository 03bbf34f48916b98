"""--max-errors and --max-error-share: when a run is hopeless."""

from collections import Counter
from decimal import Decimal

import pytest

from transfer.batch import TableState
from transfer.exceptions import TooManyErrorsError
from transfer.ledger import Ledger
from transfer.tolerance import Tolerance


def table(failed: int, migrated: int = 0, *, total: int | None = 100, orphans: int = 0):
    findings = Counter(form_unknown=failed, answer_orphaned=orphans, status_unknown=99)
    ledger = Ledger(failed + migrated, migrated, failed=Counter(form_unknown=failed))
    return TableState("submissions", "in_progress", total, records=ledger, findings=findings)


def stops(tolerance: Tolerance, state: TableState, *others: TableState) -> str:
    try:
        tolerance.check(state, [*others, state])
    except TooManyErrorsError as error:
        return str(error)
    return ""


def test_the_run_can_be_gone_on_with() -> None:
    with pytest.raises(TooManyErrorsError) as stopped:
        Tolerance(errors=0).check(table(1), [table(1)])

    assert stopped.value.retryable
    assert stopped.value.table == "submissions"


def test_without_a_bound_every_record_may_fail() -> None:
    assert not stops(Tolerance(), table(100))


@pytest.mark.parametrize(
    ("allowed", "failed", "too_many"), [(0, 0, 0), (0, 1, 1), (5, 5, 0), (5, 6, 1)]
)
def test_as_many_errors_as_allowed_are_allowed(allowed: int, failed: int, too_many: int) -> None:
    assert bool(stops(Tolerance(errors=allowed), table(failed))) == too_many


def test_errors_count_over_all_tables_with_orphans_and_without_warnings() -> None:
    other = table(2, orphans=1)

    assert not stops(Tolerance(errors=5), table(2), other)
    assert stops(Tolerance(errors=4), table(2), other).startswith("5 errors are recorded")


@pytest.mark.parametrize(
    ("share", "failed", "too_many"),
    [
        ("0", 0, 0),
        ("0", 1, 1),
        ("0.05", 5, 0),
        ("0.05", 6, 1),
        ("1", 100, 0),
        ("0.29", 29, 0),
        ("0.29", 30, 1),
    ],
)
def test_the_share_is_of_all_the_table_s_records_not_of_those_read_so_far(
    share: str, failed: int, too_many: int
) -> None:
    said = stops(Tolerance(share=Decimal(share)), table(failed))

    assert bool(said) == too_many
    if said:
        assert f"{failed} of 100 submissions failed" in said


def test_the_share_of_a_table_that_grew_is_of_what_was_read() -> None:
    assert not stops(Tolerance(share=Decimal("0.5")), table(2, 2, total=1))
    assert not stops(Tolerance(share=Decimal("0.5")), table(0, total=None))
