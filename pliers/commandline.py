"""``manage.py`` for people: what goes wrong is one line, not a traceback.

Exit statuses are those of every command: 1 could not do it, 130 interrupted; ``--traceback``
shows the whole story.
"""

import os
import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError

from pliers.embedded import EmbeddedError

FAILED = 1
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Run a management command and return its exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pliers.settings")
    try:
        execute_from_command_line(list(argv))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except (ImproperlyConfigured, EmbeddedError, DatabaseError, InterfaceError) as error:
        if "--traceback" in argv:
            raise
        sys.stderr.write(f"error: {one_line(error)}\n")
        return FAILED
    return 0


def one_line(error: BaseException) -> str:
    """Return what an error says as one line, without any database's password (R8)."""
    text = " ".join(str(error).split()) or type(error).__name__
    if settings.configured:
        for database in settings.DATABASES.values():
            if database.get("PASSWORD"):
                text = text.replace(str(database["PASSWORD"]), "***")
    return text
