"""The errors the engine raises, one tree.

Two questions decide what a caller does with one: is it about a single record (``RecordError``:
record it and go on) or about the run (``RunError``: stop), and may the same call succeed later
(``retryable``: the run stays resumable)?
"""


class TransferError(Exception):
    """Anything the engine raises on purpose.

    Args:
        message: one line for a person: what was wrong and what to do. Never a secret (R8).
        table: the v3 table in hand, where there is one.
        legacy_key: the v2 Id in hand, where there is one.
    """

    retryable = False

    def __init__(self, message: str, *, table: str = "", legacy_key: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.table = table
        self.legacy_key = legacy_key


class RecordError(TransferError):
    """One v2 record cannot become a v3 row; the run goes on without it (R7)."""


class RunError(TransferError):
    """The run cannot start or go on (exit status 1)."""


class RunStoppedError(RunError):
    """A run that had begun had to stop; what it committed stays, and it can be resumed."""

    retryable = True


class TooManyErrorsError(RunError):
    """More records failed than --max-errors or --max-error-share allows."""

    retryable = True


class ConfigurationError(RunError):
    """A setting or a mapping file is wrong, or names what does not exist."""


class SourceError(RunError):
    """The v2 database cannot be reached or does not have what the import needs."""


class SourceLostError(SourceError):
    """The connection to v2 was lost in the middle of a run."""

    retryable = True


class TargetError(RunError):
    """The v3 database cannot be reached, is not migrated, or refuses what a run needs."""


class TargetLostError(TargetError):
    """The connection to v3 was lost in the middle of a run."""

    retryable = True


class LockHeldError(RunError):
    """Another importer holds this v3 database (R6)."""


class WorkersNotStartedError(RunError):
    """The system refused a process; nothing was begun."""

    retryable = True


class VerificationStoppedError(RunError):
    """A verification had to stop; what it compared is kept, and it can be gone on with."""

    retryable = True


class ResumeRefusedError(RunError):
    """The migration was begun under something that changes rows and now differs (§6)."""


class ReadOnlySourceError(TransferError):
    """Something tried to write to v2 (R4)."""
