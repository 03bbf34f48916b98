"""What a load put off, put right: indexes built again, keys proven, each noted as settled."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice

import psycopg

from transfer import deferral_indexes, deferral_keys, extract
from transfer.batch import Refusal, TableState
from transfer.batch_copy import refusal_of
from transfer.deferral_indexes import (
    BUILD_LOCK_SECONDS,
    BUILD_PAUSES,
    Index,
    IndexRefusesRowsError,
    patiently,
    table_oid,
)
from transfer.deferral_keys import Key
from transfer.deferral_rows import ROWS_AT_ONCE, Removal
from transfer.deferral_warnings import Warned
from transfer.exceptions import TargetError
from transfer.older_sessions import moment, older
from transfer.plan import Step
from transfer.source import Source
from transfer.target import Target

FOREIGN_KEY_VIOLATION = "23503"
# How long a session that still sees rows that are gone is waited for.
ONLOOKERS_SECONDS = 60.0
ONLOOKERS_PAUSE = 0.2
_SETTLE = """
    UPDATE migration_deferrals SET settled_at = clock_timestamp()
     WHERE migration_name = %s AND table_name = %s AND kind = %s
       AND (name = %s OR %s::text IS NULL) AND settled_at IS NULL
"""


@dataclass
class Settlement:
    """What is open for one table of one migration, being settled.

    ``state`` is the table's books afterwards, where rows were taken out.

    Args:
        target: the run's connections.
        source: the v2 that the migration's rows came from, so that they can be taken out; None
            where the run has none or another.
        remark: tells the user something.
        migration: whose.
        step: the table.
    """

    target: Target
    source: Source | None
    remark: Callable[[str], None]
    migration: str
    step: Step
    state: TableState | None = None
    _removal: Removal | None = None

    def run(self, indexes: Sequence[Index]) -> None:
        """Build these indexes again, then prove every foreign key.

        Raises:
            TargetError: one of it cannot be done; what is settled stays so.
        """
        began = time.monotonic()
        for index in indexes:
            self.build(index)
        proven = self.prove()
        self.remark(
            f"{self.step.table}: {len(indexes)} index(es) built again and {proven} foreign key(s)"
            f" proven in {time.monotonic() - began:,.1f} s"
        )

    def build(self, index: Index, *, patient: bool = True) -> None:
        """Build an index again; rows that it does not take are taken out first.

        Args:
            index: which.
            patient: wait for whoever still sees rows that are gone; PostgreSQL puts them into the
                index, too.

        Raises:
            TargetError: it cannot be built.
        """
        if self._build(index) is None:
            return
        taken = self._take_out_refused(index, self.source) if self.source else 0
        # Rows that are gone may have been taken out by an earlier start, or rolled back.
        onlookers = self._wait_for_onlookers() if patient else []
        refused = self._build(index)
        if refused is None:
            return
        reason = f"no row of {self.migration!r} is taken out for it"
        if onlookers:
            seen_by = ", ".join(onlookers)
            reason = f"a row that is gone counts as long as somebody may still see it: {seen_by}"
        elif taken:
            reason = f"{taken:,} row(s) were taken out for it"
        raise TargetError(
            f"index {index.name} of {self.step.table} cannot be built again: {refused} "
            f"({reason}); it was: {index.definition}",
            table=self.step.table,
        ) from refused

    def _wait_for_onlookers(self) -> list[str]:
        """Wait until nobody sees rows that are gone by now; who still does at the end."""
        target = self.target
        now = target.retrying(lambda: moment(target.writer))
        deadline = time.monotonic() + ONLOOKERS_SECONDS
        told = False
        while onlookers := target.retrying(lambda: older(target.writer, now)):
            if time.monotonic() > deadline:
                break
            if not told:
                told = True
                self.remark(
                    f"{self.step.table}: waiting for who still sees rows that are gone: "
                    f"{', '.join(onlookers)}"
                )
            time.sleep(ONLOOKERS_PAUSE)
        return onlookers

    def _build(self, index: Index) -> IndexRefusesRowsError | None:
        target, table = self.target, self.step.table

        def once() -> None:
            with target.writer.transaction():
                target.writer.execute(f"SET LOCAL lock_timeout = '{BUILD_LOCK_SECONDS}s'".encode())
                settled = (self.migration, table, "index", index.name, index.name)
                target.writer.execute(_SETTLE, settled)
                deferral_indexes.build(target.writer, table, index)

        def patient() -> None:
            try:
                patiently(once, lambda: target.writer, BUILD_PAUSES)
            except psycopg.errors.LockNotAvailable as error:
                msg = f"{table} is in use, so that index {index.name} could not be built again"
                raise TargetError(msg, table=table) from error

        try:
            target.retrying(patient)
        except IndexRefusesRowsError as error:
            return error
        return None

    def _take_out_refused(self, index: Index, source: Source) -> int:
        """Take out the rows that the index does not take, a page at a time; how many."""
        target, table = self.target, self.step.table
        after, taken = deferral_indexes.FIRST_ID, 0

        def page() -> dict[str, Refusal]:
            found = deferral_indexes.refused_rows(
                target.writer, table, self.migration, index, after
            )
            with closing(found):
                return {one: refusal_of(0, error) for one, error in islice(found, ROWS_AT_ONCE)}

        while refusals := target.retrying(page):
            target.retrying(partial(self._take_out, refusals, source))
            after = max(refusals)
            taken += len(refusals)
        return taken

    def prove(self) -> int:
        """Prove every foreign key of the table; a row without its parent is taken out.

        Returns:
            How many keys.

        Raises:
            TargetError: rows lead nowhere that this run cannot take out.
        """
        target, table = self.target, self.step.table

        def enforced() -> list[Key]:
            return deferral_keys.keys_of(target.writer, table_oid(target.writer, table))

        keys = target.retrying(enforced)
        deferral_keys.wait_for_writers(target, keys)
        for key in keys:
            target.retrying(partial(self._prove, key))
        everything = (self.migration, table, "foreign_key", None, None)
        target.retrying(lambda: target.writer.execute(_SETTLE, everything))
        return len(keys)

    def _prove(self, key: Key) -> None:
        writer, table = self.target.writer, self.step.table
        deferral_keys.stage_orphans(writer, table, self.migration, key)
        refusal = Refusal(
            0,
            FOREIGN_KEY_VIOLATION,
            f'insert or update on table "{table}" violates foreign key constraint "{key.name}"',
            key.name,
        )
        after = None
        taken = 0
        while page := deferral_keys.next_orphans(writer, after, ROWS_AT_ONCE):
            if self.source is None:
                raise TargetError(
                    f"rows of {self.migration!r} break {key.name}, such as {', '.join(page[:5])}; "
                    "it was begun from another v2 or with other settings, or is being rolled back, "
                    "so they wait for that",
                    table=table,
                )
            self._take_out(dict.fromkeys(page, refusal), self.source)
            after = page[-1]
            taken += len(page)
        if taken:
            self.remark(
                f"{table}: {taken:,} row(s) lost their parent while keys were off ({key.name}); "
                "they are recorded as errors"
            )
        others, first = deferral_keys.others_orphans(writer)
        if others:
            self.remark(
                f"{table}: {others:,} row(s) that this migration did not write break {key.name}, "
                f"such as {', '.join(first)}; they are left alone"
            )

    def _take_out(self, refusals: dict[str, Refusal], source: Source) -> None:
        if self._removal is None:
            lookups = extract.lookups(source)
            about = (self.target, source, lookups, self.migration, self.step)
            self._removal = Removal(*about, Warned(*about))
        self.state = self._removal.take_out(refusals)
