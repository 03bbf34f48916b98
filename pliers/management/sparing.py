"""What keeps Django's own commands from writing to v2."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from legacy_v2.router import ALIAS


class SparesV2(BaseCommand):
    """A command that a person cannot point at v2 (R4).

    The router keeps tables out of v2, but Django asks no router before it makes its own
    (``django_migrations``). From Python the same command goes through: that is how Django makes a
    database for tests.
    """

    _called_from_command_line: bool  # Django's own, which its type stubs leave out

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command.

        Raises:
            CommandError: it was told ``--database v2``.
        """
        if self._called_from_command_line and options.get("database") == ALIAS:
            raise CommandError(
                f"--database {ALIAS} was refused: v2 is only ever read (R4); v3 is --database"
                " default"
            )
        return super().execute(*args, **options)
