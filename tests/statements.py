"""What is sent to v2 and v3 while something is done, statement by statement.

    with counted() as sent:
        run(name="night", batch_size=2, workers=1)
    assert len(sent.v2) == ...

Of v2 a SQLite file itself tells what it is asked, whoever asks. Of v3 it is what goes through
psycopg's cursors, and a "BEGIN" for every block of a transaction; sessions are set up besides.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg import sql


@dataclass
class Sent:
    """Statements in the order they were sent, on one line each."""

    v2: list[str] = field(default_factory=list)
    v3: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> tuple[int, int]:
        """How many to v2, and to v3."""
        return len(self.v2), len(self.v3)

    def to_v3(self, part: str) -> int:
        """How many of those sent to v3 hold this."""
        return sum(part in one for one in self.v3)


@contextmanager
def counted() -> Iterator[Sent]:
    """Count what is sent in this process, in all its threads."""
    sent = Sent()

    def opened(connection: BaseDatabaseWrapper, **_signal: Any) -> None:
        if connection.vendor == "sqlite":
            connection.connection.set_trace_callback(ask)

    def ask(statement: str) -> None:
        if not statement.startswith("--"):  # what SQLite does of its own for a pragma
            sent.v2.append(" ".join(statement.split()))

    connections["v2"].close()
    connection_created.connect(opened)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for kind, name in (
                (psycopg.Cursor, "execute"), (psycopg.Cursor, "executemany"),
                (psycopg.Cursor, "copy"), (psycopg.ServerCursor, "execute"),
            ):  # fmt: skip
                patch.setattr(kind, name, _telling(getattr(kind, name), sent.v3))
            begin = psycopg.Connection.transaction

            def block(self: Any, *args: Any, **options: Any) -> Any:
                sent.v3.append("BEGIN")
                return begin(self, *args, **options)

            patch.setattr(psycopg.Connection, "transaction", block)
            yield sent
    finally:
        connection_created.disconnect(opened)
        connections["v2"].close()


def _telling(method: Callable[..., Any], told: list[str]) -> Callable[..., Any]:
    def tell(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        text = query.as_string(None) if isinstance(query, sql.Composable) else query
        text = text.decode() if isinstance(text, bytes) else str(text)
        told.append(" ".join(text.split()))
        return method(self, query, *args, **options)

    return tell
