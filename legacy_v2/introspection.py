"""Which of the v2 tables and columns exist in the database at hand, and of what type its ids are.

Part of v2 is assumed: a database may lack it, and the import works without. The rest is
required. Names are compared without regard to case where the database does so; PostgreSQL does
not, nor does a SQL Server told so, and there a table ``formsubmission`` is not FormSubmission, and
the message says so.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model

from legacy_v2 import ids, names
from legacy_v2.fields import SQL_SERVER, NaiveDateTimeField, is_id_field, remember_zoned

DEFAULT_SCHEMA = "dbo"  # of SQL Server
_ZONED_TYPES = ("datetimeoffset", "timestamp with time zone")
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
ASSUMED_NAMES = {(item.table, item.column) for item in ASSUMED}


@dataclass(frozen=True, slots=True)
class V2Schema:
    """What was found in a v2 database; its tables and columns go by their canonical names.

    Attributes:
        tables: the columns found, by table.
        answers_indexed: whether an index serves a search for answers by FormSubmissionId (on
            SQLite it has to be NOCASE). Without one every batch reads all answers.
        similar: names found that differ only in case from a name not found, by that name
            (``Table`` or ``Table.Column``).
        integer_ids: the columns of ids that are whole numbers (see legacy_v2.ids).
        types: the declared type of each column found, lower case; where the database tells.
        never_null: columns whose database lets no NULL into them, as far as it tells.
        denied: what a message says of each table that is there and may not be read, by table.
        ignores_case: whether the database finds a table or column whatever its name's case.
    """

    tables: Mapping[str, frozenset[str]]
    answers_indexed: bool
    similar: Mapping[str, str]
    integer_ids: frozenset[tuple[str, str]] = frozenset()
    types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    never_null: frozenset[tuple[str, str]] = frozenset()
    ignores_case: bool = False
    denied: Mapping[str, str] = field(default_factory=dict)

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether the table exists, and has the column where one is named."""
        return table in self.tables and (column is None or column in self.tables[table])

    def missing(self) -> tuple[str, ...]:
        """One line for each required table or column that is absent; empty where v2 will do.

        The columns of User are required where the table exists; what is assumed is required where
        V2_MAPPING names it, for a name that somebody wrote down was meant.
        """
        messages = []
        for table, columns in names.canonical().items():
            if self.has(table):
                messages += [
                    self._absent(table, column)
                    for column in columns
                    if not self.has(table, column) and _is_required(table, column)
                ]
            elif table in self.denied:
                messages.append(self.denied[table])
            elif _is_required(table):
                messages.append(self._absent(table))
        return tuple(messages)

    def absent(self) -> tuple[Assumed, ...]:
        """The assumed tables and columns this v2 lacks."""
        return tuple(
            item
            for item in ASSUMED
            if not self.has(item.table, item.column)
            and (self.has(item.table) if item.column else item.table not in self.denied)
        )

    def _absent(self, table: str, column: str | None = None) -> str:
        what = f"v2 has no table {names.told(table)}"
        if column:
            actual = names.actual(table, column)
            other = "" if actual == column else f" ({actual})"
            what = f"v2's table {names.told(table)} has no column {column}{other}"
        found = self.similar.get(f"{table}.{column}" if column else table)
        if not found:
            return what
        return (
            f'{what}; there is "{found}", but this database tells upper from lower case: '
            "V2_MAPPING can name it"
        )


def _is_required(table: str, column: str | None = None) -> bool:
    actual = names.actual(table, column)
    if (table, column) not in ASSUMED_NAMES:
        return True
    return actual not in (column or table, names.NONE)


def qualified(connection: BaseDatabaseWrapper, table: str) -> str:
    """A table's name as statements write it: quoted, on SQL Server with its schema."""
    quote = connection.ops.quote_name
    if connection.vendor != SQL_SERVER:
        return quote(table)
    schema = _schema(connection).replace("]", "]]")
    return f"[{schema}].{quote(table)}"


def table_sql(connection: BaseDatabaseWrapper, model: type[Model]) -> str:
    """The model's table as statements write it."""
    return qualified(connection, model._meta.db_table)


