"""Django's PostgreSQL backend over the embedded server, started at the first connection."""

from collections.abc import Iterable
from typing import Any

import psycopg
from django.db.backends.postgresql import base, client
from django.db.utils import OperationalError

from pliers.embedded import EmbeddedError, Server
from pliers.embedded.cluster import programs


class DatabaseClient(client.DatabaseClient):
    """``manage.py dbshell`` with the server's own psql, so that none has to be installed."""

    executable_name = str(programs() / "psql")

    def runshell(self, parameters: Iterable[str]) -> None:
        """Start the server and open the shell."""
        self.connection.ensure_connection()
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """A PostgreSQL connection whose server is ours to start.

    The alias's settings hold the server under ``EMBEDDED`` (a ``Server``).
    """

    client_class = DatabaseClient

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:  # noqa: ANN401 - Django's own type
        """Open a connection, and start the server first where it is not running.

        Raises:
            OperationalError: the server cannot be started; the message is one line.
        """
        server: Server = self.settings_dict["EMBEDDED"]
        try:
            server.use()
            try:
                return super().get_new_connection(conn_params)
            except psycopg.OperationalError:
                # It was stopped, or died, after this process had begun to use it.
                server.ensure_running()
                return super().get_new_connection(conn_params)
        except EmbeddedError as error:
            raise OperationalError(str(error)) from error
