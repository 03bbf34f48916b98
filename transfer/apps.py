"""The app's name on pages."""

from django.apps import AppConfig


class TransferConfig(AppConfig):
    """The engine that moves v2 into v3."""

    name = "transfer"
    verbose_name = "Migration"
