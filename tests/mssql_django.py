"""Programs in which mssql-django writes SQL, and connects nowhere.

mssql-django imports pyodbc whatever driver it is told to use, and pyodbc wants a library this
machine may not have: a stand-in for the module will do. In a process of its own, for mssql-django
changes Django's functions when it is imported.
"""

import subprocess
import sys

BEGINNING = """
import sys
from unittest.mock import MagicMock
pyodbc = MagicMock(version="5.2.0", __name__="pyodbc")
for name in ("Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError",
             "IntegrityError", "InternalError", "ProgrammingError", "NotSupportedError"):
    setattr(pyodbc, name, type(name, (Exception,), {}))
sys.modules["pyodbc"] = pyodbc
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["legacy_v2"],
    DATABASE_ROUTERS=["legacy_v2.router.LegacyV2Router"],
    USE_TZ=True,
    DATABASES={"default": {}, "v2": {
        "ENGINE": "mssql", "NAME": "Pliers", "HOST": "nowhere", "USER": "u", "PASSWORD": "p",
        "OPTIONS": {"python_driver": "mssql_python"}}},
)
django.setup()
from django.db import connections
connections["v2"].__dict__["sql_server_version"] = 2022
"""


def printed_by(program: str) -> str:
    """What a program prints whose v2 is a SQL Server; the models may be imported in it."""
    words = [sys.executable, "-c", BEGINNING + program]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
