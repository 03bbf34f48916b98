"""What every test may ask for: a v2 file of its own, and the way into the test's v3."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from pliers.environment import read_only_sqlite

pytest_plugins = ["tests.sqlserver.fixtures"]


@pytest.fixture
def point_v2_at(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[Path], Path]]:
    """Return a function that makes a SQLite file the v2 database until the test ends.

    The alias is pointed at the file in every thread, and in the way the project's own settings
    do it: read-only, so that a missing file stays missing.
    """
    # Django closes the connections a test has not declared when the test's database is set up;
    # the one made here comes after that.
    if {"db", "transactional_db"} & set(request.fixturenames):
        request.getfixturevalue("_django_db_helper")
    alias = connections.settings["v2"]
    before = dict(alias)
    old = connections["v2"]

    def point(path: Path) -> Path:
        if connections["v2"] is not old:
            connections["v2"].close()
        alias.update(read_only_sqlite(path))
        connections["v2"] = connections.create_connection("v2")
        return path

    with django_db_blocker.unblock():
        yield point
    if connections["v2"] is not old:
        connections["v2"].close()
    alias.clear()
    alias.update(before)
    connections["v2"] = old


@pytest.fixture
def v2_path(tmp_path: Path, point_v2_at: Callable[[Path], Path]) -> Path:
    """Return the path the v2 alias points at; the file itself is the test's to make."""
    return point_v2_at(tmp_path / "v2.sqlite3")


@pytest.fixture
def v3_url(transactional_db: None) -> str:
    """Return the address of this test's v3 database, for a process of its own."""
    return url_of(connections["default"].settings_dict)


def url_of(database: dict[str, Any]) -> str:
    """Return a DATABASE_URL for a PostgreSQL alias; a socket's folder goes into its options."""
    host, port = str(database["HOST"]), str(database["PORT"] or "")
    login = quote(str(database["USER"]), safe="")
    if database["PASSWORD"]:
        login += ":" + quote(str(database["PASSWORD"]), safe="")
    where = "" if host.startswith("/") else host + (f":{port}" if port else "")
    options = {"host": host, "port": port} if host.startswith("/") else {}
    query = f"?{urlencode(options)}" if options else ""
    return f"postgres://{login}@{where}/{quote(str(database['NAME']))}{query}"
