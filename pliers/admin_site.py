"""Django's admin as an app whose pages are imported when they are wanted, not by every command."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core.checks import CheckMessage, Tags, register


class AdminConfig(SimpleAdminConfig):
    """The admin; ``pliers.urls`` finds its pages, and so do its checks."""

    def ready(self) -> None:
        """Register the checks of the admin."""
        register(check_dependencies, Tags.admin)
        register(check_pages, Tags.admin)


def check_pages(**options: Any) -> list[CheckMessage]:
    """Django's checks of the pages, all of which are found first."""
    admin.autodiscover()
    found: list[CheckMessage] = check_admin_app(**options)
    return found
