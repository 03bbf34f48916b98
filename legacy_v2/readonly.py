"""A model, a manager and a queryset that read and cannot write (R4)."""

from typing import Any, ClassVar, Never, TypeVar

from django.db import models

from legacy_v2.router import refuse

ModelT = TypeVar("ModelT", bound=models.Model)


class ReadOnlyQuerySet(models.QuerySet[ModelT]):
    """A queryset whose every way to write raises ReadOnlySourceError.

    The asynchronous twins (``acreate`` and so on) call these, and raise with them.
    """

    def _refuse(self, method: str) -> Never:
        refuse(f"{self.model.__name__}.objects.{method}()")

    def create(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("create")

    def bulk_create(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("bulk_create")

    def get_or_create(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError, even where the row exists."""
        self._refuse("get_or_create")

    def update_or_create(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("update_or_create")

    def update(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("update")

    def bulk_update(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("bulk_update")

    def delete(self) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("delete")

    def select_for_update(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError: a lock would hold up v2's own writers."""
        self._refuse("select_for_update")

    def _insert(self, *_args: object, **_kwargs: object) -> Never:
        self._refuse("_insert")

    def _update(self, *_args: object, **_kwargs: object) -> Never:
        self._refuse("_update")

    def _raw_delete(self, *_args: object, **_kwargs: object) -> Never:
        self._refuse("_raw_delete")


class ReadOnlyManager(models.Manager.from_queryset(ReadOnlyQuerySet)):  # type: ignore[misc]  # a class made by a call
    """The manager of every v2 model; it refuses what its queryset refuses."""


class ReadOnlyModel(models.Model):
    """A row of v2: it can be read, and neither saved nor deleted."""

    objects: ClassVar[models.Manager[Any]] = ReadOnlyManager()

    class Meta:
        abstract = True
        managed = False
        base_manager_name = "objects"

    def save(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("save")

    async def asave(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("asave")

    def save_base(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError; loaddata comes this way."""
        self._refuse("save_base")

    def delete(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("delete")

    async def adelete(self, *_args: object, **_kwargs: object) -> Never:
        """Raises ReadOnlySourceError."""
        self._refuse("adelete")

    def _refuse(self, method: str) -> Never:
        refuse(f"{type(self).__name__}.{method}() of {self.pk}")
