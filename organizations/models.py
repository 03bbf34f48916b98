"""v3's organizations, their users, and plugins."""

from django.db import models

from pliers.constraints import ForeignKeyConstraint
from pliers.fields import EnumField, TransactionNow, UpdatedAtField
from pliers.models import Described, Keyed, Timed, batch_index, empty_json


class UserStatus(models.TextChoices):
    """The labels of user_status."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SUSPENDED = "suspended"
    PENDING = "pending"
    DELETED = "deleted"


class PluginType(models.TextChoices):
    """The labels of plugin_type."""

    FIELD = "field"
    ACTION = "action"
    INTEGRATION = "integration"
    VALIDATION = "validation"
    TRANSFORMATION = "transformation"


class PluginStatus(models.TextChoices):
    """The labels of plugin_status."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ERROR = "error"
    UPDATING = "updating"


class Organization(Keyed, Described, Timed):
    """A tenant: it owns users, forms and submissions."""

    slug = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    settings = models.JSONField(null=True, default=dict, db_default=empty_json(), blank=True)

    class Meta:
        db_table = "organizations"
        constraints = (models.UniqueConstraint(fields=["slug"], name="organizations_slug_key"),)
        indexes = (batch_index("organizations"),)

    def __str__(self) -> str:
        return self.name


class User(Keyed, Described, Timed):
    """A person of an organization. Not who logs in to the admin: that is Django's own user."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="users",
        db_constraint=False,
        db_index=False,
    )
    email = models.CharField(max_length=255)
    status = EnumField(
        enum_type="user_status", choices=UserStatus, default="active", db_default="active"
    )
    auth_data = models.JSONField(null=True, default=dict, db_default=empty_json(), blank=True)

    class Meta:
        db_table = "users"
        constraints = (
            models.UniqueConstraint(fields=["organization", "email"], name="unique_email_per_org"),
            ForeignKeyConstraint(field="organization", name="users_organization_id_fkey"),
        )
        indexes = (batch_index("users"),)

    def __str__(self) -> str:
        return self.email


class Plugin(Keyed, Described):
    """A plugin: an organization's own, or the system's (organization null)."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="plugins",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    name = models.CharField(max_length=255)
    slug = models.CharField(max_length=255)
    version = models.CharField(max_length=20)
    type = EnumField(enum_type="plugin_type", choices=PluginType)
    status = EnumField(
        enum_type="plugin_status", choices=PluginStatus, default="inactive", db_default="inactive"
    )
    is_system = models.BooleanField(default=False, db_default=False)
    manifest = models.JSONField()
    config = models.JSONField(default=dict, db_default=empty_json(), blank=True)
    installed_at = models.DateTimeField(null=True, blank=True)
    updated_at = UpdatedAtField(db_default=TransactionNow())

    class Meta:
        db_table = "plugins"
        constraints = (
            models.UniqueConstraint(fields=["slug"], name="plugins_slug_key"),
            ForeignKeyConstraint(field="organization", name="plugins_organization_id_fkey"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
