"""The app's name on pages."""

from django.apps import AppConfig


class FormsAppConfig(AppConfig):
    """v3's forms and workflows."""

    name = "forms_app"
    verbose_name = "Forms"
