"""v3's forms and workflows."""

from django.db import models

from organizations.models import Organization
from pliers.constraints import ForeignKeyConstraint
from pliers.fields import EnumField
from pliers.models import Described, Keyed, Timed, batch_index, empty_json


class FormStatus(models.TextChoices):
    """The labels of form_status."""

    DRAFT = "draft"
    PUBLISHED = "published"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class WorkflowStatus(models.TextChoices):
    """The labels of workflow_status: a workflow has a form's life."""

    DRAFT = "draft"
    PUBLISHED = "published"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class WorkflowTriggerType(models.TextChoices):
    """The labels of workflow_trigger_type: what starts a workflow."""

    MANUAL = "manual"
    FORM_SUBMISSION = "form_submission"
    EVENT = "event"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"


class Form(Keyed, Described, Timed):
    """A form with its fields, settings and choices in one JSON definition."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="forms",
        db_constraint=False,
        db_index=False,
    )
    name = models.CharField(max_length=255)
    slug = models.CharField(max_length=255)
    version = models.CharField(max_length=20, default="1.0.0", db_default="1.0.0")
    status = EnumField(
        enum_type="form_status",
        choices=FormStatus,
        null=True,
        blank=True,
        default="draft",
        db_default="draft",
    )
    definition = models.JSONField()

    class Meta:
        db_table = "forms"
        constraints = (
            models.UniqueConstraint(
                fields=["organization", "slug", "version"], name="unique_form_slug_per_org"
            ),
            ForeignKeyConstraint(field="organization", name="forms_organization_id_fkey"),
        )
        indexes = (
            models.Index(
                fields=["organization"],
                name="idx_forms_organization",
                condition=models.Q(deleted_at__isnull=True),
            ),
            batch_index("forms"),
        )

    def __str__(self) -> str:
        return self.name


class Workflow(Keyed, Described, Timed):
    """What happens to a submission, one version of it."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="workflows",
        db_constraint=False,
        db_index=False,
    )
    name = models.CharField(max_length=255)
    slug = models.CharField(max_length=255)
    version = models.CharField(max_length=20, default="1.0.0", db_default="1.0.0")
    type = models.CharField(max_length=50)
    trigger_type = EnumField(
        enum_type="workflow_trigger_type",
        choices=WorkflowTriggerType,
        default="manual",
        db_default="manual",
    )
    trigger_config = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    status = EnumField(
        enum_type="workflow_status", choices=WorkflowStatus, default="draft", db_default="draft"
    )
    is_active = models.BooleanField(default=False, db_default=False)
    definition = models.JSONField()
    settings = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    # The fourth time of a workflow, as submitted_at is a submission's: when this version went live.
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "workflows"
        constraints = (
            models.UniqueConstraint(
                fields=["organization", "slug", "version"], name="unique_workflow_slug_per_org"
            ),
            ForeignKeyConstraint(field="organization", name="workflows_organization_id_fkey"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
