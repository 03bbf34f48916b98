from django.apps import AppConfig


class LegacyV2Config(AppConfig):
    """The v2 tables: read, never written (R4)."""

    name = "legacy_v2"
    verbose_name = "Pliers v2 (legacy, read-only)"
