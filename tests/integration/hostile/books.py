"""What v3 must hold of a v2, and one v2 record while it is judged: the oracle's own notes.

Nothing of transfer is used in the oracle. Rows of v3 are dictionaries such as to_jsonb makes, with
times as aware datetimes; findings are (v2 table, record id, code, column).
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.v2 import Row

FIRST = datetime.min  # noqa: DTZ901 - times of v2 have no zone
Finding = tuple[str, str, str, str]


def stored(text: str) -> str:
    """The text as PostgreSQL can hold it (M4)."""
    out: list[str] = []
    for c in text:
        low = "\udc00" <= c <= "\udfff"
        if low and out and "\ud800" <= out[-1] <= "\udbff":
            out[-1] = chr(0x10000 + ((ord(out[-1]) - 0xD800) << 10) + ord(c) - 0xDC00)
        else:
            out.append(c)
    return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in out)


def is_storable(text: str) -> bool:
    return not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


def naive(value: object) -> datetime | None:
    """A v2 time, None where it is none."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


@dataclass
class Books:
    """What is to be in v3, and what is to be recorded.

    errors: record → the codes of which one must be recorded (a record with several faults has one
    error). answers: how many went where.
    """

    rows: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {t: {} for t in ("organizations", "users", "forms", "submissions")}
    )
    errors: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    orphans: Counter[str] = field(default_factory=Counter)
    warnings: Counter[Finding] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)


class Record:
    """One v2 record being judged: its faults, and the warnings that stand if it has none."""

    def __init__(self, table: str, key: str) -> None:
        self.table, self.key = table, key
        self.faults: set[str] = set()
        self.warnings: Counter[Finding] = Counter()

    def warn(self, code: str, column: str, table: str = "", key: str = "") -> None:
        self.warnings[table or self.table, stored(key or self.key)[:255], code, column] += 1

    def text(
        self, value: Any, column: str, table: str = "", key: str = "", *, optional: bool = False
    ) -> Any:
        if value is None and optional:
            return None
        if not isinstance(value, str):
            self.faults.add("value_missing" if value is None else "value_unusable")
            return ""
        if not is_storable(value):
            self.warn("text_cleaned", column, table, key)
        return stored(value)

    def required(self, value: Any, kind: type) -> Any:
        if not isinstance(value, kind):
            self.faults.add("value_missing" if value is None else "value_unusable")
        return value

    def time(self, value: Any, column: str, zone: ZoneInfo) -> datetime:
        """M3."""
        moment = naive(value)
        if moment is None:
            self.faults.add("value_missing" if value is None else "value_unusable")
            return FIRST.replace(tzinfo=UTC)
        try:
            early, late = (
                moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)
            )
        except OverflowError:
            self.warn("time_out_of_range", column)
            return moment.replace(tzinfo=UTC)
        if early != late:
            self.warn("time_gap_or_overlap", column)
        return early


def choosing(row: Row) -> tuple[bool, datetime, str]:
    """First come, first served: by (CreatedOn, Id), without a time last (M1)."""
    made = naive(row["CreatedOn"])
    return made is None, made or FIRST, row["Id"]


def place(order: object) -> tuple[bool, int]:
    return (False, order) if isinstance(order, int) else (True, 0)


def name_of(value: Any) -> str | None:
    return stored(value) if isinstance(value, str) else None


def setting_key(row: Row) -> str:
    return row["Id"] or f"{row['FieldId']}/{stored(str(row['Name']))[:100]}"


def map_key(row: Row) -> str:
    return row["Id"] or f"{row['FieldId']}/{row['ChoiceId']}"


def answer_key(row: Row) -> str:
    return row["Id"] or f"{row['FormSubmissionId']}/{row['FieldId']}"
