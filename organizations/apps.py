"""The app of organizations, users and plugins; it reports extensions the server lacks."""

from django.apps import AppConfig
from django.core.management.base import OutputWrapper
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate

from pliers.extensions import missing_extensions


def report_missing_extensions(
    using: str = DEFAULT_DB_ALIAS,
    verbosity: int = 1,
    stdout: OutputWrapper | None = None,
    **_: object,
) -> None:
    """Say at the end of every ``migrate`` which wished extensions v3 goes without."""
    if using != DEFAULT_DB_ALIAS or verbosity < 1 or stdout is None:
        return
    for extension in missing_extensions(connections[using]):
        stdout.write(f"  Going without extension {extension.name}: {extension.reason}.")


class OrganizationsConfig(AppConfig):
    """Organizations, their users, and plugins."""

    name = "organizations"

    def ready(self) -> None:
        """Have ``migrate`` report the missing extensions once, after this app."""
        post_migrate.connect(report_missing_extensions, sender=self)
