"""make bench: import_v2 beside its floors and the ways a user would take instead, in one run.

    make bench                      200,000 submissions of 20 answers, three rounds
    make bench SIZE=small           10,000, in under a minute
    make bench SUBMISSIONS=500000 ROUNDS=5

A round runs each contestant once, so that all have the machine in the same moods. Figures compare
within one run only. See benchmarks/README.md on who takes part and how each is measured.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import goals
from benchmarks.common import arguments, place
from benchmarks.contestants import Contest
from benchmarks.database import Connection
from benchmarks.dataset import BYTES_AN_ANSWER, Dataset, dataset, kept
from benchmarks.processes import ROOT
from benchmarks.render import BARS_ARE_FOR, Findings

SIZES = {"small": 10_000, "full": BARS_ARE_FOR}
# Of the data's size, what a run takes besides: v3, its log, v2 staged, the bytes of a run.
ROOM = 6


def main() -> None:
    """Run it."""
    signal.signal(signal.SIGTERM, _ended)
    chosen = _chosen()
    with kept(chosen.data) as folder:
        _sweep(folder)
        _room(folder, chosen.submissions * chosen.answers)
        with place(chosen.server, folder) as at, psycopg.connect(at.dsn(), autocommit=True) as v3:
            data = dataset(at, folder, chosen.submissions, chosen.answers)
            found = _measure(Contest(at, v3, data), chosen)
    chosen.output.write_text(json.dumps(found.as_json(), indent=2) + "\n")
    print(json.dumps(found.as_json(), indent=2) if chosen.json else found.as_text())


def _measure(contest: Contest, chosen: argparse.Namespace) -> Findings:
    conditions = _conditions(contest.v3, contest.data, chosen.rounds)
    left_out: dict[str, str] = {}
    for number in range(1, chosen.rounds + 1):
        _say(f"round {number} of {chosen.rounds}")
        contest.round()
    _say("memory")
    contest.peaks()
    notes = []
    if contest.data.submissions != BARS_ARE_FOR:
        notes.append(
            f"the bars are set for {BARS_ARE_FOR:,} submissions of 20 answers: at another size"
            " starting a process weighs more, or less"
        )
    return Findings(
        conditions,
        dict(sorted(contest.series.items())),
        contest.memory,
        goals.results(contest, left_out),
        notes,
    )


def _chosen() -> argparse.Namespace:
    parser = arguments("import_v2 beside its floors and what else a user might do.")
    parser.add_argument("--size", choices=SIZES, default="full", help="how much data")
    parser.add_argument("--submissions", type=_positive, help="the same as a number")
    parser.add_argument("--answers", type=_positive, default=20, help="of each submission")
    parser.add_argument("--rounds", type=_positive, default=3, help="runs of each contestant")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--data", type=Path, default=ROOT / "var" / "bench", help="folder the v2 files are kept in"
    )
    parser.add_argument(
        "--output", type=Path, help="file for the JSON document (default: bench.json there)"
    )
    chosen = parser.parse_args()
    chosen.submissions = chosen.submissions or SIZES[chosen.size]
    chosen.data = chosen.data.absolute()
    chosen.output = chosen.output or chosen.data / "bench.json"
    return chosen


def _positive(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and int(value)):
        raise argparse.ArgumentTypeError(f"takes a whole number of at least 1, got {value!r}")
    return int(value)


def _conditions(v3: Connection, data: Dataset, rounds: int) -> dict[str, Any]:
    ((version,),) = v3.execute("SHOW server_version").fetchall()
    return {
        "benchmark": f"{data.submissions:,} submissions of {data.answers} answers, {rounds} rounds",
        "at": datetime.now(UTC).isoformat(" ", "seconds"),
        "commit": _commit(),
        "machine": f"{os.cpu_count()} cores, {platform.platform()}",
        "versions": f"Python {platform.python_version()}, PostgreSQL {version},"
        f" SQLite {sqlite3.sqlite_version}",
    }


def _commit() -> str:
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _sweep(folder: Path) -> None:
    """Remove what a benchmark that was killed has left."""
    for left in (*folder.glob("pliers-bench-*"), *folder.glob("*.new*")):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _room(folder: Path, answers: int) -> None:
    needed = ROOM * answers * BYTES_AN_ANSWER
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(
            f"{folder} has {free / 1e9:.1f} GB free, and this size may take {needed / 1e9:.1f} GB"
        )


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _ended(_number: int, _frame: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main()
