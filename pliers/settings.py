"""Settings, read from the environment and from ``.env`` (see ``.env.example``).

Nothing here connects to anything; what can be checked without connecting is in ``checks.py``.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from pliers.embedded import Server
from pliers.embedded.cluster import ROLE
from pliers.embedded.server import PORT
from pliers.environment import Environment, legacy, postgres, secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = Environment(BASE_DIR / ".env")
VAR_DIR = ENVIRONMENT.folder("PLIERS_VAR_DIR", BASE_DIR / "var", base=BASE_DIR)

DEBUG = ENVIRONMENT.switch("DEBUG", default=False)
SECRET_KEY = ENVIRONMENT.text("SECRET_KEY") or secret_key(VAR_DIR)
ALLOWED_HOSTS = ENVIRONMENT.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")

INSTALLED_APPS = [
    "pliers.admin_site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "pliers",
    "organizations",
    "forms_app",
    "submissions",
    "legacy_v2",
    "transfer",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "pliers.urls"
WSGI_APPLICATION = "pliers.wsgi.application"
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
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


_V3_ADDRESS = ENVIRONMENT.text("DATABASE_URL")
_V2_ADDRESS = ENVIRONMENT.text("V2_DATABASE_URL", f"sqlite:///{quote(str(VAR_DIR / 'v2.sqlite3'))}")
_V2_SETTINGS, V2_SQLITE_PATH = legacy(
    "V2_DATABASE_URL",
    _V2_ADDRESS,
    base=BASE_DIR,
    schema=ENVIRONMENT.text("V2_SCHEMA"),
    driver=ENVIRONMENT.text("V2_SQL_SERVER_DRIVER"),
    odbc_driver=ENVIRONMENT.text("V2_ODBC_DRIVER"),
)
"""V2_SQLITE_PATH is the v2 file where v2 is SQLite; the alias itself opens it read-only."""

DATABASES = {
    "default": (
        postgres("DATABASE_URL", _V3_ADDRESS) if _V3_ADDRESS else embedded_database(Server(VAR_DIR))
    ),
    # No test database is ever made for v2, and no migration goes there.
    "v2": _V2_SETTINGS | {"TEST": {"MIGRATE": False}},
}
DATABASE_ROUTERS = ["legacy_v2.router.LegacyV2Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

V2_TIME_ZONE = ENVIRONMENT.text("V2_TIME_ZONE", "UTC")
V2_FORM_STATUS = ENVIRONMENT.text("V2_FORM_STATUS", "draft")
V2_MAPPING = (
    ENVIRONMENT.folder("V2_MAPPING", BASE_DIR, base=BASE_DIR)
    if ENVIRONMENT.text("V2_MAPPING")
    else None
)
V2_MAX_STORED_WARNINGS = ENVIRONMENT.number("V2_MAX_STORED_WARNINGS", 1000)
PLIERS_MOST_WORKERS = 32
# None: as many as this machine is good for.
PLIERS_WORKERS = ENVIRONMENT.number("PLIERS_WORKERS", None)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"null": {"class": "logging.NullHandler"}},
    # Statements carry the data, and with DEBUG they would all be kept.
    "loggers": {
        # A login to Entra that fails tells every way it tried, on many lines; the command says it
        # in one. Who hangs a handler on the root logger gets theirs all the same.
        "azure": {"handlers": ["null"]},
        "msal": {"handlers": ["null"]},
        "django.db.backends": {"level": "WARNING"},
        # Its warnings are about connections that break; who uses the connection says it better.
        "psycopg": {"level": "ERROR"},
    },
}
