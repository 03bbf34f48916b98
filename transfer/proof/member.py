"""What a process of verify_v2's crew does: it compares the ranges of submissions it is given.

It has connections and a V2Reference of its own, and writes nothing: what it finds it sends to the
parent, page by page.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from transfer.crew import Line
from transfer.exceptions import SourceLostError
from transfer.proof import reading
from transfer.proof.books import MAX_STORED
from transfer.proof.compared import Compared
from transfer.proof.document import column
from transfer.proof.paging import PageProver, Proved, rare_collections
from transfer.proof.reading import Parts, Range
from transfer.proof.reference import Settings, V2Reference
from transfer.proof.stored import Stored
from transfer.session import prepare_alias
from transfer.source import Source


@dataclass(frozen=True, slots=True)
class Job:
    """What a member has to know of the verification. Can be sent to another process.

    Args:
        v2_alias: the v2 database.
        v3_alias: the v3 database.
        migration: its name.
        settings: the migration's.
        since: v2's time at which it began.
        parts: gives v2's queries for a table, those of the migration's scope.
        size: records a page.
        number: of the member, from 1.
        again: differences found earlier are open, so each has to be told that is found again.
    """

    v2_alias: str
    v3_alias: str
    migration: str
    settings: Settings
    since: datetime
    parts: Callable[[Source], Parts]
    size: int
    number: int = 1
    again: bool = True


class Ready(NamedTuple):
    """The member has its connections and waits for a range."""


class Found(NamedTuple):
    """What a page of a range came to."""

    number: int
    page: Proved


class Through(NamedTuple):
    """A range is through; ``whole``: to its end. The member waits for the next."""

    number: int
    whole: bool


class Said(NamedTuple):
    """Something the user should know."""

    text: str


def prove(line: Line, job: Job) -> None:
    """Compare ranges of submissions as they come, until there are no more.

    Raises:
        SourceLostError: v2 is lost and stays lost.
        SourceError: v2 refused a query.
        django.db.Error: v3 is lost, or refused one.
    """
    prepare_alias(job.v3_alias)
    stored = Stored(job.v3_alias, job.migration)
    try:
        with closing(stored), closing(Source(job.v2_alias)) as source:
            source.watch(lambda: line.stopped, lambda text: line.send(Said(text)))
            stored.open(f"pliers verify_v2 worker {job.number}")
            prover = PageProver(source, stored, V2Reference(source, job.settings), job.since)
            parts = job.parts(source)
            line.send(Ready())
            with rare_collections():
                while (given := line.receive()) is not None:
                    pages = reading.pages_of(source, parts, job.size, given)
                    whole = _prove_range(line, given, prover.proved("submissions", pages), job)
                    line.send(Through(given.number, whole))
    except SourceLostError:
        # Nobody who was told to stop waits for a v2 that is gone.
        if not line.stopped:
            raise


def _prove_range(line: Line, given: Range, pages: Iterable[Proved], job: Job) -> bool:
    """Compare one range; whether to its end."""
    stored: Counter[str] = Counter()
    for page in pages:
        _cut(page.found, stored, again=job.again)
        line.send(Found(given.number, page))
        if line.stopped:
            return False
    return True


def _cut(found: Compared, stored: Counter[str], *, again: bool) -> None:
    """Leave out of a page's differences what is never stored, and only counted: see Keeper.

    Args:
        found: what the page came to.
        stored: kind → how many of the range may be stored so far.
        again: see Job.
    """
    kept = []
    for one in found.mismatches:
        stored[one.kind] += 1
        if stored[one.kind] <= MAX_STORED:
            kept.append(one)
        elif again:
            kept.append(one._replace(v2=None, v3=None))
        else:
            found.untold[one.kind, column(one.place)] += 1
    found.mismatches = kept
