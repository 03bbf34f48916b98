"""What import_v2 makes of a benchmark's words on this machine; a process of its own.

    python -m benchmarks.asked "--workers 2" 200000 50000

prints as JSON how many processes move the submissions of a v2 of each size, the size of a batch,
and whether the number of workers was asked for; or why import_v2 does not take the words.
"""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.common import Place
from benchmarks.processes import run

REFUSED = "refused"
AUTO = "auto"  # as import_v2 has it; this module is read where Django is not set up


class Asked(NamedTuple):
    """How an import is done.

    Attributes:
        workers: processes that move submissions, for each size asked about; 1: the command alone.
        batch_size: records, or auto.
        named: whether the words name a number of workers; else it is the default.
    """

    workers: tuple[int, ...]
    batch_size: str
    named: bool

    def as_text(self, sizes: Sequence[int]) -> str:
        """One line for the conditions; ``sizes`` are those asked about."""
        found = dict.fromkeys(self.workers)
        if len(found) == 1:
            workers = _workers(self.workers[0])
        else:
            workers = ", ".join(
                f"{_workers(number)} for {size:,}"
                for number, size in zip(self.workers, sizes, strict=True)
            )
        how = "asked for" if self.named else "the default here"
        return f"{workers} ({how}), {batches(self.batch_size)}"


def batches(size: str) -> str:
    """Words for a batch size: records, or auto."""
    return "batches by auto" if size == AUTO else f"batches of {size}"


def _workers(number: int) -> str:
    return f"{number} worker{'' if number == 1 else 's'}"


def what_is_asked(at: Place, words: Sequence[str], sizes: Sequence[int]) -> Asked:
    """How an import with these words moves v2s of so many submissions here.

    Raises:
        SystemExit: import_v2 does not take the words; one line says why.
    """
    command = [sys.executable, "-m", "benchmarks.asked", shlex.join(words), *map(str, sizes)]
    # The last line alone: before it stands what a word like --help has import_v2 print.
    document = json.loads(run(command, at.environment).output.splitlines()[-1])
    if refused := document.get(REFUSED):
        raise SystemExit(refused)
    return Asked(tuple(document["workers"]), document["batch_size"], document["named"])


def main() -> None:
    """Print it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "pliers.settings"
    import django  # noqa: PLC0415 - it reads the environment

    django.setup()
    try:
        found = asked(shlex.split(sys.argv[1]), [int(size) for size in sys.argv[2:]])
    except SystemExit as error:
        print(json.dumps({REFUSED: str(error)}))
    else:
        print(json.dumps(found._asdict()))


def asked(words: Sequence[str], sizes: Sequence[int]) -> Asked:
    """The same in this process, where Django is set up.

    Raises:
        SystemExit: import_v2 does not take the words.
    """
    from django.core.management import CommandError, load_command_class  # noqa: PLC0415 - as above

    from transfer.exceptions import ConfigurationError  # noqa: PLC0415 - as above
    from transfer.management.commands.import_v2 import chosen_by  # noqa: PLC0415 - as above
    from transfer.team import team_size  # noqa: PLC0415 - as above
    from transfer.workers import workers_worth  # noqa: PLC0415 - as above

    parser = load_command_class("transfer", "import_v2").create_parser("manage.py", "import_v2")
    try:
        options = chosen_by(vars(parser.parse_args(list(words))))
    except (CommandError, ConfigurationError) as error:
        said = " ".join(str(error).split()).removeprefix("Error: ")
        raise SystemExit(f"--import-options: {said}") from None
    except SystemExit:  # --help and --version have printed, and would end it
        text = f"--import-options: {shlex.join(words)} imports nothing"
        raise SystemExit(text) from None
    team = team_size(options)
    return Asked(
        tuple(max(1, workers_worth(options, team, size)) for size in sizes),
        str(options.batch_size),
        named=options.workers is not None,
    )


if __name__ == "__main__":
    main()
