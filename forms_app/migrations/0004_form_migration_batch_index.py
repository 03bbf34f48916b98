"""The forms that a migration wrote are found by index."""

from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import IsNull

from pliers.indexes import LongNamedIndex


class Migration(migrations.Migration):
    category = "index"
    dependencies = [
        ("forms_app", "0003_form_indexes"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="form",
            index=LongNamedIndex(
                KeyTextTransform("migration_batch", "metadata"),
                condition=models.Q(
                    IsNull(KeyTextTransform("migration_batch", "metadata"), rhs=False)
                ),
                name="idx_forms_migration_batch",
            ),
        ),
    ]
