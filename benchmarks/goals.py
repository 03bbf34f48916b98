"""What is to be reached, and what came out for it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from benchmarks.figures import MB, Goal, Result, Series, amount, ratio, slower
from benchmarks.processes import Memory

FLOOR = Goal("import_to_floor", "import ÷ the slower floor", 1.5, 1.15)
SQL = Goal("import_to_sql", "import ÷ strategy.md's SQL inside PostgreSQL", 1.0, 0.7)
PGLOADER = Goal("import_to_pgloader", "import ÷ (pgloader staging + that SQL)", 0.25, 0.15)
PLAIN = Goal("import_to_bulk_create", "import ÷ plain bulk_create importer", 0.25, 0.15)
MEMORY = Goal("peak_memory", "peak memory of an import, all processes", 250, 150, "MB")
VERIFY = Goal("verify_to_import", "verify (full) ÷ import", 1.0, 0.6)
AGAIN = Goal("again", "finished run again", 3, 1.5, "s")
TIME_AT_SCALE = Goal("time_at_scale", "time a submission, {large} ÷ {small}", 1.1, 1.0)
MEMORY_AT_SCALE = Goal("memory_at_scale", "peak memory, {large} ÷ {small}", 1.1)
RESUME = Goal("resume_to_import", "resume after a kill at 90 % ÷ a full run", 0.2)


WITHOUT_PSS = "this system does not tell it (/proc/PID/smaps_rollup)"
# In the order of the table that set them.
ORDER = (FLOOR, SQL, PGLOADER, PLAIN, TIME_AT_SCALE, MEMORY_AT_SCALE, MEMORY, VERIFY, AGAIN, RESUME)
_RATIOS = ((SQL, "a", "d"), (PGLOADER, "a", "e"), (PLAIN, "a", "f"), (VERIFY, "g", "a"),
           (RESUME, "k", "a"))  # fmt: skip


def results(
    took: Mapping[str, Series],
    memory: Mapping[str, Memory],
    asked: Collection[str],
    left_out: Mapping[str, str],
) -> list[Result]:
    """What came out for the goals whose contestants were asked for.

    Args:
        took: times by contestant.
        memory: peaks by command.
        asked: the contestants asked for.
        left_out: why one of them, by key, has no time.
    """
    found = []
    if {"a", "b", "c"} <= set(asked):
        floor = slower([took["b"], took["c"]])
        goal = replace(FLOOR, text=f"{FLOOR.text} ({floor.name})")
        found.append(ratio(goal, took["a"], floor))
    for goal, one, other in _RATIOS:
        if {one, other} <= set(asked):
            why = left_out.get(one, left_out.get(other, ""))
            found.append(ratio(goal, took.get(one), took.get(other), why))
    if "i" in asked:
        peak = memory.get("import_v2")
        found.append(Result(MEMORY, peak.pss / MB) if peak else Result(MEMORY, None, WITHOUT_PSS))
    if "h" in asked:
        found.append(amount(AGAIN, took["h"]))
    return in_order(found)


def scaled(
    sizes: Sequence[int], series: Sequence[Series], peaks: Sequence[Memory | None]
) -> list[Result]:
    """A large v2 against a small one: seconds a submission, and peak memory.

    Args:
        sizes: submissions of the small one and of the large one.
        series: what importing each took.
        peaks: and its peak memory.
    """
    small, large = (
        Series(took.name, [one / size for one in took.seconds], rounds=took.rounds)
        for size, took in zip(sizes, series, strict=True)
    )
    words = {"small": f"{sizes[0]:,}", "large": f"{sizes[1]:,}"}
    time, memory = (
        replace(goal, text=goal.text.format(**words)) for goal in (TIME_AT_SCALE, MEMORY_AT_SCALE)
    )
    less, more = peaks
    found = [ratio(time, large, small), Result(memory, None, WITHOUT_PSS)]
    if less and more:
        found[1] = Result(memory, more.pss / less.pss)
    return found


def in_order(found: Iterable[Result]) -> list[Result]:
    """The results in the order of the table."""
    keys = [goal.key for goal in ORDER]
    return sorted(found, key=lambda result: keys.index(result.goal.key))
