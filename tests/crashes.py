"""What the crash tests share: the command as a process, a v2 to move, and what must hold after.

Every crash test ends with ``Scene.recovered()``: the end state, row by row, is that of a run that
nothing disturbed.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.conf import settings as project
from django.core.management import call_command
from django.db import connections

from tests.runs import query, run, snapshot
from tests.v2 import STATUSES, V2, guid, make_v2

NAME = "night"
BATCH = "5"  # of the v2 below: its submissions take two batches, and one for what is beyond
SECRET = "S3cr3t-of-v3"
# Of a run that nothing disturbs: four records of crash_v2 are errors.
EXIT_STATUS = 3


@dataclass
class Done:
    """A process that has ended."""

    status: int
    out: str
    err: str

    def line(self) -> str:
        """What a command said that could not: one line, and no secret in it (R8)."""
        assert self.status == 1, self
        assert self.out == ""
        assert self.err.strip().count("\n") == 0, self.err
        return self.err


@dataclass
class Commands:
    """Starts manage.py commands in processes of their own, and leaves none behind."""

    environment: dict[str, str]
    all: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for process in self.all:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        """Start a command; ``changes`` go into its environment."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=project.BASE_DIR,
            env=self.environment | changes,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.all.append(process)
        return process

    def start_import(self, **changes: str) -> "subprocess.Popen[str]":
        """Start the import that these tests are about."""
        return self.start("import_v2", "--name", NAME, "--batch-size", BATCH, **changes)

    def import_v2(self, **changes: str) -> Done:
        """Run that import to its end."""
        return ended(self.start_import(**changes))

    @property
    def last(self) -> "subprocess.Popen[str]":
        """The process started last."""
        return self.all[-1]


def ended(process: "subprocess.Popen[str]", seconds: float = 60) -> Done:
    """Wait for a process; what it said never holds the password or a traceback (R8)."""
    out, err = process.communicate(timeout=seconds)
    assert SECRET not in out + err
    assert "Traceback" not in err, err
    assert "error ignored" not in err, err  # the driver's own words about a broken connection
    return Done(process.returncode, out, err)


def lock_holders() -> list[tuple[Any, ...]]:
    """The backends that hold the import's lock, or wait for it, in this database."""
    return query(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )


def end_backends() -> int:
    """End an import's backends as an administrator does, from whichever thread; how many."""
    try:
        ((count,),) = query(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database()"
            " AND starts_with(application_name, 'pliers import_v2')"
        )
        return int(count)
    finally:
        if threading.current_thread() is not threading.main_thread():
            connections.close_all()


def startup(**changes: str) -> dict[str, str]:
    """The environment of a command that begins with tests/startup/sitecustomize.py."""
    folders = [str(Path(__file__).parent / "startup"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, folders))} | changes


def wait_until(condition: Callable[[], Any], seconds: float = 30) -> None:
    """Look again and again until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def kill(process: "subprocess.Popen[str]", how: signal.Signals = signal.SIGKILL) -> None:
    """Signal the process; after SIGKILL it is gone when this returns."""
    process.send_signal(how)
    if how is signal.SIGKILL:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


@dataclass
class Undisturbed:
    """A v2, and what becomes of it where nothing disturbs."""

    v2: V2
    rows: dict[str, list[str]]
    verified: int
    commits: int  # those that take the migration further: a table's decisions, and each batch


def crash_v2(path: Path) -> V2:
    """Make a small v2 that has something for every part of the engine to do."""
    v2 = make_v2(
        path,
        organizations=[{"Name": "Acme"}, {"Name": "Acme"}],
        forms=[{"Name": "Leave"}, {"Name": "Survey", "DisplayName": "x" * 300}],  # is refused
        fields=[{"Name": "who"}, {"Name": "who"}],
        choices=[{}],
        maps=[{}],
        settings=[{}, {"Name": None}],
        users=[{"Email": "ann@example.org"}, {"Email": "Ann@example.org"}, {"Email": "b@b.org"}],
    )
    codes = ["A", "A", None, "x" * 60, "B"]
    v2.add("submissions", *({"LookupCode": code} for code in codes))
    v2.add("submissions", {"FormTypeId": v2.forms[1]["Id"]}, {"FormTypeId": guid(4, 77)})
    v2.add("submissions", {"FormSubmissionStatusId": STATUSES["Draft"]}, {})
    for number, row in enumerate(v2.submissions):
        answer = {"FormSubmissionId": row["Id"], "FieldId": v2.fields[number % 2]["Id"]}
        v2.add("answers", answer | {"FreeFormEntry": f"text {number}\n\\N\tü"})
        v2.add("answers", answer | {"FieldChoiceMapId": guid(8, 1)})
    v2.add("answers", {"FormSubmissionId": guid(10, 4000), "FreeFormEntry": "nobody's"})
    return v2


def undisturbed(v2: V2) -> Undisturbed:
    """Import in this process, and see what it comes to; v3 and the v2 alias are set up already."""
    report = run(name=NAME, batch_size=int(BATCH))
    assert report.outcome == "finished"
    assert report.failed == 5, report.as_text()
    commits = len(report.tables) + sum(table.batches for table in report.tables)
    return Undisturbed(v2, snapshot(), verified(), commits)


def verified() -> int:
    """The exit status of verify_v2."""
    try:
        call_command("verify_v2", "--name", NAME, stdout=StringIO())
    except SystemExit as end:
        return int(str(end.code))
    return 0


@dataclass
class Scene:
    """A test's v2 and v3 with its commands, and how it has to end."""

    calm: Undisturbed
    commands: Commands

    def recovered(self) -> None:
        """Every row of v3 and of the books is that of an undisturbed run (R1, R2), the lock is
        free (R6), and nothing secret was written (R8)."""
        connections["default"].close()  # the server may have gone in the meantime
        now = snapshot()
        for table, rows in self.calm.rows.items():
            assert now[table] == rows, table
        wait_until(lambda: not lock_holders())
        assert SECRET not in json.dumps(now)
        assert verified() == self.calm.verified

    def finish(self, **changes: str) -> None:
        """Start the import again; it comes to its end, and that is the undisturbed one."""
        done = self.commands.import_v2(**changes)
        assert done.status == EXIT_STATUS, done
        assert "Migration night: finished" in done.out
        self.recovered()
