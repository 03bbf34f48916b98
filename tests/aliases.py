"""Django's aliases, pointed at another database for a while."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connections


@contextmanager
def pointed(alias: str, settings: Mapping[str, Any]) -> Iterator[Any]:
    """Point an alias of this process, in all its threads, at other settings; yields a connection.

    It has to be within ``django_db_blocker.unblock()``.
    """
    own = connections.settings[alias]
    before, old = dict(own), connections[alias]
    own.update(settings)
    new = connections.create_connection(alias)
    connections[alias] = new
    try:
        yield new
    finally:
        new.close()
        own.clear()
        own.update(before)
        connections[alias] = old
