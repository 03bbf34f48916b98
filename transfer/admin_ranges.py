"""A table's row of progress in the admin, with what the ranges count that it is moved in.

While workers are at it, and after they were killed, the table's own row knows nothing of that yet
(transfer.ranges); whoever looks at it wants to see one table.
"""

from collections import Counter
from copy import copy
from typing import Any

from django.utils.safestring import SafeString

from pliers.admin_display import quiet, table
from transfer.ledger import Ledger
from transfer.models import MigrationProgress, RunStatus


def ranges_of(row: MigrationProgress) -> list[MigrationProgress]:
    """The ranges of a table, in the order of keys; none where it is moved in one."""
    if row.status in (RunStatus.COMPLETED, RunStatus.PENDING):
        return []
    return list(
        MigrationProgress.objects.filter(
            migration_name=row.migration_name, table_name=row.table_name, partition__gt=0
        ).order_by("partition")
    )


def whole(row: MigrationProgress) -> MigrationProgress:
    """A copy of the row with all that its ranges count; it is not to be saved."""
    added = copy(row)
    for one in ranges_of(row):
        added.processed_records = (added.processed_records or 0) + (one.processed_records or 0)
        added.failed_records = (added.failed_records or 0) + (one.failed_records or 0)
        beats = [beat for beat in (added.heartbeat_at, one.heartbeat_at) if beat]
        added.heartbeat_at = max(beats, default=None)
        added.ledger = _sum(added.ledger, one.ledger)
    return added


def shown(row: MigrationProgress) -> SafeString:
    """The ranges, each with its state and its counts."""
    lines = [
        (
            str(one.partition),
            str(one.status),
            f"{one.processed_records or 0:,}",
            f"{one.failed_records or 0:,}",
        )
        for one in ranges_of(row)
    ]
    if not lines:
        return quiet("none: it is moved in one")
    return table(("range", "status", "migrated, not added up yet", "failed"), lines)


def _sum(one: Any, other: Any) -> Any:  # noqa: ANN401 - JSON, of whatever kind
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return one
    added = dict(one)
    for kind in ("records", "answers"):
        ledger = Ledger.from_json(one.get(kind))
        ledger.add(Ledger.from_json(other.get(kind)))
        added[kind] = ledger.as_json()
    found = Counter[str](one.get("findings", {}))
    found.update(other.get("findings", {}))
    added["findings"] = dict(found)
    for name in ("copied", "rate"):
        if name in other:
            added[name] = (one.get(name) or 0) + (other[name] or 0)
    return added
