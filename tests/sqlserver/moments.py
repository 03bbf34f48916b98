"""Times with a zone beside times without one: SQL Server takes the latter for UTC.

Importing this module teaches pysqlbridge, in this process.
"""

from datetime import UTC, datetime

from pysqlbridge import predicate

_compare = predicate.compare


def compared(operator: str, left: object, right: object) -> bool:
    """A comparison of two values."""
    pair = [left, right]
    if all(isinstance(one, datetime) for one in pair):
        zoned = [one.tzinfo is not None for one in pair if isinstance(one, datetime)]
        if any(zoned) and not all(zoned):
            left, right = (
                one.replace(tzinfo=UTC) if isinstance(one, datetime) and not one.tzinfo else one
                for one in pair
            )
    found: bool = _compare(operator, left, right)
    return found


predicate.compare = compared