def inspect(connection: BaseDatabaseWrapper) -> V2Schema:
    """Look at the v2 database behind the connection; nothing is written.

    The types of its ids and times are remembered for the queries that will be composed for it.

    Raises:
        django.db.DatabaseError: it cannot be reached or refuses to be looked at.
    """
    similar: dict[str, str] = {}
    tables: dict[str, frozenset[str]] = {}
    types: dict[tuple[str, str], str] = {}
    integers: set[tuple[str, str]] = set()
    zoned: set[tuple[str, str]] = set()
    never_null: set[tuple[str, str]] = set()
    denied: dict[str, str] = {}
    answers_indexed = False
    with connection.cursor() as cursor:
        catalog = _CATALOGS.get(connection.vendor, _Catalog)(connection, cursor)
        inexact = None if catalog.ignores_case else similar
        for canonical in names.canonical():
            model = names.model_of(canonical)
            own_name = _find(model._meta.db_table, catalog.tables(), inexact, canonical)
            if own_name is None:
                if catalog.is_denied(model._meta.db_table):
                    denied[canonical] = (
                        f"the login may not read v2's table {names.told(canonical)}:"
                        f" GRANT SELECT ON {table_sql(connection, model)} TO it"
                    )
                continue
            found = catalog.columns(own_name)
            present = set()
            for each in _columns(model):
                column = names.column(each)
                name = _find(str(each.column), found, inexact, f"{canonical}.{column}")
                if name is None:
                    continue
                present.add(column)
                types[canonical, column] = found[name]
                if name in catalog.never_null(own_name):
                    never_null.add((canonical, column))
                if is_id_field(each) and catalog.is_integer(found[name]):
                    integers.add((canonical, column))
                if isinstance(each, NaiveDateTimeField) and found[name] in _ZONED_TYPES:
                    zoned.add((canonical, column))
            tables[canonical] = frozenset(present)
            if canonical == ANSWERS and ANSWER_KEY in present:
                key = next(f for f in _columns(model) if names.column(f) == ANSWER_KEY)
                whole = (canonical, ANSWER_KEY) in integers
                answers_indexed = catalog.is_indexed(own_name, str(key.column), whole=whole)
    ids.remember(connection, integers)
    remember_zoned(connection, zoned)
    return V2Schema(
        tables,
        answers_indexed,
        similar,
        frozenset(integers),
        types,
        frozenset(never_null),
        catalog.ignores_case,
        denied,
    )


def _columns(model: type[Model]) -> "list[Field[Any, Any]]":
    return list(model._meta.concrete_fields)


def _schema(connection: BaseDatabaseWrapper) -> str:
    return str(connection.settings_dict.get("SCHEMA") or DEFAULT_SCHEMA)


def _find(
    name: str, found: Iterable[str], similar: dict[str, str] | None, known_as: str
) -> str | None:
    """The name as the database has it; ``similar`` is given where only the exact one counts."""
    candidates = [other for other in found if other.lower() == name.lower()]
    if name in candidates:
        return name
    if candidates and similar is not None:
        similar[known_as] = candidates[0]
        return None
    return candidates[0] if candidates else None


