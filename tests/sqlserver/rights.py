"""What the peer's login may do and see, and what the database says of itself.

peer.roles.add("db_owner")
peer.writable.add("FormSubmission")
peer.database_properties["Updateability"] = "READ_ONLY"
peer.server_state = True  # VIEW SERVER STATE was granted
peer.rights.masked.add(("User", "Email"))  # and .unmask.add("DATABASE"), "dbo.User", …
peer.rights.deny_column("User", "Email")
peer.rights.hidden["Organization"] = 2  # so many rows row-level security hides
"""

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from pysqlbridge.tds.result import QueryError

from tests.sqlserver import types
from tests.sqlserver.catalog_views import BIT, INT, NAME, View, view
from tests.sqlserver.functions import About, context_function
from tests.sqlserver.tables import PeerTable
from tests.sqlserver.values import Guid

if TYPE_CHECKING:
    from tests.sqlserver.peer import Peer

MASK = "xxxx"
BY_COLUMN = 16  # SQL Server 2022, whose masks are taken off by column too
POLICY_ID = 77


@dataclasses.dataclass
class Rights:
    """What the login is not shown.

    Attributes:
        masked: columns (table, column) under dynamic data masking; texts become MASK. A real
            server masks what a query returns; here conditions see masks, too.
        unmask: what UNMASK was granted on: DATABASE, ``dbo.User``, ``dbo.User.Email``.
        hidden: rows, from the table's end, that row-level security hides.
        sees_policies: whether the login has VIEW DEFINITION, and so sees who hides them.
        views: tables that are views.
        denied: columns that may not be read.
    """

    masked: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    unmask: set[str] = dataclasses.field(default_factory=set)
    hidden: dict[str, int] = dataclasses.field(default_factory=dict)
    sees_policies: bool = False
    views: set[str] = dataclasses.field(default_factory=set)
    denied: set[tuple[str, str]] = dataclasses.field(default_factory=set)

    def deny_column(self, table: str, column: str) -> None:
        """Refuse every statement that names the table and the column (230)."""
        self.denied.add((table, column))

    def alters(self, table: PeerTable) -> bool:
        """Whether the login is shown another table than there is."""
        return table.name in self.hidden or any(of == table.name for of, _ in self.masked)

    def shown(self, table: PeerTable) -> PeerTable:
        """The table as the login is shown it."""
        if not self.alters(table):
            return table
        rows = table.rows[: len(table.rows) - self.hidden.get(table.name, 0)]
        at = [n for n, c in enumerate(table.columns) if self.masks(table, c.name)]
        if at:
            rows = [[_mask(v) if n in at else v for n, v in enumerate(row)] for row in rows]
        return dataclasses.replace(table, rows=rows, _sorted={})

    def masks(self, table: PeerTable, column: str) -> bool:
        """Whether the login gets a column's masks."""
        place = f"{table.schema}.{table.name}"
        granted = {"DATABASE", table.schema, place, f"{place}.{column}"}
        return (table.name, column) in self.masked and not granted & self.unmask

    def check(self, sql: str, peer: "Peer") -> None:
        """Refuse a statement that names a denied column.

        Raises:
            QueryError: 230.
        """
        for table, column in self.denied:
            if f"[{table}]" in sql and re.search(rf"\[{re.escape(column)}\]", sql):
                message = (
                    f"The SELECT permission was denied on the column '{column}' of the object"
                    f" '{table}', database '{peer.database}', schema 'dbo'."
                )
                raise QueryError(message, number=230, severity=14)


def _mask(value: Any) -> Any:
    return MASK if isinstance(value, str) and not isinstance(value, Guid) else value


@context_function("HAS_PERMS_BY_NAME")
def _has_perms(
    about: About, securable: str | None, kind: str, right: str, *column: str
) -> int | None:
    """NULL where the securable is not there, or may not be seen, or knows no such right."""
    peer, right = about["peer"], right.upper()
    if kind.upper() == "DATABASE":
        # A name is split at its dots unless brackets hold it together, as all names are.
        name = (securable or f"[{peer.database}]").lower()
        mine = peer.database.lower() in (name.strip("[]"), name)
        split = "." in name and not name.startswith("[")
        return _of_database(peer, right) if mine and not split else None
    schema, _, table = str(securable).replace("[", "").replace("]", "").rpartition(".")
    found = peer.find(table, schema or None)
    if kind.upper() != "OBJECT" or found is None or (column and not _has_column(found, *column)):
        return None
    return _of_object(peer, found, right, column[0] if column else None)


