"""A SQL Server for tests: pysqlbridge behind the real protocol, in a thread, over tables in memory.

    with Peer() as peer:
        peer.add(made("dbo", "Organization", [("Id", types.UniqueIdentifier())], rows))
        peer.url()  # mssql://reader:…@127.0.0.1:port/Pliers?…
        peer.statements  # what was asked, with its parameters
        peer.harm.fail("FormSubmission", 1205)  # see tests.sqlserver.harm

The grammar is pysqlbridge's. What it lacks is in tests.sqlserver.functions (and casts, columns) and
tests.sqlserver.catalog_views (sys.*, INFORMATION_SCHEMA.*); both are registries.
"""

import re
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

from pysqlbridge.predicate import PredicateError
from pysqlbridge.tds.result import Query, QueryError, QueryResult

from tests.sqlserver import (
    casts,
    certificates,
    columns,
    functions,
    moments,
    rights,
    strictness,
)
from tests.sqlserver.catalog import PeerCatalog
from tests.sqlserver.harm import MESSAGES, Harm
from tests.sqlserver.listener import PeerServer
from tests.sqlserver.tables import PeerTable, stored
from tests.sqlserver.values import Guid

READER = ("reader", "s3c;r}t €")  # characters that an address and a connection string escape
ADMIN = ("admin", "adm1n")
VERSION = (
    "Microsoft SQL Server 2022 (RTM-CU14) (KB5038325) - 16.0.4135.4 (X64) \n\tJul 10 2024"
    " 14:09:09 \n\tCopyright (C) 2022 Microsoft Corporation\n\tDeveloper Edition (64-bit) on"
    " Linux <X64>"
)
_DECLARED = re.compile(r"(@\w+)\s+([\w ]+(?:\([^)]*\))?)")
_PREPARED = {"sp_prep_exec", "sp_prepexec"}
_SILENT = {"sp_unprepare", "sp_reset_connection", "sp_datatype_info_100", "sp_datatype_info"}

assert functions.FUNCTIONS  # imported for what it teaches pysqlbridge
assert casts.cast  # the same
assert columns.source  # the same
assert rights.view  # the same
assert moments.compared  # the same
assert strictness.weighty  # the same


@dataclass(frozen=True)
class Statement:
    """What a client asked."""

    sql: str
    parameters: tuple[Any, ...]
    login: str
    number: int


