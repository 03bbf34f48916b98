"""manage.py import_v2: move v2 into v3, or go on with it."""

from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from transfer.batch_size import TARGET_SECONDS
from transfer.cli import (
    ExitStatus,
    TransferCommand,
    add_pacing,
    batch_size_or_auto,
    migration_name,
    not_negative,
    organization_id,
    pacing,
    positive,
    share,
    workers,
)
from transfer.console import ConsoleObserver
from transfer.importer import run_import
from transfer.options import AUTO, DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE, MAX_WORKERS, ImportOptions
from transfer.plan import TABLES
from transfer.team import MOST_BY_DEFAULT, default_workers
from transfer.tolerance import Tolerance


class Command(TransferCommand):
    """Move v2 into v3."""

    help = (
        "Moves v2 into v3 in batches. Stopped at any point, it goes on where it was when it is "
        "started again; finished, it changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--batch-size",
            type=batch_size_or_auto,
            default=DEFAULT_BATCH_SIZE,
            metavar="N",
            help=f"v2 records a transaction, 1 to {MAX_BATCH_SIZE}, or {AUTO}: as many as take "
            f"about {TARGET_SECONDS:g} s, fewer where they are large (default %(default)s)",
        )
        parser.add_argument(
            "--name",
            type=migration_name,
            help="the migration to begin or resume (default: the one unfinished, "
            "else v2_migration_YYYY_MM_DD of today, UTC)",
        )
        parser.add_argument(
            "--organization",
            dest="organizations",
            action="append",
            type=organization_id,
            metavar="ID",
            help="move only this organization and what belongs to it (repeatable)",
        )
        parser.add_argument(
            "--tables",
            nargs="+",
            choices=TABLES,
            metavar="TABLE",
            help=f"move only these: {' '.join(TABLES)} (default: all)",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="read and map everything, write nothing, report what would fail",
        )
        parser.add_argument(
            "--default-organization",
            type=organization_id,
            metavar="ID",
            help="the organization of forms that name none and are not in V2_MAPPING",
        )
        parser.add_argument(
            "--limit",
            type=positive,
            metavar="N",
            help="stop after N records in all; the migration stays resumable",
        )
        parser.add_argument(
            "--max-errors",
            type=not_negative,
            metavar="N",
            help="stop, resumable, once more than N errors are recorded (default: never)",
        )
        parser.add_argument(
            "--max-error-share",
            type=share,
            metavar="P",
            help="stop, resumable, once more than this share of a table's records failed: 0.01 "
            "or 1%% (default: never)",
        )
        parser.add_argument(
            "--defer-constraints",
            action="store_true",
            help="load with foreign keys off and secondary indexes dropped; the indexes are built "
            "again and every key is proven before a table is completed (needs a role that may set "
            "session_replication_role and owns the tables; else it loads normally)",
        )
        parser.add_argument(
            "--workers",
            type=workers,
            metavar="N",
            help="move submissions in ranges of their keys with N processes side by side, 1 to "
            f"{MAX_WORKERS} (default: PLIERS_WORKERS, else one a core, {MOST_BY_DEFAULT} at most; "
            f"here: {default_workers()}; one where v2 is to be spared or a table is small)",
        )
        add_pacing(parser)
        parser.add_argument(
            "--progress-every",
            type=positive,
            metavar="SECONDS",
            help="print a line of progress on stderr so often, for a log (default: none; a "
            "terminal shows bars)",
        )
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        chosen = chosen_by(options)
        with ConsoleObserver(log_seconds=options["progress_every"]) as observer:
            report = run_import(chosen, observer)
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        if report.outcome == "interrupted":
            return ExitStatus.INTERRUPTED
        return ExitStatus.WITH_ERRORS if report.failed else ExitStatus.CLEAN


def chosen_by(options: dict[str, Any]) -> ImportOptions:
    """What a command line asks for, from its parsed words.

    Raises:
        ConfigurationError: a value that cannot be used, named.
    """
    chosen = ImportOptions.build(
        name=options["name"],
        batch_size=options["batch_size"],
        organizations=options["organizations"],
        tables=options["tables"],
        dry_run=options["dry_run"],
        limit=options["limit"],
        default_organization=options["default_organization"],
        tolerance=Tolerance(options["max_errors"], options["max_error_share"]),
    )
    return replace(
        chosen,
        defer_constraints=options["defer_constraints"],
        pacing=pacing(options),
        workers=options["workers"],
    )
