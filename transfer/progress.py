"""migration_progress: beginning, resuming and ending a migration, and which one is meant.

The states and their legal transitions stand in transfer.models; a trigger guards them too.
"""

import shlex
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any

import orjson
from psycopg import sql

from legacy_v2.ids import written
from transfer.batch import TableState
from transfer.exceptions import ResumeRefusedError, RunError
from transfer.fingerprint import differences
from transfer.ledger import Ledger
from transfer.plan import TABLES, Step
from transfer.rollback_note import KEY as ROLLBACK
from transfer.rollback_note import RollbackNote
from transfer.target import Connection

DEFAULT_NAME = "v2_migration_%Y_%m_%d"
# Characters of an organization's Id that a default name holds: as few as do, in whole groups.
ID_PARTS = (8, 13, 18, 23, 36)
# The parts of a fingerprint that say what a migration moves; the others say how.
SELECTION = ("source", "tables", "organizations")


@dataclass(slots=True)
class Migration:
    """A migration as its checkpoint rows tell it."""

    name: str
    started_at: datetime
    fingerprint: dict[str, Any]
    # What the ranges of a table have counted is in its state (transfer.ranges).
    states: dict[str, TableState] = field(default_factory=dict)
    # Tables that are moved in ranges of their keys: those there are, in the order of keys.
    ranges: dict[str, list[TableState]] = field(default_factory=dict)
    # How far rollback_v2 is with it; None: it was never begun.
    rollback: RollbackNote | None = None

    @property
    def finished(self) -> bool:
        """Every table is completed."""
        return all(state.status == "completed" for state in self.states.values())

    @property
    def status(self) -> str:
        """The migration's state: its tables' when all agree, else the one that matters most."""
        states = {state.status for state in self.states.values()}
        if len(states) == 1:
            return states.pop()
        return next((s for s in ("rolled_back", "failed") if s in states), "in_progress")

    @property
    def rolled_back(self) -> bool:
        """It was rolled back, and may start anew under its name."""
        return any(state.status == "rolled_back" for state in self.states.values())

    @property
    def rolling_back(self) -> bool:
        """A rollback of it has begun and is not through: some of its rows are gone, some not."""
        return self.rollback is not None and not self.rollback.finished


def read_migrations(connection: Connection, name: str | None = None) -> list[Migration]:
    """The migrations v3 knows, oldest first; only the named one where a name is given."""
    rows = connection.execute(
        """
        SELECT migration_name, table_name, fingerprint, started_at, completed_at, status,
               total_records, last_key, ledger, error_message, heartbeat_at,
               coalesce(processed_records, 0), coalesce(failed_records, 0), partition
          FROM migration_progress
         WHERE %(name)s::text IS NULL OR migration_name = %(name)s
         ORDER BY partition, started_at, id
        """,
        {"name": name},
    ).fetchall()
    found: dict[str, Migration] = {}
    for row in rows:
        migration = found.setdefault(row[0], Migration(row[0], row[3], row[2]))
        state = _state(row)
        if state.partition:
            migration.ranges.setdefault(state.table, []).append(state)
            migration.states[state.table].absorb(state)
            continue
        if note := row[8].get(ROLLBACK):
            migration.rollback = migration.rollback or RollbackNote(note["began_at"])
            migration.rollback.add(row[1], note)
        migration.states[row[1]] = state
    return list(found.values())


def _state(row: tuple[Any, ...]) -> TableState:
    ledger = row[8]
    return TableState(
        table=row[1],
        status=row[5],
        total=row[6],
        last_key=row[7],
        batches=ledger.get("batches", 0),
        prepared=ledger.get("prepared", False),
        records=_records(ledger.get("records"), *row[11:13]),
        answers=Ledger.from_json(ledger.get("answers")),
        findings=Counter(ledger.get("findings", {})),
        unstored=Counter(ledger.get("unstored", {})),
        started_at=row[3],
        completed_at=row[4],
        error_message=row[9],
        heartbeat_at=row[10],
        source=ledger.get("source", {}),
        partition=row[13],
        until=ledger.get("until", ""),
        copied=ledger.get("copied", 0),
        rate=ledger.get("rate"),
    )


