"""Sends every read of v2 to the ``v2`` alias, and every write nowhere (R4)."""

from typing import Never

from django.db import models

from transfer.exceptions import ReadOnlySourceError

APP_LABEL = "legacy_v2"
ALIAS = "v2"


class LegacyV2Router:
    """The database router of the project (DATABASE_ROUTERS); it answers for legacy_v2 only."""

    def db_for_read(self, model: type[models.Model], **_hints: object) -> str | None:
        """``v2`` for a model of v2, no opinion about the others."""
        return ALIAS if model._meta.app_label == APP_LABEL else None

    def db_for_write(self, model: type[models.Model], **_hints: object) -> None:
        """No opinion, except about v2.

        Raises:
            ReadOnlySourceError: the model is one of v2's.
        """
        if model._meta.app_label == APP_LABEL:
            refuse(f"a write to {model._meta.object_name}")

    def allow_relation(
        self, obj1: models.Model, obj2: models.Model, **_hints: object
    ) -> bool | None:
        """True between two of v2, False between v2 and v3 (two databases), else no opinion."""
        legacy = [obj._meta.app_label == APP_LABEL for obj in (obj1, obj2)]
        if all(legacy):
            return True
        return False if any(legacy) else None

    def allow_migrate(self, db: str, app_label: str, **_hints: object) -> bool | None:
        """False for anything on the v2 alias and for legacy_v2 anywhere, else no opinion."""
        return False if db == ALIAS or app_label == APP_LABEL else None


def refuse(what: str) -> Never:
    """Refuse something that would change v2.

    Args:
        what: the thing refused, as the subject of a sentence.

    Raises:
        ReadOnlySourceError: always.
    """
    msg = (
        f"{what} was refused: v2 is only ever read (R4). Change the record in v2 with its own"
        " application, or write to the v3 model instead."
    )
    raise ReadOnlySourceError(msg)
