"""Deferred loads, and what they must come to: the rows, books and indexes of a normal one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from django.db import connections
from psycopg import sql

from tests.runs import Quiet, empty_v3, query, run, snapshot
from transfer.batch import TableState


class Whole(NamedTuple):
    """Everything a run leaves behind."""

    rows: dict[str, list[str]]
    indexes: dict[str, str]


def indexes() -> dict[str, str]:
    """The indexes of v3 by name, as PostgreSQL tells them."""
    return dict(
        query("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()")
    )


def whole() -> Whole:
    """Everything there is now."""
    return Whole(snapshot(), indexes())


def normal(**options: Any) -> Whole:
    """What a normal run comes to; v3 is empty again."""
    assert run(**({"name": "night", "batch_size": 4} | options)).outcome == "finished"
    made = whole()
    forget()
    return made


def forget() -> None:
    """Empty v3 and the books, those of what was put off too."""
    empty_v3()
    query("TRUNCATE migration_deferrals")


def deferred(observer: Quiet | None = None, **options: Any) -> Quiet:
    """Run the migration with keys off; what it said."""
    observer = observer or Quiet()
    report = run(
        observer, **({"name": "night", "batch_size": 4, "defer_constraints": True} | options)
    )
    assert report.outcome == "finished"
    return observer


def unsettled() -> list[tuple[Any, ...]]:
    """What is put off: (migration, table, kind, name)."""
    return query(
        "SELECT migration_name, table_name, kind, name FROM migration_deferrals"
        " WHERE settled_at IS NULL ORDER BY id"
    )


def in_submissions(action: Callable[[], None], batch: int = 1) -> Quiet:
    """An observer that acts once, after this batch of the submissions."""

    def act(state: TableState) -> None:
        if state.table == "submissions" and state.batches == batch and not acted:
            acted.append(True)
            action()

    acted: list[bool] = []
    return Quiet(act)


@contextmanager
def another_session() -> "Iterator[psycopg.Connection[Any]]":
    """A connection of the application's, beside the test's own."""
    connection = connections["default"].copy()
    try:
        connection.ensure_connection()
        raw = connection.connection
        assert isinstance(raw, psycopg.Connection)
        yield raw
    finally:
        connection.close()


@contextmanager
def role(name: str, *grants: str) -> Iterator[None]:
    """Be another role in v3 while this lasts: every new connection of the alias logs in as it."""
    quoted = sql.Identifier(name).as_string()
    query(f"CREATE ROLE {quoted} LOGIN PASSWORD 'of-a-test'")
    for grant in grants:
        query(grant.format(role=quoted))
    alias = connections.settings["default"]
    settings = connections["default"].settings_dict
    before, owner = dict(settings), connections["default"].settings_dict["USER"]
    settings |= {"USER": name, "PASSWORD": "of-a-test"}
    try:
        yield
    finally:
        settings.clear()
        settings |= before
        assert alias is not None
        assert owner != name
        query(f"REASSIGN OWNED BY {quoted} TO CURRENT_USER; DROP OWNED BY {quoted}")
        query(f"DROP ROLE {quoted}")