class Peer:
    """One server with one database.

    Attributes:
        statements: every statement, in the order it came.
        logins: user and application of each connection that was let in or refused.
        options: columns of the database's row in sys.databases.
        properties: what SERVERPROPERTY answers.
        version: what @@VERSION answers.
        roles: the database's and the server's roles the login is in; see tests.sqlserver.rights.
        writable: tables it may write.
        rights: what it is not shown.
        server_state: whether it has VIEW SERVER STATE.
        database_properties: what DATABASEPROPERTYEX answers.
    """

    def __init__(self, database: str = "Pliers", *, trusted: bool = True) -> None:
        self.database = database
        self.default_schema = "dbo"
        self.accounts = dict([READER, ADMIN])
        self.certificate = certificates.vouched_for() if trusted else certificates.self_signed()
        self.harm = Harm(database)
        self.statements: list[Statement] = []
        self.logins: list[str] = []
        self.options: dict[str, Any] = {
            "snapshot_isolation_state": 1,
            "snapshot_isolation_state_desc": "ON",
            "is_read_committed_snapshot_on": False,
            "collation_name": "SQL_Latin1_General_CP1_CI_AS",
            "compatibility_level": 160,
        }
        self.properties: dict[str, Any] = {
            "ProductVersion": "16.0.4135.4",
            "ProductMajorVersion": "16",
            "ProductLevel": "RTM",
            "Edition": "Developer Edition (64-bit)",
            "EngineEdition": 3,
            "ServerName": "pliers",
            "Collation": "SQL_Latin1_General_CP1_CI_AS",
            "IsHadrEnabled": 0,
        }
        self.version = VERSION
        self.roles = {"db_datareader"}
        self.writable: set[str] = set()
        self.rights = rights.Rights()
        self.server_state = False
        self.database_properties = {"Updateability": "READ_WRITE", "Status": "ONLINE"}
        self.sockets: set[socket.socket] = set()
        self._tables: dict[tuple[str, str], PeerTable] = {}
        self._catalog = PeerCatalog(self)
        self._lock = threading.Lock()
        self._server = PeerServer(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Go away: nobody is let in any more, and connections end."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self.disconnect()

    def disconnect(self) -> None:
        """End every connection there is; new ones are let in."""
        for one in list(self.sockets):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is gone already

    def go_away(self, statements: str, nth: int) -> None:
        """At the nth of these statements end every connection, and let nobody in until healed."""

        def go(_session: object) -> None:
            self.harm.login_error = (40613, "Database 'Pliers' is not currently available.")
            self.disconnect()

        self.harm.on(statements, go, nth=nth)

    @property
    def port(self) -> int:
        return int(self._server.address[1])

    def url(self, login: tuple[str, str] = READER, **options: str) -> str:
        """A V2_DATABASE_URL for it; TLS is verified unless an option says otherwise."""
        user, password = (quote(part, safe="") for part in login)
        query = urlencode({"Encrypt": "yes", **options})
        return f"mssql://{user}:{password}@127.0.0.1:{self.port}/{self.database}?{query}"

    # Tables.

    @property
    def tables(self) -> list[PeerTable]:
        return sorted(self._tables.values(), key=lambda t: (t.schema.lower(), t.name.lower()))

    def add(self, *tables: PeerTable) -> None:
        """Have these tables."""
        for table in tables:
            self._tables[table.schema.lower(), table.name.lower()] = table

    def drop(self, name: str, schema: str = "dbo") -> None:
        """Have a table no more."""
        del self._tables[schema.lower(), name.lower()]

    def find(self, name: str, schema: str | None = None) -> PeerTable | None:
        """The table of that name, whatever its case."""
        return self._tables.get(((schema or self.default_schema).lower(), name.lower()))

    def table(self, name: str, schema: str = "dbo") -> PeerTable:
        """The table of that name, which there is."""
        found = self.find(name, schema)
        assert found is not None, name
        return found

    def insert(self, name: str, *rows: Mapping[str, Any], schema: str = "dbo") -> None:
        """Add rows; a column left out is NULL."""
        table = self.table(name, schema)
        for row in rows:
            assert row.keys() <= set(table.column_names), row
            table.rows.append([stored(c.type, row.get(c.name)) for c in table.columns])
        table.forget_order()

    def update(self, name: str, key: str, schema: str = "dbo", **values: Any) -> None:
        """Change the row of that Id."""
        table = self.table(name, schema)
        at = table.column_names.index("Id")
        row = next(row for row in table.rows if str(row[at]) == str(key).lower())
        for column, value in values.items():
            place = table.column_names.index(column)
            row[place] = stored(table.columns[place].type, value)
        table.forget_order()

    def delete(self, name: str, key: str, schema: str = "dbo") -> None:
        """Remove the row of that Id."""
        table = self.table(name, schema)
        at = table.column_names.index("Id")
        table.rows[:] = [row for row in table.rows if str(row[at]) != str(key).lower()]
        table.forget_order()

    def schema_ids(self) -> dict[str, int]:
        """Each schema's number."""
        others = sorted({table.schema for table in self._tables.values()} - {"dbo"})
        return {"dbo": 1, **{name: number for number, name in enumerate(others, 5)}}

    # What its connections ask.

    def refusal(self, user: str, password: str, database: str) -> tuple[int, str] | None:
        """Why this login is refused: the error's number and text."""
        self.logins.append(user)
        if self.harm.login_errors:
            return self.harm.login_errors.pop(0)
        if self.harm.login_error is not None:
            return self.harm.login_error
        if self.accounts.get(user) != password:
            return 18456, MESSAGES[18456].format(user)
        if database and database.lower() != self.database.lower():
            return 4060, MESSAGES[4060].format(database)
        return None

    def answer(self, query: Query) -> QueryResult:
        """Answer a batch, or a statement with parameters.

        Raises:
            QueryError: the error to send.
        """
        name = (query.procedure or "").lower().rpartition(".")[2].strip("[]")
        if name in _SILENT:
            return QueryResult([], [])
        sql, parameters = query.sql, dict(query.parameters)
        if name in _PREPARED:
            declared, sql, *values = query.arguments[1:]
            parameters = _bound(str(declared or ""), values)
        elif query.procedure:
            raise QueryError(f"Could not find stored procedure '{query.procedure}'.", number=2812)
        with self._lock:
            number = len(self.statements)
            login = str(query.session.get("login") or "")
            self.statements.append(Statement(sql, tuple(parameters.values()), login, number))
        self.harm.before(sql, query.session)
        known = {**parameters, "@@VERSION": self.version}
        try:
            return self._catalog.answer(Query(sql=sql, parameters=known, session=query.session))
        except PredicateError as error:  # outside of what pysqlbridge makes an answer of itself
            raise QueryError(str(error), number=error.number or 50000) from error


def _bound(declared: str, values: Sequence[Any]) -> dict[str, Any]:
    """The parameters by name; a uniqueidentifier arrives as its bytes."""
    bound = {}
    for (name, kind), value in zip(_DECLARED.findall(declared), values, strict=False):
        guid = value is not None and kind.strip().lower() == "uniqueidentifier"
        bound[name] = Guid.of(value) if guid else value
    return bound
