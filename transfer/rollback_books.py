"""migration_progress through a rollback: which migration is meant, begun, counted, finished."""

from collections.abc import Mapping

import orjson

from transfer.exceptions import RunError
from transfer.progress import Migration, read_migrations
from transfer.ranges import give_up
from transfer.rollback_graph import Table
from transfer.rollback_note import RollbackNote
from transfer.target import Connection

# All rows of the migration in one transaction with the first look at them: whatever happens
# after, nobody takes what is left for a migration that is complete or can be gone on with.
_BEGIN = """
    UPDATE migration_progress
       SET ledger = ledger || jsonb_build_object('rollback',
               jsonb_build_object('began_at', now(), 'removed', 0)
               || coalesce(ledger->'rollback', '{}')
               || '{"kept": 0, "finished": false}'),
           heartbeat_at = clock_timestamp()
     WHERE migration_name = %s
"""
# A row that is rolled back stays so: the trigger knows no way from there to there.
_ROLLED_BACK = """
    UPDATE migration_progress SET status = 'rolled_back', error_message = NULL
     WHERE migration_name = %s AND status IS DISTINCT FROM 'rolled_back'
"""
_CLOSE_DIFFERENCES = """
    UPDATE migration_differences SET resolved_at = now()
     WHERE migration_name = %s AND resolved_at IS NULL
"""
_ABANDON_VERIFICATION = """
    UPDATE migration_verifications SET status = 'abandoned'
     WHERE migration_name = %s AND status = 'in_progress'
"""
_REMOVED = """
    UPDATE migration_progress
       SET ledger = jsonb_set(ledger, '{rollback,removed}',
               to_jsonb((ledger #>> '{rollback,removed}')::bigint + %s::bigint)),
           heartbeat_at = clock_timestamp()
     WHERE id = %s
"""
_CASCADED = """
    UPDATE migration_progress
       SET ledger = jsonb_set(ledger, '{rollback,cascaded}',
               coalesce(ledger #> '{rollback,cascaded}', '{}') || jsonb_build_object(%s::text,
                   coalesce((ledger #>> ARRAY['rollback', 'cascaded', %s])::bigint, 0)
                   + %s::bigint)),
           heartbeat_at = clock_timestamp()
     WHERE id = %s
"""
_FINISH = """
    UPDATE migration_progress
       SET ledger = jsonb_set(ledger, '{rollback}', ledger->'rollback' || jsonb_build_object(
               'finished', true, 'kept', coalesce((%s::jsonb->>table_name)::bigint, 0))),
           heartbeat_at = clock_timestamp()
     WHERE migration_name = %s
"""


def choose(connection: Connection, name: str | None, organization: str | None) -> Migration:
    """The migration of that name, or the one that moved exactly that organization.

    Raises:
        RunError: there is none, or several moved the organization; the known ones are listed.
    """
    known = read_migrations(connection)
    if name is not None:
        for migration in known:
            if migration.name == name:
                return migration
        raise RunError(f"no migration is named {name!r}; v3 knows: {_names(known)}")
    found = [one for one in known if one.fingerprint.get("organizations") == [organization]]
    # One that is rolled back already is meant only where there is no other.
    standing = [one for one in found if not one.rolled_back or one.rolling_back]
    meant = standing or found
    if not meant:
        raise RunError(
            f"no migration was begun with exactly --organization {organization}; "
            f"v3 knows: {_names(known)}"
        )
    if len(meant) > 1:
        raise RunError(
            f"several migrations were begun with exactly --organization {organization}: "
            f"{_names(meant)}; say which by its name"
        )
    return meant[0]


def _names(migrations: list[Migration]) -> str:
    return ", ".join(one.name for one in migrations) or "none"


class Books:
    """The migration's progress rows during a rollback.

    Args:
        migration: its name.
    """

    def __init__(self, migration: str) -> None:
        self._migration = migration
        self._rows: dict[str, int] = {}

    def begin(self, connection: Connection) -> None:
        """Mark the whole migration as rolled back, not finished; close what was found about it."""
        with connection.transaction():
            # What a verification stores it stores behind a lock on its own row: abandon it first.
            give_up(connection, self._migration)
            for statement in (_BEGIN, _ROLLED_BACK, _ABANDON_VERIFICATION, _CLOSE_DIFFERENCES):
                connection.execute(statement.encode(), (self._migration,))
            rows = connection.execute(
                "SELECT table_name, id FROM migration_progress WHERE migration_name = %s"
                " ORDER BY partition DESC, id DESC",
                (self._migration,),
            ).fetchall()
            self._rows = dict(rows)

    def removed(self, connection: Connection, table: Table, rows: int) -> None:
        """Count rows of the migration that the transaction removes."""
        connection.execute(_REMOVED, (rows, self._row(table)))

    def cascaded(self, connection: Connection, table: Table, rows: int) -> None:
        """Count rows of the application that the transaction removes."""
        label = table.label
        connection.execute(_CASCADED, (label, label, rows, min(self._rows.values())))

    def finish(self, connection: Connection, kept: Mapping[str, int]) -> None:
        """Nothing is left to remove; ``kept`` are the rows that stay, by table."""
        connection.execute(_FINISH, (orjson.dumps(dict(kept)).decode(), self._migration))

    def note(self, connection: Connection) -> RollbackNote | None:
        """What the books say."""
        return read_migrations(connection, self._migration)[0].rollback

    def _row(self, table: Table) -> int:
        # Begun anew with fewer tables, a migration may have rows in a table it has no books of.
        return self._rows.get(table.name, min(self._rows.values()))
