"""v3 as it stands, migrated or not: for what looks at it first, or puts a dump back into it."""

from transfer.target import LOCK_KEY, Target

_HELD = """
    SELECT count(*)
      FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (classid::bigint << 32) | objid::bigint = %s
"""


class BareTarget(Target):
    """A Target that does not ask for v3's tables.

    Raises:
        TargetError: v3 cannot be reached.
        LockHeldError: another importer holds the lock, and this one was to be exclusive.
    """

    def _check_migrated(self) -> None:
        """Whether there are tables is for the caller to say."""

    def at_work(self) -> str | None:
        """Who holds the import's lock; None where nobody does. The lock is not asked for."""
        row = self.reader.execute(_HELD, (LOCK_KEY,)).fetchone()
        return self._holder(self.reader) if row and row[0] else None
