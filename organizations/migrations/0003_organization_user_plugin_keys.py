"""Unique and foreign keys of organizations, users and plugins."""

from django.db import migrations, models

from pliers.constraints import ForeignKeyConstraint


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("organizations", "0002_organizations_users_plugins"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.UniqueConstraint(fields=("slug",), name="organizations_slug_key"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                fields=("organization", "email"), name="unique_email_per_org"
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=ForeignKeyConstraint(
                field="organization", name="users_organization_id_fkey"
            ),
        ),
        migrations.AddConstraint(
            model_name="plugin",
            constraint=models.UniqueConstraint(fields=("slug",), name="plugins_slug_key"),
        ),
        migrations.AddConstraint(
            model_name="plugin",
            constraint=ForeignKeyConstraint(
                field="organization", name="plugins_organization_id_fkey"
            ),
        ),
    ]
