"""A v3 of a test's own, beside the test database: a restore makes its tables anew."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.runs import query
from tests.servers import use_v3


@contextmanager
def copied_v3(blocker: DjangoDbBlocker, suffix: str) -> Iterator[str]:
    """A copy of the test's v3, which the default alias is; its name."""
    settings = dict(connections["default"].settings_dict)
    name = f"{settings['NAME']}_{suffix}"
    with blocker.unblock():
        connections["default"].close()
        with use_v3(settings | {"NAME": "postgres"}):
            query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            query(f'CREATE DATABASE "{name}" TEMPLATE "{settings["NAME"]}"')
        try:
            with use_v3(settings | {"NAME": name}):
                yield name
        finally:
            with use_v3(settings | {"NAME": "postgres"}):
                query(f'DROP DATABASE "{name}" WITH (FORCE)')
