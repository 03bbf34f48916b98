"""What a SQL Server hides from the login without a word: masked values and rows of others.

Both look like v2's own data, to the import and to a proof by the same login.
"""

from collections.abc import Iterator, Mapping

from legacy_v2 import names
from legacy_v2.introspection import table_sql
from transfer import fitness
from transfer.preflight.lines import Line, blocked, listed, ok, warning
from transfer.preflight.sql_server_lines import AREA, books
from transfer.source import Source

# Of a table's rows: so many may come and go, or be wrong in the books, while they are counted.
NEGLIGIBLE = 0.01
_VIEWS = "SELECT name FROM sys.views WHERE object_id IN ({})"
# Filters, not those that only keep rows from being written; who lacks VIEW DEFINITION sees none.
_POLICIES = """
    SELECT p.name, OBJECT_NAME(f.target_object_id)
      FROM sys.security_policies AS p
      JOIN sys.security_predicates AS f ON f.object_id = p.object_id
     WHERE p.is_enabled = 1 AND f.predicate_type = 0 AND f.target_object_id IN ({})
"""


def mask_lines(source: Source) -> Iterator[Line]:
    """Whether the login gets masks instead of values (dynamic data masking)."""
    if found := fitness.masked(source):
        yield blocked(
            AREA,
            "masks",
            f"the login gets masks instead of the values of {len(found):,} columns: "
            f"{listed(list(map('.'.join, found)))}; import_v2 refuses to start",
            fitness.unmasking(source, found),
        )
    elif (views := _of_tables(source, _VIEWS)) and not fitness.unmasks_all(source):
        yield warning(
            AREA,
            "masks",
            f"{listed([str(row[0]) for row in views])}: views, and whether what they show is "
            "masked the server does not tell this login",
            "see that no column beneath is masked, or as v2's owner: GRANT UNMASK TO …;",
        )
    else:
        yield ok(AREA, "masks", "no column is masked for the login")


def policy_lines(source: Source) -> Iterator[Line]:
    """Whether a policy filters rows (row-level security), as far as the login may see that."""
    if found := _of_tables(source, _POLICIES):
        policies = sorted({str(policy) for policy, _ in found})
        tables = sorted({str(table) for _, table in found})
        yield warning(
            AREA,
            "row-level security",
            f"{listed(policies)} filters the rows of {listed(tables)}: what it hides from the "
            "login is not imported, and verify_v2 with that login does not miss it",
            "as v2's owner: let the policy's predicate pass the login, or switch the policy off "
            "for the import (ALTER SECURITY POLICY … WITH (STATE = OFF))",
        )


def books_before(source: Source) -> dict[str, int]:
    """Rows of each table by the server's own books: asked before they are counted."""
    found = {table: books(source, table) for table in sorted(source.schema.tables)}
    return {table: rows for table, rows in found.items() if rows is not None}


def row_lines(source: Source, told: Mapping[str, int], seen: Mapping[str, int]) -> Iterator[Line]:
    """Whether the server's own books have clearly more rows than the login sees.

    Args:
        source: v2.
        told: rows by the books.
        seen: rows of tables that were counted already.
    """
    short = []
    for table, rows in told.items():
        found = seen.get(table)
        if found is None:
            found = source.count(names.model_of(table)._default_manager.all())
        if rows - found > rows * NEGLIGIBLE:
            short.append(f"{table} {rows:,}, seen {found:,}")
    if short:
        yield warning(
            AREA,
            "hidden rows",
            f"by the server's own books there are more rows than the login sees: {listed(short)}; "
            "row-level security may hide them, and what is hidden is not imported",
            "as v2's owner: let the security policy pass the login, or switch it off for the "
            "import; where there is none, DBCC UPDATEUSAGE puts the books right",
        )
    elif told:
        yield ok(AREA, "hidden rows", "the login sees as many rows as the server's own books have")


def _of_tables(source: Source, question: str) -> list[tuple[object, ...]]:
    called = [
        table_sql(source.connection, names.model_of(name)) for name in sorted(source.schema.tables)
    ]
    asked = question.format(", ".join(["OBJECT_ID(%s)"] * len(called)))
    return source.select(asked, called) if called else []
