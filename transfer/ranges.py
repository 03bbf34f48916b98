"""The ranges of a table's keys that are moved side by side, and their books.

Each range is a row of migration_progress: partitions 1, 2, … in the order of v2's keys, each with
the checkpoint it has reached and the key it ends with. What they have counted is added to the
table's own row (partition 0) whenever nobody is at work on them: when a run begins or ends, and
when another command takes the books in hand. So all but who moves them sees one table.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson
from django.conf import settings

from transfer.batch import TableState
from transfer.journal import save_counts
from transfer.ledger import Ledger
from transfer.plan import PLAN
from transfer.progress import read_migrations
from transfer.target import Connection

_V2_TABLES = {step.table: step.v2_table for step in PLAN}
_MOVED_IN_RANGES = """
    SELECT DISTINCT migration_name, table_name FROM migration_progress WHERE partition > 0
"""
# Waits for a worker that was killed while its last batch was on its way in.
_LOCK = """
    SELECT FROM migration_progress WHERE migration_name = %s AND table_name = %s
     ORDER BY partition FOR UPDATE
"""
_EMPTIED = """
    UPDATE migration_progress
       SET processed_records = 0, failed_records = 0, ledger = %s::jsonb,
           total_records = CASE status WHEN 'completed' THEN 0 END
     WHERE migration_name = %s AND table_name = %s AND partition = %s
"""
_DELETE = """
    DELETE FROM migration_progress
     WHERE migration_name = %s AND table_name = %s AND partition > 0
"""
_INSERT = """
    INSERT INTO migration_progress (
           migration_name, table_name, partition, status, total_records, processed_records,
           failed_records, last_key, ledger, started_at, batch_size, fingerprint)
    SELECT migration_name, table_name, %s, %s, %s, 0, 0, %s, %s::jsonb, started_at, batch_size,
           fingerprint
      FROM migration_progress
     WHERE migration_name = %s AND table_name = %s AND partition = 0
"""
# Each range stores the first warnings of a code; of all of them the first in the order of keys
# stay, which are those that one worker would have stored.
_PRUNE = """
    DELETE FROM migration_errors
     WHERE id IN (
           SELECT id
             FROM (SELECT id, row_number() OVER (
                                  PARTITION BY code ORDER BY partition, id) AS place
                     FROM migration_errors
                    WHERE migration_name = %s AND table_name = %s AND severity = 'warning'
                      AND resolved_at IS NULL) AS stored
            WHERE place > %s)
"""
_RENUMBER = """
    UPDATE migration_errors AS error
       SET partition = moved.now
      FROM unnest(%s::int[], %s::int[]) AS moved (was, now)
     WHERE error.migration_name = %s AND error.table_name = %s AND error.partition = moved.was
"""
# An Id that a copy of v2 made by hand has twice may have faults in several ranges. They are
# numbered in the order of keys too; in two steps, for each number is another's before.
_NUMBER = """
    UPDATE migration_errors AS error
       SET occurrence = -numbered.place
      FROM (SELECT id, partition, occurrence, row_number() OVER fault AS place,
                   max(partition) OVER fault_as_a_whole AS last
              FROM migration_errors
             WHERE migration_name = %s AND table_name = %s AND v2_table <> %s
               AND resolved_at IS NULL
            WINDOW fault AS (PARTITION BY v2_table, record_id, code, column_name
                             ORDER BY partition, occurrence),
                   fault_as_a_whole AS (PARTITION BY v2_table, record_id, code, column_name)
           ) AS numbered
     WHERE numbered.id = error.id AND numbered.place <> numbered.occurrence AND numbered.last > 0
"""
_NUMBERED = """
    UPDATE migration_errors SET occurrence = -occurrence
     WHERE migration_name = %s AND table_name = %s AND occurrence < 0
"""
_WHOLE = """
    UPDATE migration_errors SET partition = 0
     WHERE migration_name = %s AND table_name = %s AND partition > 0
