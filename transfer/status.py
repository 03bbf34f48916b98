"""The status service: what status_v2 prints, read from the books alone."""

import shlex
from datetime import datetime

from transfer.exceptions import RunError
from transfer.progress import Migration, read_migrations
from transfer.put_off import Open, open_deferrals, unsettled
from transfer.rate import told_running
from transfer.report import MigrationReport
from transfer.target import Target


def read_status(name: str | None = None) -> list[MigrationReport]:
    """The migrations v3 knows, oldest first, or the named one.

    Raises:
        TargetError: v3 cannot be reached or is not migrated.
        RunError: there is no migration of that name; those there are get named.
    """
    target = Target("status_v2", exclusive=False)
    try:
        migrations = read_migrations(target.reader)
        left = open_deferrals(target.reader)
        # By the clock that wrote the times; this computer's may differ.
        ((now,),) = target.reader.execute("SELECT clock_timestamp()").fetchall()
    finally:
        target.close()
    if name is None:
        return [_report(migration, left, now) for migration in migrations]
    for migration in migrations:
        if migration.name == name:
            return [_report(migration, left, now)]
    known = ", ".join(migration.name for migration in migrations) or "none"
    raise RunError(f"no migration is named {name!r}; v3 knows: {known}")


def _report(migration: Migration, left: list[Open], now: datetime) -> MigrationReport:
    states = list(migration.states.values())
    ends = [state.completed_at or state.heartbeat_at for state in states]
    last = max((end for end in ends if end), default=None)
    report = MigrationReport(
        migration.name,
        migration.status,
        migration.started_at,
        states,
        # A clock that was set back tells nothing.
        (last - migration.started_at).total_seconds()
        if last and last >= migration.started_at
        else None,
    )
    report.notes.append(f"Begun {migration.started_at:%Y-%m-%d %H:%M:%S} UTC.")
    for state in states:
        if state.status == "in_progress" and state.heartbeat_at:
            report.notes.append(f"{state.table}: {told_running(state, now)}.")
        if ranges := migration.ranges.get(state.table):
            ended = sum(one.status == "completed" for one in ranges)
            report.notes.append(
                f"{state.table}: moved side by side, {ended} of {len(ranges)} ranges at their end."
            )
        if state.error_message:
            report.notes.append(f"{state.table}: {state.error_message}")
    report.notes += unsettled(migration.name, left)
    if migration.rollback is not None:
        report.notes.append(migration.rollback.sentence())
    if migration.rolling_back:
        report.notes.append(f"To go on: rollback_v2 {shlex.quote(migration.name)}")
    elif migration.status in ("in_progress", "failed", "pending"):
        report.notes.append(f"To go on: import_v2 --name {shlex.quote(migration.name)}")
    return report
