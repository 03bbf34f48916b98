"""v2's values as the mapping takes them, a column at a time, whatever driver they come from."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models

from legacy_v2.fields import is_id_field
from legacy_v2.ids import uuid_of
from transfer.makers import Maker, as_given


def normaliser(field: "models.Field[Any, Any]", *, whole: bool = False) -> Maker:
    """What makes the mapping's values of a column's.

    Args:
        field: the model's.
        whole: the column's ids are whole numbers in this v2.
    """
    if is_id_field(field):
        return numbers_as_ids if whole else Ids()
    if isinstance(field, models.BooleanField):
        return bits
    if isinstance(field, models.DateTimeField):
        return times
    return as_given


class Ids(dict[Any, str | None]):
    """Makes ids lower case: those of one column of one page, some after others.

    SQL Server and hand-made copies give them in upper case, most SQLite copies in lower. Each
    spelling is made once, and held once: most columns of ids repeat a few.
    """

    MOST = 50_000  # that are held: where somebody keeps it for all the pages of a table

    def __call__(self, values: Sequence[Any]) -> Sequence[Any]:
        """The ids; null stays null."""
        return list(map(self.__getitem__, values))

    def __missing__(self, value: object) -> str | None:
        if len(self) >= self.MOST:
            self.clear()
        self[value] = made = None if value is None else str(value).lower()
        return made


def numbers_as_ids(values: Sequence[Any]) -> Sequence[Any]:
    """The UUIDs of ids that are whole numbers; what is none (in SQLite it can be) stays text."""
    known: dict[Any, str | None] = {None: None}
    for value in set(values):
        if isinstance(value, int):
            known[value] = uuid_of(value)
        elif value is not None:
            known[value] = str(value).lower()
    return [known[value] for value in values]


def bits(values: Sequence[Any]) -> Sequence[Any]:
    """Bits as bools; a copy made by hand may hold "false", which the mapping refuses."""
    return [bool(value) if value in (0, 1) else value for value in values]


def times(values: Sequence[Any]) -> Sequence[Any]:
    """Times without a zone; what is none stays as it is, and the mapping makes it an error.

    A time that has a zone after all (datetimeoffset) is told by V2_TIME_ZONE's clock, in which
    the mapping reads every time (M3); ``fold`` tells the second of two equal ones.
    """
    read = datetime.fromisoformat
    try:
        made = [None if value is None else read(value) for value in values]
    except (TypeError, ValueError):  # times already, or what is none
        made = list(values)
    if all(type(value) is datetime and value.tzinfo is None for value in made if value):
        return made
    zone = ZoneInfo(settings.V2_TIME_ZONE)
    return [_time(value, zone) for value in values]


def _time(value: object, zone: ZoneInfo) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            return value.astimezone(zone).replace(tzinfo=None)
        except OverflowError:
            return value.astimezone(UTC).replace(tzinfo=None)
    return value
