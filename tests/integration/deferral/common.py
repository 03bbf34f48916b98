"""Deferred loads, and what they must come to: the rows, books and indexes of a normal one."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from django.db import connections

from tests.runs import Quiet, empty_v3, query, run, snapshot
from tests.servers import use_v3
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


def in_submissions(*actions: Callable[[], object]) -> Quiet:
    """An observer that acts after the first batches of the submissions, an action each."""
    waiting = list(actions)

    def act(state: TableState) -> None:
        if state.table == "submissions" and waiting:
            waiting.pop(0)()

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
def role(name: str, *grants: str, **defaults: str) -> Iterator[None]:
    """Be another role in v3 while this lasts; ``grants`` end with the role's name.

    ``defaults`` are settings that its sessions begin with.
    """
    name = f"{name}_{os.getpid()}"  # roles are the whole server's
    query(f"CREATE ROLE {name} LOGIN")
    for setting, value in defaults.items():
        query(f"ALTER ROLE {name} SET {setting} = '{value}'")
    ((owner,),) = query("SELECT quote_ident(current_user)")
    try:
        for grant in grants:
            query(f"{grant.format(owner=owner)} {name}")
        with use_v3({"USER": name, "PASSWORD": ""}):
            yield
    finally:
        query(f"DROP OWNED BY {name}")
        query(f"DROP ROLE {name}")