def _of_database(peer: "Peer", right: str) -> int:
    if right == "UNMASK":
        return int("DATABASE" in peer.rights.unmask or _owns(peer))
    return int(right == "VIEW DATABASE STATE" and not peer.harm.deny_state)


def _of_object(peer: "Peer", table: PeerTable, right: str, column: str | None) -> int | None:
    if right == "UNMASK":
        return _may_unmask(peer, table, column)
    if right == "SELECT":
        closed = table.name.lower() in peer.harm.denied
        return int(not closed and (table.name, column) not in peer.rights.denied)
    return int(table.name in peer.writable or _owns(peer))


def _owns(peer: "Peer") -> bool:
    return bool({"db_owner", "sysadmin"} & peer.roles)


def _has_column(table: PeerTable, name: str, kind: str) -> bool:
    # A column's name has no brackets here: with them it is another name.
    return kind.upper() == "COLUMN" and name.lower() in {c.name.lower() for c in table.columns}


def _may_unmask(peer: "Peer", table: PeerTable, column: str | None) -> int | None:
    if int(peer.properties["ProductMajorVersion"]) < BY_COLUMN:
        return None
    place = f"{table.schema}.{table.name}"
    above = {"DATABASE", table.schema, place, f"{place}.{column}"}
    return int(_owns(peer) or bool(above & peer.rights.unmask))


@view("sys.masked_columns")
def _masked_columns(peer: "Peer") -> View:
    columns = [("object_id", INT), ("name", NAME), ("column_id", INT), ("is_masked", BIT)]
    rows = [
        [table.object_id, column.name, number, True]
        for table in peer.tables
        for number, column in enumerate(table.columns, 1)
        if (table.name, column.name) in peer.rights.masked
    ]
    return columns, rows


@view("sys.security_policies")
def _security_policies(peer: "Peer") -> View:
    columns = [("name", NAME), ("object_id", INT), ("is_enabled", BIT)]
    seen = peer.rights.hidden and peer.rights.sees_policies
    return columns, [["tenants", POLICY_ID, True]] if seen else []


@view("sys.security_predicates")
def _security_predicates(peer: "Peer") -> View:
    columns = [("object_id", INT), ("target_object_id", INT), ("predicate_type", INT)]
    if not peer.rights.sees_policies:
        return columns, []
    tables = [table for table in peer.tables if table.name in peer.rights.hidden]
    return columns, [[POLICY_ID, table.object_id, kind] for table in tables for kind in (0, 1)]


@view("sys.views")
def _views(peer: "Peer") -> View:
    rows = [[t.name, t.object_id] for t in peer.tables if t.name in peer.rights.views]
    return [("name", NAME), ("object_id", INT)], rows


@context_function("IS_MEMBER")
def _is_member(about: About, role: str) -> int:
    return int(role.lower() in about["peer"].roles)


@context_function("IS_SRVROLEMEMBER")
def _is_server_member(about: About, role: str, *_login: Any) -> int:
    return int(role.lower() in about["peer"].roles)


@context_function("DATABASEPROPERTYEX")
def _database_property(about: About, _name: str, wanted: str) -> object:
    known: dict[str, Any] = about["peer"].database_properties
    return {key.lower(): value for key, value in known.items()}.get(wanted.lower())


@view("sys.dm_exec_connections")
def _connections(peer: "Peer") -> View:
    if not peer.server_state:
        message = "VIEW SERVER STATE permission was denied on object 'server', database 'master'."
        raise QueryError(message, number=300, severity=14)
    columns = [("session_id", types.Integer(4)), ("encrypt_option", types.Text(40))]
    return columns, [[51, "TRUE"]]  # @@SPID of all, as pysqlbridge has it
