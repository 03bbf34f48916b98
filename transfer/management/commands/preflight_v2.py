"""manage.py preflight_v2: the checklist before a migration."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console

from transfer.cli import ExitStatus, TransferCommand, organization_id
from transfer.options import ImportOptions
from transfer.plan import TABLES
from transfer.preflight.report import PreflightReport
from transfer.preflight.service import WayBack, run_preflight


class Command(TransferCommand):
    """Look at both databases before a migration."""

    help = (
        "Looks at v2 and v3 before an import: connections, privileges, schemas, whose each form "
        "is, volumes, disk, time, and what in v2 the rules of the mapping are for. Writes "
        "nothing but the restore point and the backup it is asked for. Exits 3 when something "
        "is BLOCKED."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--organization",
            dest="organizations",
            action="append",
            type=organization_id,
            metavar="ID",
            help="look at what import_v2 would move with the same option (repeatable)",
        )
        parser.add_argument(
            "--tables",
            nargs="+",
            choices=TABLES,
            metavar="TABLE",
            help=f"look only at these: {' '.join(TABLES)} (default: all)",
        )
        parser.add_argument(
            "--default-organization",
            type=organization_id,
            metavar="ID",
            help="the organization of forms that name none and are not in V2_MAPPING",
        )
        parser.add_argument(
            "--full",
            action="store_true",
            help="look for hazards inside texts in all rows, not in a sample",
        )
        parser.add_argument(
            "--restore-point",
            metavar="NAME",
            help="name this place in v3's log, for a server set up to recover to it",
        )
        parser.add_argument(
            "--backup", type=Path, metavar="FILE", help="dump v3 into this new file with pg_dump"
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        chosen = ImportOptions.build(
            organizations=options["organizations"],
            tables=options["tables"],
            default_organization=options["default_organization"],
        )
        try:
            report = self._look(chosen, options)
        except KeyboardInterrupt:
            # An unfinished dump is gone with it.
            said = "Interrupted; nothing was written to v2 or v3."
            raise KeyboardInterrupt(said) from None
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        return ExitStatus.WITH_ERRORS if report.blocked else ExitStatus.CLEAN

    def _look(self, chosen: ImportOptions, options: dict[str, Any]) -> PreflightReport:
        console = Console(stderr=True)
        with console.status("") as status:
            return run_preflight(
                chosen,
                full=options["full"],
                way_back=WayBack(options["restore_point"], options["backup"]),
                telling=lambda text: status.update(f"preflight: {text}"),
            )
