"""Settings of the tests: the project's own, on a server of the tests' own.

``TEST_DATABASE_URL`` names a PostgreSQL server to run on. Without it an embedded one in a
temporary directory serves the run with all its workers and the commands it starts, which inherit
the directory's name; it is gone when the last of them is, however they end.

``V2_TEST_DATABASE_URL`` and ``V2_TEST_ADMIN_URL`` name a SQL Server for the tests of a v2 in one.
"""

import os
import tempfile
from pathlib import Path
from uuid import uuid4

# What a developer has set, in the environment or in .env, must not decide what a test finds:
# a blank variable counts as unset, and wins over the file.
os.environ.update(
    ALLOWED_HOSTS="",
    DATABASE_URL="",
    DEBUG="",
    PLIERS_WORKERS="1",  # whatever machine it is; tests of several ask for them
    SECRET_KEY="only-for-tests",
    V2_DATABASE_URL="",
    V2_FORM_STATUS="",
    V2_MAPPING="",
    V2_MAX_STORED_WARNINGS="",
    V2_ODBC_DRIVER="",
    V2_SCHEMA="",
    V2_SQL_SERVER_DRIVER="",
    V2_TIME_ZONE="",
)
os.environ.setdefault("PLIERS_TEST_VAR", f"{tempfile.gettempdir()}/pliers-test-{uuid4().hex[:12]}")
os.environ["PLIERS_VAR_DIR"] = os.environ["PLIERS_TEST_VAR"]

from pliers.embedded import Server
from pliers.environment import postgres
from pliers.settings import *  # noqa: F403 - the project's settings are the ones under test
from pliers.settings import DATABASES, ENVIRONMENT, embedded_database

UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_ADDRESS = ENVIRONMENT.text("TEST_DATABASE_URL")

DATABASES["default"] = (
    postgres("TEST_DATABASE_URL", _ADDRESS)
    if _ADDRESS
    else embedded_database(
        Server(Path(os.environ["PLIERS_VAR_DIR"]), options=UNSAFE_BUT_FAST, throwaway=True)
    )
)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A SQL Server in place of the tests' own stand-in (tests/sqlserver).
V2_TEST_DATABASE_URL = ENVIRONMENT.text("V2_TEST_DATABASE_URL")
V2_TEST_ADMIN_URL = ENVIRONMENT.text("V2_TEST_ADMIN_URL")
