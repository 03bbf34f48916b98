"""Open the admin on this machine."""

import socket
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

HOST = "127.0.0.1"
PORTS_TO_TRY = 100


class Command(BaseCommand):
    """Serve the admin on 127.0.0.1, on the first free port."""

    help = "Make the admin's account if needed, and serve the admin on 127.0.0.1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8000, help="the first port to try (default: 8000)"
        )

    def handle(self, *_: Any, port: int, **__: Any) -> None:
        call_command("create_admin", stdout=self.stdout)
        free = first_free_port(port)
        self.stdout.write(f"open http://{HOST}:{free}/admin/ (Ctrl-C ends it)")
        # DEBUG is off, since its error pages show too much; then styles come only with --insecure,
        # which means: not fit for more than this machine.
        call_command(
            "runserver", f"{HOST}:{free}", use_reloader=False, insecure_serving=True, verbosity=0
        )


def first_free_port(first: int) -> int:
    """Return the first port from ``first`` on that nobody listens on.

    Raises:
        CommandError: none of the next hundred is free, or ``first`` is no port.
    """
    if not 0 < first < 65_536:
        raise CommandError("--port has to be between 1 and 65535")
    for port in range(first, min(first + PORTS_TO_TRY, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise CommandError(f"no port from {first} on is free; choose another with --port")
