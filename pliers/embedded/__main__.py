"""The embedded server by hand: ``python -m pliers.embedded status`` and ``… stop``."""

import argparse
import sys

from django.core.exceptions import ImproperlyConfigured

from pliers.embedded.errors import EmbeddedError
from pliers.embedded.server import Server


def main() -> int:
    """Do what the command line says; 0 done, 1 could not."""
    parser = argparse.ArgumentParser(prog="python -m pliers.embedded", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    jobs.add_parser("status", help="say whether the server runs, and where its socket is")
    stop = jobs.add_parser("stop", help="stop the server, unless some process uses it")
    stop.add_argument("--force", action="store_true", help="even while it is in use")
    stop.add_argument("--idle", action="store_true", help="leave one that is in use alone, quietly")
    arguments = parser.parse_args()
    try:
        from pliers.settings import VAR_DIR  # noqa: PLC0415 - a wrong setting is one line, too

        server = Server(VAR_DIR)
        if arguments.job == "status":
            answer = _status(server)
        elif arguments.idle and server.is_used():
            answer = ""
        else:
            answer = "stopped" if server.stop(force=arguments.force) else "not running"
    except (EmbeddedError, ImproperlyConfigured) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if answer and not getattr(arguments, "idle", False):
        sys.stdout.write(f"embedded PostgreSQL: {answer}\n")
    return 0


def _status(server: Server) -> str:
    if not server.is_running():
        return "not running"
    used = "in use" if server.is_used() else "not in use"
    return f"running, {used}; socket in {server.socket_directory}, data in {server.data}"


if __name__ == "__main__":
    sys.exit(main())
