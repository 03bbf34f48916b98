"""What the transfer commands share: exit statuses, errors as one line, reports, argument types."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from types import FrameType
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from pliers.checks import SETTINGS
from transfer.exceptions import ConfigurationError, TransferError
from transfer.options import (
    AUTO,
    BATCH_SIZE_OR_AUTO_RULE,
    BATCH_SIZE_RULE,
    MAX_BATCH_SIZE,
    MAX_WORKERS,
    NAME_RULE,
    WORKERS_RULE,
    BatchSize,
    uuid_text,
)
from transfer.pace import MAX_PAUSE_MS, MAX_PER_MINUTE, PAUSE_RULE, PER_MINUTE_RULE, Pacing


class ExitStatus(IntEnum):
    """Exit statuses of all commands (docs/runbook.md)."""

    CLEAN = 0
    COULD_NOT = 1
    USAGE = 2
    WITH_ERRORS = 3
    INTERRUPTED = 130


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, too, stop a command in good order (R9)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class TransferCommand(BaseCommand):
    """A thin command: ``run`` does the work and returns the exit status."""

    # The settings may differ on every machine. What else Django checks is about the code, and
    # would load every page of the admin: "manage.py check" does it.
    requires_system_checks = (SETTINGS,)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run; an error becomes one line on stderr and exit status 1."""
        try:
            with sigterm_as_ctrl_c():
                status = self.run(options)
        except (TransferError, ImproperlyConfigured) as error:
            raise CommandError(str(error), returncode=ExitStatus.COULD_NOT) from error
        except (DatabaseError, psycopg.Error) as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CommandError(first, returncode=ExitStatus.COULD_NOT) from error
        except KeyboardInterrupt as interruption:
            said = str(interruption)
            self.stderr.write(said or "Interrupted; what was committed stays, and can be resumed.")
            raise SystemExit(ExitStatus.INTERRUPTED) from None
        if status:
            raise SystemExit(status)

    def run(self, options: dict[str, Any]) -> ExitStatus:
        """Parse the options, call one service, print.

        Raises:
            TransferError: the service could not do it.
        """
        raise NotImplementedError

    def print_json(self, document: dict[str, Any]) -> None:
        """Print one JSON document, and nothing else, on stdout."""
        self.stdout.write(json.dumps(document, ensure_ascii=True, indent=2))

    def confirmed(self, name: str, preview: str, *, ask: bool) -> bool:
        """Show on stderr what will be lost, and let the user type the migration's name.

        Returns:
            Whether to go on; without asking, always.

        Raises:
            ConfigurationError: there is nobody to ask.
        """
        self.stderr.write(preview, style_func=str)
        if not ask:
            return True
        if not sys.stdin.isatty():
            raise ConfigurationError(
                "there is no terminal to ask on; --no-input does it without asking. "
                "Nothing was changed"
            )
        self.stderr.write(f"To go on, type the migration's name, {name}: ", str, "")
        self.stderr.flush()
        try:
            return sys.stdin.readline().strip() == name
        except KeyboardInterrupt:
            raise KeyboardInterrupt("\nNothing was changed.") from None


def batch_size(value: str) -> int:
    """An argparse type: rows a batch.

    Raises:
        argparse.ArgumentTypeError: not a whole number from 1 to MAX_BATCH_SIZE.
    """
    if not value.isdecimal() or not 1 <= int(value) <= MAX_BATCH_SIZE:
        raise argparse.ArgumentTypeError(f"{BATCH_SIZE_RULE}, got {value!r}")
    return int(value)


def batch_size_or_auto(value: str) -> BatchSize:
    """An argparse type: rows a batch, or auto.

    Raises:
        argparse.ArgumentTypeError: neither a whole number from 1 to MAX_BATCH_SIZE nor auto.
    """
    if value == AUTO:
        return AUTO
    try:
        return batch_size(value)
    except argparse.ArgumentTypeError:
        msg = f"{BATCH_SIZE_OR_AUTO_RULE}, got {value!r}"
        raise argparse.ArgumentTypeError(msg) from None


def workers(value: str) -> int:
    """An argparse type: processes side by side.

    Raises:
        argparse.ArgumentTypeError: not a whole number from 1 to MAX_WORKERS.
    """
    if not value.isdecimal() or not 1 <= int(value) <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"{WORKERS_RULE}, got {value!r}")
    return int(value)


def positive(value: str) -> int:
    """An argparse type: a whole number of at least 1.

    Raises:
        argparse.ArgumentTypeError: something else.
    """
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"takes a whole number of at least 1, got {value!r}")
    return int(value)


def not_negative(value: str) -> int:
    """An argparse type: a whole number of at least 0.

    Raises:
        argparse.ArgumentTypeError: something else.
    """
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"takes a whole number of at least 0, got {value!r}")
    return int(value)


def pause_ms(value: str) -> int:
    """An argparse type: milliseconds between two batches.

    Raises:
        argparse.ArgumentTypeError: not a whole number from 0 to MAX_PAUSE_MS.
    """
    if not value.isdecimal() or int(value) > MAX_PAUSE_MS:
        raise argparse.ArgumentTypeError(f"{PAUSE_RULE}, got {value!r}")
    return int(value)


def batches_per_minute(value: str) -> int:
    """An argparse type: batches a minute at most.

    Raises:
        argparse.ArgumentTypeError: not a whole number from 1 to MAX_PER_MINUTE.
    """
    if not value.isdecimal() or not 1 <= int(value) <= MAX_PER_MINUTE:
        raise argparse.ArgumentTypeError(f"{PER_MINUTE_RULE}, got {value!r}")
    return int(value)


def add_pacing(parser: argparse.ArgumentParser) -> None:
    """Add the options that limit the load on v2; ``pacing`` reads them."""
    parser.add_argument(
        "--pause-ms",
        type=pause_ms,
        default=0,
        metavar="N",
        help="spare v2: N milliseconds between the reading of two batches (default: none)",
    )
    parser.add_argument(
        "--max-batches-per-minute",
        type=batches_per_minute,
        metavar="N",
        help=f"spare v2: read at most N batches a minute, 1 to {MAX_PER_MINUTE} (default: all)",
    )


def pacing(options: dict[str, Any]) -> Pacing:
    """What was asked for with the options of ``add_pacing``."""
    return Pacing(options["pause_ms"], options["max_batches_per_minute"])


def share(value: str) -> Decimal:
    """An argparse type: a share from 0 to 1, or per cent of it: 0.05 and 5% are the same.

    Raises:
        argparse.ArgumentTypeError: something else.
    """
    text, _, percent = value.partition("%")
    try:
        number = Decimal(text) / (100 if value.endswith("%") else 1)
    except InvalidOperation:
        number = Decimal(-1)
    if percent or number.is_nan() or not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"takes a share, 0 to 1 or 0% to 100%, got {value!r}")
    return number


def organization_id(value: str) -> str:
    """An argparse type: an organization's Id.

    Raises:
        argparse.ArgumentTypeError: not a UUID.
    """
    try:
        return uuid_text(value, "an organization")
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(error.message) from None


def migration_name(value: str) -> str:
    """An argparse type: a migration's name, 1 to 255 printable characters, the first not a "-".

    Raises:
        argparse.ArgumentTypeError: something else.
    """
    name = value.strip()
    if not 1 <= len(name) <= 255 or not name.isprintable():
        raise argparse.ArgumentTypeError(f"takes 1 to 255 printable characters, got {value!r}")
    if name.startswith("-"):
        raise argparse.ArgumentTypeError(f"{NAME_RULE}, got {value!r}")
    return name
