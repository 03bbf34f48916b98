"""Verifications with the differences they found, and what a load put off."""

import django.db.models.deletion
from django.db import migrations, models

import pliers.fields


class Migration(migrations.Migration):
    category = "schema"
    dependencies = [
        ("transfer", "0006_error_key_and_ledger_balance"),
    ]
    operations = [
        migrations.CreateModel(
            name="MigrationDeferral",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("migration_name", models.CharField(max_length=255)),
                ("table_name", models.CharField(max_length=255)),
                (
                    "kind",
                    models.CharField(
                        choices=[("index", "Index"), ("foreign_key", "Foreign Key")], max_length=20
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("definition", models.TextField()),
                ("deferred_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "migration_deferrals",
            },
        ),
        migrations.CreateModel(
            name="MigrationVerification",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("migration_name", models.CharField(max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("in_progress", "In Progress"),
                            ("completed", "Completed"),
                            ("abandoned", "Abandoned"),
                        ],
                        default="in_progress",
                        max_length=20,
                    ),
                ),
                ("sample", models.BigIntegerField(blank=True, null=True)),
                ("started_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                ("heartbeat_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "basis",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                (
                    "state",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value({}, output_field=models.JSONField()),
                        default=dict,
                    ),
                ),
                ("report", models.JSONField(blank=True, null=True)),
            ],
            options={
                "db_table": "migration_verifications",
            },
        ),
        migrations.CreateModel(
            name="MigrationDifference",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("migration_name", models.CharField(max_length=255)),
                ("table_name", models.CharField(max_length=255)),
                ("v2_table", models.CharField(max_length=255)),
                ("record_id", models.CharField(max_length=255)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("missing_in_v3", "Missing In V3"),
                            ("missing_in_v2", "Missing In V2"),
                            ("different", "Different"),
                        ],
                        max_length=20,
                    ),
                ),
                ("column_name", models.TextField(blank=True, db_default="", default="")),
                ("v2_value", models.TextField(blank=True, null=True)),
                ("v3_value", models.TextField(blank=True, null=True)),
                ("place", models.CharField(max_length=64)),
                ("found_at", models.DateTimeField(db_default=pliers.fields.TransactionNow())),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "verification",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="differences",
                        to="transfer.migrationverification",
                    ),
                ),
            ],
            options={
                "db_table": "migration_differences",
            },
        ),
    ]
