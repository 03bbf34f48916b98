"""v3's submissions and events."""

import uuid

from django.db import models

from forms_app.models import Form
from organizations.models import Organization, User
from pliers.constraints import ForeignKeyConstraint
from pliers.fields import EnumField, RandomUUID, TransactionNow
from pliers.models import Described, Keyed, Timed, batch_index, empty_json


class SubmissionStatus(models.TextChoices):
    """The labels of submission_status."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PROCESSING = "processing"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMPLETED = "completed"
    ARCHIVED = "archived"


class AggregateType(models.TextChoices):
    """The labels of aggregate_type: what an event happened to."""

    FORM = "form"
    SUBMISSION = "submission"
    WORKFLOW = "workflow"
    USER = "user"
    ORGANIZATION = "organization"


class Submission(Keyed, Described, Timed):
    """A filled-in form; data maps each field's name to its answer."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="submissions",
        db_constraint=False,
        db_index=False,
    )
    form = models.ForeignKey(
        Form,
        on_delete=models.PROTECT,
        related_name="submissions",
        db_constraint=False,
        db_index=False,
    )
    submission_number = models.CharField(max_length=50)
    status = EnumField(
        enum_type="submission_status",
        choices=SubmissionStatus,
        null=True,
        blank=True,
        default="draft",
        db_default="draft",
    )
    data = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "submissions"
        constraints = (
            models.UniqueConstraint(
                fields=["organization", "submission_number"], name="unique_submission_number"
            ),
            ForeignKeyConstraint(field="organization", name="submissions_organization_id_fkey"),
            ForeignKeyConstraint(field="form", name="submissions_form_id_fkey"),
        )
        indexes = (
            models.Index(fields=["form"], name="idx_submissions_form"),
            models.Index(
                fields=["status"],
                name="idx_submissions_status",
                condition=models.Q(deleted_at__isnull=True),
            ),
            batch_index("submissions"),
        )

    def __str__(self) -> str:
        return self.submission_number


class Event(Described):
    """Something that happened, in a table partitioned by the month it happened in."""

    # PostgreSQL wants the partition key in every unique key.
    pk = models.CompositePrimaryKey("id", "event_timestamp")
    id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID())
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="events",
        db_constraint=False,
        db_index=False,
    )
    event_type = models.CharField(max_length=100)
    event_version = models.CharField(max_length=20, default="1.0.0", db_default="1.0.0")
    event_timestamp = models.DateTimeField(db_default=TransactionNow())
    aggregate_type = EnumField(enum_type="aggregate_type", choices=AggregateType)
    aggregate_id = models.UUIDField()
    aggregate_version = models.IntegerField(null=True, blank=True)
    payload = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    correlation_id = models.UUIDField(null=True, blank=True)
    causation_id = models.UUIDField(null=True, blank=True)
    user = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="events",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        db_table = "events"
        constraints = (
            ForeignKeyConstraint(field="organization", name="events_organization_id_fkey"),
            ForeignKeyConstraint(field="user", name="events_user_id_fkey"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.aggregate_id}"
