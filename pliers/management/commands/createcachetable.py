"""Django's ``createcachetable``, except that it spares v2."""

from django.core.management.commands import createcachetable

from pliers.management.sparing import SparesV2


class Command(SparesV2, createcachetable.Command):
    """Refuses ``--database v2`` (R4)."""
