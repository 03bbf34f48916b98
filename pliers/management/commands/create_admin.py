"""Make the first account of the admin."""

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection


class Command(BaseCommand):
    """Make the superuser ``admin`` with a random password, unless it is there."""

    help = "Make a superuser with a random password, printed once; do nothing if it exists."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="admin", help="the account (default: admin)")

    def handle(self, *_: Any, username: str, **__: Any) -> None:
        users = get_user_model()._default_manager
        if users.model._meta.db_table not in connection.introspection.table_names():
            raise CommandError(
                "v3 is not migrated yet: run python manage.py migrate (or make demo)"
            )
        if users.filter(username=username).exists():
            self.stdout.write(
                f"{username} exists; a new password: python manage.py changepassword {username}"
            )
            return
        password = secrets.token_urlsafe(12)
        users.create_superuser(username=username, password=password)
        self.stdout.write(f"user: {username}\npassword: {password}  (shown only this once)")
