"""The tables organizations, users and plugins, their types and triggers."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import pliers.fields

TYPES = """
CREATE TYPE user_status AS ENUM ('active', 'inactive', 'suspended', 'pending', 'deleted');
CREATE TYPE plugin_type AS ENUM ('field', 'action', 'integration', 'validation', 'transformation');
CREATE TYPE plugin_status AS ENUM ('active', 'inactive', 'error', 'updating');
"""
DROP_TYPES = """
DROP TYPE plugin_status;
DROP TYPE plugin_type;
DROP TYPE user_status;
"""
TRIGGERS = """
CREATE TRIGGER keep_organizations_updated_at BEFORE UPDATE OF updated_at ON organizations
    FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION keep_updated_at();
CREATE TRIGGER update_organizations_updated_at BEFORE UPDATE ON organizations
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
CREATE TRIGGER keep_users_updated_at BEFORE UPDATE OF updated_at ON users
    FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION keep_updated_at();
CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
CREATE TRIGGER keep_plugins_updated_at BEFORE UPDATE OF updated_at ON plugins
    FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION keep_updated_at();
CREATE TRIGGER update_plugins_updated_at BEFORE UPDATE ON plugins
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
"""
DROP_TRIGGERS = """
DROP TRIGGER update_plugins_updated_at ON plugins;
DROP TRIGGER keep_plugins_updated_at ON plugins;
DROP TRIGGER update_users_updated_at ON users;
DROP TRIGGER keep_users_updated_at ON users;
DROP TRIGGER update_organizations_updated_at ON organizations;
DROP TRIGGER keep_organizations_updated_at ON organizations;
"""


class Migration(migrations.Migration):
    category = "schema"
    dependencies = [
        ("organizations", "0001_extensions_and_updated_at"),
    ]
    operations = [
        migrations.RunSQL(TYPES, DROP_TYPES),
        migrations.CreateModel(
            name="Organization",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=pliers.fields.RandomUUID(),
                        default=uuid.uuid4,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("slug", models.CharField(max_length=255)),
                ("name", models.CharField(max_length=255)),
                (
                    "settings",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                        null=True,
                    ),
                ),
                (
                    "metadata",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                (
                    "updated_at",
                    pliers.fields.UpdatedAtField(db_default=pliers.fields.TransactionNow()),
                ),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "organizations"},
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=pliers.fields.RandomUUID(),
                        default=uuid.uuid4,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="users",
                        to="organizations.organization",
                    ),
                ),
                ("email", models.CharField(max_length=255)),
                (
                    "status",
                    pliers.fields.EnumField(
                        choices=[
                            ("active", "Active"),
                            ("inactive", "Inactive"),
                            ("suspended", "Suspended"),
                            ("pending", "Pending"),
                            ("deleted", "Deleted"),
                        ],
                        enum_type="user_status",
                        db_default="active",
                        default="active",
                    ),
                ),
                (
                    "auth_data",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                        null=True,
                    ),
                ),
                (
                    "metadata",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                (
                    "updated_at",
                    pliers.fields.UpdatedAtField(db_default=pliers.fields.TransactionNow()),
                ),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "users"},
        ),
        migrations.CreateModel(
            name="Plugin",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=pliers.fields.RandomUUID(),
                        default=uuid.uuid4,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plugins",
                        to="organizations.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("slug", models.CharField(max_length=255)),
                ("version", models.CharField(max_length=20)),
                (
                    "type",
                    pliers.fields.EnumField(
                        choices=[
                            ("field", "Field"),
                            ("action", "Action"),
                            ("integration", "Integration"),
                            ("validation", "Validation"),
                            ("transformation", "Transformation"),
                        ],
                        enum_type="plugin_type",
                    ),
                ),
                (
                    "status",
                    pliers.fields.EnumField(
                        choices=[
                            ("active", "Active"),
                            ("inactive", "Inactive"),
                            ("error", "Error"),
                            ("updating", "Updating"),
                        ],
                        enum_type="plugin_status",
                        db_default="inactive",
                        default="inactive",
                    ),
                ),
                ("is_system", models.BooleanField(db_default=False, default=False)),
                ("manifest", models.JSONField()),
                (
                    "config",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                (
                    "metadata",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                ("installed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "updated_at",
                    pliers.fields.UpdatedAtField(db_default=pliers.fields.TransactionNow()),
                ),
            ],
            options={"db_table": "plugins"},
        ),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
    ]
