"""Settings, read from the environment (see .env.example)."""

from pathlib import Path

import environ

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
]
DATABASES = {
    "default": env.db_url("DATABASE_URL", default="postgres://postgres@127.0.0.1:54329/pliers"),
    "v2": env.db_url("V2_DATABASE_URL", default=f"sqlite:///{BASE_DIR}/var/v2.sqlite3"),
}
DATABASE_ROUTERS = ["legacy_v2.router.LegacyV2Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
