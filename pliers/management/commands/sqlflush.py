"""Django's ``sqlflush``, except that it spares v2."""

from django.core.management.commands import sqlflush

from pliers.management.sparing import SparesV2


class Command(SparesV2, sqlflush.Command):
    """Refuses ``--database v2`` (R4)."""
