"""What every v3 table builds on: the wished extensions and the functions that keep updated_at."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from pliers.extensions import create_offered_extensions


def create_extensions(_: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    create_offered_extensions(schema_editor.connection)


# A BEFORE UPDATE trigger sees the new row and not which columns the statement named, so a
# statement that sets updated_at to the value it has looks like one that leaves it alone. But
# only the first fires a trigger declared UPDATE OF updated_at. Such a trigger, keep_…, which
# fires earlier by its name, marks the row, and update_… takes the mark for "leave it".
# -infinity is the mark, for it passes NOT NULL and no row of v2 or v3 has it.
FUNCTIONS = """
CREATE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = '-infinity';
    RETURN NEW;
END;
$$;
CREATE FUNCTION update_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.updated_at = '-infinity' THEN
        NEW.updated_at = OLD.updated_at;
    ELSIF NEW.updated_at = OLD.updated_at THEN
        NEW.updated_at = now();
    END IF;
    RETURN NEW;
END;
$$;
"""


class Migration(migrations.Migration):
    category = "schema"
    initial = True
    dependencies = []
    operations = [
        # Backwards they stay: whether they were there before us cannot be told any more, and
        # other schemas of the database may use them.
        migrations.RunPython(create_extensions, migrations.RunPython.noop),
        migrations.RunSQL(
            FUNCTIONS, "DROP FUNCTION update_updated_at(); DROP FUNCTION keep_updated_at();"
        ),
    ]
