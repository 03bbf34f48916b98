"""Django's ``migrate``, except that it spares v2."""

from django.core.management.commands import migrate

from pliers.management.sparing import SparesV2


class Command(SparesV2, migrate.Command):
    """Refuses ``--database v2`` (R4)."""
