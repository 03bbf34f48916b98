"""Unique and foreign keys of submissions."""

from django.db import migrations, models

from pliers.constraints import ForeignKeyConstraint


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("submissions", "0001_submissions"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.UniqueConstraint(
                fields=("organization", "submission_number"), name="unique_submission_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=ForeignKeyConstraint(
                field="organization", name="submissions_organization_id_fkey"
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=ForeignKeyConstraint(field="form", name="submissions_form_id_fkey"),
        ),
    ]
