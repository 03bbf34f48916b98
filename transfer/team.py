"""How many workers a run has, and they: made before anything else, and before anything is open."""

import os
import secrets

from django.conf import settings

from transfer.crew import Crew
from transfer.options import ImportOptions

# The table that is moved in ranges; the others are small.
IN_RANGES = "submissions"
# Workers by default at most: v2 and v3 have work of their own for each, and each takes memory.
MOST_BY_DEFAULT = 4


def default_workers() -> int:
    """How many workers a run has that is not told: PLIERS_WORKERS, else one a core, at least 1.

    v3's work for a worker and the worker's own are about as much: so with two workers two cores
    are busy to the end, with one they wait for each other.
    """
    asked: int | None = settings.PLIERS_WORKERS
    if asked is not None:
        return asked
    known = getattr(os, "sched_getaffinity", None)  # macOS has none
    cores = len(known(0)) if known else os.cpu_count() or 1
    return max(1, min(cores, MOST_BY_DEFAULT))


def team_size(options: ImportOptions) -> int:
    """How many processes a run with these options has beside its own."""
    if options.dry_run or not any(step.table == IN_RANGES for step in options.steps):
        return 0
    # Who spares v2 does not mean several at once, but where he says so.
    workers = options.workers or (1 if options.pacing.limited else default_workers())
    return workers if workers > 1 else 0


class Team:
    """A run's workers, and the number they know it by; close it, or they stay."""

    def __init__(self, size: int) -> None:
        self.crew = Crew(size)
        self.run_key = secrets.randbits(62)

    def close(self) -> None:
        """End them."""
        self.crew.close()
