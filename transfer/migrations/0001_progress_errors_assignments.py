"""The engine's own tables."""

from django.db import migrations, models

import pliers.fields


class Migration(migrations.Migration):
    category = "schema"
    initial = True
    dependencies = [
        ("submissions", "0006_first_event_partitions"),
    ]
    operations = [
        migrations.CreateModel(
            name="MigrationProgress",
            fields=[
                ("id", pliers.fields.SerialField(primary_key=True, serialize=False)),
                ("migration_name", models.CharField(max_length=255)),
                ("table_name", models.CharField(max_length=255)),
                ("total_records", models.BigIntegerField(blank=True, null=True)),
                ("processed_records", models.BigIntegerField(blank=True, null=True)),
                ("failed_records", models.BigIntegerField(blank=True, null=True)),
                ("started_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("pending", "Pending"),
                            ("in_progress", "In Progress"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("rolled_back", "Rolled Back"),
                        ],
                        default="pending",
                        max_length=50,
                        null=True,
                    ),
                ),
                ("error_message", models.TextField(blank=True, null=True)),
                ("partition", models.IntegerField(db_default=0, default=0)),
                ("last_key", models.TextField(blank=True, db_default="", default="")),
                ("batch_size", models.IntegerField(blank=True, null=True)),
                (
                    "fingerprint",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                (
                    "ledger",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "migration_progress", "verbose_name_plural": "migration progress"},
        ),
        migrations.CreateModel(
            name="MigrationError",
            fields=[
                ("id", pliers.fields.SerialField(primary_key=True, serialize=False)),
                ("migration_name", models.CharField(max_length=255)),
                ("record_id", models.CharField(max_length=255, blank=True, null=True)),
                ("error_message", models.TextField(blank=True, null=True)),
                ("error_detail", models.JSONField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                ("table_name", models.CharField(max_length=255)),
                ("v2_table", models.CharField(max_length=255)),
                (
                    "severity",
                    models.CharField(
                        max_length=20, choices=[("error", "Error"), ("warning", "Warning")]
                    ),
                ),
                ("code", models.CharField(max_length=100)),
                (
                    "column_name",
                    models.CharField(max_length=255, blank=True, db_default="", default=""),
                ),
                ("attempts", models.IntegerField(db_default=1, default=1)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "migration_errors"},
        ),
        migrations.CreateModel(
            name="MigrationAssignment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("migration_name", models.CharField(max_length=255)),
                ("table_name", models.CharField(max_length=255)),
                ("record_id", models.UUIDField()),
                ("code", models.CharField(max_length=100)),
                ("value", models.CharField(max_length=255, blank=True, null=True)),
            ],
            options={"db_table": "migration_assignments"},
        ),
    ]