class _Catalog:
    """What a database tells of its tables: PostgreSQL, and the others where they are like it."""

    ignores_case = False

    def __init__(self, connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
        self._connection = connection
        self._cursor = cursor

    def tables(self) -> list[str]:
        """The names of its tables and views."""
        introspection = self._connection.introspection
        return introspection.table_names(self._cursor, include_views=True)

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a table and their types, lower case."""
        # The table's own description of itself, under the name that is found without a schema.
        quoted = self._connection.ops.quote_name(table)
        self._cursor.execute(f"SELECT * FROM {quoted} WHERE 1 = 0")  # noqa: S608 - quoted name
        types = self._connection.connection.adapters.types
        found = {}
        for column in self._cursor.description or ():
            info = types.get(column[1])
            found[column[0]] = str(info.regtype if info else column[1])
        return found

    def is_denied(self, table: str) -> bool:
        """Whether a table that it does not list is there all the same."""
        del table
        return False

    def never_null(self, table: str) -> Collection[str]:
        """Columns that hold no NULL; those it does not tell of are not among them."""
        del table
        return ()

    def is_integer(self, declared: str) -> bool:
        """Whether a type's values are whole numbers of 64 bits or fewer."""
        return declared in ("smallint", "integer", "bigint")

    def is_indexed(self, table: str, column: str, *, whole: bool) -> bool:
        """Whether an index begins with the column. ``whole``: its values are whole numbers."""
        del whole
        # PostgreSQL 18 counts NOT NULL among the constraints; an expression has no column.
        constraints = self._connection.introspection.get_constraints(self._cursor, table)
        leading = [
            found["columns"][0]
            for found in constraints.values()
            if found["index"] and found["columns"]
        ]
        return column in leading


class _Sqlite(_Catalog):
    ignores_case = True

    def columns(self, table: str) -> dict[str, str]:
        self._cursor.execute("SELECT name, lower(type) FROM pragma_table_xinfo(%s)", [table])
        return dict(self._cursor.fetchall())

    def is_integer(self, declared: str) -> bool:
        return "int" in declared  # what gives a column INTEGER affinity there

    def is_indexed(self, table: str, column: str, *, whole: bool) -> bool:
        self._cursor.execute(
            """
            SELECT count(*)
            FROM pragma_index_list(%s) AS a_index, pragma_index_xinfo(a_index.name) AS part
            WHERE part.seqno = 0 AND lower(part.name) = lower(%s)
              AND (upper(part.coll) = 'NOCASE' OR %s)
            """,
            [table, column, whole],
        )
        return bool(self._cursor.fetchone()[0])


class _SqlServer(_Catalog):
    """Read from views that every login may read; a table it may not read at all is not in them."""

    def __init__(self, connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
        super().__init__(connection, cursor)
        # Names are told apart as the database's catalog does, whatever its texts are.
        cursor.execute("SELECT CASE WHEN OBJECT_ID('SYS.OBJECTS') IS NULL THEN 1 ELSE 0 END")
        self.ignores_case = not cursor.fetchone()[0]
        cursor.execute(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, IS_NULLABLE"
            " FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = %s",
            [_schema(connection)],
        )
        self._found: dict[str, dict[str, str]] = {}
        self._never_null: defaultdict[str, set[str]] = defaultdict(set)
        for table, column, declared, nullable in cursor.fetchall():
            self._found.setdefault(table, {})[column] = str(declared).lower()
            if nullable == "NO":
                self._never_null[table].add(column)

    def tables(self) -> list[str]:
        return list(self._found)

    def columns(self, table: str) -> dict[str, str]:
        return self._found[table]

    def is_denied(self, table: str) -> bool:
        try:
            self._cursor.execute(f"SELECT TOP (0) 1 FROM {qualified(self._connection, table)}")  # noqa: S608 - quoted name
        except DatabaseError as error:  # 229, and 208 where there is none
            if "permission was denied" in str(error):
                return True
            if "nvalid object name" in str(error):
                return False
            raise
        return False

    def never_null(self, table: str) -> Collection[str]:
        return self._never_null[table]

    def is_integer(self, declared: str) -> bool:
        return declared in ("tinyint", "smallint", "int", "bigint")

    def is_indexed(self, table: str, column: str, *, whole: bool) -> bool:
        del whole
        self._cursor.execute(
            """
            SELECT COUNT(*)
              FROM sys.indexes AS i
              JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
              JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
             WHERE i.object_id = OBJECT_ID(%s) AND i.type IN (1, 2) AND i.is_disabled = 0
               AND i.is_hypothetical = 0 AND i.has_filter = 0
               AND k.key_ordinal = 1 AND c.name = %s
            """,  # rows in the key's order; what a tuning advisor tried out is no index
            [qualified(self._connection, table), column],
        )
        return bool(self._cursor.fetchone()[0])


_CATALOGS: dict[str, type[_Catalog]] = {"sqlite": _Sqlite, SQL_SERVER: _SqlServer}
