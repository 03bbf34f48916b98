"""Foreign keys of events, each partition has them too."""

from django.db import migrations

from pliers.constraints import ForeignKeyConstraint


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("submissions", "0004_events"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="event",
            constraint=ForeignKeyConstraint(
                field="organization", name="events_organization_id_fkey"
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=ForeignKeyConstraint(field="user", name="events_user_id_fkey"),
        ),
    ]
