"""make bench: import_v2 beside its floors and the ways a user would take instead, in one run.

    make bench                      200,000 submissions of 20 answers, three rounds
    make bench SIZE=small           5,000, in under a minute on a quiet machine
    make bench SUBMISSIONS=500000 ROUNDS=5

A round runs each contestant once, so that all have the machine in the same moods. Figures compare
within one run only. See benchmarks/README.md on who takes part and how each is measured.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import goals, scale
from benchmarks.asked import Asked, what_is_asked
from benchmarks.common import arguments, heed_ends, place
from benchmarks.contestants import ALL, NAMES, Contest
from benchmarks.database import Connection
from benchmarks.dataset import BYTES_AN_ANSWER, dataset, kept
from benchmarks.processes import ROOT
from benchmarks.render import BARS_ARE_FOR, Findings

SIZES = {"small": 5_000, "full": BARS_ARE_FOR}
SCALE = (50_000, 500_000)
MOST_DEAR_ROUNDS = 3
BUSY = 0.3  # of the cores, by the system's load over the last minute
# Of the data's size, what a run takes besides: v3, its log, v2 staged, the bytes of a run.
ROOM = 6


def main() -> None:
    """Run it."""
    heed_ends()
    chosen = _chosen()
    with kept(chosen.data) as folder:
        _can_be_kept(chosen.output)
        _sweep(folder)
        most = max([chosen.submissions, *(chosen.scale_sizes if "j" in chosen.only else ())])
        _room(folder, most * chosen.answers)
        with place(chosen.server, folder) as at, psycopg.connect(at.dsn(), autocommit=True) as v3:
            alone, scaled = _sizes(chosen)
            manner = what_is_asked(at, chosen.import_options, alone + scaled)
            found = Findings(_conditions(v3, chosen, manner))
            if chosen.only - {"j"}:
                data = dataset(at, folder, chosen.submissions, chosen.answers)
                asked = chosen.only | {"a"}
                contest = Contest(
                    at, v3, data, asked, manner, chosen.dear_rounds, chosen.import_options
                )
                _measure(contest, chosen.rounds, found)
            if "j" in chosen.only:
                scale.measure(
                    at, v3, folder, chosen.scale_sizes, found,
                    answers=chosen.answers, rounds=chosen.rounds, words=chosen.import_options,
                )  # fmt: skip
    found.results = goals.in_order(found.results)
    document = json.dumps(found.as_json(), indent=2)
    # Whatever becomes of the one, the other has the figures.
    try:
        print(document if chosen.json else found.as_text(), flush=True)
    finally:
        _keep(document, chosen.output)


def _measure(contest: Contest, rounds: int, found: Findings) -> None:
    contest.prepare()
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        contest.round(number)
    contest.peaks()
    found.series |= dict(sorted(contest.series.items()))
    found.memory |= contest.memory
    found.results += goals.results(contest.series, contest.memory, contest.asked, contest.left_out)
    for key, why in contest.left_out.items():
        found.notes.append(f"{key}. {NAMES[key]} did not take part: {why}")
    found.notes += contest.about_k()
    if float(found.conditions["load before"]) > BUSY * (os.cpu_count() or 1):
        found.notes.append("the machine was busy with other work: these figures tell little")
    if contest.data.submissions != BARS_ARE_FOR:
        found.notes.append(
            f"the bars are set for {BARS_ARE_FOR:,} submissions of 20 answers: with fewer, starting"
            " the processes weighs more"
        )


def _parser() -> argparse.ArgumentParser:
    parser = arguments("import_v2 beside its floors and what else a user might do.")
    parser.add_argument("--size", choices=SIZES, default="full", help="how much data")
    parser.add_argument("--submissions", type=_positive, help="the same as a number")
    parser.add_argument("--answers", type=_positive, default=20, help="of each submission")
    parser.add_argument("--rounds", type=_positive, default=3, help="runs of each contestant")
    parser.add_argument(
        "--dear-rounds",
        type=_positive,
        help="rounds of pgloader and of the killed import (default: as all the others, three at"
        " most; one with --size small)",
    )
    parser.add_argument(
        "--only",
        type=_letters,
        default=frozenset(ALL),
        metavar="LETTERS",
        help="these contestants, as the table names them; i is peak memory, j a submission among"
        " 500,000 and among 50,000 (default: all but j)",
    )
    parser.add_argument("--scale", action="store_true", help="j too")
    parser.add_argument(
        "--scale-sizes", type=_positive, nargs=2, default=SCALE, help="in place of these two"
    )
    parser.add_argument(
        "--import-options",
        type=shlex.split,
        default=[],
        metavar="WORDS",
        help='for every import, as one word: "--workers 2"',
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--data", type=Path, default=ROOT / "var" / "bench", help="folder the v2 files are kept in"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="file for the JSON document (default: bench.json in the folder of --data)",
    )
    return parser


def _chosen() -> argparse.Namespace:
    chosen = _parser().parse_args()
    chosen.submissions = chosen.submissions or SIZES[chosen.size]
    chosen.only |= {"j"} if chosen.scale else set()
    chosen.import_options = tuple(chosen.import_options)
    most = 1 if chosen.size == "small" else MOST_DEAR_ROUNDS
    chosen.dear_rounds = chosen.dear_rounds or min(chosen.rounds, most)
    chosen.data = chosen.data.absolute()
    chosen.output = chosen.output or chosen.data / "bench.json"
    return chosen


def _positive(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and int(value)):
        raise argparse.ArgumentTypeError(f"takes a whole number of at least 1, got {value!r}")
    return int(value)


def _letters(value: str) -> frozenset[str]:
    if not value or not set(value) <= ALL | {"j"}:
        known = "".join(sorted(ALL | {"j"}))
        raise argparse.ArgumentTypeError(f"takes letters among {known}, got {value!r}")
    return frozenset(value)


def _sizes(chosen: argparse.Namespace) -> tuple[list[int], list[int]]:
    """Submissions of the v2 of all contestants but j, and of those of j; none: not asked for."""
    alone = [chosen.submissions] if chosen.only - {"j"} else []
    return alone, list(chosen.scale_sizes) if "j" in chosen.only else []


def _conditions(v3: Connection, chosen: argparse.Namespace, manner: Asked) -> dict[str, Any]:
    ((version,),) = v3.execute("SHOW server_version").fetchall()
    alone, scaled = _sizes(chosen)
    sizes = [f"{size:,}" for size in alone]
    if scaled:
        sizes.append(" against ".join(f"{size:,}" for size in scaled))
    return {
        "benchmark": f"{' and '.join(sizes)} submissions of {chosen.answers} answers,"
        f" {chosen.rounds} rounds",
        **({"import options": " ".join(chosen.import_options)} if chosen.import_options else {}),
        "import_v2": manner.as_text(alone + scaled),
        "at": datetime.now(UTC).isoformat(" ", "seconds"),
        "commit": _commit(),
        "machine": f"{os.cpu_count()} cores, {platform.platform()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
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


def _can_be_kept(output: Path) -> None:
    """Refuse at the start what would fail at the end."""
    try:
        if not output.parent.is_dir():
            why = f"there is no folder {output.parent}"
        elif output.is_dir():
            why = "it is a folder"
        elif not os.access(output if output.exists() else output.parent, os.W_OK):
            why = "it may not be written"
        else:
            return
    except OSError as error:
        why = error.strerror
    raise SystemExit(f"--output {output} cannot be used: {why}")


def _keep(document: str, output: Path) -> None:
    try:
        output.write_text(document + "\n")
    except OSError as error:
        raise SystemExit(f"--output {output} was not written: {error.strerror}") from None


def _room(folder: Path, answers: int) -> None:
    needed = ROOM * answers * BYTES_AN_ANSWER
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(
            f"{folder} has {free / 1e9:.1f} GB free, and this size may take {needed / 1e9:.1f} GB"
        )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
