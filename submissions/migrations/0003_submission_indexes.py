"""Submissions are found by form, and by status where not deleted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    category = "index"
    dependencies = [
        ("submissions", "0002_submission_keys"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["form"], name="idx_submissions_form"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["status"],
                name="idx_submissions_status",
            ),
        ),
    ]
