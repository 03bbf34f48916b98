"""Unique keys and checks of the engine's tables, and which state of a run may follow which."""

from django.db import migrations, models

# The same table as transfer.models.TRANSITIONS. It fires only where a statement names status, so
# a finished or pending row's other columns can be written without it.
TRANSITIONS = """
CREATE FUNCTION check_migration_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IS NULL OR (OLD.status, NEW.status) IN (
        ('pending', 'in_progress'),
        ('pending', 'rolled_back'),
        ('in_progress', 'in_progress'),
        ('in_progress', 'completed'),
        ('in_progress', 'failed'),
        ('in_progress', 'rolled_back'),
        ('failed', 'in_progress'),
        ('failed', 'rolled_back'),
        ('completed', 'rolled_back'),
        ('rolled_back', 'pending')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'migration % cannot go from % to % (table %)',
        OLD.migration_name, OLD.status, coalesce(NEW.status, 'no status'), OLD.table_name
        USING ERRCODE = 'check_violation', CONSTRAINT = 'migration_progress_transition';
END;
$$;
CREATE TRIGGER migration_progress_transition BEFORE UPDATE OF status ON migration_progress
    FOR EACH ROW EXECUTE FUNCTION check_migration_transition();
"""
DROP_TRANSITIONS = """
DROP TRIGGER migration_progress_transition ON migration_progress;
DROP FUNCTION check_migration_transition();
"""


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("transfer", "0001_progress_errors_assignments"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="migrationprogress",
            constraint=models.UniqueConstraint(
                fields=("migration_name", "table_name", "partition"),
                name="migration_progress_migration_name_table_name_partition_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationprogress",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["pending", "in_progress", "completed", "failed", "rolled_back"])
                ),
                name="migration_progress_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationprogress",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "completed"), _negated=True),
                    models.Q(
                        ("failed_records__isnull", False),
                        ("processed_records__isnull", False),
                        (
                            "total_records",
                            models.F("processed_records") + models.F("failed_records"),
                        ),
                        ("total_records__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="migration_progress_accounted_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationerror",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__in", ["error", "warning"])),
                name="migration_errors_severity_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationassignment",
            constraint=models.UniqueConstraint(
                fields=("migration_name", "table_name", "record_id"),
                name="migration_assignments_record_key",
            ),
        ),
        migrations.RunSQL(TRANSITIONS, DROP_TRANSITIONS),
    ]
