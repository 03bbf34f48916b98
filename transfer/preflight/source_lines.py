"""v2 as it is found: reached, read-only, and with the tables, columns and lengths expected.

Only questions: nothing here tries to write, not even to see whether it may.
"""

import os
import sqlite3
from collections.abc import Iterator

from django.db import DatabaseError

from legacy_v2 import names
from legacy_v2.fields import SQL_SERVER
from legacy_v2.introspection import ASSUMED, table_sql
from transfer import fitness
from transfer.exceptions import SourceError
from transfer.preflight import hidden_lines, sql_server_lines
from transfer.preflight.column_lines import SCHEMA, columns, fields, schema_of, type_lines
from transfer.preflight.lines import Line, blocked, listed, ok, warning
from transfer.preflight.refusals import could_not, denied
from transfer.source import Source
from transfer.source_place import sqlite_path

AREA = "v2"
_TABLES = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = %s"


def open_source() -> tuple[Source | None, list[Line]]:
    """v2, and the line that says which; None where it cannot be reached."""
    try:
        source = Source()
    except SourceError as error:
        action = "see V2_DATABASE_URL; the login has to read every table"
        return None, [blocked(AREA, "connection", error.message, action)]
    try:
        return source, [ok(AREA, "connection", f"{source.describe()}, {_version(source)}")]
    except SourceError as error:
        source.close()
        return None, [blocked(AREA, "connection", error.message, "see V2_DATABASE_URL")]


def source_lines(source: Source) -> list[Line]:
    """What v2's login may do, and whether its schema is the one expected."""
    lines: list[Line] = []
    for check, look in (
        ("privileges", _privileges),
        ("server", _server),
        ("required", _schema),
        ("more than expected", _extra),
        ("types", type_lines),
        ("unique Ids", _keys),
        ("index of answers", _index),
    ):
        try:
            lines += look(source)
        except (SourceError, DatabaseError) as error:
            found = f"could not be looked at: {_first_line(error)}"
            lines.append(warning(SCHEMA, check, found))
    return lines


def _version(source: Source) -> str:
    vendor = source.connection.vendor
    if vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    if vendor == "postgresql":
        return f"PostgreSQL {source.select('SHOW server_version')[0][0]}"
    return sql_server_lines.version(source)


def _server(source: Source) -> Iterator[Line]:
    """What only a server has to tell; each part by itself, for a login may be refused any."""
    if source.connection.vendor != SQL_SERVER:
        return
    for check, look in (
        ("server", sql_server_lines.server_lines),
        ("masks", hidden_lines.mask_lines),
        ("row-level security", hidden_lines.policy_lines),
        ("session", sql_server_lines.session_lines),
        ("size", sql_server_lines.size_lines),
    ):
        try:
            yield from look(source)
        except (SourceError, DatabaseError) as error:
            yield warning(AREA, check, f"could not be looked at: {_first_line(error)}")


def _privileges(source: Source) -> Iterator[Line]:
    vendor = source.connection.vendor
    if vendor == SQL_SERVER:
        yield from sql_server_lines.privilege_lines(source)
        return
    tables = sorted(source.schema.tables)
    yield ok(AREA, "reading", f"the login reads all of {len(tables)} tables")
    if vendor == "sqlite":
        path = sqlite_path(str(source.connection.settings_dict["NAME"]))
        if os.access(path, os.W_OK):
            yield warning(
                AREA,
                "writing",
                "this user may write the file; the import opens it read-only all the same (R4)",
                f"to be safe from everybody else: chmod a-w {path}",
            )
        else:
            yield ok(AREA, "writing", "this user may not write the file")
        return
    question = "SELECT has_table_privilege(%s, 'INSERT, UPDATE, DELETE, TRUNCATE')"
    named = {name: table_sql(source.connection, names.model_of(name)) for name in tables}
    writable = [name for name in tables if source.select(question, [named[name]])[0][0]]
    if writable:
        yield warning(
            AREA,
            "writing",
            f"the login may write {len(writable)} of the tables: {listed(writable, 4)}; the import "
            "never does (R4)",
            "give the import a login that may only SELECT",
        )
    else:
        yield ok(AREA, "writing", "the login may write none of the tables")


def _schema(source: Source) -> Iterator[Line]:
    missing = source.schema.missing()
    for message in missing:
        yield blocked(
            SCHEMA,
            "required",
            message,
            "another database than you think, or a login that may not see it; see V2_DATABASE_URL",
        )
    if not missing:
        yield ok(SCHEMA, "required", "every required table and column is there")
    absent = source.schema.absent()
    for item in absent:
        action = ""
        if source.connection.vendor == SQL_SERVER:  # what it does not let one see, it does not list
            table = table_sql(source.connection, names.model_of(item.table))
            action = f"or the login may not see it: GRANT SELECT ON {table} TO …;"
        yield warning(SCHEMA, "assumed", f"there is no {item}: {item.absence}", action)
    if not absent:
        yield ok(SCHEMA, "assumed", f"all {len(ASSUMED)} assumed tables and columns are there")


def _extra(source: Source) -> Iterator[Line]:
    connection = source.connection
    if connection.vendor == SQL_SERVER:  # of its schema, which need not be the login's own
        found = [str(row[0]) for row in source.select(_TABLES, [schema_of(source)])]
    else:
        with connection.cursor() as cursor:
            found = connection.introspection.table_names(cursor)
    known = {names.model_of(name)._meta.db_table.lower() for name in source.schema.tables}
    if tables := sorted(name for name in found if name.lower() not in known):
        yield ok(SCHEMA, "more tables", f"{len(tables):,} that are not migrated: {listed(tables)}")
    if others := sorted(f"{of}.{column}" for of, column in columns(source).keys() - fields()):
        yield warning(
            SCHEMA,
            "more columns",
            f"{len(others):,} that are not migrated: {listed(others)}",
            "make sure that nobody will miss what is in them",
        )


def _keys(source: Source) -> Iterator[Line]:
    try:
        fitness.check_keys(source)
    except SourceError as error:
        if denied(source, error):
            yield could_not(source, SCHEMA, "unique Ids", error)
            return
        found = error.message.removesuffix(f"; {fitness.ONCE}")
        yield blocked(SCHEMA, "unique Ids", found, f"repair the copy: {fitness.ONCE}")
    else:
        yield ok(SCHEMA, "unique Ids", "no Id is there twice")


def _index(source: Source) -> Iterator[Line]:
    if not source.schema.has("FormSubmissionMetaData"):
        return
    if said := fitness.slow_answers(source):
        found, _, statement = said.partition(". On this copy, first: ")
        yield warning(SCHEMA, "index of answers", found, f"first, on this copy: {statement}")
    else:
        yield ok(SCHEMA, "index of answers", "answers are found by their submission")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
