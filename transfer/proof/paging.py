"""Pages of one table compared one after another, each while the next one is on its way."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from transfer.pace import Pace
from transfer.page_answers import PageAnswers
from transfer.proof.compare import Keyed, keyed_by_id
from transfer.proof.compare_submissions import SubmissionsComparer
from transfer.proof.compared import Compared
from transfer.proof.errors import Errors
from transfer.proof.reading import Page, Place
from transfer.proof.reference import V2Reference
from transfer.proof.slugs import Slugs
from transfer.proof.stored import Stored
from transfer.source import Source

ALLOCATIONS_BETWEEN = 200_000  # objects more than were freed, between two looks for cycles


class Proved(NamedTuple):
    """A page that was compared: what was found, and the place behind it in v2."""

    place: Place
    found: Compared


class PageProver:
    """Compares pages of v2's records with v3's rows.

    Args:
        source: v2.
        stored: v3's rows.
        ref: v2's small tables.
        since: v2's time at which the migration began.
        pace: how fast v2 is read; None: as fast as it goes.
    """

    def __init__(
        self,
        source: Source,
        stored: Stored,
        ref: V2Reference,
        since: datetime,
        pace: Pace | None = None,
    ) -> None:
        self._stored = stored
        self._pace = pace
        errors = Errors(source, stored)
        self._comparer = SubmissionsComparer(source, stored, ref, since, errors)

    def know(self, table: str, slugs: Slugs) -> None:
        """Take in the slugs of a table that has them, before its pages come."""
        self._comparer.slugs[table] = slugs

    def proved(self, table: str, pages: Iterable[Page]) -> Iterator[Proved]:
        """The pages of a table, compared in their order."""
        for page, keyed in self._ahead(table, pages):
            yield Proved(page.place, self._compare(table, page, keyed))

    def _ahead(self, table: str, pages: Iterable[Page]) -> Iterator[tuple[Page, Keyed]]:
        """The pages, each while v3 is asked for the next one's rows and v2 for its records.

        With pauses between them each is compared before the pause, so none is read ahead.
        """
        if self._pace is not None:
            for page in self._pace.between(pages):
                yield page, self._expect(table, page)
            return
        before = None
        for page in pages:
            keyed = self._expect(table, page)
            if before is not None:
                yield before
            before = page, keyed
        if before is not None:
            yield before

    def _expect(self, table: str, page: Page) -> Keyed:
        keyed = keyed_by_id(page.rows)
        self._stored.expect(table, list(keyed))
        return keyed

    def _compare(self, table: str, page: Page, keyed: Keyed) -> Compared:
        if table == "organizations":
            return self._comparer.organizations(keyed)
        if table == "users":
            return self._comparer.users(keyed)
        if table == "forms":
            return self._comparer.forms(keyed, page.settings)
        answers = page.answers or PageAnswers(())
        return self._comparer.submissions(keyed, page.rows, answers)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let Python look for garbage in cycles seldom: pages are many small tuples and no cycle.

    A third of the time would go into looking through them again and again.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BETWEEN, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
