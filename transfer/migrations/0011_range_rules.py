"""What holds for the ranges of a table's keys, and for the table while there are any."""

from django.db import migrations

# An index may still be missing when a range ends: it is the table that has to wait for it.
SETTLED = """
DROP TRIGGER migration_progress_settled ON migration_progress;
CREATE TRIGGER migration_progress_settled BEFORE UPDATE OF status ON migration_progress
    FOR EACH ROW WHEN (NEW.status = 'completed' AND OLD.status IS DISTINCT FROM 'completed'
                       AND NEW.partition = 0)
    EXECUTE FUNCTION check_migration_settled();
"""
SETTLED_BEFORE = """
DROP TRIGGER migration_progress_settled ON migration_progress;
CREATE TRIGGER migration_progress_settled BEFORE UPDATE OF status ON migration_progress
    FOR EACH ROW WHEN (NEW.status = 'completed' AND OLD.status IS DISTINCT FROM 'completed')
    EXECUTE FUNCTION check_migration_settled();
"""
# Whatever program says that a table is completed: what its ranges have counted is counted in it,
# and none of them is left over.
WHOLE = """
CREATE FUNCTION check_migration_ranges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ranges bigint;
BEGIN
    SELECT count(*) INTO ranges
      FROM migration_progress
     WHERE migration_name = NEW.migration_name
       AND table_name = NEW.table_name
       AND partition > 0;
    IF ranges > 0 THEN
        RAISE EXCEPTION 'migration % is not completed for table %: % ranges of it are left',
            NEW.migration_name, NEW.table_name, ranges
            USING ERRCODE = 'check_violation', CONSTRAINT = 'migration_progress_ranges';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER migration_progress_ranges BEFORE UPDATE OF status ON migration_progress
    FOR EACH ROW WHEN (NEW.status = 'completed' AND OLD.status IS DISTINCT FROM 'completed'
                       AND NEW.partition = 0)
    EXECUTE FUNCTION check_migration_ranges();
ALTER TABLE migration_progress
    ADD CONSTRAINT migration_progress_partition_check CHECK (partition >= 0);
"""
DROP_WHOLE = """
ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_partition_check;
DROP TRIGGER migration_progress_ranges ON migration_progress;
DROP FUNCTION check_migration_ranges();
"""


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("transfer", "0010_error_partition"),
    ]
    operations = [
        migrations.RunSQL(SETTLED, SETTLED_BEFORE),
        migrations.RunSQL(WHOLE, DROP_WHOLE),
    ]
