"""The table submissions, its type and triggers, and the sequence of v3's own numbers."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import pliers.fields

TYPES = """
CREATE TYPE submission_status AS ENUM ('draft', 'submitted', 'processing', 'approved', 'rejected', 'completed', 'archived');
"""
DROP_TYPES = """
DROP TYPE submission_status;
"""
TRIGGERS = """
CREATE TRIGGER keep_submissions_updated_at BEFORE UPDATE OF updated_at ON submissions
    FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION keep_updated_at();
CREATE TRIGGER update_submissions_updated_at BEFORE UPDATE ON submissions
    FOR EACH ROW EXECUTE FUNCTION update_updated_at();
"""
DROP_TRIGGERS = """
DROP TRIGGER update_submissions_updated_at ON submissions;
DROP TRIGGER keep_submissions_updated_at ON submissions;
"""


class Migration(migrations.Migration):
    category = "schema"
    initial = True
    dependencies = [
        ("forms_app", "0003_form_indexes"),
    ]
    operations = [
        migrations.RunSQL(TYPES, DROP_TYPES),
        migrations.CreateModel(
            name="Submission",
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
                        related_name="submissions",
                        to="organizations.organization",
                    ),
                ),
                (
                    "form",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="forms_app.form",
                    ),
                ),
                ("submission_number", models.CharField(max_length=50)),
                (
                    "status",
                    pliers.fields.EnumField(
                        choices=[
                            ("draft", "Draft"),
                            ("submitted", "Submitted"),
                            ("processing", "Processing"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("completed", "Completed"),
                            ("archived", "Archived"),
                        ],
                        enum_type="submission_status",
                        db_default="draft",
                        default="draft",
                        blank=True,
                        null=True,
                    ),
                ),
                (
                    "data",
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
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "submissions"},
        ),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
        migrations.RunSQL(
            "CREATE SEQUENCE submission_number_seq", "DROP SEQUENCE submission_number_seq"
        ),
    ]
