"""Settings, read from the environment (see .env.example)."""

from pathlib import Path
from typing import Any

import environ

from pliers.embedded import Server
from pliers.embedded.server import PORT, ROLE

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

SECRET_KEY = "development"  # noqa: S105
DEBUG = False
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "organizations",
    "forms_app",
    "submissions",
    "legacy_v2",
    "transfer",
    "pliers",
]


def embedded_database(server: Server) -> dict[str, Any]:
    """Return Django's settings for a database on an embedded server."""
    return {
        "ENGINE": "pliers.postgresql",
        "NAME": server.database,
        "USER": ROLE,
        "HOST": str(server.socket_directory),
        "PORT": PORT,
        "EMBEDDED": server,
    }


VAR_DIR = Path(env.str("PLIERS_VAR_DIR", default=str(BASE_DIR / "var"))).absolute()
DATABASES = {
    "default": (
        env.db_url("DATABASE_URL")
        if env.str("DATABASE_URL", default="")
        else embedded_database(Server(VAR_DIR))
    ),
    "v2": env.db_url("V2_DATABASE_URL", default=f"sqlite:///{BASE_DIR}/var/v2.sqlite3"),
}
DATABASE_ROUTERS = ["legacy_v2.router.LegacyV2Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
