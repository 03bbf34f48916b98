"""Errors say which of several faults of one kind in one record they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    category = "schema"
    dependencies = [
        ("transfer", "0003_error_indexes"),
    ]
    operations = [
        migrations.AddField(
            model_name="migrationerror",
            name="occurrence",
            field=models.IntegerField(db_default=1, default=1),
        ),
    ]
