"""Keys and checks of verifications, differences and deferrals."""

from django.db import migrations, models

from pliers.constraints import ForeignKeyConstraint

TRANSITIONS = """
CREATE FUNCTION check_verification_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) IN (
        ('in_progress', 'in_progress'),
        ('in_progress', 'completed'),
        ('in_progress', 'abandoned')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a verification of % cannot go from % to %',
        OLD.migration_name, OLD.status, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'migration_verifications_transition';
END;
$$;
CREATE TRIGGER migration_verifications_transition BEFORE UPDATE OF status
    ON migration_verifications
    FOR EACH ROW EXECUTE FUNCTION check_verification_transition();
"""
DROP_TRANSITIONS = """
DROP TRIGGER migration_verifications_transition ON migration_verifications;
DROP FUNCTION check_verification_transition();
"""
# Whatever program says that a table is completed, an index may not be missing then.
SETTLED = """
CREATE FUNCTION check_migration_settled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waiting text;
BEGIN
    SELECT string_agg(name, ', ' ORDER BY name) INTO waiting
      FROM migration_deferrals
     WHERE migration_name = NEW.migration_name
       AND table_name = NEW.table_name
       AND settled_at IS NULL;
    IF waiting IS NOT NULL THEN
        RAISE EXCEPTION 'migration % is not completed for table %: not settled yet: %',
            NEW.migration_name, NEW.table_name, waiting
            USING ERRCODE = 'check_violation', CONSTRAINT = 'migration_progress_settled';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER migration_progress_settled BEFORE UPDATE OF status ON migration_progress
    FOR EACH ROW WHEN (NEW.status = 'completed' AND OLD.status IS DISTINCT FROM 'completed')
    EXECUTE FUNCTION check_migration_settled();
"""
DROP_SETTLED = """
DROP TRIGGER migration_progress_settled ON migration_progress;
DROP FUNCTION check_migration_settled();
"""


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("transfer", "0007_verifications_differences_deferrals"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="migrationdeferral",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["index", "foreign_key"])),
                name="migration_deferrals_kind_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationdeferral",
            constraint=models.UniqueConstraint(
                condition=models.Q(("settled_at__isnull", True)),
                fields=("migration_name", "table_name", "name"),
                name="migration_deferrals_open_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationverification",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["in_progress", "completed", "abandoned"])),
                name="migration_verifications_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationverification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "completed"), _negated=True),
                    models.Q(("completed_at__isnull", False), ("report__isnull", False)),
                    _connector="OR",
                ),
                name="migration_verifications_report_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationverification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "in_progress")),
                fields=("migration_name",),
                name="migration_verifications_one_in_progress",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationdifference",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["missing_in_v3", "missing_in_v2", "different"])),
                name="migration_differences_kind_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationdifference",
            constraint=ForeignKeyConstraint(
                field="verification", name="migration_differences_verification_id_fkey"
            ),
        ),
        migrations.AddConstraint(
            model_name="migrationdifference",
            constraint=models.UniqueConstraint(
                condition=models.Q(("resolved_at__isnull", True)),
                fields=("migration_name", "table_name", "record_id", "place"),
                name="migration_differences_place_key",
            ),
        ),
        migrations.RunSQL(TRANSITIONS, DROP_TRANSITIONS),
        migrations.RunSQL(SETTLED, DROP_SETTLED),
    ]
