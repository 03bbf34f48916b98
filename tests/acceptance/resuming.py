"""Migrations of rich_v2 that are begun, stopped and gone on with, through import_v2."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.runs import empty_v3, query, row_versions, snapshot
from transfer.fingerprint import LABELS

# rich_v2 has 12 records before its submissions.
AMONG_SUBMISSIONS = ("--limit", "15", "--batch-size", "4")


class Done(NamedTuple):
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


Import = Callable[..., Done]


def undisturbed(start: Import, *arguments: str) -> dict[str, list[str]]:
    """v3 and the books after a run in one go; v3 is empty again."""
    assert start("--name", "night", *arguments).status == 3
    whole = snapshot()
    empty_v3()
    return whole


def begun(start: Import, *arguments: str) -> dict[str, list[tuple[Any, ...]]]:
    """Begin the migration, stop among the submissions; which rows were written."""
    assert start("--name", "night", *AMONG_SUBMISSIONS, *arguments).status == 3
    ((migrated,),) = query("SELECT count(*) FROM submissions")
    assert 0 < migrated < 15
    return row_versions()


def refusal(done: Done) -> str:
    """What a command said that would not go on: one line."""
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("CommandError: cannot go on with 'night', which was begun otherwise")
    assert done.err.count("\n") == 1
    assert "another --name and an empty v3" in done.err
    return done.err


def parts_named(line: str) -> list[str]:
    """The parts a refusal names."""
    told = line.partition("begun otherwise: ")[2].partition(". To begin anew")[0]
    return [
        label for part in told.split("; ") for label in LABELS.values() if part.startswith(label)
    ]
