"""SQL Server's catalog views over a peer's tables: sys.* and INFORMATION_SCHEMA.*.

To add one, or another answer than pysqlbridge's own::

    @view("sys.dm_db_partition_stats")
    def partition_stats(peer: Peer) -> View:
        return [("object_id", INT), ("row_count", BIGINT)], [[t.object_id, len(t.rows)] for …]
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pysqlbridge import information_schema
from pysqlbridge.source import Table
from pysqlbridge.tds.result import Column

from tests.sqlserver import types
from tests.sqlserver.tables import Index, PeerTable

if TYPE_CHECKING:
    from tests.sqlserver.peer import Peer

View = tuple[Sequence[tuple[str, Any]], Sequence[Sequence[Any]]]  # (name, type) columns, and rows

NAME, INT, BIGINT, BIT = types.Text(128), types.Integer(4), types.Integer(8), types.Bit()
TINYINT, SMALLINT = types.Integer(1), types.Integer(2)
COLLATION = "SQL_Latin1_General_CP1_CI_AS"
PAGE_BYTES = 8192
DATABASE_ID = 17  # of sys.databases: in Azure SQL Database another number than DB_ID() gives
# system_type_id, max_length (bytes; None: the column's own), precision, scale
_TYPES: dict[str, tuple[int, int | None, int, int]] = {
    "uniqueidentifier": (36, 16, 0, 0),
    "tinyint": (48, 1, 3, 0),
    "smallint": (52, 2, 5, 0),
    "int": (56, 4, 10, 0),
    "bigint": (127, 8, 19, 0),
    "bit": (104, 1, 1, 0),
    "datetime": (61, 8, 23, 3),
    "datetime2": (42, 8, 27, 7),
    "datetimeoffset": (43, 10, 34, 7),
    "nvarchar": (231, None, 0, 0),
    "varchar": (167, None, 0, 0),
    "varbinary": (165, None, 0, 0),
}
_VIEWS: dict[str, Callable[["Peer"], View]] = {}


def view(name: str) -> Callable[[Any], Any]:
    """Register a view by its schema and name; one that was there is replaced."""

    def register(made: Callable[["Peer"], View]) -> Callable[["Peer"], View]:
        _VIEWS[name.lower()] = made
        return made

    return register


def find(peer: "Peer", name: str, schema: str | None) -> Table | None:
    """The view of that name, as it is now."""
    made = _VIEWS.get(f"{schema}.{name}".lower()) if schema else None
    if made is None:
        return None
    columns, rows = made(peer)
    return Table(name, [Column(column, kind) for column, kind in columns], [list(r) for r in rows])


def _max_length(kind: Any) -> int:
    name = types.sql_name(kind)
    fixed = _TYPES[name][1]
    if fixed is not None:
        return fixed
    chars = types.length(kind)
    return -1 if chars in (None, -1) else int(chars or 0) * (2 if name == "nvarchar" else 1)


def _columns(peer: "Peer") -> Iterator[tuple[PeerTable, int, Column]]:
    for table in peer.tables:
        for number, column in enumerate(table.columns, 1):
            yield table, number, column


def _indexes(peer: "Peer") -> Iterator[tuple[PeerTable, int, Index]]:
    """With their numbers; 1 is the clustered one, that of the primary key."""
    for table in peer.tables:
        number = 1
        for index in table.indexes:
            number += not index.primary
            yield table, 1 if index.primary else number, index


@view("sys.schemas")
def _schemas(peer: "Peer") -> View:
    rows = [[name, number, 1] for name, number in peer.schema_ids().items()]
    return [("name", NAME), ("schema_id", INT), ("principal_id", INT)], rows


def _objects(peer: "Peer") -> View:
    columns = [
        ("name", NAME), ("object_id", INT), ("schema_id", INT), ("parent_object_id", INT),
        ("type", types.Text(2)), ("type_desc", types.Text(60)), ("is_ms_shipped", BIT),
        ("temporal_type", TINYINT), ("is_memory_optimized", BIT), ("is_external", BIT),
    ]  # fmt: skip
    ids = peer.schema_ids()
    rows = [
        [t.name, t.object_id, ids[t.schema], 0, "U ", "USER_TABLE", False, 0, False, False]
        for t in peer.tables
    ]
    return columns, rows


for _name in ("sys.tables", "sys.objects", "sys.all_objects"):
    view(_name)(_objects)


def _sys_columns(peer: "Peer") -> View:
    columns = [
        ("object_id", INT), ("name", NAME), ("column_id", INT), ("system_type_id", TINYINT),
        ("user_type_id", INT), ("max_length", SMALLINT), ("precision", TINYINT),
        ("scale", TINYINT), ("collation_name", NAME), ("is_nullable", BIT), ("is_identity", BIT),
        ("is_computed", BIT),
    ]  # fmt: skip
    rows = []
    for table, number, column in _columns(peer):
        name = types.sql_name(column.type)
        kind, _, precision, scale = _TYPES[name]
        text = COLLATION if types.length(column.type) is not None else None
        rows.append([
            table.object_id, column.name, number, kind, kind, _max_length(column.type), precision,
            scale, text, column.name in table.nullable, False, False,
        ])  # fmt: skip
    return columns, rows


for _name in ("sys.columns", "sys.all_columns"):
    view(_name)(_sys_columns)


@view("sys.types")
def _types(_peer: "Peer") -> View:
    columns = [
        ("name", NAME), ("system_type_id", TINYINT), ("user_type_id", INT), ("schema_id", INT),
        ("max_length", SMALLINT), ("precision", TINYINT), ("scale", TINYINT),
        ("is_user_defined", BIT),
    ]  # fmt: skip
    rows = [
        [name, number, number, 4, 8000 if long is None else long, precision, scale, False]
        for name, (number, long, precision, scale) in _TYPES.items()
    ]
    return columns, rows


@view("sys.indexes")
def _sys_indexes(peer: "Peer") -> View:
    columns = [
        ("object_id", INT), ("name", NAME), ("index_id", INT), ("type", TINYINT),
        ("type_desc", types.Text(60)), ("is_unique", BIT), ("is_primary_key", BIT),
        ("is_unique_constraint", BIT), ("is_disabled", BIT), ("has_filter", BIT),
        ("is_hypothetical", BIT), ("filter_definition", types.Text()),
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for table in peer.tables:
        if not any(index.primary for index in table.indexes):
            heap = [table.object_id, None, 0, 0, "HEAP", False, False, False, False, False, False]
            rows.append([*heap, None])
    for table, number, index in _indexes(peer):
        kind = (1, "CLUSTERED") if number == 1 else (2, "NONCLUSTERED")
        if index.columnstore:
            kind = (6, "NONCLUSTERED COLUMNSTORE")
        rows.append([
            table.object_id, index.name, number, *kind, index.unique, index.primary, False,
            index.disabled, index.filtered, index.hypothetical, None,
        ])  # fmt: skip
    return columns, rows


@view("sys.index_columns")
def _index_columns(peer: "Peer") -> View:
    columns = [
        ("object_id", INT), ("index_id", INT), ("index_column_id", INT), ("column_id", INT),
        ("key_ordinal", TINYINT), ("is_descending_key", BIT), ("is_included_column", BIT),
    ]  # fmt: skip
    rows = []
    for table, number, index in _indexes(peer):
        names = [column.name.lower() for column in table.columns]
        for place, name in enumerate(index.columns, 1):
            at = names.index(name.lower()) + 1
            rows.append([table.object_id, number, place, at, place, False, False])
    return columns, rows


@view("sys.partitions")
def _partitions(peer: "Peer") -> View:
    columns = [("object_id", INT), ("index_id", INT), ("partition_number", INT), ("rows", BIGINT)]
    rows = []
    for table in peer.tables:
        first = 1 if any(index.primary for index in table.indexes) else 0
        numbers = {first} | {n for t, n, _ in _indexes(peer) if t is table}
        rows += [[table.object_id, number, 1, len(table.rows)] for number in sorted(numbers)]
    return columns, rows


@view("sys.dm_db_partition_stats")
def _partition_stats(peer: "Peer") -> View:
    peer.harm.check_database_state()
    columns = [
        ("object_id", INT), ("index_id", INT), ("partition_number", INT), ("row_count", BIGINT),
        ("used_page_count", BIGINT), ("reserved_page_count", BIGINT),
    ]  # fmt: skip
    _, rows = _partitions(peer)
    sizes = {table.object_id: _pages(table) for table in peer.tables}
    return columns, [[o, i, n, count, sizes[o], sizes[o] + 1] for o, i, n, count in rows]


def _pages(table: PeerTable) -> int:
    return 1 + len(table.rows) * 64 * max(len(table.columns), 1) // PAGE_BYTES


@view("sys.databases")
def _databases(peer: "Peer") -> View:
    known = information_schema.DATABASE_COLUMNS
    said = {
        "name": peer.database,
        "physical_database_name": peer.database,
        "database_id": DATABASE_ID,
        **peer.options,
    }
    columns = [(name, kind) for name, kind, _ in known]
    rows = [[said.get(name, value) for name, _, value in known]]
    extra = [name for name in said if name not in {column for column, _ in columns}]
    for name in extra:
        columns.append((name, types.Text(128) if isinstance(said[name], str) else INT))
        rows[0].append(said[name])
    return columns, rows


@view("INFORMATION_SCHEMA.TABLES")
def _information_tables(peer: "Peer") -> View:
    columns = [
        ("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME),
        ("TABLE_TYPE", types.Text(10)),
    ]  # fmt: skip
    return columns, [[peer.database, t.schema, t.name, "BASE TABLE"] for t in peer.tables]


@view("INFORMATION_SCHEMA.COLUMNS")
def _information_columns(peer: "Peer") -> View:
    columns = [
        ("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME),
        ("COLUMN_NAME", NAME), ("ORDINAL_POSITION", INT), ("COLUMN_DEFAULT", types.Text(4000)),
        ("IS_NULLABLE", types.Text(3)), ("DATA_TYPE", NAME), ("CHARACTER_MAXIMUM_LENGTH", INT),
        ("CHARACTER_OCTET_LENGTH", INT), ("NUMERIC_PRECISION", TINYINT), ("NUMERIC_SCALE", INT),
        ("DATETIME_PRECISION", SMALLINT), ("COLLATION_NAME", NAME),
    ]  # fmt: skip
    rows = []
    for table, number, column in _columns(peer):
        name, chars = types.sql_name(column.type), types.length(column.type)
        _, _, precision, scale = _TYPES[name]
        whole = name in ("tinyint", "smallint", "int", "bigint")
        rows.append([
            peer.database, table.schema, table.name, column.name, number, None,
            "YES" if column.name in table.nullable else "NO", name, chars,
            None if chars is None else _max_length(column.type),
            precision if whole else None, 0 if whole else None,
            scale if name.startswith("date") else None,
            COLLATION if chars is not None else None,
        ])  # fmt: skip
    return columns, rows


@view("INFORMATION_SCHEMA.SCHEMATA")
def _schemata(peer: "Peer") -> View:
    columns = [("CATALOG_NAME", NAME), ("SCHEMA_NAME", NAME), ("SCHEMA_OWNER", NAME)]
    return columns, [[peer.database, name, "dbo"] for name in peer.schema_ids()]


@view("INFORMATION_SCHEMA.TABLE_CONSTRAINTS")
def _table_constraints(peer: "Peer") -> View:
    columns = [
        ("CONSTRAINT_CATALOG", NAME), ("CONSTRAINT_SCHEMA", NAME), ("CONSTRAINT_NAME", NAME),
        ("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME),
        ("CONSTRAINT_TYPE", types.Text(11)),
    ]  # fmt: skip
    rows = [
        [peer.database, t.schema, index.name, peer.database, t.schema, t.name, "PRIMARY KEY"]
        for t, _, index in _indexes(peer)
        if index.primary
    ]
    return columns, rows


@view("INFORMATION_SCHEMA.KEY_COLUMN_USAGE")
def _key_column_usage(peer: "Peer") -> View:
    columns = [
        ("CONSTRAINT_CATALOG", NAME), ("CONSTRAINT_SCHEMA", NAME), ("CONSTRAINT_NAME", NAME),
        ("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME),
        ("COLUMN_NAME", NAME), ("ORDINAL_POSITION", INT),
    ]  # fmt: skip
    rows = [
        [peer.database, t.schema, index.name, peer.database, t.schema, t.name, column, place]
        for t, _, index in _indexes(peer)
        if index.primary
        for place, column in enumerate(index.columns, 1)
    ]
    return columns, rows


@view("INFORMATION_SCHEMA.CONSTRAINT_COLUMN_USAGE")
def _constraint_column_usage(peer: "Peer") -> View:
    columns, rows = _key_column_usage(peer)
    wanted = ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "CONSTRAINT_CATALOG",
              "CONSTRAINT_SCHEMA", "CONSTRAINT_NAME")  # fmt: skip
    names = [name for name, _ in columns]
    return [(n, NAME) for n in wanted], [[row[names.index(n)] for n in wanted] for row in rows]
