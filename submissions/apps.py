"""The app's name on pages."""

from django.apps import AppConfig


class SubmissionsConfig(AppConfig):
    """v3's submissions and events."""

    name = "submissions"
    verbose_name = "Submissions"
