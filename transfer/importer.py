"""The import service: what import_v2 and everything else that starts a run calls."""

import contextlib
import shlex
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from transfer.options import ImportOptions
from transfer.progress import Migration, check_resumable, choose_name, read_migrations
from transfer.put_off import open_deferrals, told
from transfer.ranges import fold_all
from transfer.report import MigrationReport, report_of
from transfer.source_place import identity
from transfer.target import Target
from transfer.team import Team, team_size

if TYPE_CHECKING:
    from transfer.pipeline import Observer

# What moves rows is loaded when there are rows to move: it is a good part of a start, and a
# migration that is finished needs none of it.


def run_import(options: ImportOptions, observer: "Observer") -> MigrationReport:
    """Move v2 into v3, or go on with it, as the options say.

    Returns:
        What was done; ``outcome`` tells whether it is all.

    Raises:
        TransferError: the run could not start, or had to stop; where it had begun it can be
            resumed, and the message says so.
    """
    began = time.monotonic()
    fingerprint = options.fingerprint(identity("v2"))
    workers = team_size(options)
    if workers:  # what is loaded before they are forked, they share
        from transfer import import_run  # noqa: F401, PLC0415 - see above
    with (
        # Before anything is open: what is would be open in its processes too.
        contextlib.closing(Team(workers)) as team,
        contextlib.closing(
            Target("import_v2", exclusive=not options.dry_run, run_key=team.run_key)
        ) as target,
    ):
        name = choose_name(target.writer, options.name, fingerprint, datetime.now(UTC))
        if not options.dry_run:
            target.retrying(lambda: fold_all(target.writer, options.max_stored_warnings))
            done = _finished(target, name, fingerprint)
            if done is not None:
                _tell_what_is_open(target, observer)
                return report_of(done.name, "nothing to do", done, began)
        from transfer.import_run import ImportRun  # noqa: PLC0415 - see above
        from transfer.source import Source  # noqa: PLC0415

        with contextlib.closing(Source()) as source:
            return ImportRun(options, observer, source, target, team).run(name, fingerprint, began)


def _finished(target: Target, name: str, fingerprint: dict[str, object]) -> Migration | None:
    for migration in read_migrations(target.writer, name):
        if not migration.rolled_back:
            # Before v2 is opened: what is wrong there may be that it is another, or that the
            # mapping file is not the one the migration was begun with.
            check_resumable(migration, fingerprint)
        if migration.finished:
            return migration
    return None


def _tell_what_is_open(target: Target, observer: "Observer") -> None:
    left = open_deferrals(target.writer)
    for name in dict.fromkeys(one.migration for one in left):
        what = told([one for one in left if one.migration == name])
        observer.remark(f"{name!r} left {what}; to go on: import_v2 --name {shlex.quote(name)}")
