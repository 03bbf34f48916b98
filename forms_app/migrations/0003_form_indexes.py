"""An organization's forms are found by index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    category = "index"
    dependencies = [
        ("forms_app", "0002_form_workflow_keys"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="form",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["organization"],
                name="idx_forms_organization",
            ),
        ),
    ]
