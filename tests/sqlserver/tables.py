"""The peer's tables, with an index over each column that ids stand in."""

import bisect
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pysqlbridge.source import Table
from pysqlbridge.tds.result import Column

from tests.sqlserver import types
from tests.sqlserver.values import Guid


@dataclass
class Index:
    """An index as the catalog lists it."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    primary: bool = False
    hypothetical: bool = False  # of a tuning advisor: in the catalog, and nowhere else
    columnstore: bool = False
    disabled: bool = False
    filtered: bool = False  # of some rows alone


@dataclass(frozen=True)
class PeerTable(Table):
    """A table of a schema. Rows are changed through the Peer alone, which forgets the order."""

    schema: str = "dbo"
    indexes: list[Index] = field(default_factory=list)
    nullable: frozenset[str] = frozenset()
    _sorted: dict[int, tuple[list[Any], list[list[Any]]]] = field(default_factory=dict, repr=False)

    @property
    def object_id(self) -> int:
        """The same number for the same name, as OBJECT_ID and the catalog's views give it."""
        return 1000 + zlib.crc32(f"{self.schema}.{self.name}".lower().encode()) % 1_000_000_000

    def sortable(self, at: int) -> bool:
        """Whether rows can be found by the column's order: ids and whole numbers."""
        return isinstance(self.columns[at].type, types.UniqueIdentifier | types.Integer)

    def order(self, at: int) -> tuple[list[Any], list[list[Any]]]:
        """The rows that have the column, in its order, and the values they are found by."""
        if at not in self._sorted:
            guids = isinstance(self.columns[at].type, types.UniqueIdentifier)
            keyed = [
                (row[at].key if guids else row[at], row) for row in self.rows if row[at] is not None
            ]
            keyed.sort(key=lambda pair: pair[0])
            self._sorted[at] = [key for key, _ in keyed], [row for _, row in keyed]
        return self._sorted[at]

    def without(self, at: int) -> list[list[Any]]:
        """The rows that lack the column."""
        return [row for row in self.rows if row[at] is None]

    def forget_order(self) -> None:
        """The rows were changed."""
        self._sorted.clear()

    def between(self, at: int, bounds: Sequence[tuple[str, Any]]) -> list[list[Any]]:
        """The rows whose column fulfils every comparison (operator, value), in its order.

        Raises:
            PredicateError: a value compared with a uniqueidentifier is none.
        """
        for operator, value in bounds:
            if operator == "IN":
                guids = isinstance(self.columns[at].type, types.UniqueIdentifier)
                wanted = {Guid.of(v) if guids else v for v in value if v is not None}
                others = [bound for bound in bounds if bound[0] != "IN"]
                return [
                    row for one in sorted(wanted) for row in self.between(at, [("=", one), *others])
                ]
        keys, rows = self.order(at)
        low, high = 0, len(keys)
        guids = isinstance(self.columns[at].type, types.UniqueIdentifier)
        for operator, value in bounds:
            if value is None:
                return []
            key = Guid.of(value).key if guids else value
            if operator in (">", ">=", "="):
                side = bisect.bisect_right if operator == ">" else bisect.bisect_left
                low = max(low, side(keys, key))
            if operator in ("<", "<=", "="):
                side = bisect.bisect_left if operator == "<" else bisect.bisect_right
                high = min(high, side(keys, key))
        return rows[low:high]


def stored(kind: Any, value: Any) -> Any:
    """A value as a table holds it: from what a SQLite copy has."""
    if value is None:
        return None
    if isinstance(kind, types.UniqueIdentifier):
        return Guid.of(value)
    if isinstance(kind, types.DateTime2 | types.DateTime | types.DateTimeOffset):
        return types.moment(value)
    if isinstance(kind, types.Bit):
        return bool(value)
    return value


def made(
    schema: str,
    name: str,
    columns: Sequence[tuple[str, Any]],
    rows: Sequence[Sequence[Any]],
    *,
    nullable: frozenset[str] = frozenset(),
) -> PeerTable:
    """A table of (name, type) columns; its values are converted to what the types hold."""
    kinds = [kind for _, kind in columns]
    return PeerTable(
        name=name,
        columns=[Column(column, kind) for column, kind in columns],
        rows=[[stored(k, v) for k, v in zip(kinds, row, strict=True)] for row in rows],
        schema=schema,
        nullable=nullable,
    )
