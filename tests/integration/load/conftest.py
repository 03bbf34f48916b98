"""A loader with its migration begun, for the tests beside this file."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.batches import ORGANIZATION, USERS
from tests.factories import OrganizationFactory
from transfer.journal import DatabaseJournal
from transfer.load import Loader
from transfer.options import ImportOptions
from transfer.progress import open_migration, start_table
from transfer.target import Target


@pytest.fixture
def target() -> Iterator[Target]:
    OrganizationFactory(id=ORGANIZATION)
    with closing(Target("test", backoff=(0, 0), grace=0)) as opened:
        yield opened


@pytest.fixture
def journal(target: Target) -> DatabaseJournal:
    """A migration whose users are in hand; at most two warnings of a code are stored."""
    migration = open_migration(
        target.writer, "night", [USERS], ImportOptions().fingerprint("here"), 10
    )
    start_table(target.writer, "night", migration.states["users"], 0)
    return DatabaseJournal("night", migration.started_at, migration.states, max_stored_warnings=2)


@pytest.fixture
def loader(target: Target, journal: DatabaseJournal) -> Loader:
    return Loader(target, journal)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each statement the writer sends, its first words."""
    sent: list[str] = []

    def spy(name: str) -> None:
        real = getattr(psycopg.Cursor, name)

        def call(self: Any, statement: Any, *args: Any, **kwargs: Any) -> Any:
            text = statement if isinstance(statement, str) else statement.as_string(self)
            sent.append(" ".join(text.split()[:2]))
            return real(self, statement, *args, **kwargs)

        monkeypatch.setattr(psycopg.Cursor, name, call)

    spy("execute")
    spy("copy")
    return sent
