"""Column types of v2 that Django has no field for: GUIDs, and times without a zone.

v2 may stand in SQL Server, in PostgreSQL or in a SQLite file (a copy made by hand, whose ids
may be in either case). These fields make the same Python values out of all three, and the same
comparisons.
"""

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col
from django.db.models.fields.related_lookups import RelatedIsNull
from django.db.models.sql.compiler import SQLCompiler
from django.utils.functional import cached_property

from legacy_v2 import ids, names

if TYPE_CHECKING:
    _Field: TypeAlias = models.Field[Any, Any]
    _Mixin: TypeAlias = models.Field[Any, Any]
    _ForeignKey: TypeAlias = models.ForeignKey[Any, Any]
    _DateTimeField: TypeAlias = models.DateTimeField[Any, Any]
else:  # Django's own field classes take no parameters
    _Field, _Mixin = models.Field, object
    _ForeignKey, _DateTimeField = models.ForeignKey, models.DateTimeField

SQL_SERVER = "microsoft"  # connection.vendor of mssql-django
_GUID_TYPES = {
    SQL_SERVER: "uniqueidentifier",
    "postgresql": "uuid",
    "sqlite": "char(36) COLLATE NOCASE",
}
_TIME_TYPES = {
    SQL_SERVER: "datetime2",
    "postgresql": "timestamp without time zone",
    "sqlite": "text",
}


def _is_integer(field: "models.Field[Any, Any]", connection: BaseDatabaseWrapper) -> bool:
    integers = ids.integer_columns(connection)
    return bool(integers) and (names.table(field.model), names.column(field)) in integers


class GuidCol(Col):
    """An id column in a query, compared and sorted as a GUID whatever the copy declared.

    On SQLite every use carries ``COLLATE NOCASE``; an index serves it only where its column was
    declared so. On PostgreSQL every use is cast to uuid, which costs nothing on a native uuid
    column and makes a text column of a hand-made copy compare right. SQL Server needs neither, nor
    does a column of whole numbers.
    """

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """The column, compared without regard to case."""
        sql, params = self.as_sql(compiler, connection)
        return (sql if _is_integer(self.target, connection) else f"{sql} COLLATE NOCASE"), params

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, Any]:
        """The column as a uuid."""
        sql, params = self.as_sql(compiler, connection)
        return (sql if _is_integer(self.target, connection) else f"{sql}::uuid"), params


class _GuidColumnMixin(_Mixin):
    """Makes every reference to the field's column a GuidCol.

    The ON clause of a join is out of reach: Django builds it from plain columns. So queries
    over v2 ask for related rows with ``Exists(…filter(key=OuterRef("pk")))``, never with
    ``related__column``; the first compares as GUIDs, the second by the column's own collation.
    """

    def get_col(self, alias: str, output_field: "models.Field[Any, Any] | None" = None) -> Col:
        """A reference to the column under this table alias."""
        plain = super().get_col(alias, output_field)
        return GuidCol(plain.alias, self, plain.output_field)

    @cached_property
    def cached_col(self) -> Col:
        """A reference to the column under its table's own name."""
        return GuidCol(self.model._meta.db_table, self)


