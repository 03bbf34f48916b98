"""How much of an answer is fetched where its texts are long."""

from typing import Any

import pytest

from transfer.fetch import FIRST_ROWS, Budget, Fetched, _gathered

BUDGET = 1_000_000


def gathered(sizes: list[int], budget: Budget | None) -> tuple[Fetched, list[int]]:
    """Fetch texts of these sizes; also how many rows each bite was."""
    left, bites = ["x" * size for size in sizes], list[int]()

    def take(rows: int) -> list[list[Any]]:
        bite, left[:] = left[:rows], left[rows:]
        bites.append(len(bite))
        return [bite] if bite else []

    return _gathered(take, budget), bites


@pytest.mark.parametrize("size", [10, 400, 1_000, 3_000, 50_000])
def test_it_ends_about_where_the_budget_does(size: int) -> None:
    fetched, bites = gathered([size] * (3 * BUDGET // size), Budget(BUDGET, [0]))

    held = sum(map(len, fetched.columns[0]))
    assert fetched.cut
    assert held >= BUDGET
    # Texts of one size are foreseen; but for the first bite, which knows nothing.
    assert held < max(BUDGET + 2 * size, FIRST_ROWS * size + 1)
    assert max(bites[1:], default=0) <= BUDGET // size


def test_texts_that_grow_longer_are_held_no_further_than_a_bite_beyond_the_budget() -> None:
    sizes = [10] * FIRST_ROWS + [20_000] * 5_000

    fetched, bites = gathered(sizes, Budget(BUDGET, [0]))

    assert fetched.cut
    assert bites[1] <= 4 * FIRST_ROWS
    assert sum(map(len, fetched.columns[0])) < BUDGET + 4 * FIRST_ROWS * 20_000


def test_without_a_budget_all_is_fetched() -> None:
    fetched, _ = gathered([50_000] * 2_000, None)

    assert (len(fetched.columns[0]), fetched.cut) == (2_000, False)
