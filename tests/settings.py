"""Settings of the tests: the project's own, on a server of the tests' own.

``TEST_DATABASE_URL`` names a PostgreSQL server to run on; without it ``tests/conftest.py``
starts an embedded one in a temporary directory and puts its address into the same variable.
"""

import os
import tempfile
from pathlib import Path
from uuid import uuid4

os.environ.setdefault("SECRET_KEY", "only-for-tests")
os.environ.pop("V2_DATABASE_URL", None)

from pliers.embedded import Server  # noqa: E402 - the environment has to be set before
from pliers.settings import *  # noqa: E402, F403 - as above
from pliers.settings import DATABASES, embedded_database, env  # noqa: E402 - as above

# One server for the run and all its workers, which inherit this name; it is gone when the last
# of them is, however they end.
os.environ.setdefault("PLIERS_TEST_VAR", f"{tempfile.gettempdir()}/pliers-test-{uuid4().hex[:12]}")
UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

if env.str("TEST_DATABASE_URL", default=""):
    DATABASES["default"] = env.db_url("TEST_DATABASE_URL")
else:
    DATABASES["default"] = embedded_database(
        Server(Path(os.environ["PLIERS_TEST_VAR"]), options=UNSAFE_BUT_FAST, throwaway=True)
    )
# Without migrations and router of its own, v2 is never created by the test runner: each test
# that needs one points the alias at a file (see the v2_alias fixture).
DATABASES["v2"] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": f"{tempfile.gettempdir()}/there-is-no-v2-in-this-test.sqlite3",
    "TEST": {"MIRROR": None, "MIGRATE": False},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
