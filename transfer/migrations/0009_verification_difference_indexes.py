"""Verifications are found by migration, differences by verification."""

from django.db import migrations, models


class Migration(migrations.Migration):
    category = "index"
    dependencies = [
        ("transfer", "0008_verification_difference_deferral_rules"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="migrationverification",
            index=models.Index(
                fields=["migration_name", "started_at"], name="idx_migration_verifications"
            ),
        ),
        migrations.AddIndex(
            model_name="migrationdifference",
            index=models.Index(fields=["verification"], name="idx_migration_differences_run"),
        ),
    ]
