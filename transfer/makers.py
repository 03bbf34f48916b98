"""What makes the mapping's values of a column's, as a driver gives them: one shape, used all over.

``transfer.source_values`` has those there are.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Maker: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]


def as_given(values: Sequence[Any]) -> Sequence[Any]:
    """Values that need nothing."""
    return values
