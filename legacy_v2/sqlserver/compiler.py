"""T-SQL for queries over v2: tables with their schema, and EXISTS as the server plans it best."""

from typing import Any

from django.db.models.expressions import Exists
from django.db.models.lookups import Exact
from django.db.models.sql.datastructures import BaseTable
from mssql import compiler

from legacy_v2.introspection import qualified


class SQLCompiler(compiler.SQLCompiler):  # type: ignore[misc]  # untyped package
    """Writes SELECT statements."""

    def compile(self, node: Any) -> tuple[str, Any]:  # noqa: ANN401 - any part of a query
        """One part of a statement as T-SQL, and its parameters."""
        if isinstance(node, BaseTable):
            quote = self.connection.ops.quote_name
            named = qualified(self.connection, node.table_name)
            alias = "" if node.table_alias == node.table_name else f" {quote(node.table_alias)}"
            return f"{named}{alias}", []
        if isinstance(node, Exact) and isinstance(node.lhs, Exists) and node.rhs is True:
            # mssql-django compares CASE WHEN EXISTS(…) THEN 1 ELSE 0 END with 1, which the server
            # works out row by row; a bare EXISTS it turns into a join.
            plain: tuple[str, Any] = node.lhs.as_sql(self, self.connection)
            return plain
        made: tuple[str, Any] = super().compile(node)
        return made


class SQLInsertCompiler(compiler.SQLInsertCompiler, SQLCompiler):  # type: ignore[misc]  # as above
    """Never used: v2 is only ever read (R4); a backend has to have it."""


class SQLDeleteCompiler(compiler.SQLDeleteCompiler, SQLCompiler):  # type: ignore[misc]  # as above
    """See SQLInsertCompiler."""


class SQLUpdateCompiler(compiler.SQLUpdateCompiler, SQLCompiler):  # type: ignore[misc]  # as above
    """See SQLInsertCompiler."""


class SQLAggregateCompiler(compiler.SQLAggregateCompiler, SQLCompiler):  # type: ignore[misc]  # as above
    """Writes SELECT statements that count other SELECTs."""
