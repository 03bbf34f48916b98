"""Errors are found by cause and by record."""

from django.db import migrations, models


class Migration(migrations.Migration):
    category = "index"
    dependencies = [
        ("transfer", "0002_progress_errors_assignments_rules"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="migrationerror",
            index=models.Index(
                fields=["migration_name", "severity", "code"], name="idx_migration_errors_cause"
            ),
        ),
        migrations.AddIndex(
            model_name="migrationerror",
            index=models.Index(
                fields=["migration_name", "table_name", "record_id"],
                name="idx_migration_errors_record",
            ),
        ),
    ]
