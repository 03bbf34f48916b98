"""manage.py verify_v2: check that a migration lost no record and no answer."""

from typing import Any

from django.core.management.base import CommandParser

from transfer.cli import ExitStatus, TransferCommand, migration_name
from transfer.verify import verify


class Command(TransferCommand):
    """Verify a migration."""

    help = (
        "Counts both databases anew and checks that every v2 record is in v3 under its id or "
        "recorded as an error, that each number of the run's ledger is so, that no reference is "
        "broken and that forms and answers have their shape. Lists the accepted differences "
        "apart. Does not compare every value. Writes nothing. Exits 3 when a check failed or "
        "errors are open."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--name",
            type=migration_name,
            help="the migration (default: the one unfinished, else the latest)",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        report = verify(options["name"])
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        return ExitStatus.CLEAN if report.clean else ExitStatus.WITH_ERRORS
