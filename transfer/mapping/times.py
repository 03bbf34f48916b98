"""M3: a v2 timestamp has no zone; it is read in the run's and written in UTC."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from transfer.mapping.codes import Code

_UTC_KEYS = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Zulu"})


def is_utc(zone: ZoneInfo) -> bool:
    """Whether the zone is UTC, under any of its names."""
    return zone.key in _UTC_KEYS


def to_utc(moment: datetime, zone: ZoneInfo) -> tuple[datetime, Code | None]:
    """A v2 timestamp as an aware UTC one, and the warning it deserves (M3).

    In a gap or an overlap of the zone the first reading (fold=0) is taken, with
    TIME_GAP_OR_OVERLAP; of a v2 time that has a zone after all the reader tells the second one by
    fold=1, and nothing is left to guess. Where the zone would push the time out of the years 1 to
    9999 it is read as UTC, with TIME_OUT_OF_RANGE.

    Raises:
        TypeError: not a naive datetime.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is not None:
        raise TypeError(f"not a time without a zone: {moment!r}")
    if is_utc(zone):
        return moment.replace(tzinfo=UTC, fold=0), None
    first = moment.replace(tzinfo=zone)
    try:
        in_utc = first.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC, fold=0), Code.TIME_OUT_OF_RANGE
    if not moment.fold and first.utcoffset() != first.replace(fold=1).utcoffset():
        return in_utc, Code.TIME_GAP_OR_OVERLAP
    return in_utc, None
