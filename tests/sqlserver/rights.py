"""What the peer's login may do, and what the database says of itself.

peer.roles.add("db_owner")
peer.writable.add("FormSubmission")
peer.database_properties["Updateability"] = "READ_ONLY"
peer.server_state = True  # VIEW SERVER STATE was granted
"""

from typing import TYPE_CHECKING, Any

from pysqlbridge.tds.result import QueryError

from tests.sqlserver import types
from tests.sqlserver.catalog_views import View, view
from tests.sqlserver.functions import About, context_function

if TYPE_CHECKING:
    from tests.sqlserver.peer import Peer


@context_function("HAS_PERMS_BY_NAME")
def _has_perms(about: About, securable: str | None, kind: str, right: str) -> int | None:
    """NULL where the securable is not there, or may not be seen, as SQL Server has it."""
    peer = about["peer"]
    if kind.upper() == "DATABASE":
        return int(right.upper() == "VIEW DATABASE STATE" and not peer.harm.deny_state)
    schema, _, table = str(securable).replace("[", "").replace("]", "").rpartition(".")
    found = peer.find(table, schema or None)
    if kind.upper() != "OBJECT" or found is None:
        return None
    if right.upper() == "SELECT":
        return int(found.name.lower() not in peer.harm.denied)
    return int(found.name in peer.writable or bool({"db_owner", "sysadmin"} & peer.roles))


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
