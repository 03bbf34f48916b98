"""How many records a batch is read with: --limit's rest, and what auto learns from the batches."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import Clock
from transfer.batch import MappedBatch
from transfer.batch_size import (
    BYTES_AT_ONCE,
    FIRST_SIZE,
    LARGEST_SIZE,
    MAX_GROWTH,
    MOST_ANSWERS,
    SMALLEST_BY_TIME,
    TARGET_SECONDS,
    TIMES_THE_SHORTEST,
    WORTH_A_CHANGE,
    Allowance,
    Fitting,
)
from transfer.extract_submissions import ANSWERS_AT_ONCE
from transfer.mapping.findings import Outcome
from transfer.options import MAX_BATCH_SIZE
from transfer.plan import PLAN

STEP = PLAN[-1]


def test_without_a_limit_every_batch_is_whole() -> None:
    allowance = Allowance(10, None)

    allowance.take(1000)

    assert allowance.next() == 10
    assert not allowance.spent


def test_a_limit_cuts_the_last_batch_and_is_spent() -> None:
    allowance = Allowance(10, 13)

    sizes = []
    while size := allowance.next():
        sizes.append(size)
        allowance.take(size)

    assert sizes == [10, 3]
    assert allowance.spent


def test_a_limit_is_never_below_nothing() -> None:
    allowance = Allowance(10, 3)

    allowance.take(5)

    assert allowance.spent
    assert allowance.next() == 0


def test_a_limit_cuts_batches_of_auto_too() -> None:
    allowance = Allowance("auto", 3)

    sizes = []
    while size := allowance.next():
        sizes.append(size)
        allowance.take(size)

    assert sizes == [1, 1, 1]


class World:
    """A v2 and a v3 in which a batch costs so much, and each of its records so much."""

    def __init__(
        self,
        *,
        fixed: float = 0.004,
        each: float = 0.0001,
        bytes_each: int = 1000,
        answers_each: int = 0,
    ) -> None:
        self.fixed, self.each = fixed, each
        self.bytes_each, self.answers_each = bytes_each, answers_each

    def batch(self, fitting: Fitting, records: int | None = None, times: float = 1.0) -> int:
        """Read and load the next batch; how many records it had."""
        size = fitting.size if records is None else records
        fitting.held(size, size * self.bytes_each, size * self.answers_each)
        fitting.took(size, (self.fixed + self.each * size) * times)
        return size

    def run(self, fitting: Fitting, batches: int = 30) -> list[int]:
        """The sizes of so many batches."""
        return [self.batch(fitting) for _ in range(batches)]


def test_it_begins_with_one_record_and_grows_while_batches_are_fast() -> None:
    fitting = Fitting()

    sizes = World(bytes_each=2000).run(fitting)

    assert sizes[0] == FIRST_SIZE == 1
    assert sizes == sorted(sizes)
    assert all(later <= MAX_GROWTH * size for size, later in pairwise(sizes))
    # Bytes end it here: a batch of 4,000 takes 0.4 s.
    assert sizes[-1] == BYTES_AT_ONCE // 2000


def test_it_comes_to_rest_where_a_batch_takes_about_the_time_it_should() -> None:
    world, fitting = World(each=0.001, bytes_each=10), Fitting()

    sizes = world.run(fitting)

    assert len(set(sizes[10:])) == 1
    assert sizes[-1] * world.each == pytest.approx(TARGET_SECONDS, rel=0.3)


def test_it_shrinks_where_batches_become_slow_and_grows_again_after() -> None:
    world, fitting = World(each=0.001, bytes_each=10), Fitting()
    before = world.run(fitting)[-1]

    world.each = 0.01
    slow = world.run(fitting)[-1]
    world.each = 0.001
    after = world.run(fitting)[-1]

    assert slow == pytest.approx(TARGET_SECONDS / 0.01, rel=0.3)
    assert slow < before / 4
    assert after == pytest.approx(before, rel=0.3)


def test_time_alone_makes_no_batch_smaller_than_a_bound() -> None:
    world, fitting = World(bytes_each=10), Fitting()
    world.run(fitting)

    world.each = 5.0

    assert world.run(fitting)[-1] == SMALLEST_BY_TIME


def test_where_every_batch_costs_much_however_small_batches_grow() -> None:
    """Such as a v2 without an index on its answers: it is read whole for each batch."""
    world, fitting = World(fixed=30.0, each=0.01, bytes_each=10), Fitting()

    sizes = world.run(fitting)

    assert sizes[-1] >= LARGEST_SIZE / WORTH_A_CHANGE
    assert world.each * sizes[-1] < TIMES_THE_SHORTEST * world.fixed


def test_one_batch_that_waited_for_a_lost_server_changes_nothing() -> None:
    world, fitting = World(each=0.001, bytes_each=10), Fitting()
    before = world.run(fitting)[-1]

    world.batch(fitting, times=90)

    assert fitting.size == before


def test_r5_a_large_record_makes_the_next_batches_smaller_at_once() -> None:
    world, fitting = World(), Fitting()
    world.run(fitting)

    world.bytes_each = 20_000_000
    world.batch(fitting)

    assert fitting.size == 1


def test_r5_large_records_from_the_beginning_come_one_by_one() -> None:
    assert set(World(bytes_each=20_000_000).run(Fitting())) == {1}


def test_r5_answers_bound_it_so_that_the_extraction_need_not_cut() -> None:
    sizes = World(answers_each=20, bytes_each=10).run(Fitting())

    assert sizes[-1] == MOST_ANSWERS // 20
    assert MOST_ANSWERS < ANSWERS_AT_ONCE


def test_after_a_large_record_it_grows_again() -> None:
    world, fitting = World(), Fitting()
    before = world.run(fitting)[-1]

    fitting.held(1000, 20_000_000, 0)
    assert fitting.size < before / 10
    world.run(fitting)

    assert fitting.size >= before / WORTH_A_CHANGE


@pytest.mark.parametrize("records", [0, 1])
def test_batches_of_no_record_and_of_one_are_nothing_odd(records: int) -> None:
    world, fitting = World(), Fitting()

    for _ in range(20):
        world.batch(fitting, records)

    assert fitting.size == (MAX_GROWTH if records else FIRST_SIZE)


def test_a_batch_that_took_no_time_and_holds_nothing_is_nothing_odd() -> None:
    world, fitting = World(fixed=0.0, each=0.0, bytes_each=0), Fitting()

    assert world.run(fitting)[-1] >= LARGEST_SIZE / WORTH_A_CHANGE


def test_a_last_short_batch_keeps_the_size() -> None:
    world, fitting = World(each=0.001, bytes_each=10), Fitting()
    before = world.run(fitting)[-1]

    world.batch(fitting, 3)

    assert fitting.size == before


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_make_it_go_to_and_fro(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - reproducible noise, no secret
    world, fitting = World(each=0.001, bytes_each=10), Fitting()
    world.run(fitting)

    sizes = [fitting.size]
    for _ in range(200):
        world.batch(fitting, times=random.uniform(0.8, 1.25))
        sizes.append(fitting.size)

    changes = sum(one != other for one, other in pairwise(sizes))
    assert changes <= 10
    assert max(sizes) <= 2 * min(sizes)


BATCHES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, MAX_BATCH_SIZE)),  # records; None: as asked
        st.integers(0, 40_000_000),  # bytes a record
        st.integers(0, 100_000),  # answers a record
        st.floats(0, 100_000),  # seconds
    ),
    max_size=40,
)


@given(BATCHES)
def test_whatever_batches_take_a_size_is_within_its_bounds(
    batches: list[tuple[int | None, int, int, float]],
) -> None:
    fitting = Fitting()
    tried = 1
    for asked, bytes_each, answers_each, seconds in batches:
        records = fitting.size if asked is None else asked
        before = fitting.size

        fitting.held(records, records * bytes_each, records * answers_each)
        tried = max(tried, records)
        if records:
            assert fitting.size * bytes_each <= max(BYTES_AT_ONCE, bytes_each)
            assert fitting.size * answers_each <= max(MOST_ANSWERS, answers_each)
        fitting.took(records, seconds)

        assert 1 <= fitting.size <= LARGEST_SIZE <= MAX_BATCH_SIZE
        assert fitting.size <= max(before, MAX_GROWTH * tried)


@given(
    st.floats(0.0001, 1.0), st.floats(0.000_001, 0.1), st.integers(0, 100_000), st.integers(0, 500)
)
def test_in_a_world_that_stays_as_it_is_a_size_comes_to_rest(
    fixed: float, each: float, bytes_each: int, answers_each: int
) -> None:
    world = World(fixed=fixed, each=each, bytes_each=bytes_each, answers_each=answers_each)
    fitting = Fitting()

    sizes = world.run(fitting, 60)

    assert len(set(sizes[-20:])) == 1


def mapped(records: int, line: bytes = b"x" * 10) -> MappedBatch:
    outcomes = [Outcome(str(number), None) for number in range(records)]
    return MappedBatch(STEP, 1, "", outcomes, lines=[line] * records)


def moved(
    allowance: Allowance, clock: Clock, reading: float, loading: float, batches: int
) -> list[MappedBatch]:
    """Move batches that take so many seconds a record; a pause of an hour before each."""

    def read() -> Iterator[MappedBatch]:
        for _ in range(batches):
            size = allowance.next()
            clock.now += reading * size
            yield mapped(size)

    found = []
    for batch in allowance.timed(read()):
        found.append(batch)
        with allowance.timing(batch):
            clock.now += loading * len(batch.outcomes)
        allowance.took(batch)
        clock.now += 3600
    return found


@pytest.mark.parametrize(("reading", "loading"), [(0.001, 0.0005), (0.0005, 0.001)])
def test_what_counts_is_the_slower_stage_and_no_pause(reading: float, loading: float) -> None:
    clock = Clock()
    allowance = Allowance("auto", None, clock)

    found = moved(allowance, clock, reading, loading, 30)

    assert [batch.size for batch in found] == [len(batch.outcomes) for batch in found]
    assert found[-1].seconds == pytest.approx(0.001 * len(found[-1].outcomes))
    assert found[-1].seconds == pytest.approx(TARGET_SECONDS, rel=0.3)


def test_a_fixed_size_stays_whatever_batches_take() -> None:
    clock = Clock()
    allowance = Allowance(1000, None, clock)

    found = moved(allowance, clock, 10.0, 10.0, 5)

    assert [batch.size for batch in found] == [1000] * 5
    assert allowance.size == allowance.next() == 1000


def test_each_table_has_a_size_of_its_own() -> None:
    clock = Clock()
    allowance = Allowance("auto", None, clock)
    moved(allowance, clock, 0.0001, 0.0001, 10)
    assert allowance.size > 100

    allowance.begin()

    assert allowance.size == FIRST_SIZE
