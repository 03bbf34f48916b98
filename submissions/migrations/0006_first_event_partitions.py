"""Partitions for last month, this one and the twelve after it."""

from django.db import migrations

# No default partition on purpose: rows that land in one block the creation of their month's
# own partition. An event of a month without a partition fails loudly instead.
FIRST_PARTITIONS = """
DO $$
DECLARE
    this_month constant date = date_trunc('month', now() AT TIME ZONE 'UTC');
BEGIN
    FOR n IN -1 .. 12 LOOP
        PERFORM create_events_partition((this_month + make_interval(months => n))::date);
    END LOOP;
END;
$$;
"""
DROP_PARTITIONS = """
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'events'::regclass LOOP
        EXECUTE format('DROP TABLE %s', partition);
    END LOOP;
END;
$$;
"""


class Migration(migrations.Migration):
    category = "schema"
    dependencies = [
        ("submissions", "0005_event_keys"),
    ]
    operations = [
        migrations.RunSQL(FIRST_PARTITIONS, DROP_PARTITIONS),
    ]
