"""Number the faults that earlier runs recorded, so that each has a key of its own."""

from django.db import migrations

NUMBER = """
UPDATE migration_errors AS error
   SET occurrence = numbered.place
  FROM (SELECT id, row_number() OVER (
                       PARTITION BY migration_name, table_name, v2_table, record_id, code,
                                    column_name
                       ORDER BY id) AS place
          FROM migration_errors
         WHERE resolved_at IS NULL) AS numbered
 WHERE numbered.id = error.id AND numbered.place > 1
"""


class Migration(migrations.Migration):
    category = "data"
    dependencies = [
        ("transfer", "0004_error_occurrence"),
    ]
    operations = [migrations.RunSQL(NUMBER, migrations.RunSQL.noop)]
