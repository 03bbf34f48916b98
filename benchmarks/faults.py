"""What faults cost a run: import_v2 of a clean v2 against one of which 1 % is faulty.

    python -m benchmarks.faults
    python -m benchmarks.faults --submissions 10000 --server postgres://user@host:5432

Both have the same submissions, of 20 answers each; in the second every row of every hundredth
submission has some fault, and every hundredth user and form too. Whole processes, in turn, into
empty tables. The bar: the faulty one takes no more than twice the clean one's time.
"""

import json
import statistics
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.common import MIB, Place, arguments, heed_ends, manage, place, spread, where
from benchmarks.faulty_v2 import faulty_copy, more_users_and_forms, taken_ids
from benchmarks.processes import Run

BAR = 2.0
ROUNDS = 3
_EMPTY = (
    "TRUNCATE organizations, users, forms, submissions, migration_progress, migration_errors,"
    " migration_assignments CASCADE"
)
STRANGER = "00000000-0000-4000-8000-00000000beef"  # who was in v3 before


def main() -> None:
    """Run it."""
    parser = arguments("What faults cost a run.")
    parser.add_argument("--submissions", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=1000)
    chosen = parser.parse_args()
    heed_ends()
    with place(chosen.server) as at, psycopg.connect(at.dsn(), autocommit=True) as v3:
        print(f"{where(v3)}; {chosen.submissions:,} submissions, batches of {chosen.batch_size:,}")
        clean, faulty = at.folder / "clean.sqlite3", at.folder / "faulty.sqlite3"
        manage(at.v2(clean), "seed_v2", "--submissions", str(chosen.submissions))
        more_users_and_forms(clean, chosen.submissions)
        spoiled = faulty_copy(clean, faulty)
        print(f"{sum(spoiled.values()):,} rows spoiled in {len(spoiled)} ways")
        taken = taken_ids(faulty)
        runs: dict[Path, list[Run]] = {clean: [], faulty: []}
        for _ in range(ROUNDS):
            for path, found in runs.items():
                v3.execute(_EMPTY)
                if path == faulty:
                    _occupy(v3, taken)
                v3.execute("CHECKPOINT")
                found.append(_import(at, path, chosen.batch_size))
        _report(runs[clean], runs[faulty], spoiled)


def _occupy(v3: "psycopg.Connection[tuple[object, ...]]", ids: list[str]) -> None:
    """Rows of other origin under ids of v2's."""
    v3.execute(
        "INSERT INTO organizations (id, name, slug) VALUES (%s, 'Stranger', 'stranger')",
        (STRANGER,),
    )
    v3.execute(
        "INSERT INTO forms (id, organization_id, name, slug, version, definition)"
        " VALUES (%s, %s, 'Stranger', 'stranger', '1.0.0', '{}')",
        (STRANGER, STRANGER),
    )
    v3.execute(
        "INSERT INTO submissions (id, organization_id, form_id, submission_number, data)"
        " SELECT id, %s, %s, left(id::text, 8), '{}' FROM unnest(%s::uuid[]) AS id",
        (STRANGER, STRANGER, ids),
    )


def _import(at: Place, path: Path, size: int) -> Run:
    words = ["import_v2", "--name", "bench", "--json", "--batch-size", str(size)]
    return manage(at.v2(path), *words, allowed=(0, 3))


def _report(clean: list[Run], faulty: list[Run], spoiled: dict[str, int]) -> None:
    times = {}
    for name, runs in (("clean", clean), ("faulty", faulty)):
        times[name] = [run.seconds for run in runs]
        peak = max(run.peak for run in runs) / MIB
        statuses = sorted({run.status for run in runs})
        print(f"{name:<7} {spread(times[name])}  peak {peak:.0f} MiB  exit {statuses}")
    ratio = statistics.median(times["faulty"]) / statistics.median(times["clean"])
    print(f"ratio faulty / clean: {ratio:.2f} (the bar: {BAR:.0f})")
    if len({json.dumps(_books(run)) for run in faulty}) > 1:
        raise SystemExit("the books of the faulty runs differ")
    print("\nwhat was spoiled")
    for what, count in sorted(spoiled.items()):
        print(f"  {count:>8,} {what}")
    print("\nthe clean run's books")
    print(json.dumps(_books(clean[0]), indent=2))
    print("\nthe faulty run's books")
    print(json.dumps(_books(faulty[0]), indent=2))


def _books(run: Run) -> dict[str, Any]:
    document = json.loads(run.output)
    kept = ("tables", "answers", "errors", "warnings")
    for table in document["tables"]:
        del table["completed_at"]
    return {key: document[key] for key in kept}


if __name__ == "__main__":
    main()
