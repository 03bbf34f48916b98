"""The tables forms and workflows, their types and triggers."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import pliers.fields

TYPES = """
CREATE TYPE form_status AS ENUM ('draft', 'published', 'deprecated', 'archived');
CREATE TYPE workflow_status AS ENUM ('draft', 'published', 'deprecated', 'archived');
CREATE TYPE workflow_trigger_type AS ENUM ('manual', 'form_submission', 'event', 'schedule', 'webhook');
"""
DROP_TYPES = """
DROP TYPE workflow_trigger_type;
DROP TYPE workflow_status;
DROP TYPE form_status;
"""
TRIGGERS = """
CREATE TRIGGER keep_forms_updated_at BEFORE UPDATE OF updated_at ON forms
    FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION keep_updated_at();
CREATE TRIGGER update_forms_updated_at BEFORE UPDATE ON forms
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
CREATE TRIGGER keep_workflows_updated_at BEFORE UPDATE OF updated_at ON workflows
    FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION keep_updated_at();
CREATE TRIGGER update_workflows_updated_at BEFORE UPDATE ON workflows
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
"""
DROP_TRIGGERS = """
DROP TRIGGER update_workflows_updated_at ON workflows;
DROP TRIGGER keep_workflows_updated_at ON workflows;
DROP TRIGGER update_forms_updated_at ON forms;
DROP TRIGGER keep_forms_updated_at ON forms;
"""


class Migration(migrations.Migration):
    category = "schema"
    initial = True
    dependencies = [
        ("organizations", "0003_organization_user_plugin_keys"),
    ]
    operations = [
        migrations.RunSQL(TYPES, DROP_TYPES),
        migrations.CreateModel(
            name="Form",
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
                        related_name="forms",
                        to="organizations.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("slug", models.CharField(max_length=255)),
                ("version", models.CharField(max_length=20, db_default="1.0.0", default="1.0.0")),
                (
                    "status",
                    pliers.fields.EnumField(
                        choices=[
                            ("draft", "Draft"),
                            ("published", "Published"),
                            ("deprecated", "Deprecated"),
                            ("archived", "Archived"),
                        ],
                        enum_type="form_status",
                        db_default="draft",
                        default="draft",
                        blank=True,
                        null=True,
                    ),
                ),
                ("definition", models.JSONField()),
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
            options={"db_table": "forms"},
        ),
        migrations.CreateModel(
            name="Workflow",
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
                        related_name="workflows",
                        to="organizations.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("slug", models.CharField(max_length=255)),
                ("version", models.CharField(max_length=20, db_default="1.0.0", default="1.0.0")),
                ("type", models.CharField(max_length=50)),
                (
                    "trigger_type",
                    pliers.fields.EnumField(
                        choices=[
                            ("manual", "Manual"),
                            ("form_submission", "Form Submission"),
                            ("event", "Event"),
                            ("schedule", "Schedule"),
                            ("webhook", "Webhook"),
                        ],
                        enum_type="workflow_trigger_type",
                        db_default="manual",
                        default="manual",
                    ),
                ),
                (
                    "trigger_config",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                (
                    "status",
                    pliers.fields.EnumField(
                        choices=[
                            ("draft", "Draft"),
                            ("published", "Published"),
                            ("deprecated", "Deprecated"),
                            ("archived", "Archived"),
                        ],
                        enum_type="workflow_status",
                        db_default="draft",
                        default="draft",
                    ),
                ),
                ("is_active", models.BooleanField(db_default=False, default=False)),
                ("definition", models.JSONField()),
                (
                    "settings",
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
                ("created_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                (
                    "updated_at",
                    pliers.fields.UpdatedAtField(db_default=pliers.fields.TransactionNow()),
                ),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "workflows"},
        ),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
    ]
