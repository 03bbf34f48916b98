"""The project itself as an app: its settings checks and its commands."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class PliersConfig(AppConfig):
    """Registers the checks of the settings."""

    name = "pliers"

    def ready(self) -> None:
        """Register the checks, and have times of PostgreSQL come as psycopg reads them."""
        from pliers import checks  # noqa: F401, PLC0415 - importing registers; apps load first

        connection_created.connect(iso_times)


def iso_times(connection: BaseDatabaseWrapper, **_signal: Any) -> None:
    """Have times come as ISO writes them: psycopg reads no other, and a role may have another."""
    if connection.vendor != "postgresql":
        return
    if not connection.connection.info.parameter_status("DateStyle").startswith("ISO"):
        connection.connection.execute("SET DateStyle = 'ISO'")
