"""Django's ``loaddata``, except that it spares v2."""

from django.core.management.commands import loaddata

from pliers.management.sparing import SparesV2


class Command(SparesV2, loaddata.Command):
    """Refuses ``--database v2`` (R4)."""
