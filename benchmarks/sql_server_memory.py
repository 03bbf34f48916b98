"""Peak memory of an import from SQL Server: what the batch holds, whatever v2 holds.

    python -m benchmarks.sql_server_memory
    python -m benchmarks.sql_server_memory --server postgres://user@host:5432 --answers 200000

Three imports through Microsoft's driver, from the tests' own SQL Server: few answers, many answers
in many batches, and as many in one range of keys. The second has to stay beside the first; the
third may have so many bytes an answer more (BYTES_AN_ANSWER).
"""

import os
import sys
import time

from benchmarks.common import MIB, arguments, heed_ends, manage, place

ANSWERS_EACH = 20  # of a submission
FEW = 2_000  # answers
# What an answer of a batch takes at most: its values as read, mapped, and written into v3.
BYTES_AN_ANSWER = 1_000
SLACK = 40 * MIB  # what two equal runs may differ by


def main() -> int:
    """Measure; 1 where a bar was missed."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=200_000, help="how many are many")
    asked = parser.parse_args()
    many = asked.answers // ANSWERS_EACH
    few = FEW // ANSWERS_EACH
    heed_ends()
    with place(asked.server) as here:
        os.environ["DJANGO_SETTINGS_MODULE"] = "pliers.settings"
        import django  # noqa: PLC0415 - after the settings

        django.setup()
        from tests.sqlserver.memory import peak_of  # noqa: PLC0415 - Django has to be set up before
        from tests.sqlserver.server import publish  # noqa: PLC0415 - as above

        peaks = {}
        for name, submissions, batch in (
            ("few, one range", few, few),
            ("many, many ranges", many, few),
            ("many, one range", many, many),
        ):
            path = here.folder / f"{submissions}.sqlite3"
            if not path.exists():
                words = ("--submissions", str(submissions), "--answers", str(ANSWERS_EACH))
                manage(here.v2(path), "seed_v2", *words)
            with publish(path) as server:
                env = server.env | here.environment | server.own
                began = time.perf_counter()
                batch_size = ("--batch-size", str(batch))
                peaks[name] = peak_of("import_v2", "--name", "bench", *batch_size, env=env)
                seconds = time.perf_counter() - began
                peak_of("rollback_v2", "bench", "--no-input", env=env)
            answers = submissions * ANSWERS_EACH
            print(f"{name:20} {answers:9,} answers  {peaks[name] / MIB:7.1f} MiB  {seconds:6.1f} s")
    base, spread, whole = peaks.values()
    an_answer = (whole - base) / asked.answers
    print(f"{an_answer:,.0f} bytes an answer of the range (bar {BYTES_AN_ANSWER:,})")
    return int(an_answer > BYTES_AN_ANSWER or spread > base + SLACK)


if __name__ == "__main__":
    sys.exit(main())
