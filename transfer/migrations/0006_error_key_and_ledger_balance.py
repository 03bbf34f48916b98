"""One row a fault, and no run is completed whose ledger does not balance."""

from django.db import migrations, models

# Ledgers as transfer.ledger writes them; runs before there were any have none of records.
BALANCE = """
CREATE FUNCTION ledger_balances(ledger jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        (ledger->>'read')::bigint
        = (ledger->>'migrated')::bigint
        + (ledger->>'merged')::bigint
        + (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(ledger->'set_aside'))
        + (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(ledger->'failed')), false)
$$;
ALTER TABLE migration_progress ADD CONSTRAINT migration_progress_ledger_check CHECK (
    CASE WHEN status = 'completed' AND ledger ? 'records'
         THEN ledger_balances(ledger->'records') AND ledger_balances(ledger->'answers')
         ELSE true
    END
);
"""
DROP_BALANCE = """
ALTER TABLE migration_progress DROP CONSTRAINT migration_progress_ledger_check;
DROP FUNCTION ledger_balances(jsonb);
"""


class Migration(migrations.Migration):
    category = "constraint"
    dependencies = [
        ("transfer", "0005_number_error_occurrences"),
    ]
    operations = [
        migrations.AddConstraint(
            model_name="migrationerror",
            constraint=models.UniqueConstraint(
                condition=models.Q(("resolved_at__isnull", True)),
                fields=(
                    "migration_name",
                    "table_name",
                    "v2_table",
                    "record_id",
                    "code",
                    "column_name",
                    "occurrence",
                ),
                name="migration_errors_fault_key",
            ),
        ),
        migrations.RunSQL(BALANCE, DROP_BALANCE),
    ]
