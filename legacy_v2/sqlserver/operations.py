"""Names the compiler of this package."""

from mssql import operations


class DatabaseOperations(operations.DatabaseOperations):  # type: ignore[misc]  # untyped package
    """mssql-django's, with our compiler."""

    compiler_module = "legacy_v2.sqlserver.compiler"
