"""manage.py retry_v2: try recorded errors again."""

import argparse
from typing import Any

from django.core.management.base import CommandParser

from transfer.cli import (
    ExitStatus,
    TransferCommand,
    add_pacing,
    migration_name,
    pacing,
    positive,
)
from transfer.console import ConsoleObserver
from transfer.mapping.codes import CODES, Severity
from transfer.open_errors import Wanted
from transfer.plan import TABLES
from transfer.reread import AT_ONCE
from transfer.retry import RetryOptions, run_retry

ERROR_CODES = sorted(code.value for code, i in CODES.items() if i.severity is Severity.ERROR)


def page_size(value: str) -> int:
    """An argparse type: records a transaction of a retry.

    Raises:
        argparse.ArgumentTypeError: not a whole number from 1 to AT_ONCE.
    """
    if (number := positive(value)) > AT_ONCE:
        raise argparse.ArgumentTypeError(f"takes at most {AT_ONCE}, got {value!r}")
    return number


class Command(TransferCommand):
    """Try recorded errors again."""

    help = (
        "Reads the records of open errors anew from v2, maps and loads them. What succeeds closes "
        "its error; the rest stays open, with one more attempt. Without options: all of them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--name",
            type=migration_name,
            help="the migration (default: the only one with errors)",
        )
        parser.add_argument(
            "--code",
            dest="codes",
            action="append",
            choices=ERROR_CODES,
            metavar="CODE",
            help=f"only errors of this cause (repeatable): {', '.join(ERROR_CODES)}",
        )
        parser.add_argument(
            "--table",
            dest="tables",
            action="append",
            choices=TABLES,
            metavar="TABLE",
            help=f"only errors of this v3 table (repeatable): {', '.join(TABLES)}",
        )
        parser.add_argument(
            "--id",
            dest="ids",
            action="append",
            metavar="ID",
            help="only errors of this v2 record (repeatable)",
        )
        parser.add_argument(
            "--batch-size",
            type=page_size,
            default=AT_ONCE,
            metavar="N",
            help=f"v2 records a transaction, 1 to {AT_ONCE} (default %(default)s)",
        )
        add_pacing(parser)
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        wanted = Wanted(
            tuple(options["codes"] or ()),
            tuple(options["tables"] or ()),
            tuple(one.strip().lower() for one in options["ids"] or ()),
        )
        chosen = RetryOptions(options["name"], wanted, options["batch_size"], pacing(options))
        with ConsoleObserver() as observer:
            report = run_retry(chosen, observer)
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        if report.interrupted:
            return ExitStatus.INTERRUPTED
        return ExitStatus.WITH_ERRORS if report.migration.failed else ExitStatus.CLEAN
