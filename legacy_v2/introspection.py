"""Which of the v2 tables and columns exist in the database at hand.

Part of v2 is assumed: a database may lack it, and the import works without. The rest is
required. Names are compared without regard to case where the database does so; PostgreSQL does
not, so there a table ``formsubmission`` is not FormSubmission, and the message says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from legacy_v2.fields import SQL_SERVER

DEFAULT_SCHEMA = "dbo"  # of SQL Server
ANSWERS, ANSWER_KEY = "FormSubmissionMetaData", "FormSubmissionId"


class Assumed(NamedTuple):
    """A table, or a column of one, that a v2 may lack, and what its absence means."""

    table: str
    column: str | None
    absence: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}" if self.column else self.table


ASSUMED: tuple[Assumed, ...] = (
    Assumed("User", None, "no users are migrated (M6)"),
    Assumed(
        "FormType",
        "OrganizationId",
        "each form's organization comes from V2_MAPPING or --default-organization (M8)",
    ),
    Assumed("FormType", "CreatedOn", "forms get the migration's start as their time (M3)"),
    Assumed("FieldSetting", "Id", "of two settings of one name the greater value wins (M11)"),
    Assumed(
        "Field_Choice_Map",
        "Id",
        "every FieldChoiceMapId of an answer is taken as a Choice.Id (M15)",
    ),
    Assumed("FormSubmission", "OrganizationId", "submissions go to their form's organization (M8)"),
    Assumed(ANSWERS, "Id", "several answers to one field are put in order by value (M16)"),
)
_ASSUMED_NAMES = {(item.table, item.column) for item in ASSUMED}


@dataclass(frozen=True, slots=True)
class V2Schema:
    """What was found in a v2 database.

    Attributes:
        tables: the columns found, by table; both under the names v2's models have for them.
        answers_indexed: whether an index serves a search for answers by FormSubmissionId (on
            SQLite it has to be NOCASE). Without one every batch reads all answers.
        similar: names found that differ only in case from a name not found, by that name
            (``Table`` or ``Table.Column``).
    """

    tables: Mapping[str, frozenset[str]]
    answers_indexed: bool
    similar: Mapping[str, str]

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether the table exists, and has the column where one is named."""
        return table in self.tables and (column is None or column in self.tables[table])

    def missing(self) -> tuple[str, ...]:
        """One line for each required table or column that is absent; empty where v2 will do.

        The columns of User are required where the table exists.
        """
        messages = []
        for table, columns in _expected().items():
            if self.has(table):
                messages += [
                    self._absent(table, column)
                    for column in columns
                    if not self.has(table, column) and (table, column) not in _ASSUMED_NAMES
                ]
            elif (table, None) not in _ASSUMED_NAMES:
                messages.append(self._absent(table))
        return tuple(messages)

    def absent(self) -> tuple[Assumed, ...]:
        """The assumed tables and columns this v2 lacks."""
        return tuple(
            item
            for item in ASSUMED
            if not self.has(item.table, item.column) and (not item.column or self.has(item.table))
        )

    def _absent(self, table: str, column: str | None = None) -> str:
        what = (
            f"v2's table {table} has no column {column}" if column else f"v2 has no table {table}"
        )
        found = self.similar.get(f"{table}.{column}" if column else table)
        if not found:
            return what
        return f'{what}; there is "{found}", but this database tells upper from lower case'


def qualified(connection: BaseDatabaseWrapper, table: str) -> str:
    """A table's name as statements write it: quoted, on SQL Server with its schema."""
    quote = connection.ops.quote_name
    if connection.vendor != SQL_SERVER:
        return quote(table)
    schema = str(connection.settings_dict.get("SCHEMA") or DEFAULT_SCHEMA).replace("]", "]]")
    return f"[{schema}].{quote(table)}"


def table_sql(connection: BaseDatabaseWrapper, model: type[Model]) -> str:
    """The model's table as statements write it."""
    return qualified(connection, model._meta.db_table)


def inspect(connection: BaseDatabaseWrapper) -> V2Schema:
    """Look at the v2 database behind the connection; nothing is written.

    Raises:
        django.db.DatabaseError: it cannot be reached or refuses to be looked at.
    """
    similar: dict[str, str] = {}
    inexact = similar if connection.vendor == "postgresql" else None
    tables: dict[str, frozenset[str]] = {}
    answers_indexed = False
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor, include_views=True)
        for table, columns in _expected().items():
            own_name = _find(table, names, inexact)
            if own_name is None:
                continue
            # The table's own description of itself: the same on every server and driver.
            quoted = connection.ops.quote_name(own_name)
            cursor.execute(f"SELECT * FROM {quoted} WHERE 1 = 0")  # noqa: S608 - quoted name
            found = [column[0] for column in cursor.description or ()]
            tables[table] = frozenset(
                column
                for column in columns
                if _find(column, found, inexact, f"{table}.") is not None
            )
            if table == ANSWERS:
                answers_indexed = _is_indexed(connection, cursor, own_name, ANSWER_KEY)
    return V2Schema(tables, answers_indexed, similar)


def _expected() -> dict[str, tuple[str, ...]]:
    return {
        model._meta.db_table: tuple(str(f.column) for f in model._meta.concrete_fields)
        for model in apps.get_app_config("legacy_v2").get_models()
    }


def _find(
    name: str, found: Iterable[str], similar: dict[str, str] | None, prefix: str = ""
) -> str | None:
    """The name as the database has it; ``similar`` is given where only the exact one counts."""
    candidates = [other for other in found if other.lower() == name.lower()]
    if name in candidates:
        return name
    if candidates and similar is not None:
        similar[prefix + name] = candidates[0]
        return None
    return candidates[0] if candidates else None


def _is_indexed(
    connection: BaseDatabaseWrapper, cursor: CursorWrapper, table: str, column: str
) -> bool:
    if connection.vendor != "sqlite":
        # PostgreSQL 18 counts NOT NULL among the constraints; an expression has no column.
        leading = [
            found["columns"][0]
            for found in connection.introspection.get_constraints(cursor, table).values()
            if found["index"] and found["columns"]
        ]
        return any(name and name.lower() == column.lower() for name in leading)
    sql = """
        SELECT count(*)
        FROM pragma_index_list(%s) AS a_index, pragma_index_xinfo(a_index.name) AS part
        WHERE part.seqno = 0 AND part.coll = 'NOCASE' AND lower(part.name) = lower(%s)
    """
    cursor.execute(sql, [table, column])
    return bool(cursor.fetchone()[0])