def _records(ledger: dict[str, Any] | None, processed: int, failed: int) -> Ledger:
    """The ledger of a table's records; the first builds kept none, only its sums."""
    sums = {"read": processed + failed, "migrated": processed, "failed": failed}
    return Ledger.from_json(ledger or sums)


def choose_name(
    connection: Connection, name: str | None, fingerprint: dict[str, Any], now: datetime
) -> str:
    """Which migration a call means (§7).

    With a name: that one. Without: the one unfinished; else the finished one that was made of
    the same source and options, which then has nothing to do; else today's, in UTC. Where
    organizations are selected, only migrations of just these are meant, and today's name says
    which they are: several organizations are moved side by side, each under a name of its own.
    A name that was rolled back is only meant by what moved the same: rows it kept are still there.

    Raises:
        RunError: several are unfinished; they are listed. Or one that moved some of the same
            organizations is rolled back in part: its rows would be in the way.
    """
    if name:
        return name
    every = read_migrations(connection)
    selected = fingerprint.get("organizations") or []
    for migration in every:
        moved = _organizations(migration.fingerprint)
        if not selected or not moved or moved & set(selected):
            check_rolled_back(migration)
    known = [m for m in every if not m.rolled_back]
    others = [m for m in known if selected and _organizations(m.fingerprint) != set(selected)]
    meant = [m for m in known if m not in others]
    unfinished = [m.name for m in meant if not m.finished]
    if len(unfinished) > 1:
        msg = f"several migrations are unfinished: {', '.join(unfinished)}"
        raise RunError(f"{msg}; say which one with --name")
    if unfinished:
        return unfinished[0]
    same = [m.name for m in meant if m.fingerprint == fingerprint]
    if same:
        return same[-1]
    undone = [m for m in every if m.rolled_back and not _same(m.fingerprint, fingerprint)]
    today = now.astimezone(UTC).strftime(DEFAULT_NAME)
    return _free_name(today, selected, {m.name for m in (*others, *undone)})


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two migrations move the same: source, tables and organizations."""
    return all(one.get(part) == other.get(part) for part in SELECTION)


def _organizations(fingerprint: Mapping[str, Any]) -> set[str]:
    return set(fingerprint.get("organizations") or ())


def _free_name(name: str, organizations: Sequence[str], taken: Container[str]) -> str:
    """The name with as much of the first organization's Id as tells it from other migrations."""
    names = [name]
    if organizations:
        first, *more = map(written, sorted(organizations))
        rest = f"_and_{len(more)}_more" if more else ""
        names = [f"{name}_{first[:length]}{rest}" for length in ID_PARTS]
    numbered = (f"{names[-1]}_{number}" for number in count(2))
    return next(one for one in chain(names, numbered) if one not in taken)


def check_resumable(migration: Migration, fingerprint: dict[str, Any]) -> None:
    """Refuse to go on with a migration begun under something that changes rows (§6).

    Raises:
        ResumeRefusedError: names each part that differs, as it was and as it is, and what to do.
    """
    if told := differences(migration.fingerprint, fingerprint):
        then, now = _organizations(migration.fingerprint), _organizations(fingerprint)
        beside = "To move another organization beside it, give that one another --name. "
        raise ResumeRefusedError(
            f"cannot go on with {migration.name!r}, which was begun otherwise: {'; '.join(told)}. "
            f"{beside if then and now and not then & now else ''}"
            "To begin anew instead, give another --name and an empty v3: rows that are there "
            "already would each be an error (id_taken)"
        )


def check_rolled_back(migration: Migration) -> None:
    """Refuse to begin a migration anew of which a rollback has left rows behind.

    Raises:
        ResumeRefusedError: says how to finish the rollback.
    """
    if migration.rolling_back:
        raise ResumeRefusedError(
            f"{migration.name!r} is rolled back in part: some of its rows are gone, some are not. "
            f"First: rollback_v2 {shlex.quote(migration.name)}"
        )


