"""The PostgreSQL extensions v3 wishes for, and which of them a database goes without.

None is needed by the tables themselves (``gen_random_uuid()`` is part of the server), so one
that cannot be had is reported and not an error.
"""

from typing import NamedTuple

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

WISHED = ("uuid-ossp", "pgcrypto", "pg_trgm")


class MissingExtension(NamedTuple):
    """An extension that a database does not have, and why."""

    name: str
    reason: str


def missing_extensions(connection: BaseDatabaseWrapper) -> tuple[MissingExtension, ...]:
    """The wished extensions that are not installed in the connection's database.

    Returns:
        One entry an extension, in the order of ``WISHED``, with the reason: the server does not
        offer it, or nobody who may has created it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, installed_version IS NOT NULL FROM pg_available_extensions"
            " WHERE name = ANY(%s)",
            [list(WISHED)],
        )
        offered: dict[str, bool] = dict(cursor.fetchall())
    return tuple(
        MissingExtension(
            name,
            "its role may not create it; CREATE EXTENSION as one that may"
            if name in offered
            else "the server does not offer it",
        )
        for name in WISHED
        if not offered.get(name)
    )


def create_offered_extensions(connection: BaseDatabaseWrapper) -> None:
    """Create each wished extension that the server offers and the role may create.

    All three are trusted: the right to create in the database is enough, a superuser is not
    needed. One that cannot be created is left to ``missing_extensions`` to report.
    """
    for extension in missing_extensions(connection):
        if extension.reason == "the server does not offer it":
            continue
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute(f'CREATE EXTENSION IF NOT EXISTS "{extension.name}"')
        except Error:  # no privilege, or files missing on the server: reported, not raised
            continue
