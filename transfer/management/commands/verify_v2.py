"""manage.py verify_v2: prove that a migration lost and changed nothing."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from transfer.cli import (
    ExitStatus,
    TransferCommand,
    add_pacing,
    batch_size,
    migration_name,
    organization_id,
    pacing,
    positive,
    workers,
)
from transfer.console import ConsoleObserver
from transfer.html_report import check_path, write_html
from transfer.options import DEFAULT_BATCH_SIZE, MAX_WORKERS
from transfer.team import MOST_BY_DEFAULT, default_workers
from transfer.verify import VerifyOptions, verify


class Command(TransferCommand):
    """Verify a migration."""

    help = (
        "Derives from v2, by the rules and apart from the import, what v3 has to hold, and "
        "compares every value of every record; counts both databases anew and checks that every "
        "v2 record is in v3 under its id or recorded as an error, that each number of the run's "
        "ledger is so, and that no reference is broken. Keeps the differences it finds in v3, "
        "and lists the accepted ones apart. Stopped, it goes on where it was. Exits 3 when "
        "anything differs, a check failed or errors are open."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--name",
            type=migration_name,
            help="the migration (default: the one unfinished, else the latest)",
        )
        which.add_argument(
            "--organization",
            type=organization_id,
            metavar="ID",
            help="the migration that moved exactly this organization",
        )
        parser.add_argument(
            "--sample",
            type=positive,
            metavar="N",
            help="compare the values of N users and N submissions only (default: all)",
        )
        parser.add_argument(
            "--seed",
            type=positive,
            default=1,
            help="decides which records a sample has (default: %(default)s)",
        )
        parser.add_argument(
            "--batch-size",
            type=batch_size,
            default=DEFAULT_BATCH_SIZE,
            help="records compared at a time (default: %(default)s)",
        )
        parser.add_argument(
            "--workers",
            type=workers,
            metavar="N",
            help="compare submissions with N processes side by side, 1 to "
            f"{MAX_WORKERS} (default: PLIERS_WORKERS, else one a core, {MOST_BY_DEFAULT} at most; "
            f"here: {default_workers()}); a sample, and a v2 to be spared, is read by one",
        )
        add_pacing(parser)
        parser.add_argument(
            "--restart", action="store_true", help="begin anew where one was stopped before its end"
        )
        parser.add_argument(
            "--html", type=Path, metavar="FILE", help="write the report as one HTML file too"
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        asked = VerifyOptions(
            options["name"],
            options["organization"],
            options["batch_size"],
            options["sample"],
            options["seed"],
            options["restart"],
            pacing(options),
            options["workers"],
        )
        if options["html"]:  # refused now, and not after an hour's work
            check_path(options["html"])
        with ConsoleObserver() as observer:
            report = verify(asked, observer)
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        if options["html"]:
            write_html(options["html"], report.as_json())
        return ExitStatus.CLEAN if report.clean else ExitStatus.WITH_ERRORS