def _check_kept(connection: Connection, migration: Migration, fingerprint: dict[str, Any]) -> None:
    """Refuse to begin another selection under a name of which rows are still in v3.

    Raises:
        ResumeRefusedError: says what differs, and how to remove the rows.
    """
    if _same(migration.fingerprint, fingerprint):
        return
    parts = [
        sql.SQL("SELECT count(*) FROM {} WHERE metadata->>'migration_batch' = %(name)s").format(
            sql.Identifier(table)
        )
        for table in TABLES
    ]
    counts = connection.execute(sql.SQL(" UNION ALL ").join(parts), {"name": migration.name})
    if rows := sum(number for (number,) in counts.fetchall()):
        asked = {part: fingerprint[part] for part in SELECTION}
        told = differences(migration.fingerprint, {**migration.fingerprint, **asked})
        raise ResumeRefusedError(
            f"{migration.name!r} was rolled back and kept {rows:,} rows, and was begun otherwise: "
            f"{'; '.join(told)}. Give another --name, or first remove what it kept: "
            f"rollback_v2 {shlex.quote(migration.name)} --include-modified"
        )


def open_migration(
    connection: Connection,
    name: str,
    steps: Sequence[Step],
    fingerprint: dict[str, Any],
    batch_size: int | None,
) -> Migration:
    """The migration of that name: begun now, begun anew after a rollback, or to be resumed.

    Raises:
        ResumeRefusedError: it was begun under something that changes rows and now differs, or is
            being rolled back, or kept rows when it was and would now move something else.
    """
    with connection.transaction():
        existing = read_migrations(connection, name)
        if existing and not existing[0].rolled_back:
            check_resumable(existing[0], fingerprint)
            if not existing[0].finished:
                connection.execute(
                    "UPDATE migration_progress SET batch_size = coalesce(%s, batch_size)"
                    " WHERE migration_name = %s"
                    " AND status <> 'completed'",
                    (batch_size, name),
                )
            return existing[0]
        if existing:
            check_rolled_back(existing[0])
            _check_kept(connection, existing[0], fingerprint)
            # A rolled back row may only become pending, and what it counted is over. Its errors
            # stay as history; they are no errors of what begins now.
            connection.execute(
                "DELETE FROM migration_assignments WHERE migration_name = %s", (name,)
            )
            connection.execute(
                "UPDATE migration_errors SET resolved_at = now()"
                " WHERE migration_name = %s AND resolved_at IS NULL",
                (name,),
            )
            connection.execute(
                "DELETE FROM migration_progress WHERE migration_name = %s"
                " AND table_name <> ALL(%s)",
                (name, [step.table for step in steps]),
            )
            connection.execute(
                "UPDATE migration_progress SET status = 'pending', started_at = now(),"
                " completed_at = NULL, total_records = NULL, processed_records = 0,"
                " failed_records = 0, last_key = '', ledger = '{}', error_message = NULL,"
                " fingerprint = %s::jsonb, batch_size = %s WHERE migration_name = %s",
                (orjson.dumps(fingerprint).decode(), batch_size, name),
            )
        known = set(existing[0].states) if existing else set()
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO migration_progress (migration_name, table_name, status,"
                " processed_records, failed_records, batch_size, fingerprint)"
                " VALUES (%s, %s, 'pending', 0, 0, %s, %s::jsonb)",
                [
                    (name, step.table, batch_size, orjson.dumps(fingerprint).decode())
                    for step in steps
                    if step.table not in known
                ],
            )
        return read_migrations(connection, name)[0]


def start_table(connection: Connection, migration: str, state: TableState, total: int) -> None:
    """Take a pending, interrupted or failed table in hand."""
    state.rate = None  # that of an earlier start
    connection.execute(
        "UPDATE migration_progress SET status = 'in_progress', total_records = %s,"
        " heartbeat_at = clock_timestamp(), error_message = NULL, ledger = %s::jsonb"
        " WHERE migration_name = %s AND table_name = %s AND partition = 0",
        (total, orjson.dumps(state.ledger()).decode(), migration, state.table),
    )
    state.status, state.total = "in_progress", total


def fail_table(connection: Connection, migration: str, state: TableState, message: str) -> None:
    """Leave a table in hand as failed, resumable, with the reason."""
    connection.execute(
        "UPDATE migration_progress SET status = 'failed', error_message = %s"
        " WHERE migration_name = %s AND table_name = %s AND partition = 0"
        " AND status = 'in_progress'",
        (message, migration, state.table),
    )
    state.status, state.error_message = "failed", message
