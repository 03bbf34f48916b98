"""The COPY floor: the finished bytes of a run into the same v3 tables, a commit every batch.

A program of its own, for the benchmark: it finds v3 in BENCH_V3 and the files of
benchmarks.database.take_out in the folder it is given, and prints the seconds of the loop alone.
Keys, indexes and foreign keys are as the importer finds them, and so is what a commit waits for.
"""

import json
import os
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.database import COLUMNS
from transfer.batch_copy import copy_statement


def main() -> None:
    """Load it."""
    folder = Path(sys.argv[1])
    sizes: dict[str, list[int]] = json.loads((folder / "sizes.json").read_text())
    streams = [(table, stream) for table in COLUMNS for stream in _streams(folder, table, sizes)]
    statements = {
        table: copy_statement(sql.Identifier(table), columns) for table, columns in COLUMNS.items()
    }
    with psycopg.connect(os.environ["BENCH_V3"], autocommit=True) as v3:
        began, cpu = time.perf_counter(), time.process_time()
        for table, stream in streams:
            with v3.transaction(), v3.cursor() as cursor, cursor.copy(statements[table]) as copy:
                copy.write(stream)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


def _streams(folder: Path, table: str, sizes: dict[str, list[int]]) -> list[bytes]:
    with (folder / f"{table}.copy").open("rb") as file:
        return [file.read(size) for size in sizes[table]]


if __name__ == "__main__":
    main()
