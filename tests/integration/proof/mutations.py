"""What may happen to v3 after a correct import: each way one statement, and where it must be found.

``updated_at = updated_at`` keeps the trigger from moving the time, which would give each away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.integration.proof.mutations_v2 import (
    ACME,
    ACME_2,
    ANN,
    BOB,
    FUTURE_USER,
    LONELY,
    OLDEST,
    WOLF,
)

DIFFERENT, LOST, STRAY = "different", "missing_in_v3", "missing_in_v2"
NEW = "dddddddd-0000-4000-8000-00000000dead"


class Place(NamedTuple):
    """Where a difference is told: v3's table, the record's id, the kind and the column."""

    table: str
    record: str
    kind: str
    column: str


@dataclass(frozen=True)
class Mutation:
    """A way to tamper with v3.

    Args:
        name: the test's.
        statements: SQL on v3.
        places: the differences to be found.
        more: others may come of it besides.
    """

    name: str
    statements: tuple[str, ...]
    places: frozenset[Place]
    more: bool = False


def set_(table: str, record: str, assignment: str) -> str:
    """A statement that changes one row and leaves its updated_at alone."""
    own = "" if assignment.startswith("updated_at") else ", updated_at = updated_at"
    return f"UPDATE {table} SET {assignment}{own} WHERE id = '{record}'"


def changed(
    name: str, table: str, record: str, assignment: str, *columns: str, more: bool = False
) -> Mutation:
    """One row changed, to be found in these columns."""
    places = frozenset(Place(table, record, DIFFERENT, column) for column in columns)
    return Mutation(f"{table}: {name}", (set_(table, record, assignment),), places, more)


def swapped(name: str, table: str, one: str, other: str, column: str, *places: str) -> Mutation:
    """The values of one column of two rows swapped: the table holds the same as before."""
    statement = f"""
        UPDATE {table} AS row SET {column} = other.{column}, updated_at = row.updated_at
          FROM {table} AS other
         WHERE (row.id, other.id) IN (('{one}', '{other}'), ('{other}', '{one}'))
    """
    found = frozenset(
        Place(table, record, DIFFERENT, place)
        for record in (one, other)
        for place in places or (column,)
    )
    return Mutation(f"{table}: {name}", (statement,), found)


def deleted(table: str, record: str) -> Mutation:
    """A row dropped."""
    places = frozenset({Place(table, record, LOST, "")})
    return Mutation(
        f"{table}: a row dropped", (f"DELETE FROM {table} WHERE id = '{record}'",), places
    )


def copied(table: str, record: str, other: str) -> Mutation:
    """A row there twice, the copy under another id and whatever else must be unique."""
    statement = f"""
        INSERT INTO {table}
        SELECT (jsonb_populate_record(row, '{{"id": "{NEW}", {other}}}')).*
          FROM {table} AS row WHERE id = '{record}'
    """
    places = frozenset({Place(table, NEW, STRAY, "")})
    return Mutation(f"{table}: a row duplicated", (statement,), places)


def rows(table: str, record: str) -> Iterator[Mutation]:
    """What can happen to a row of any table."""
    hour, moment = "+ interval '1 hour'", "+ interval '1 microsecond'"
    yield changed(
        "created an hour later", table, record, f"created_at = created_at {hour}", "created_at"
    )
    yield changed(
        "created a microsecond later",
        table,
        record,
        f"created_at = created_at {moment}",
        "created_at",
    )
    yield changed(
        "updated an hour later", table, record, f"updated_at = updated_at {hour}", "updated_at"
    )
    yield changed(
        "updated a microsecond later",
        table,
        record,
        f"updated_at = updated_at {moment}",
        "updated_at",
    )
    yield changed("marked deleted", table, record, "deleted_at = created_at", "deleted_at")
    yield changed(
        "a key more in metadata",
        table,
        record,
        "metadata = metadata || '{\"note\": null}'",
        "metadata[note]",
    )
    for name, assignment in (
        ("of another batch", """metadata = metadata || '{"migration_batch": "day"}'"""),
        ("of no batch", "metadata = metadata - 'migration_batch'"),
        ("metadata emptied", "metadata = '{}'"),
    ):
        statement = set_(table, record, assignment)
        yield Mutation(
            f"{table}: {name}",
            (statement,),
            frozenset({Place(table, record, LOST, "")}),
            more=True,
        )


def organizations() -> Iterator[Mutation]:
    table = "organizations"
    yield from rows(table, LONELY)
    yield changed("another letter", table, ACME, "name = 'Acne'", "name")
    yield changed("another case", table, ACME, "name = 'ACME'", "name")
    yield changed("composed to NFC", table, WOLF, "name = normalize(name, NFC)", "name")
    yield changed("a line end lost", table, WOLF, "name = rtrim(name, E'\\n')", "name")
    yield changed("blanks trimmed", table, LONELY, "name = trim(name)", "name")
    yield changed("another slug", table, LONELY, "slug = 'lonely'", "slug")
    yield changed("another suffix", table, ACME_2, "slug = 'acme-4'", "slug")
    yield Mutation(
        "organizations: slugs swapped",
        (
            set_(table, ACME, "slug = 'x'"),
            set_(table, OLDEST, "slug = 'acme-2'"),
            set_(table, ACME, "slug = 'acme'"),
        ),
        frozenset(Place(table, one, DIFFERENT, "slug") for one in (ACME, OLDEST)),
    )
    for key, value in (
        ("legacy_id", f'"{ACME}"'),
        ("migrated_from", '"v1"'),
        ("migration_date", '"2024-01-01T00:00:00+00:00"'),
        ("theme", '"dark"'),
    ):
        yield changed(
            f"settings: another {key}",
            table,
            LONELY,
            f"settings = settings || '{{\"{key}\": {value}}}'",
            f"settings[{key}]",
        )
    yield changed(
        "settings: a key lost",
        table,
        LONELY,
        "settings = settings - 'migrated_from'",
        "settings[migrated_from]",
    )
    yield changed("settings: a list", table, LONELY, "settings = '[]'", "settings", more=True)
    yield deleted(table, LONELY)
    yield copied(table, LONELY, '"slug": "-lonely--2"')
    yield Mutation(
        "organizations: another id",
        (set_(table, LONELY, f"id = '{NEW}'"),),
        frozenset({Place(table, LONELY, LOST, ""), Place(table, NEW, STRAY, "")}),
    )


def users() -> Iterator[Mutation]:
    table = "users"
    yield from rows(table, BOB)
    yield changed(
        "moved to another organization",
        table,
        BOB,
        f"organization_id = '{WOLF}'",
        "organization_id",
    )
    yield changed("another case", table, ANN, "email = lower(email)", "email")
    yield changed("another letter", table, ANN, "email = 'Amn@example.org'", "email")
    yield changed("a blank more", table, ANN, "email = email || ' '", "email")
    yield changed("another status", table, BOB, "status = 'active'", "status")
    yield changed("a status lost", table, BOB, "status = 'suspended'", "status")
    for key, value in (
        ("user_name", '""'),  # where v2 has null
        ("first_name", "null"),  # where v2 has an empty text
        ("last_name", '"person 2"'),
        ("legacy_id", f'"{ANN}"'),
        ("password", '"secret"'),
    ):
        yield changed(
            f"auth_data: another {key}",
            table,
            BOB,
            f"auth_data = auth_data || '{{\"{key}\": {value}}}'",
            f"auth_data[{key}]",
        )
    yield changed(
        "auth_data: a null lost",
        table,
        BOB,
        "auth_data = auth_data - 'user_name'",
        "auth_data[user_name]",
    )
    yield changed(
        "v2's time of change lost",
        table,
        FUTURE_USER,
        "metadata = metadata - 'legacy_updated_at'",
        "metadata[legacy_updated_at]",
    )
    yield changed(
        "v2's time of change moved",
        table,
        FUTURE_USER,
        """metadata = metadata || '{"legacy_updated_at": "2098-01-01T00:00:00+00:00"}'""",
        "metadata[legacy_updated_at]",
    )
    yield swapped(
        "auth_data swapped",
        table,
        ANN,
        BOB,
        "auth_data",
        *(f"auth_data[{key}]" for key in ("user_name", "first_name", "last_name", "legacy_id")),
    )
    yield Mutation(
        "users: emails swapped",
        (
            set_(table, ANN, "email = 'x'"),
            set_(table, BOB, "email = 'Ann@example.org'"),
            set_(table, ANN, "email = 'bob@example.org'"),
        ),
        frozenset(Place(table, one, DIFFERENT, "email") for one in (ANN, BOB)),
    )
    yield deleted(table, BOB)
    yield copied(table, BOB, '"email": "rob@example.org"')