"""


def fold_all(connection: Connection, most_warnings: int) -> None:
    """Add to each table what its ranges have counted; for whoever has just taken the lock."""
    for migration, table in connection.execute(_MOVED_IN_RANGES).fetchall():
        fold(connection, migration, table, most_warnings)


def fold(connection: Connection, migration: str, table: str, most_warnings: int) -> TableState:
    """Add to a table what its ranges have counted; the last of them ended, there are none any more.

    Args:
        connection: v3's.
        migration: its name.
        table: the table.
        most_warnings: of a code, that are stored.

    Returns:
        The table's books.
    """
    with connection.transaction():
        whole, ranges = _locked(connection, migration, table)
        if not ranges:
            return whole
        connection.execute(_PRUNE, (migration, table, most_warnings))
        if all(each.status == "completed" for each in ranges):
            whole.last_key = ranges[-1].last_key
            _forget(connection, migration, table)
        else:
            for each in ranges:
                if each.batches or each.records.read or each.findings:
                    ledger = orjson.dumps(_emptied(each).ledger()).decode()
                    connection.execute(_EMPTIED, (ledger, migration, table, each.partition))
        save_counts(connection, migration, whole)
    return whole


def give_up(connection: Connection, migration: str) -> None:
    """Make an end of all ranges of a migration that is taken back, in the open transaction."""
    for name, table in connection.execute(_MOVED_IN_RANGES).fetchall():
        if name == migration:
            whole, _ranges = _locked(connection, migration, table)
            connection.execute(_PRUNE, (migration, table, settings.V2_MAX_STORED_WARNINGS))
            _forget(connection, migration, table)
            save_counts(connection, migration, whole)


def read_ranges(connection: Connection, migration: str, table: str) -> list[TableState]:
    """The ranges of a table, in the order of keys; none where it is moved in one."""
    return [
        each for found in read_migrations(connection, migration)
        for each in found.ranges.get(table, [])
    ]  # fmt: skip


def cut_anew(
    connection: Connection,
    migration: str,
    state: TableState,
    pieces: Iterable[tuple[TableState, Sequence[str]]],
) -> list[TableState]:
    """Put ranges cut at keys in the place of what there is; done twice, it is done once.

    Args:
        connection: v3's.
        migration: its name.
        state: the table, folded.
        pieces: what there is, in the order of keys, each with the keys to cut it at: the table's
            ranges, or the table itself, from its checkpoint on.

    Returns:
        The ranges there are now.
    """
    ranges: list[TableState] = []
    renumbered: dict[int, int] = {}
    for each, keys in pieces:
        renumbered[each.partition] = len(ranges) + 1
        begin = each.last_key
        for until in (*keys, each.until):
            number = len(ranges) + 1
            status = each.status if each.partition else "in_progress"
            ranges.append(
                TableState(state.table, status, last_key=begin, partition=number, until=until)
            )
            begin = until
    renumbered.pop(0, None)
    with connection.transaction():
        _whole, there = _locked(connection, migration, state.table)
        # Committed already, and the answer was lost: to renumber again would be wrong.
        if list(map(_place, there)) == list(map(_place, ranges)):
            return ranges
        connection.execute(_DELETE, (migration, state.table))
        moved = [list(renumbered), list(renumbered.values())]
        connection.execute(_RENUMBER, (*moved, migration, state.table))
        with connection.cursor() as cursor:
            cursor.executemany(
                _INSERT,
                [
                    (
                        each.partition,
                        each.status,
                        0 if each.status == "completed" else None,
                        each.last_key,
                        orjson.dumps(each.ledger()).decode(),
                        migration,
                        state.table,
                    )
                    for each in ranges
                ],
            )
    return ranges


def _locked(
    connection: Connection, migration: str, table: str
) -> tuple[TableState, list[TableState]]:
    """The table's books with what its ranges counted, and these, all locked."""
    connection.execute(_LOCK, (migration, table))
    (found,) = read_migrations(connection, migration)
    whole = found.states[table]
    whole.rate = None  # nobody is at work on it
    return whole, found.ranges.get(table, [])


def _place(state: TableState) -> tuple[int, str, str]:
    return state.partition, state.last_key, state.until


def _forget(connection: Connection, migration: str, table: str) -> None:
    connection.execute(_DELETE, (migration, table))
    connection.execute(_NUMBER, (migration, table, _V2_TABLES[table]))
    connection.execute(_NUMBERED, (migration, table))
    connection.execute(_WHOLE, (migration, table))


def _emptied(state: TableState) -> TableState:
    return replace(
        state,
        batches=0,
        records=Ledger(),
        answers=Ledger(),
        findings=Counter(),
        unstored=Counter(),
        copied=0,
        rate=None,
    )
