"""What preflight_v2 asks a SQL Server about itself, the database, the login and the session.

A login that may only read tables (db_datareader) gets an answer to everything: what takes VIEW
DATABASE STATE or more is asked for last, and done without where it is refused.
"""

import re
from collections.abc import Iterator
from typing import Any

from legacy_v2 import names
from legacy_v2.introspection import table_sql
from transfer import fitness
from transfer.exceptions import SourceError
from transfer.preflight.lines import Line, blocked, listed, ok, sized, warning
from transfer.source import Source

AREA = "v2"
FIRST_MAJOR = 14  # SQL Server 2017, the oldest this is written for
# Of EngineEdition, and of Edition: SQL Database and its kin, whose version is always 12.
AZURE, AZURE_EDITION = (5, 6, 8, 9, 11, 12), "SQL Azure"
_SERVER = """
    SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)),
           CAST(SERVERPROPERTY('Edition') AS nvarchar(128)),
           CAST(SERVERPROPERTY('EngineEdition') AS int)
"""
_DATABASE = """
    SELECT compatibility_level, collation_name,
           CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(128))
      FROM sys.databases
     WHERE name = DB_NAME()
"""  # by name: in Azure SQL Database DB_ID() may be another number than this view has
_RIGHT = "HAS_PERMS_BY_NAME(%s, 'OBJECT', '{}')"
# A column's name stands here without brackets; a table's with them.
_READING = "HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN')"
_WRITING = "SELECT " + " + ".join(map(_RIGHT.format, ("INSERT", "UPDATE", "DELETE")))
# Each may do more than read, whatever was granted on the tables.
_ROLES = {
    "sysadmin": "SELECT IS_SRVROLEMEMBER('sysadmin')",
    "db_owner": "SELECT IS_MEMBER('db_owner')",
    "db_ddladmin": "SELECT IS_MEMBER('db_ddladmin')",
    "db_datawriter": "SELECT IS_MEMBER('db_datawriter')",
}
_MEASURED = """
    SELECT SUM(CASE WHEN index_id <= 1 THEN row_count ELSE 0 END),
           SUM(reserved_page_count) * 8192
      FROM sys.dm_db_partition_stats
     WHERE object_id = OBJECT_ID(%s)
"""
_COUNTED = "SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(%s) AND index_id <= 1"
_ENCRYPTED = """
    SELECT CAST(encrypt_option AS nvarchar(40)) FROM sys.dm_exec_connections
     WHERE session_id = @@SPID
"""
# What the view of sizes takes; which of it lacks is in the error, where the server says.
_MEASURING = (
    "VIEW DATABASE STATE and VIEW DEFINITION, or since SQL Server 2022 VIEW DATABASE PERFORMANCE"
    " STATE,"
)
_DENIED = re.compile(r"\b(VIEW [A-Z ]+?) permission (?:was )?denied")
_LARGE = ("FormSubmission", "FormSubmissionMetaData")


def version(source: Source) -> str:
    """The server's version and edition, the database's level and collation."""
    number, edition, _ = source.select(_SERVER)[0]
    level, collation, _ = _database(source)
    return f"SQL Server {number}, {edition}; compatibility level {level}, collation {collation}"


def _database(source: Source) -> tuple[Any, ...]:
    """Level, collation and whether it takes writes; the server need not list the database."""
    return next(iter(source.select(_DATABASE)), ("unknown", "unknown", ""))


def server_lines(source: Source) -> Iterator[Line]:
    """Whether the server is one this was written for, and how it tells names apart."""
    number, edition, engine = source.select(_SERVER)[0]
    major = int(str(number).partition(".")[0])
    if engine not in AZURE and edition != AZURE_EDITION and major < FIRST_MAJOR:
        yield warning(
            AREA,
            "version",
            f"SQL Server {number} is older than 2017 (14.0), for which the import was written",
            "rehearse with a copy of v2 on a newer server",
        )
    if not source.schema.ignores_case:
        yield ok(
            AREA,
            "names",
            "names in the catalog tell upper from lower case: those of tables and columns count as "
            f"they are written (the texts' collation is {_database(source)[1]}); V2_MAPPING can "
            "give others",
        )


def privilege_lines(source: Source) -> Iterator[Line]:
    """Whether the login reads every table and column, and may do nothing else."""
    tables = {name: _named(source, name) for name in sorted(source.schema.tables)}
    closed, parts, grants = [], [], []
    for name, said in tables.items():
        if not (found := fitness.columns(source, name)):
            continue  # what it lacks is a line of its own
        asked = [parameter for actual in found.values() for parameter in (said, actual)]
        answers = source.select(f"SELECT {', '.join([_READING] * len(found))}", asked)[0]
        refused = [column for column, may in zip(found, answers, strict=True) if not may]
        if len(refused) == len(found):
            closed.append(name)
            grants.append(f"GRANT SELECT ON {said} TO …;")
        elif refused:
            parts += [f"{name}.{column}" for column in refused]
            quoted = ", ".join(source.connection.ops.quote_name(found[c]) for c in refused)
            grants.append(f"GRANT SELECT ON {said} ({quoted}) TO …;")
    if grants:
        what = [f"{len(closed)} of the tables: {listed(closed)}"] * bool(closed)
        what += [f"{len(parts)} of the columns: {listed(parts)}"] * bool(parts)
        action = f"as v2's owner: {' '.join(grants)}"
        if parts:
            action += " and what was denied to a role of the login's, REVOKE"
        yield blocked(AREA, "reading", f"the login may not read {', nor '.join(what)}", action)
    else:
        yield ok(AREA, "reading", f"the login reads all of {len(tables)} tables")
    writable = [name for name, said in tables.items() if _asked(source, _WRITING, *([said] * 3))]
    roles = [role for role, question in _ROLES.items() if _is_member(source, question)]
    if not writable and not roles:
        yield ok(AREA, "writing", "the login may write none of the tables")
        return
    parts = [f"is a member of {listed(roles)}"] if roles else []
    if writable:
        parts.append(f"may write {len(writable)} of the tables: {listed(writable, 4)}")
    yield warning(
        AREA,
        "writing",
        f"the login {' and '.join(parts)}; the import never writes (R4)",
        "give the import a login that is a member of db_datareader alone (docs/sql-server.md)",
    )


