"""The table events, partitioned by month, and the function that makes a month's partition."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import pliers.fields

TYPES = """
CREATE TYPE aggregate_type AS ENUM ('form', 'submission', 'workflow', 'user', 'organization');
"""
DROP_TYPES = """
DROP TYPE aggregate_type;
"""
EVENTS = """
CREATE TABLE events (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organization_id uuid NOT NULL,
    event_type varchar(100) NOT NULL,
    event_version varchar(20) DEFAULT '1.0.0' NOT NULL,
    event_timestamp timestamptz DEFAULT now() NOT NULL,
    aggregate_type aggregate_type NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_version integer,
    payload jsonb DEFAULT '{}' NOT NULL,
    metadata jsonb DEFAULT '{}' NOT NULL,
    correlation_id uuid,
    causation_id uuid,
    user_id uuid,
    PRIMARY KEY (id, event_timestamp)
) PARTITION BY RANGE (event_timestamp);
"""
# Months are UTC's, whatever the zone of the session that calls.
PARTITION_FUNCTION = """
CREATE FUNCTION create_events_partition(month date) RETURNS text LANGUAGE plpgsql
    SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    first_day constant timestamptz = date_trunc('month', month::timestamp);
    next_month constant timestamptz = date_trunc('month', month::timestamp) + interval '1 month';
    partition constant text = 'events_' || to_char(month, 'YYYY_MM');
BEGIN
    LOCK TABLE events IN SHARE UPDATE EXCLUSIVE MODE;  -- one creator at a time
    IF to_regclass(partition) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
            partition, first_day, next_month
        );
    END IF;
    RETURN partition;
END;
$$;
"""


class Migration(migrations.Migration):
    category = "schema"
    dependencies = [
        ("submissions", "0003_submission_indexes"),
        ("organizations", "0003_organization_user_plugin_keys"),
    ]
    operations = [
        migrations.RunSQL(TYPES, DROP_TYPES),
        # Django cannot say PARTITION BY.
        migrations.RunSQL(
            EVENTS,
            "DROP TABLE events",
            state_operations=[
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "id",
                                "event_timestamp",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "id",
                            models.UUIDField(
                                db_default=pliers.fields.RandomUUID(), default=uuid.uuid4
                            ),
                        ),
                        (
                            "organization",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="events",
                                to="organizations.organization",
                            ),
                        ),
                        ("event_type", models.CharField(max_length=100)),
                        (
                            "event_version",
                            models.CharField(max_length=20, db_default="1.0.0", default="1.0.0"),
                        ),
                        (
                            "event_timestamp",
                            models.DateTimeField(db_default=pliers.fields.TransactionNow()),
                        ),
                        (
                            "aggregate_type",
                            pliers.fields.EnumField(
                                choices=[
                                    ("form", "Form"),
                                    ("submission", "Submission"),
                                    ("workflow", "Workflow"),
                                    ("user", "User"),
                                    ("organization", "Organization"),
                                ],
                                enum_type="aggregate_type",
                            ),
                        ),
                        ("aggregate_id", models.UUIDField()),
                        ("aggregate_version", models.IntegerField(blank=True, null=True)),
                        (
                            "payload",
                            models.JSONField(
                                blank=True,
                                db_default=models.Value({}, output_field=models.JSONField()),
                                default=dict,
                            ),
                        ),
                        (
                            "metadata",
                            models.JSONField(
                                blank=True,
                                db_default=models.Value({}, output_field=models.JSONField()),
                                default=dict,
                            ),
                        ),
                        ("correlation_id", models.UUIDField(blank=True, null=True)),
                        ("causation_id", models.UUIDField(blank=True, null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="events",
                                to="organizations.user",
                            ),
                        ),
                    ],
                    options={"db_table": "events"},
                ),
            ],
        ),
        migrations.RunSQL(PARTITION_FUNCTION, "DROP FUNCTION create_events_partition(date)"),
    ]
