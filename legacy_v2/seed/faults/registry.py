"""The list of faults, filled by the modules beside this one."""

from collections.abc import Callable
from typing import NamedTuple

from legacy_v2.seed.workshop import Workshop
from transfer.mapping.codes import Code

Make = Callable[[Workshop], None]


class Fault(NamedTuple):
    """Records of a v2 that a rule of the mapping is for.

    Attributes:
        rule: the rule they show, ``M3`` to ``M18``.
        code: the error or warning they raise; None where the rule handles them in silence.
        description: what is in them.
        make: adds them to a workshop.
        sqlite_only: PostgreSQL cannot hold them.
        on_request: they keep an import from starting, so ``--faults`` alone leaves them out.
    """

    rule: str
    code: Code | None
    description: str
    make: Make
    sqlite_only: bool = False
    on_request: bool = False


FAULTS: list[Fault] = []


def fault(
    rule: str, code: Code | None = None, *, sqlite_only: bool = False, on_request: bool = False
) -> Callable[[Make], Make]:
    """Put the decorated function on the list; its docstring is the description."""

    def register(make: Make) -> Make:
        description = " ".join((make.__doc__ or "").split())
        FAULTS.append(Fault(rule, code, description, make, sqlite_only, on_request))
        return make

    return register
