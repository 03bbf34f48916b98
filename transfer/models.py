"""The engine's own tables in v3: how far each migration is, and what went wrong."""

from django.db import models
from django.db.models import F, Q

from pliers.fields import SerialField, TransactionNow
from pliers.models import empty_json


class RunStatus(models.TextChoices):
    """The states of one table of a migration."""

    PENDING = "pending"  # planned, or taken back and to be done again
    IN_PROGRESS = "in_progress"  # begun; running, or stopped by Ctrl-C or a kill, and resumable
    COMPLETED = "completed"  # every record is migrated or an error
    FAILED = "failed"  # stopped by what it could not get over, and resumable
    ROLLED_BACK = "rolled_back"  # what it wrote was removed


# What may follow each state. A trigger in the database holds the same table, for the engine is
# not the only one who can write an UPDATE. in_progress follows itself: that is a resumed run.
TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset({RunStatus.IN_PROGRESS, RunStatus.ROLLED_BACK}),
    RunStatus.IN_PROGRESS: frozenset(
        {RunStatus.IN_PROGRESS, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.ROLLED_BACK}
    ),
    RunStatus.FAILED: frozenset({RunStatus.IN_PROGRESS, RunStatus.ROLLED_BACK}),
    RunStatus.COMPLETED: frozenset({RunStatus.ROLLED_BACK}),
    RunStatus.ROLLED_BACK: frozenset({RunStatus.PENDING}),
}


class ErrorSeverity(models.TextChoices):
    """An error keeps its record out of v3, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class MigrationProgress(models.Model):
    """How far one migration is with one table (or one partition of it), and how to go on."""

    id = SerialField(primary_key=True)
    migration_name = models.CharField(max_length=255)
    table_name = models.CharField(max_length=255)
    total_records = models.BigIntegerField(null=True, blank=True)
    processed_records = models.BigIntegerField(null=True, blank=True)
    failed_records = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(db_default=TransactionNow())
    completed_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=50, null=True, blank=True, choices=RunStatus, default=RunStatus.PENDING
    )
    error_message = models.TextField(null=True, blank=True)
    partition = models.IntegerField(default=0, db_default=0)
    # The last v2 key whose batch is committed, as v2's server gave it; empty: none yet.
    last_key = models.TextField(default="", db_default="", blank=True)
    batch_size = models.IntegerField(null=True, blank=True)
    # What must not differ when the run resumes: source, mapping, and the rest of what changes rows.
    fingerprint = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    # Findings by code, and where the records and the answers went (see transfer.ledger).
    ledger = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "migration_progress"
        verbose_name_plural = "migration progress"
        constraints = (
            models.UniqueConstraint(
                fields=["migration_name", "table_name", "partition"],
                name="migration_progress_migration_name_table_name_partition_key",
            ),
            models.CheckConstraint(
                condition=Q(status__in=RunStatus.values), name="migration_progress_status_check"
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.COMPLETED)
                | Q(
                    total_records__isnull=False,
                    processed_records__isnull=False,
                    failed_records__isnull=False,
                    total_records=F("processed_records") + F("failed_records"),
                ),
                name="migration_progress_accounted_check",
            ),
        )

    def __str__(self) -> str:
        return f"{self.migration_name}: {self.table_name}"


class MigrationError(models.Model):
    """One error or warning about one v2 record."""

    id = SerialField(primary_key=True)
    migration_name = models.CharField(max_length=255)
    # The v2 Id in lower case; null for a finding that no single record is to blame for.
    record_id = models.CharField(max_length=255, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)
    error_detail = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=TransactionNow())
    table_name = models.CharField(max_length=255)
    v2_table = models.CharField(max_length=255)
    severity = models.CharField(max_length=20, choices=ErrorSeverity)
    code = models.CharField(max_length=100)
    column_name = models.CharField(max_length=255, default="", db_default="", blank=True)
    attempts = models.IntegerField(default=1, db_default=1)
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Which of several: a submission may have the same fault in one column more than once.
    occurrence = models.IntegerField(default=1, db_default=1)

    class Meta:
        db_table = "migration_errors"
        constraints = (
            models.CheckConstraint(
                condition=Q(severity__in=ErrorSeverity.values),
                name="migration_errors_severity_check",
            ),
            # The same fault found again is the same row; one that was closed is history.
            models.UniqueConstraint(
                fields=[
                    "migration_name",
                    "table_name",
                    "v2_table",
                    "record_id",
                    "code",
                    "column_name",
                    "occurrence",
                ],
                condition=Q(resolved_at__isnull=True),
                name="migration_errors_fault_key",
            ),
        )
        indexes = (
            # Counting, retrying and filtering go by cause; closing and proving by record.
            models.Index(
                fields=["migration_name", "severity", "code"], name="idx_migration_errors_cause"
            ),
            models.Index(
                fields=["migration_name", "table_name", "record_id"],
                name="idx_migration_errors_record",
            ),
        )

    def __str__(self) -> str:
        # Shown in titles; an Id out of a copy of v2 made by hand may steer the text around it.
        shown = (c if c.isprintable() else f"U+{ord(c):04X}" for c in self.record_id or "")
        return f"{self.code}: {self.v2_table} {''.join(shown)}"


class MigrationAssignment(models.Model):
    """A decision that took a whole table to make, kept so that every batch abides by it.

    M6's duplicate emails and M12's submission numbers: the record, the code of the finding it
    earns, and the value it gets instead (null: none, the record fails).
    """

    id = models.BigAutoField(primary_key=True)
    migration_name = models.CharField(max_length=255)
    table_name = models.CharField(max_length=255)
    record_id = models.UUIDField()
    code = models.CharField(max_length=100)
    value = models.CharField(max_length=255, null=True, blank=True)

    class Meta:
        db_table = "migration_assignments"
        constraints = (
            models.UniqueConstraint(
                fields=["migration_name", "table_name", "record_id"],
                name="migration_assignments_record_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.table_name} {self.record_id}: {self.code}"
