"""V2_SCHEMA on a copy of v2 in PostgreSQL: its sessions look there and nowhere else, and only read.

With SQL Server the schema stands before each table's name (tests/sqlserver).
"""

from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.db.utils import ConnectionHandler

from pliers.environment import legacy


@pytest.mark.django_db(databases=["default", "v2"], transaction=True)
@pytest.mark.parametrize("schema", ["legacy", "Legacy", "Le gacy, V2", 'a"b', "a\\b", "user"])
def test_a_schema_of_any_name_is_where_tables_are_looked_for(schema: str) -> None:
    quoted = '"{}"'.format(schema.replace('"', '""'))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quoted}")
    try:
        v3 = connection.settings_dict
        login = ":".join(quote(str(v3[key]), safe="") for key in ("USER", "PASSWORD") if v3[key])
        host = f"host={quote(str(v3['HOST']), safe='')}&port={v3['PORT'] or 5432}"
        address = f"postgres://{login}@/{v3['NAME']}?{host}"
        settings, _ = legacy("V2_DATABASE_URL", address, base=Path("/"), schema=schema)
        v2 = ConnectionHandler({"default": {}, "v2": settings})["v2"]
        with v2.cursor() as cursor:
            cursor.execute(
                "SELECT current_schemas(false), current_setting('default_transaction_read_only')"
            )
            assert cursor.fetchone() == ([schema], "on")
        v2.close()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {quoted}")
