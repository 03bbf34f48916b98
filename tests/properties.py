"""How hard hypothesis tries.

The draws are the same on every run (derandomize): a commit fails for what it changes, never
for luck. ``HYPOTHESIS_SEARCH=1`` draws anew, and longer.
"""

import os

from hypothesis import HealthCheck, Phase, settings

SEARCH = bool(os.environ.get("HYPOTHESIS_SEARCH"))


def examples(usual: int, search: int, *, slow: bool = False) -> settings:
    """How many examples a property is tried with.

    Args:
        usual: how many on every run.
        search: how many in a search.
        slow: an example goes through a database. Only a search takes the minutes it takes to
            shrink one; and the test's fixtures may serve all of them.
    """
    phases = {Phase.explicit, Phase.generate} | ({Phase.shrink} if SEARCH or not slow else set())
    return settings(
        max_examples=search if SEARCH else usual,
        phases=phases,
        deadline=None,
        derandomize=not SEARCH,
        database=None,
        suppress_health_check=list(HealthCheck) if slow else [],
    )


PROPERTY = examples(100, 5000)
