"""manage.py rollback_v2: remove what a migration wrote, and nothing else."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from transfer.cli import (
    ExitStatus,
    TransferCommand,
    batch_size,
    migration_name,
    organization_id,
)
from transfer.console import ConsoleObserver
from transfer.rollback import DEFAULT_BATCH_SIZE, RollbackOptions, run_rollback
from transfer.rollback_report import RollbackReport
from transfer.rollback_restore import RestoreReport, run_restore

STATUSES = {
    "blocked": ExitStatus.COULD_NOT,
    "interrupted": ExitStatus.INTERRUPTED,
}


class Command(TransferCommand):
    """Remove what a migration wrote."""

    help = (
        "Removes the rows that a migration wrote, and nothing else; first it shows what would go "
        "and what stands in the way, and asks for the migration's name. Stopped at any point, it "
        "goes on when it is started again. An import under the same name may then start anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("name", nargs="?", type=migration_name, help="the migration")
        which.add_argument(
            "--organization",
            type=organization_id,
            metavar="ID",
            help="instead of a name: the migration that moved exactly this organization",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would go, and change nothing"
        )
        parser.add_argument(
            "--cascade",
            action="store_true",
            help="remove v3's own rows, too, that refer to what goes (without it they block)",
        )
        parser.add_argument(
            "--include-modified",
            action="store_true",
            help="remove rows, too, that were changed in v3 since (without it they are kept)",
        )
        parser.add_argument(
            "--batch-size",
            type=batch_size,
            default=DEFAULT_BATCH_SIZE,
            metavar="N",
            help="rows a transaction (default %(default)s)",
        )
        parser.add_argument(
            "--no-input", action="store_true", help="do not ask for the name before removing"
        )
        parser.add_argument(
            "--restore",
            type=Path,
            metavar="FILE",
            help="instead of removing rows: make all of v3 what it was when this was dumped "
            "(preflight_v2 --backup); everything that came or changed since is lost",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        chosen = RollbackOptions(
            options["name"],
            options["organization"],
            options["dry_run"],
            options["cascade"],
            options["include_modified"],
            options["batch_size"],
        )

        if options["restore"] is not None:
            return self._restore(options)
        observer = ConsoleObserver()
        with ExitStack() as bars:

            def confirm(preview: RollbackReport) -> bool:
                ask = not options["no_input"]
                confirmed = self.confirmed(preview.migration, preview.as_text(), ask=ask)
                bars.enter_context(observer)  # from here on it draws; before, there is a question
                return confirmed

            report = run_rollback(chosen, observer, confirm)
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        if report.outcome in STATUSES:
            return STATUSES[report.outcome]
        if report.blocked:
            return ExitStatus.COULD_NOT
        return ExitStatus.WITH_ERRORS if report.survey.kept else ExitStatus.CLEAN

    def _restore(self, options: dict[str, Any]) -> ExitStatus:
        if options["cascade"] or options["include_modified"]:
            raise CommandError(
                "--restore puts everything back; --cascade and --include-modified are not for it",
                returncode=ExitStatus.USAGE,
            )

        def confirm(preview: RestoreReport) -> bool:
            ask = not options["no_input"]
            return self.confirmed(preview.migration, preview.as_text(), ask=ask)

        report = run_restore(
            options["name"],
            options["organization"],
            options["restore"],
            confirm,
            dry_run=options["dry_run"],
        )
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        return ExitStatus.CLEAN
