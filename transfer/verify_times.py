"""Before or since: which of v2's times lie after the moment a migration began.

One rule for v2's rows and for the records that errors hold: a time is what the reader makes a
time of, written ``YYYY-MM-DD HH:MM:SS`` with or without microseconds. Whatever has another shape
is no time the mapping takes, and counts as before on both sides.
"""

import re
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.lookups import GreaterThan

# Python's, and PostgreSQL's for what errors hold: detail writes times so.
TIME_SHAPE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?$"
_SHAPE = re.compile(TIME_SHAPE.replace("$", r"\Z"))
_FUNCTION = "v2_time"
_LATEST = datetime.fromisoformat("9999-12-31 23:59:59.999999")  # of Python's


def as_text(moment: datetime) -> str:
    """A time as text that sorts among others as time does."""
    return moment.isoformat(sep=" ", timespec="microseconds")


def since(column: str, cut: datetime, connection: BaseDatabaseWrapper) -> Q:
    """The condition that a row's time is after the cut; false, or null, where it has none.

    Args:
        column: its attribute name.
        cut: naive, as v2's times are.
        connection: v2's; where it is SQLite, ``teach`` must have seen it.
    """
    if connection.vendor == "sqlite":
        return Q(GreaterThan(_TimeText(F(column)), Value(as_text(cut), TextField())))
    after = Q(**{f"{column}__gt": cut})
    # PostgreSQL has times that Python has not: infinity, and years of five digits.
    readable = Q(**{f"{column}__lte": _LATEST})
    return after & readable if connection.vendor == "postgresql" else after


class _TimeText(Func):
    """SQLite holds a time as any text Python reads, or as no text: the usual one needs no call.

    As bytes, for SQLite holds text too that is none.
    """

    _digits = "-".join(("[0-9]" * 4, "[0-9]" * 2, "[0-9]" * 2))
    _clock = ":".join(["[0-9]" * 2] * 3) + "." + "[0-9]" * 6
    template = (
        "CASE WHEN typeof(%(expressions)s) <> 'text' THEN ''"
        f" WHEN %(expressions)s GLOB '{_digits} {_clock}' THEN %(expressions)s"
        f" ELSE {_FUNCTION}(CAST(%(expressions)s AS BLOB)) END"
    )
    output_field = TextField()


def _time_text(stored: bytes) -> str:
    """The text of a time as the reader has it; empty where it is no time's."""
    text = stored.decode("utf-8", "replace")
    try:
        return as_text(datetime.fromisoformat(text).replace(tzinfo=None))
    except ValueError:
        return text.replace("T", " ") if _SHAPE.match(text) else ""


def teach(connection: BaseDatabaseWrapper, **_signal: Any) -> None:
    """Give an open connection the function that ``since`` needs, where it is SQLite."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.create_function(_FUNCTION, 1, _time_text, deterministic=True)


connection_created.connect(teach)  # a connection that was lost is opened anew in between
