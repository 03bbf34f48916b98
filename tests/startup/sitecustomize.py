"""Run by Python itself at the start of a command whose PYTHONPATH names this folder.

PLIERS_TEST_HASTE: time passes so many times as fast for whoever waits, so that half a minute of
    patience is over in a moment.
PLIERS_TEST_CLOCK: the computer's clock differs by so many seconds, once the file that
    PLIERS_TEST_CLOCK_FROM names exists (at once where it names none).
"""

import datetime as dt
import os
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any


def hurry(times: float) -> None:
    """Hasten what the import waits with: pauses, deadlines, events, SQLite's busy wait."""
    sleep, wait, connect = time.sleep, threading.Event.wait, sqlite3.dbapi2.connect
    monotonic, began = time.monotonic, time.monotonic()

    def short_wait(event: threading.Event, timeout: float | None = None) -> bool:
        return wait(event, None if timeout is None else timeout / times)

    def impatient_connect(*args: Any, **options: Any) -> sqlite3.Connection:
        return connect(*args, **{"timeout": 5.0 / times} | options)

    def hurried_monotonic() -> float:
        # The driver's own deadlines are for the network, which is as slow as ever.
        ours = str(sys._getframe(1).f_globals.get("__name__")).startswith("transfer.")
        return began + (monotonic() - began) * (times if ours else 1)

    time.sleep = lambda seconds: sleep(seconds / times)
    time.monotonic = hurried_monotonic
    threading.Event.wait = short_wait  # type: ignore[method-assign]
    sqlite3.dbapi2.connect = impatient_connect  # type: ignore[assignment]


def set_clock(seconds: float, since: str) -> None:
    """Let every clock of this process that can be set differ; the monotonic one cannot be."""
    real, now = dt.datetime, time.time

    def shift() -> float:
        return seconds if not since or Path(since).exists() else 0.0

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

    class Shifted(real, metaclass=Kind):
        """Makes datetimes of the real class: nobody meets an instance of this one."""

        def __new__(cls, *args: Any, **options: Any) -> Any:
            return real(*args, **options)

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return real.now(tz) + dt.timedelta(seconds=shift())

    time.time = lambda: now() + shift()
    dt.datetime = Shifted  # type: ignore[misc]


if times := os.environ.get("PLIERS_TEST_HASTE"):
    hurry(float(times))
if clock := os.environ.get("PLIERS_TEST_CLOCK"):
    set_clock(float(clock), os.environ.get("PLIERS_TEST_CLOCK_FROM", ""))
