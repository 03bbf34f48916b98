"""How large v3 will be and how long the import will take, from a sample; and the room there is."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from transfer.bare_target import BareTarget
from transfer.preflight.lines import Line, blocked, lasting, listed, ok, sized, warning
from transfer.preflight.sample import Sample
from transfer.preflight.volumes import Volumes

DISK, TIME = "disk", "time"
# An index or a table does not fill its pages: what a small sample shows is made larger by it.
COMFORT = 1.5  # free disk beyond this many times what is needed is enough
LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_SETTINGS = """
    SELECT pg_size_bytes(current_setting('max_wal_size')),
           current_setting('archive_mode'),
           (SELECT count(*) FROM pg_replication_slots),
           (SELECT pg_tablespace_location(dattablespace)
              FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the whole run would come to.

    Attributes:
        records: v2 records to move.
        table_bytes: of v3's rows.
        index_bytes: of their indexes.
        log_bytes: of write-ahead log that lies on the disk at once.
        seconds: of the import; None where v3 was not there to COPY into.
        reading: seconds of it that reading and mapping take by themselves.
        sampled: records the estimate is made from.
        measured: whether v3 told the sizes of the sample's rows.
        free: bytes free where v3's data lie; None where that cannot be known.
        place: the folder they lie in; why it cannot be known where that is so.
        unsampled: tables with records to move of which none was met: they are in no figure.
        cut_short: tables of which one part alone was read: what is behind it is taken as alike.
    """

    records: int
    table_bytes: int
    index_bytes: int
    log_bytes: int
    seconds: float | None
    reading: float
    sampled: int
    measured: bool
    free: int | None
    place: str
    unsampled: tuple[str, ...] = ()
    cut_short: tuple[str, ...] = ()

    @property
    def needed(self) -> int:
        """Bytes of disk the import needs."""
        return self.table_bytes + self.index_bytes + self.log_bytes

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; bytes and seconds."""
        lists = {"unsampled": list(self.unsampled), "cut_short": list(self.cut_short)}
        return asdict(self) | {"needed": self.needed, **lists}


def estimate(
    samples: list[Sample],
    volumes: Volumes,
    target: BareTarget | None,
    alias: str = DEFAULT_DB_ALIAS,
) -> Estimate:
    """Make the whole out of the sample: by records, and for submissions by answers.

    The first submissions by Id may have more or fewer answers than the others; what depends on
    answers is taken in proportion to them.
    """
    total = volumes.total
    wanted = volumes.records | {"submissions": total.submissions}
    tables = indexes = 0.0
    seconds = reading = 0.0
    for sample in samples:
        if not sample.records:
            continue
        by_records = wanted[sample.table] / sample.records
        by_answers = by_records
        if sample.table == "submissions" and sample.answers and total.answers:
            by_answers = total.answers / sample.answers
        tables += sample.table_bytes * by_answers
        indexes += sample.index_bytes * by_records
        reading += sample.reading * by_answers
        seconds += (sample.reading + (sample.copying or 0)) * by_answers
    size = tables + indexes
    log, location = size, ""
    if target:
        largest, archiving, slots, location = target.reader.execute(_SETTINGS).fetchall()[0]
        if archiving == "off" and not slots:
            log = min(size, 2 * largest)
    free, place = room(target, location, alias)
    return Estimate(
        sum(wanted[sample.table] for sample in samples),
        round(tables),
        round(indexes),
        round(log),
        seconds if any(sample.copying is not None for sample in samples) else None,
        reading,
        sum(sample.records for sample in samples),
        any(sample.measured for sample in samples),
        free,
        place,
        tuple(s.table for s in samples if not s.records and wanted[s.table]),
        tuple(s.table for s in samples if s.cut_short and s.records < wanted[s.table]),
    )


def room(
    target: BareTarget | None, location: str, alias: str = DEFAULT_DB_ALIAS
) -> tuple[int | None, str]:
    """Bytes free where v3's data lie, and where that is; None and why it is not known."""
    if target is None:
        return None, "v3 cannot be reached"
    settings = connections[alias].settings_dict
    host = str(settings.get("HOST") or "")
    if not host.startswith("/") and host.lower() not in LOCAL:
        return None, f"v3's server is another machine, {host}"
    try:
        row = target.reader.execute("SELECT current_setting('data_directory')").fetchone()
    except psycopg.Error:
        return None, "the role may not ask where v3's data lie (data_directory)"
    place = location or (row[0] if row else "")
    try:
        found = os.statvfs(place)
    except OSError:
        return None, f"{place or 'the data directory'} cannot be looked at from here"
    return found.f_bavail * found.f_frsize, str(Path(place))


def unsampled_line(made: Estimate) -> Line:
    """That the figures are too small, for a table is in none of them."""
    found = (
        f"too small: no record to move was met among the first of {listed(list(made.unsampled))}, "
        "so nothing is reckoned for them"
    )
    return warning(DISK, "estimates", found, "measure with import_v2 --dry-run and --limit")


def cut_short_line(made: Estimate) -> Line:
    """That the figures come from the first part alone, and are of reading without the index."""
    found = (
        f"from the first part of {listed(list(made.cut_short))} alone: no index finds the answers "
        "of a part, so each would take a pass over all of them, and what lies behind it was left "
        "out; the time is that of such passes"
    )
    return warning(DISK, "estimates", found, "make the index of answers first, and ask again")


def disk_line(made: Estimate) -> Line:
    """Whether v3 will fit."""
    how = "measured in temporary tables" if made.measured else "guessed from the text of the rows"
    needs = (
        f"about {sized(made.needed)}: rows {sized(made.table_bytes)}, indexes "
        f"{sized(made.index_bytes)}, write-ahead log {sized(made.log_bytes)} "
        f"(from {made.sampled:,} of {made.records:,} records, {how})"
    )
    if made.free is None:
        found = f"the import needs {needs}; what is free cannot be known: {made.place}"
        return warning(DISK, "room for v3", found, "see that the server has as much free")
    found = f"the import needs {needs}; {made.place} has {sized(made.free)} free"
    if made.free < made.needed:
        return blocked(DISK, "room for v3", found, "make room, or move v3 to a larger disk")
    if made.free < COMFORT * made.needed:
        return warning(DISK, "room for v3", found, "make room: an estimate is no promise")
    return ok(DISK, "room for v3", found)


def time_line(made: Estimate) -> Line:
    """How long the import will take, and what that leaves out."""
    based = f"an estimate from {made.sampled:,} of {made.records:,} records"
    if made.seconds is None:
        found = f"reading and mapping alone: about {lasting(made.reading)} ({based})"
        action = "ask again once v3 is there and migrated"
        return warning(TIME, "import", f"{found}; there was no v3 to be timed", action)
    return ok(
        TIME,
        "import",
        f"about {lasting(made.seconds)} ({based}: read, mapped and copied into temporary tables). "
        "It leaves out commits and foreign keys in v3, the pass over all emails and numbers before "
        "the first batch, and whatever else the two servers do that night; verify_v2 comes on top",
    )
