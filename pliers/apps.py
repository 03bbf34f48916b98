"""The project itself as an app: its settings checks and its commands."""

from django.apps import AppConfig


class PliersConfig(AppConfig):
    """Registers the checks of the settings."""

    name = "pliers"

    def ready(self) -> None:
        """Register the checks."""
        from pliers import checks  # noqa: F401, PLC0415 - importing registers; apps load first
