"""A run killed at 90 %, and the one that resumes it (contestant k)."""

import sys
import tempfile
import time

from benchmarks.common import manage
from benchmarks.database import Connection
from benchmarks.processes import Run, kill_group, started

SHARE = 0.9
LOOK_SECONDS = 0.005
KILLED = -9
# Whatever rows of the books a table has: one, or one for each range of keys.
DONE = """
    SELECT coalesce(sum(processed_records + failed_records), 0)::bigint FROM migration_progress
     WHERE migration_name = %s AND table_name = 'submissions'
"""


class TooFastError(Exception):
    """The run had ended before it could be killed."""


def killed_and_resumed(
    v3: Connection, environment: dict[str, str], words: tuple[str, ...], name: str, submissions: int
) -> tuple[Run, int]:
    """Kill an import with all its processes once its books say 90 %, and start it again.

    Args:
        v3: a connection, in autocommit; the tables are empty.
        environment: of the commands.
        words: the command and its words.
        name: the migration's.
        submissions: how many there are in all.

    Returns:
        The run that resumed, and what the books had said when the first was dead.

    Raises:
        TooFastError: it could not be killed in time.
        SystemExit: one of them failed.
    """
    goal = SHARE * submissions
    command = [sys.executable, "manage.py", *words]
    with (
        tempfile.TemporaryFile("w+") as output,
        tempfile.TemporaryFile("w+") as errors,
        started(command, environment, output, errors) as process,
    ):
        while process.poll() is None and _done(v3, name) < goal:
            time.sleep(LOOK_SECONDS)
        kill_group(process.pid)
        status = process.wait()
        if status not in (KILLED, 0):
            errors.seek(0)
            raise SystemExit(f"{' '.join(words)}: exit status {status}\n{errors.read()[-4000:]}")
    reached = _done(v3, name)
    if status == 0 or reached >= submissions:
        raise TooFastError(f"the import was over before it could be killed at {SHARE:.0%}")
    return manage(environment, *words), reached


def _done(v3: Connection, name: str) -> int:
    return int(str(v3.execute(DONE, (name,)).fetchall()[0][0]))
