"""The organizations and users that a migration wrote are found by index."""

from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import IsNull

from pliers.indexes import LongNamedIndex


class Migration(migrations.Migration):
    category = "index"
    dependencies = [
        ("organizations", "0003_organization_user_plugin_keys"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="organization",
            index=LongNamedIndex(
                KeyTextTransform("migration_batch", "metadata"),
                condition=models.Q(
                    IsNull(KeyTextTransform("migration_batch", "metadata"), rhs=False)
                ),
                name="idx_organizations_migration_batch",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=LongNamedIndex(
                KeyTextTransform("migration_batch", "metadata"),
                condition=models.Q(
                    IsNull(KeyTextTransform("migration_batch", "metadata"), rhs=False)
                ),
                name="idx_users_migration_batch",
            ),
        ),
    ]
