"""manage.py seed_v2: make a demo v2 database."""

import argparse
from typing import Any

from django.core.management.base import CommandParser

from legacy_v2.seed.service import DEFAULT_ANSWERS, DEFAULT_SEED, MAX_ANSWERS, seed, v2_target
from transfer.cli import ExitStatus, TransferCommand


class Command(TransferCommand):
    """Make a demo v2 database."""

    help = (
        "Makes a demo v2 database where V2_DATABASE_URL points: a SQLite file or tables in a "
        "PostgreSQL database. It replaces an earlier one of its own and nothing else. The same "
        "arguments make the same database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--submissions", type=_count, required=True, metavar="N", help="submissions to make"
        )
        parser.add_argument(
            "--seed",
            type=int,
            default=DEFAULT_SEED,
            metavar="S",
            help="another number makes other data (default %(default)s)",
        )
        parser.add_argument(
            "--answers",
            type=_answers,
            default=DEFAULT_ANSWERS,
            metavar="N",
            help=f"answers of each submission, 0 to {MAX_ANSWERS} (default %(default)s)",
        )
        parser.add_argument(
            "--faults",
            action="store_true",
            help="add faulty records, and some submissions with them, for every mapping rule",
        )
        parser.add_argument(
            "--form-without-organization",
            action="store_true",
            help="add a form without any organization, which import_v2 refuses to start with",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def run(self, options: dict[str, Any]) -> ExitStatus:
        try:
            report = seed(
                v2_target(),
                submissions=options["submissions"],
                seed=options["seed"],
                answers=options["answers"],
                faults=options["faults"],
                form_without_organization=options["form_without_organization"],
            )
        except KeyboardInterrupt:
            self.stderr.write("Interrupted; the v2 database is as it was.")
            return ExitStatus.INTERRUPTED
        if options["json"]:
            self.print_json(report.as_json())
        else:
            self.stdout.write(report.as_text())
        return ExitStatus.CLEAN


def _count(value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise argparse.ArgumentTypeError(f"takes a whole number of at least 0, got {value!r}")
    return int(value)


def _answers(value: str) -> int:
    if not (value.isascii() and value.isdecimal()) or int(value) > MAX_ANSWERS:
        raise argparse.ArgumentTypeError(
            f"takes a whole number from 0 to {MAX_ANSWERS:,} (a form gets a field for each),"
            f" got {value!r}"
        )
    return int(value)