def _is_member(source: Source, question: str) -> bool:
    try:
        return bool(_asked(source, question))
    except SourceError:  # not every kind of Azure's servers has roles of its own
        return False


def size_lines(source: Source) -> Iterator[Line]:
    """Rows and bytes by the server's own books, which costs nothing on any number of rows."""
    tables = [name for name in _LARGE if name in source.schema.tables]
    lacking = ""
    try:
        found = [source.select(_MEASURED, [_named(source, name)])[0] for name in tables]
    except SourceError as error:
        right = _DENIED.search(error.message)
        lacking = right.group(1) if right else _MEASURING
        found = [(books(source, name), None) for name in tables]
    if not lacking and any(rows is None for rows, _ in found):  # a view, or nothing of it is told
        found = [
            (books(source, n) if row[0] is None else row[0], row[1])
            for n, row in zip(tables, found, strict=True)
        ]
    parts = [
        f"{name} {rows or 0:,} rows{f' in {sized(size)}' if size else ''}"
        for name, (rows, size) in zip(tables, found, strict=True)
    ]
    said = f"by the server's own books: {', '.join(parts)}"
    if lacking:
        said += f"; without {lacking} it does not tell the login how large they are"
    yield ok(AREA, "size", said)


def books(source: Source, table: str) -> int | None:
    """Rows of a table by the server's own books; None of a view, which is in none."""
    rows = source.select(_COUNTED, [_named(source, table)])[0][0]
    return None if rows is None else int(rows)


def session_lines(source: Source) -> Iterator[Line]:
    """Whether reading waits for writers, which replica answers, and whether others can listen."""
    read_only = str(_database(source)[2]).upper() == "READ_ONLY"
    yield _isolation(source, read_only=read_only)
    wanted = _option(source, "ApplicationIntent").lower() == "readonly"
    if read_only:
        yield ok(AREA, "state", "the database takes no writes: a read replica, or set READ_ONLY")
    elif wanted:
        yield warning(
            AREA,
            "state",
            "ApplicationIntent=ReadOnly was asked for, and a database answers that takes writes: "
            "the import reads from the primary",
            "name the availability group's listener in V2_DATABASE_URL (docs/sql-server.md)",
        )
    else:
        yield ok(AREA, "state", "the database takes writes: v2 may be at work while it is read")
    yield _encryption(source)


def _isolation(source: Source, *, read_only: bool) -> Line:
    isolation = str(getattr(source.connection, "isolation", "read committed"))
    if "snapshot" in isolation:
        said = f"{isolation}: reading waits for no writer and holds up none"
        return ok(AREA, "isolation", said)
    if read_only:
        level = isolation.partition(",")[0]
        return ok(AREA, "isolation", f"{level}, of a database that takes no writes")
    name = str(source.connection.settings_dict["NAME"]).replace("]", "]]")
    action = f"as v2's owner: ALTER DATABASE [{name}] SET ALLOW_SNAPSHOT_ISOLATION ON"
    if (source.connection.settings_dict.get("OPTIONS") or {}).get("isolation_level"):
        action = f"leave isolation_level out of V2_DATABASE_URL; {action}"
    return warning(
        AREA,
        "isolation",
        f"{isolation}: reading waits for v2's writers and holds them up, and may see a row twice "
        "or not at all while it moves",
        f"{action}; or stop v2's application for the import",
    )


def _encryption(source: Source) -> Line:
    try:
        row = source.select(_ENCRYPTED)
        told = str(row[0][0]).upper() if row else ""
    except SourceError:  # it takes VIEW SERVER STATE, which nobody needs for this alone
        told = ""
    asked = _option(source, "Encrypt").lower()
    encrypted = told == "TRUE" if told else asked not in ("no", "optional", "false")
    by = "" if told else " (by the driver's settings: the login may not ask the server)"
    if not encrypted:
        return warning(
            AREA,
            "encryption",
            f"the connection is not encrypted{by}: who listens reads v2's rows",
            "put Encrypt=yes into V2_DATABASE_URL",
        )
    if _option(source, "TrustServerCertificate").lower() in ("yes", "true"):
        return warning(
            AREA,
            "encryption",
            f"the connection is encrypted{by}, but with whoever answers: TrustServerCertificate",
            "let this machine trust the server's certificate, and leave the option out "
            "(docs/sql-server.md)",
        )
    return ok(AREA, "encryption", f"the connection is encrypted, its certificate verified{by}")


def _option(source: Source, name: str) -> str:
    """An option of the connection string; empty where it is not in it."""
    options = source.connection.settings_dict.get("OPTIONS") or {}
    said = str(options.get("extra_params") or "")
    found = re.search(rf"(?:^|;)\s*{name}\s*=\s*\{{?([^;}}]*)", said, re.IGNORECASE)
    return found.group(1).strip() if found else ""


def _named(source: Source, canonical: str) -> str:
    return table_sql(source.connection, names.model_of(canonical))


def _asked(source: Source, statement: str, *parameters: str) -> Any:  # noqa: ANN401 - a driver's number
    return source.select(statement, list(parameters))[0][0]
