"""The engine's own tables in v3: how far each migration is, and what went wrong."""

from django.db import models
from django.db.models import F, Q

from pliers.constraints import ForeignKeyConstraint
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
    """How far one migration is with one table, and how to go on.

    Partition 0 is the table. While it is moved in ranges of its keys, side by side, each of these
    has a row of its own, partitions 1 and up; what they count is added to the table's row when a
    run begins or ends (transfer.ranges), and they go when the table is at its end.
    """

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
    # The range of keys it was found in, while its table is moved in ranges, where that matters:
    # which warnings are stored, and how occurrences are numbered, does not depend on the number
    # of ranges (transfer.ranges). Else 0.
    partition = models.IntegerField(default=0, db_default=0)

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


class VerificationStatus(models.TextChoices):
    """The states of one verification of a migration."""

    IN_PROGRESS = "in_progress"  # running, or stopped and to be gone on with
    COMPLETED = "completed"  # every record it was to look at has been compared
    ABANDONED = "abandoned"  # another was begun in its place, for something had changed


# What may follow each state; a trigger in the database holds the same table. in_progress follows
# itself: that is a verification that goes on. What has ended is history.
VERIFICATION_TRANSITIONS: dict[VerificationStatus, frozenset[VerificationStatus]] = {
    VerificationStatus.IN_PROGRESS: frozenset(VerificationStatus),
    VerificationStatus.COMPLETED: frozenset(),
    VerificationStatus.ABANDONED: frozenset(),
}


class MigrationVerification(models.Model):
    """One verification of a migration: how far it is, what it counted, and its report."""

    id = models.BigAutoField(primary_key=True)
    migration_name = models.CharField(max_length=255)
    status = models.CharField(max_length=20, choices=VerificationStatus, default="in_progress")
    # Records of each table that are looked at; null: all.
    sample = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(db_default=TransactionNow())
    heartbeat_at = models.DateTimeField(db_default=TransactionNow())
    completed_at = models.DateTimeField(null=True, blank=True)
    # What must not differ when it goes on: the migration's books, the options, the rules.
    basis = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    # The place it has reached, and what it counted up to there.
    state = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    report = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "migration_verifications"
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=VerificationStatus.values),
                name="migration_verifications_status_check",
            ),
            models.CheckConstraint(
                condition=~Q(status=VerificationStatus.COMPLETED)
                | Q(completed_at__isnull=False, report__isnull=False),
                name="migration_verifications_report_check",
            ),
            models.UniqueConstraint(
                fields=["migration_name"],
                condition=Q(status=VerificationStatus.IN_PROGRESS),
                name="migration_verifications_one_in_progress",
            ),
        )
        indexes = (
            models.Index(
                fields=["migration_name", "started_at"], name="idx_migration_verifications"
            ),
        )

    def __str__(self) -> str:
        return f"{self.migration_name}: verification {self.pk}"


class DifferenceKind(models.TextChoices):
    """How v3 differs from what v2 has, by the rules."""

    MISSING_IN_V3 = "missing_in_v3"
    MISSING_IN_V2 = "missing_in_v2"
    DIFFERENT = "different"


class MigrationDifference(models.Model):
    """One place where v3 is not what the rules make of v2, as a verification found it."""

    id = models.BigAutoField(primary_key=True)
    migration_name = models.CharField(max_length=255)
    # The last verification that found it.
    verification = models.ForeignKey(
        MigrationVerification,
        on_delete=models.PROTECT,
        related_name="differences",
        db_constraint=False,
        db_index=False,
    )
    table_name = models.CharField(max_length=255)
    v2_table = models.CharField(max_length=255)
    record_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=20, choices=DifferenceKind)
    # The column, and inside a document the way to the value; empty: the record as a whole.
    column_name = models.TextField(default="", db_default="", blank=True)
    # JSON text, a long one cut to where the two begin to differ; null: there is no value.
    v2_value = models.TextField(null=True, blank=True)
    v3_value = models.TextField(null=True, blank=True)
    # SHA-256 (hex) of kind and column_name, which may be longer than an index takes.
    place = models.CharField(max_length=64)
    found_at = models.DateTimeField(db_default=TransactionNow())
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "migration_differences"
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=DifferenceKind.values), name="migration_differences_kind_check"
            ),
            ForeignKeyConstraint(
                field="verification", name="migration_differences_verification_id_fkey"
            ),
            # The same difference found again is the same row; one that was mended is history.
            models.UniqueConstraint(
                fields=["migration_name", "table_name", "record_id", "place"],
                condition=Q(resolved_at__isnull=True),
                name="migration_differences_place_key",
            ),
        )
        indexes = (models.Index(fields=["verification"], name="idx_migration_differences_run"),)

    def __str__(self) -> str:
        shown = (c if c.isprintable() else f"U+{ord(c):04X}" for c in self.record_id)
        return f"{self.kind}: {self.table_name} {''.join(shown)}"


class DeferralKind(models.TextChoices):
    """What a load with deferred constraints puts off."""

    INDEX = "index"  # dropped, to be built again
    FOREIGN_KEY = "foreign_key"  # not checked while rows came in, to be proven


class MigrationDeferral(models.Model):
    """An index that was dropped for a load, or a foreign key that was off during it.

    No table of the migration is completed while one of its own is not settled.
    """

    id = models.BigAutoField(primary_key=True)
    migration_name = models.CharField(max_length=255)
    table_name = models.CharField(max_length=255)
    kind = models.CharField(max_length=20, choices=DeferralKind)
    name = models.CharField(max_length=255)
    # The statement that makes it, as PostgreSQL itself tells it.
    definition = models.TextField()
    deferred_at = models.DateTimeField(db_default=TransactionNow())
    # When the index was there again, or the key proven for every row.
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "migration_deferrals"
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=DeferralKind.values), name="migration_deferrals_kind_check"
            ),
            models.UniqueConstraint(
                fields=["migration_name", "table_name", "name"],
                condition=Q(settled_at__isnull=True),
                name="migration_deferrals_open_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.migration_name}: {self.name}"
