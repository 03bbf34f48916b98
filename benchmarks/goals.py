"""What is to be reached, and what came out for it."""

from collections.abc import Mapping

from benchmarks.figures import MB, Goal, Result, Series, amount, ratio, slower
from benchmarks.processes import Memory

FLOOR = Goal("import_to_floor", "import ÷ the slower floor", 1.5, 1.15)
SQL = Goal("import_to_sql", "import ÷ strategy.md's SQL inside PostgreSQL", 1.0, 0.7)
PGLOADER = Goal("import_to_pgloader", "import ÷ (pgloader staging + that SQL)", 0.25, 0.15)
PLAIN = Goal("import_to_bulk_create", "import ÷ plain bulk_create importer", 0.25, 0.15)
MEMORY = Goal("peak_memory", "peak memory of an import, all processes", 250, 150, "MB")
VERIFY = Goal("verify_to_import", "verify (full) ÷ import", 1.0, 0.6)
AGAIN = Goal("again", "finished run again", 3, 1.5, "s")
RESUME = Goal("resume_to_import", "resume after a kill at 90 % ÷ a full run", 0.2)


def results(
    took: Mapping[str, Series], memory: Mapping[str, Memory], left_out: Mapping[str, str]
) -> list[Result]:
    """What came out, in the order of the goals.

    Args:
        took: times by contestant; a, b, c and h have to be there.
        memory: peaks by command.
        left_out: why a contestant, by key, did not take part.
    """
    floor = slower([took["b"], took["c"]])
    goal = Goal(FLOOR.key, f"{FLOOR.text} ({floor.name})", FLOOR.bar, FLOOR.hoped)
    found = [ratio(goal, took["a"], floor)]
    for goal, one, other in (
        (SQL, "a", "d"),
        (PGLOADER, "a", "e"),
        (PLAIN, "a", "f"),
        (VERIFY, "g", "a"),
        (RESUME, "k", "a"),
    ):
        why = left_out.get(one, left_out.get(other, "it did not take part"))
        found.append(ratio(goal, took.get(one), took.get(other), why))
    found.append(amount(AGAIN, took["h"]))
    peak = memory.get("import_v2")
    why = "this system does not tell it (/proc/PID/smaps_rollup)"
    found.append(Result(MEMORY, peak.pss / MB if peak else None, why="" if peak else why))
    return found
