"""Django's ``flush``, except that it spares v2."""

from django.core.management.commands import flush

from pliers.management.sparing import SparesV2


class Command(SparesV2, flush.Command):
    """Refuses ``--database v2`` (R4)."""
