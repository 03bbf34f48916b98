"""strategy.md's own SQL, on v2 tables that stand in the same PostgreSQL (contestant d)."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from psycopg import sql

from benchmarks.database import Connection

STAGED = "v2_staged"
SCRIPT = Path(__file__).with_name("strategy.sql")
# What a SQLite copy of v2 declares, and what SQL Server's types are in PostgreSQL.
TYPES = {"char(36)": "uuid", "bit": "boolean", "int": "integer"}
TIMES = frozenset({"CreatedOn", "LastUpdatedOn"})
# What the joins of the script go by, besides the keys.
INDEXES = (
    ("FormSubmissionMetaData", "FormSubmissionId"),
    ("Field", "FormTypeId"),
    ("FieldSetting", "FieldId"),
    ("Field_Choice_Map", "FieldId"),
)
FETCH = 1000  # rows


def stage(v3: Connection, path: Path) -> None:
    """Copy every table of a v2 file into a schema of v3's database, with keys, and analyzed.

    Names are in lower case, as PostgreSQL reads those of the script.
    """
    v3.execute(
        sql.SQL("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}").format(
            schema=sql.Identifier(STAGED)
        )
    )
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as v2:
        tables = v2.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            _copy(v3, v2, table)
    for table, column in INDEXES:
        v3.execute(sql.SQL("CREATE INDEX ON {} ({})").format(_staged(table), _lower(column)))
    for (table,) in tables:
        v3.execute(sql.SQL("VACUUM ANALYZE {}").format(_staged(table)))


def _copy(v3: Connection, v2: sqlite3.Connection, table: str) -> None:
    columns = v2.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    types = [
        "timestamp" if name in TIMES else TYPES.get(declared, "text") for name, declared in columns
    ]
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(_lower(name), sql.SQL(kind))
        for (name, _), kind in zip(columns, types, strict=True)
    )
    v3.execute(sql.SQL("CREATE TABLE {} ({})").format(_staged(table), definitions))
    names = ", ".join(f'"{name}"' for name, _ in columns)
    rows = v2.execute(f'SELECT {names} FROM "{table}"')
    statement = sql.SQL("COPY {} FROM STDIN").format(_staged(table))
    with v3.cursor() as cursor, cursor.copy(statement) as copy:
        while some := rows.fetchmany(FETCH):
            for row in some:
                copy.write_row(row)
    v3.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (id)").format(_staged(table)))


def migrate(v3: Connection, schema: str = STAGED) -> float:
    """Run the script on the tables of this schema, into empty v3 tables; its seconds."""
    v3.execute(
        "SELECT set_config('search_path', current_schema() || ', ' || quote_ident(%s), false),"
        " set_config('TimeZone', 'UTC', false)",
        (schema,),
    )
    try:
        began = time.perf_counter()
        # Without parameters all of it goes in one message, and is one transaction.
        v3.execute(SCRIPT.read_bytes())
        return time.perf_counter() - began
    finally:
        v3.execute("RESET search_path; RESET TimeZone")


def _staged(table: str) -> sql.Identifier:
    return sql.Identifier(STAGED, table.lower())


def _lower(name: str) -> sql.Identifier:
    return sql.Identifier(name.lower())
