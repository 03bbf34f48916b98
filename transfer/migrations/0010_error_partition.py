"""The range of keys in which a warning was found, while a table is moved in ranges."""

from django.db import migrations, models


class Migration(migrations.Migration):
    category = "schema"
    dependencies = [
        ("transfer", "0009_verification_difference_indexes"),
    ]
    operations = [
        migrations.AddField(
            model_name="migrationerror",
            name="partition",
            field=models.IntegerField(db_default=0, default=0),
        ),
    ]