class GuidField(_GuidColumnMixin, _Field):
    """A uniqueidentifier. Python's value: 36 characters, lower case; sent as such text too.

    A UUIDField would send 32 hex digits to SQL Server, which refuses them (error 8169), and
    would make an object of every value, which costs more than mapping it.

    Raises:
        ValidationError: a value given to it is not a GUID.
    """

    description = "A v2 id"
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "“%(value)s” is not an id: 32 hexadecimal digits in groups of 8-4-4-4-12.",
    }

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """The column's type on this server."""
        return _GUID_TYPES[connection.vendor]

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        """The type's name in a CAST, where SQLite takes no collation."""
        return "text" if connection.vendor == "sqlite" else self.db_type(connection)

    def to_python(self, value: object) -> str | None:
        """The id as 36 lower-case characters.

        Raises:
            ValidationError: the value is not a GUID.
        """
        if value is None:
            return None
        if isinstance(value, uuid.UUID):
            return str(value)
        try:
            return str(uuid.UUID(str(value)))
        except ValueError:
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value}
            ) from None

    def get_prep_value(self, value: object) -> str | None:
        """The id as it is sent: 36 characters on every server.

        Raises:
            ValidationError: the value is not a GUID.
        """
        return self.to_python(super().get_prep_value(value))

    def get_db_prep_value(
        self,
        value: object,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> str | int | None:
        """The value for this database: where its ids are numbers the number, of another id none."""
        text = value if prepared else self.get_prep_value(value)
        if isinstance(text, str) and _is_integer(self, connection):
            return ids.number_of(text)
        return text  # type: ignore[return-value]  # prepared before

    def from_db_value(
        self,
        value: str | int | uuid.UUID | None,
        _expression: object,
        _connection: object,
    ) -> str | None:
        """The id as read, in lower case; a number's UUID; text that is no GUID stays as it is."""
        if isinstance(value, int):
            return ids.uuid_of(value)
        return None if value is None else str(value).lower()


class GuidForeignKey(_GuidColumnMixin, _ForeignKey):
    """A reference of v2: declared nowhere in the database, perhaps to a row that is not there."""

    def __init__(
        self,
        to: type[models.Model] | str,
        on_delete: Callable[..., None] = models.DO_NOTHING,
        **kwargs: object,
    ) -> None:
        undeclared: dict[str, Any] = {
            "related_name": "+",
            "db_constraint": False,
            "db_index": False,
        }
        super().__init__(to, on_delete, **(undeclared | kwargs))


@GuidForeignKey.register_lookup
class GuidIsNull(RelatedIsNull):
    """Whether a reference is null, so that SQLite's index serves it beside other conditions."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """The condition: ``IS NULL`` with a collation, or joined by OR, reads the whole table."""
        if not self.rhs:
            return self.as_sql(compiler, connection)
        column, params = self.process_lhs(compiler, connection)
        return f"{column} IS %s", (*params, None)


def is_id_field(field: "models.Field[Any, Any]") -> bool:
    """Whether a field's values are ids: its model's own, or another's."""
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return isinstance(target, GuidField)


_ZONED = "v2_zoned_columns"  # kept with the connection: found by looking at the database


def remember_zoned(connection: BaseDatabaseWrapper, columns: Iterable[tuple[str, str]]) -> None:
    """Keep which columns of a v2 hold times with a zone: its canonical tables and columns."""
    vars(connection)[_ZONED] = frozenset(columns)


class NaiveDateTimeField(_DateTimeField):
    """A time without a zone, as v2 has them: always a naive datetime, whatever USE_TZ says (M3).

    Digits past the microsecond are cut off. On SQLite a value is ISO text with a blank before
    the time and six digits of fraction, and is compared as text.

    Raises:
        ValidationError: a value given to it is not a naive datetime or its ISO text.
    """

    description = "A v2 time, without a zone"
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "“%(value)s” is not a date and time such as 2024-03-01 10:20:30.123456.",
        "zone": "“%(value)s” has a time zone; times of v2 have none.",
    }

    def get_internal_type(self) -> str:
        """A name no backend knows, so that none converts the value into a zone."""
        return "NaiveDateTimeField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """The column's type on this server."""
        return _TIME_TYPES[connection.vendor]

    def to_python(self, value: object) -> datetime | None:
        """The value as a naive datetime.

        Raises:
            ValidationError: it is not a time, or has a zone.
        """
        if value is None:
            return None
        if not isinstance(value, datetime):
            try:
                value = datetime.fromisoformat(str(value))
            except ValueError:
                raise self._refusal("invalid", value) from None
        if value.tzinfo is not None:
            raise self._refusal("zone", value)
        return value

    def get_prep_value(self, value: object) -> datetime | None:
        """The naive datetime to send.

        Raises:
            ValidationError: it is not a time, or has a zone.
        """
        # Not DateTimeField's own, which warns of every naive value.
        return self.to_python(models.Field.get_prep_value(self, value))

    def get_db_prep_value(
        self, value: object, connection: BaseDatabaseWrapper, *_args: bool, **_kwargs: bool
    ) -> str | datetime | None:
        """The value for the driver: ISO text on SQLite, a datetime elsewhere.

        A naive one; for a column that has zones after all, one in V2_TIME_ZONE.
        """
        time = self.get_prep_value(value)
        if time is not None and connection.vendor == "sqlite":
            return time.isoformat(sep=" ", timespec="microseconds")
        zoned: frozenset[tuple[str, str]] = vars(connection).get(_ZONED, frozenset())
        if time is not None and zoned and (names.table(self.model), names.column(self)) in zoned:
            return time.replace(tzinfo=ZoneInfo(settings.V2_TIME_ZONE))
        return time

    def from_db_value(
        self,
        value: str | datetime | None,
        _expression: object,
        _connection: object,
    ) -> datetime | None:
        """The time as read; a copy that has a zone after all is read in UTC."""
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if value is not None and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return value

    def _refusal(self, code: str, value: object) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"value": value})
