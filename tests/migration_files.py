"""The migration files of the apps that own v3's tables."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
APPS = ("organizations", "forms_app", "submissions", "transfer")


def migration_files() -> list[Path]:
    """Return the paths of all migration files below the project's root, in order."""
    return sorted(
        path.relative_to(ROOT)
        for app in APPS
        for path in (ROOT / app / "migrations").glob("*.py")
        if path.name != "__init__.py"
    )
