"""manage.py status_v2: how far the migrations are."""

import time
from typing import Any

from django.core.management.base import CommandParser

from transfer.cli import ExitStatus, TransferCommand, migration_name
from transfer.report import MigrationReport
from transfer.status import read_status

WATCH_SECONDS = 2.0


class Command(TransferCommand):
    """Show how far the migrations are."""

    help = "Shows each migration, table by table: what is in v3, what failed, what was remarked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", type=migration_name, help="only this migration")
        shown = parser.add_mutually_exclusive_group()
        shown.add_argument(
            "--watch",
            action="store_true",
            help=f"show it again every {WATCH_SECONDS:.0f} seconds, until nothing is in progress "
            "or Ctrl-C",
        )
        shown.add_argument("--json", action="store_true", help="print it as JSON")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        reports = read_status(options["name"])
        if options["json"]:
            self.print_json({"migrations": [report.as_json() for report in reports]})
            return _status(reports)
        self._show(reports)
        while options["watch"] and any(report.outcome == "in_progress" for report in reports):
            time.sleep(WATCH_SECONDS)
            reports = read_status(options["name"])
            self._show(reports)
        return _status(reports)

    def _show(self, reports: list[MigrationReport]) -> None:
        if not reports:
            self.stdout.write("No migration yet; start one with import_v2.")
        for report in reports:
            self.stdout.write(report.as_text())


def _status(reports: list[MigrationReport]) -> ExitStatus:
    failed = any(report.failed for report in reports if report.outcome != "rolled_back")
    return ExitStatus.WITH_ERRORS if failed else ExitStatus.CLEAN
