"""The submissions that a migration wrote are found by index."""

from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import IsNull

from pliers.indexes import LongNamedIndex


class Migration(migrations.Migration):
    category = "index"
    dependencies = [
        ("submissions", "0006_first_event_partitions"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="submission",
            index=LongNamedIndex(
                KeyTextTransform("migration_batch", "metadata"),
                condition=models.Q(
                    IsNull(KeyTextTransform("migration_batch", "metadata"), rhs=False)
                ),
                name="idx_submissions_migration_batch",
            ),
        ),
    ]
