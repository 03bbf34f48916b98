"""Unique and foreign keys of forms and workflows."""

from django.db import migrations, models

from pliers.constraints import ForeignKeyConstraint


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("forms_app", "0001_forms_workflows"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="form",
            constraint=models.UniqueConstraint(
                fields=("organization", "slug", "version"), name="unique_form_slug_per_org"
            ),
        ),
        migrations.AddConstraint(
            model_name="form",
            constraint=ForeignKeyConstraint(
                field="organization", name="forms_organization_id_fkey"
            ),
        ),
        migrations.AddConstraint(
            model_name="workflow",
            constraint=models.UniqueConstraint(
                fields=("organization", "slug", "version"), name="unique_workflow_slug_per_org"
            ),
        ),
        migrations.AddConstraint(
            model_name="workflow",
            constraint=ForeignKeyConstraint(
                field="organization", name="workflows_organization_id_fkey"
            ),
        ),
    ]
