"""The ledger: every row once, and no row nowhere (R1)."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ledger import Ledger
from transfer.mapping.findings import AnswerLedger

FIGURES = st.integers(0, 10**9)
REASONS = st.dictionaries(st.sampled_from(["a", "b", "c"]), FIGURES).map(Counter)
LEDGERS = st.builds(
    Ledger, FIGURES, FIGURES, FIGURES, set_aside=REASONS, failed=REASONS, gone=FIGURES
)


def figures(ledger: Ledger) -> tuple[Any, ...]:
    return (
        ledger.read, ledger.migrated, ledger.merged, +ledger.set_aside, +ledger.failed, ledger.gone,
    )  # fmt: skip


def test_an_empty_ledger_balances() -> None:
    assert Ledger().balanced
    assert Ledger().sentence() == (
        "0 read = 0 migrated + 0 merged into lists + 0 set aside + 0 failed"
    )


@pytest.mark.parametrize("change", ["read", "migrated", "merged", "set_aside", "failed"])
def test_r1_one_row_too_many_or_too_few_anywhere_does_not_balance(change: str) -> None:
    balanced = {
        "read": 15, "migrated": 5, "merged": 4, "set_aside": Counter(unmapped=3),
        "failed": Counter(form_unknown=2, value_unusable=1),
    }  # fmt: skip
    assert Ledger(**balanced).balanced
    for difference in (1, -1):
        figure = balanced[change]
        if isinstance(figure, Counter):
            figure = figure + Counter(other=1) if difference > 0 else Counter(x=figure.total() - 1)
        else:
            figure += difference
        assert not Ledger(**(balanced | {change: figure})).balanced


@given(LEDGERS, LEDGERS)
def test_what_is_added_and_taken_back_leaves_nothing(one: Ledger, other: Ledger) -> None:
    before = figures(one)

    one.add(other)
    one.take_back(other)

    assert figures(one) == before


@given(LEDGERS)
def test_json_and_back_is_the_same(ledger: Ledger) -> None:
    assert figures(Ledger.from_json(json.loads(json.dumps(ledger.as_json())))) == figures(ledger)


def test_a_count_that_falls_below_zero_stays_to_be_seen() -> None:
    ledger = Ledger(read=1, failed=Counter(a=1))

    ledger.take_back(Ledger(failed=Counter(a=2, b=1)))

    assert ledger.failed == {"a": -1, "b": -1}
    assert not ledger.balanced


def test_the_answers_of_a_submission_are_counted_where_they_went() -> None:
    ledger = Ledger(read=10)

    ledger.add_answers(AnswerLedger(migrated=4, merged=3, choices=2, unmapped=1))

    assert ledger.balanced
    assert ledger.as_json() == {
        "read": 10, "migrated": 4, "merged": 3, "set_aside": {"choices": 2, "unmapped": 1},
        "failed": {},
    }  # fmt: skip


def test_figures_of_the_first_builds_which_had_no_reasons_are_read() -> None:
    old = Ledger.from_json({"migrated": 7, "merged": 2, "set_aside": 1, "failed": 0})

    assert (old.migrated, old.set_aside.total(), old.failed.total()) == (7, 1, 0)


def test_what_v2_has_deleted_since_is_told_and_not_counted() -> None:
    ledger = Ledger(read=1, migrated=1, gone=1234)

    assert ledger.balanced
    assert ledger.sentence().endswith("0 failed; 1,234 gone from v2")
