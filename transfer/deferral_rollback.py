"""What loads left off, put right by a rollback: v2 is not opened, and no row is taken out for it.

The rows of a migration that stands for an orphan or that an index refuses go with the rollback
itself. So indexes are built before it, as far as rows let them be, and the rest is settled after.
"""

from collections.abc import Callable, Iterator

import psycopg

from transfer.deferral_indexes import Index
from transfer.deferral_settle import Settlement
from transfer.exceptions import TargetError, TargetLostError
from transfer.plan import PLAN
from transfer.put_off import Open, open_deferrals, told
from transfer.target import Target, first_line


def what_is_open(target: Target) -> list[str]:
    """A sentence for each load that was cut off."""
    left = target.retrying(lambda: open_deferrals(target.writer))
    names = dict.fromkeys(one.migration for one in left)
    return [
        f"The load of {name!r} left {told([one for one in left if one.migration == name])}. "
        "A rollback builds indexes again first; until then it takes longer."
        for name in names
    ]


def build_indexes(target: Target, remark: Callable[[str], None]) -> None:
    """Build the indexes again that any load left dropped: removing rows needs them.

    One that cannot be built is said, and stays open.

    Raises:
        TargetLostError: v3 went away and stayed away.
    """
    for settlement, left in _settlements(target, remark):
        built = 0
        for index in _indexes(left):
            try:
                settlement.build(index, patient=False)  # its rows are still there
            except TargetLostError:
                raise
            except (TargetError, psycopg.Error) as error:
                remark(f"{first_line(error)}. It stays open, and removing rows takes longer")
            else:
                built += 1
        if built:
            table = settlement.step.table
            remark(
                f"{table}: {built} index(es) built again that {settlement.migration!r} left dropped"
            )


def settle_gone(target: Target, migration: str, remark: Callable[[str], None]) -> None:
    """Settle what a migration left open whose rows are gone; what cannot be is said.

    Raises:
        TargetLostError: v3 went away and stayed away.
    """
    for settlement, left in _settlements(target, remark, migration):
        try:
            settlement.run(_indexes(left))
        except TargetLostError:
            raise
        except (TargetError, psycopg.Error) as error:
            remark(f"{settlement.step.table}: {first_line(error)}. It stays open for {migration!r}")


def _settlements(
    target: Target, remark: Callable[[str], None], only: str | None = None
) -> Iterator[tuple[Settlement, list[Open]]]:
    left = target.retrying(lambda: open_deferrals(target.writer))
    steps = {step.table: step for step in PLAN}
    for migration, table in dict.fromkeys((one.migration, one.table) for one in left):
        if table in steps and only in (None, migration):
            mine = [one for one in left if (one.migration, one.table) == (migration, table)]
            yield Settlement(target, None, remark, migration, steps[table]), mine


def _indexes(left: list[Open]) -> list[Index]:
    return [Index(one.name, one.definition) for one in left if one.kind == "index"]
