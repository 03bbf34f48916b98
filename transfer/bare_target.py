"""v3 as it stands, migrated or not: for what looks at it first, or puts a dump back into it."""

from transfer.target import Target


class BareTarget(Target):
    """A Target that does not ask for v3's tables.

    Raises:
        TargetError: v3 cannot be reached.
        LockHeldError: another importer holds the lock, and this one was to be exclusive.
    """

    def _check_migrated(self) -> None:
        """Whether there are tables is for the caller to say."""
