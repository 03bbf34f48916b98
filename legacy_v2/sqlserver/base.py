"""Connections to a v2 in SQL Server: each session only reads, waits for nobody, holds up nobody."""

from typing import Any, NamedTuple

from mssql import base

from legacy_v2.sqlserver.operations import DatabaseOperations
from pliers.sql_server import connection_string

# Messages are told apart by their English text where the driver leaves out their number; and where
# a reader and one of v2's writers wait for each other, the reader gives way (1205) and asks again.
_SESSION = "SET LANGUAGE us_english; SET DEADLOCK_PRIORITY LOW"
_ISOLATION = """
    SELECT snapshot_isolation_state, is_read_committed_snapshot_on,
           CASE WHEN DATABASEPROPERTYEX(DB_NAME(), 'Updateability') = 'READ_ONLY' THEN 1 ELSE 0 END
      FROM sys.databases
     WHERE name = DB_NAME()
"""  # by name: in Azure SQL Database DB_ID() may be another number than this view has
_ON = 1  # of snapshot_isolation_state; 2 and 3 are on their way
SNAPSHOT = "snapshot"
READ_COMMITTED_SNAPSHOT = "read committed snapshot"
READ_COMMITTED = "read committed"
WRITTEN_BY_NOBODY = "read committed, of a database that takes no writes"

# ODBC's types of text. The driver hands over UTF-16, which may hold half of a pair (M4).
_WIDE_TYPES = (-8, -9, -10)


class Versions(NamedTuple):
    """What the session runs on, for the run's record: texts as the parts name themselves."""

    server: str
    driver: str


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-16-le", "surrogatepass")


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # untyped package
    """mssql-django's connection, prepared for reading a live v2.

    The alias's settings hold the tables' schema under ``SCHEMA``; unset: ``dbo``.
    """

    ops_class = DatabaseOperations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.isolation = READ_COMMITTED  # of the session; known once it is open

    def _build_connection_string(self, conn_params: dict[str, Any], _driver: str) -> str:
        """The connection string with each value in braces, so that any password arrives as it is.

        mssql-django's own takes away blanks at its ends, and knows no driver by its file's name.
        """
        text = connection_string(conn_params)
        # A connection that the driver restored by itself would hide that an answer was cut short.
        return text if "ConnectRetryCount=" in text else f"{text};ConnectRetryCount={{0}}"

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:  # noqa: ANN401 - a driver's
        """Open a connection of our own: one out of a pool may be dead, or have another's state."""
        if self._uses_mssql_python(conn_params):
            import mssql_python  # noqa: PLC0415 - needs libraries not every machine has

            mssql_python.pooling(enabled=False)
            return super().get_new_connection(conn_params)
        base.Database.pooling = False
        connection = super().get_new_connection(conn_params)
        for kind in _WIDE_TYPES:
            connection.add_output_converter(kind, _text)
        return connection

    def init_connection_state(self) -> None:
        """Prepare the session.

        SNAPSHOT isolation where the database allows it: readers then neither wait for v2's
        writers nor hold them up, and no statement sees a row twice. It is asked, not assumed;
        and so is what READ COMMITTED means there, where the address asks for that.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(_SESSION)  # before mssql-django's own: it sets the order of dates anew
        super().init_connection_state()
        wanted = str(self.settings_dict["OPTIONS"].get("isolation_level") or "").lower()
        with self.connection.cursor() as cursor:
            cursor.execute(_ISOLATION)
            state, read_committed_snapshot, read_only = cursor.fetchone() or (0, False, False)
            if not wanted and state == _ON:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
                wanted = SNAPSHOT
        self.isolation = wanted or READ_COMMITTED
        if self.isolation == READ_COMMITTED and read_committed_snapshot:
            self.isolation = READ_COMMITTED_SNAPSHOT
        elif self.isolation == READ_COMMITTED and read_only:
            # A readable secondary reads by row versions anyway.
            self.isolation = WRITTEN_BY_NOBODY

    def versions(self) -> Versions:
        """The server's version and the driver's."""
        with self.cursor() as cursor:
            cursor.execute(
                "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)),"
                " CAST(SERVERPROPERTY('Edition') AS nvarchar(128))"
            )
            version, edition = cursor.fetchone()
        name = "mssql-python" if self._use_python_driver else "pyodbc"
        release = getattr(self.Database, "__version__", None) or self.Database.version
        return Versions(f"{version} ({edition})", f"{name} {release}")
