"""Partitions of the table events, one a month (UTC)."""

from datetime import date

from django.db import DEFAULT_DB_ALIAS, connections


def ensure_events_partition(month: date, *, using: str = DEFAULT_DB_ALIAS) -> str:
    """Make the partition for the month a day lies in, unless it is there.

    Returns:
        The partition's name, such as ``events_2025_01``.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT create_events_partition(%s)", [month])
        row = cursor.fetchone()
    return str(row[0])
