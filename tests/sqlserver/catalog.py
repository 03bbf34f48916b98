"""pysqlbridge's catalog with schemas, SQL Server's catalog views, and a search by key."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pysqlbridge import predicate
from pysqlbridge.catalog import Catalog
from pysqlbridge.source import Table
from pysqlbridge.sql import Select
from pysqlbridge.tds.result import Query, QueryError, QueryResult

from tests.sqlserver import catalog_views
from tests.sqlserver.tables import PeerTable

if TYPE_CHECKING:
    from tests.sqlserver.peer import Peer

INVALID_OBJECT_NAME = 208
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


@dataclasses.dataclass(frozen=True)
class Sought(Select):
    """A SELECT whose rows were found by their key already."""

    found: list[list[Any]] | None = None


class PeerCatalog(Catalog):
    """Answers as pysqlbridge does, from a peer's tables."""

    def __init__(self, peer: "Peer") -> None:
        super().__init__()
        self.peer = peer

    def _about(self, query: Query) -> dict[str, Any]:
        about: dict[str, Any] = super()._about(query)
        return about | {
            "peer": self.peer,
            "schema": self.peer.default_schema,
            "database": self.peer.database,
        }

    def answer(self, request: Query | str, **how: Any) -> QueryResult:
        """Answer a statement.

        Raises:
            QueryError: 230, it names a column that was denied.
        """
        sql = request if isinstance(request, str) else request.sql
        self.peer.rights.check(sql, self.peer)
        return super().answer(request, **how)

    def get(
        self, name: str, schema: str | None = None, parameters: dict[str, Any] | None = None
    ) -> Table:
        """A table or a catalog view.

        Raises:
            QueryError: 208, there is none of that name; 229, it was denied.
        """
        view = catalog_views.find(self.peer, name, schema)
        if view is not None:
            return view
        table = self.peer.find(name, schema)
        if table is not None:
            self.peer.harm.check_table(table)
            return self.peer.rights.shown(table)
        if schema and schema.lower() in ("sys", "information_schema"):
            return super().get(name, schema, parameters)
        shown = f"{schema}.{name}" if schema else name
        raise QueryError(f"Invalid object name '{shown}'.", number=INVALID_OBJECT_NAME)

    def resolve(
        self, select: Select, named: Any = None, depth: int = 0, parameters: Any = None
    ) -> Table:
        table: Table = super().resolve(select, named, depth, parameters)
        if isinstance(select, Sought) and select.found is not None:
            return Table(table.name, table.columns, select.found)
        return table

    def _read(
        self, select: Select, query: Query, named: Any, depth: int, *args: Any, **kwargs: Any
    ) -> QueryResult:
        """Find the rows of ``key > low AND key <= high`` by an index, and leave the rest.

        Nothing is decided here that pysqlbridge would decide otherwise: the comparisons are its
        own, over a presorted copy of the rows instead of all of them.
        """
        sought = self._sought(select, query.parameters, named or {})
        return super()._read(sought or select, query, named, depth, *args, **kwargs)

    def _sought(
        self, select: Select, parameters: Mapping[str, Any], named: Mapping[str, Any]
    ) -> Sought | None:
        plain = not (select.joins or select.applies or select.derived or select.combine)
        if not plain or not select.table or select.values_rows or isinstance(select, Sought):
            return None
        table = self.peer.find(select.table, select.schema)
        if (
            table is None
            or self.peer.rights.alters(table)
            or (not select.schema and select.table.lower() in named)
        ):
            return None
        parts = predicate.conjuncts(select.where) if select.where is not None else []
        bounds: dict[int, list[tuple[str, Any, Any]]] = {}
        for part in parts:
            if (bound := self._bound(part, select, table, parameters)) is not None:
                at, operator, value = bound
                bounds.setdefault(at, []).append((operator, value, part))
        ordered_by = self._ordered_by(select, table)
        if bounds:
            # An equality is worth most, then a range of two ends.
            at = max(
                bounds, key=lambda one: (any(b[0] == "=" for b in bounds[one]), len(bounds[one]))
            )
            found = table.between(at, [(operator, value) for operator, value, _ in bounds[at]])
            done = {id(part) for _, _, part in bounds[at]}
            parts = [part for part in parts if id(part) not in done]
        elif ordered_by is not None:
            at = ordered_by
            found = table.without(at) + table.order(at)[1]
        else:
            return None
        fields = {f.name: getattr(select, f.name) for f in dataclasses.fields(Select)}
        fields["where"] = predicate.all_of(parts) if parts else None
        if ordered_by == at:
            fields["order_by"] = ()
            cut = select.top is not None and not parts and not select.distinct
            if cut and not (select.top_share or select.top_ties or select.offset or select.fetch):
                found = found[: select.top]
        return Sought(**fields, found=found)

    def _ordered_by(self, select: Select, table: PeerTable) -> int | None:
        keys = select.order_by
        if len(keys) != 1 or keys[0].descending or select.group_by or select.has_aggregates:
            return None
        key, name = keys[0], _key_name(keys[0])
        if key.position is not None:
            name = (select.items or ())[key.position - 1].expression or ""
        at = self._column(name, select, table)
        return at if at is not None and table.sortable(at) else None

    def _bound(
        self, part: Any, select: Select, table: PeerTable, parameters: Mapping[str, Any]
    ) -> tuple[int, str, Any] | None:
        if isinstance(part, predicate.In):
            return self._listed(part, select, table, parameters)
        if not isinstance(part, predicate.Comparison) or part.operator not in _FLIPPED:
            return None
        for column, other, operator in (
            (part.left, part.right, part.operator),
            (part.right, part.left, _FLIPPED[part.operator]),
        ):
            constant = isinstance(
                other, predicate.Literal | predicate.ParameterRef | predicate.Cast
            )
            if not isinstance(column, predicate.Column) or not constant:
                continue
            if predicate.reads_a_column(other):
                continue
            at = self._column(column.qualified or column.name, select, table)
            if at is None or not table.sortable(at):
                continue
            value = other.evaluate({}, parameters)
            # Text beside a number is converted: pysqlbridge knows how.
            if isinstance(value, list | tuple) or (
                value is not None
                and table.columns[at].type.type_info()[0] == 0x26
                and not isinstance(value, int)
            ):
                continue
            return at, operator, value
        return None

    def _listed(
        self, part: Any, select: Select, table: PeerTable, parameters: Mapping[str, Any]
    ) -> tuple[int, str, Any] | None:
        column = part.operand
        constants = predicate.Literal | predicate.ParameterRef
        if part.negated or not isinstance(column, predicate.Column):
            return None
        if not all(isinstance(value, constants) for value in part.values):
            return None
        at = self._column(column.qualified or column.name, select, table)
        if at is None or not table.sortable(at):
            return None
        values = [value.evaluate({}, parameters) for value in part.values]
        whole = table.columns[at].type.type_info()[0] == 0x26
        if any(isinstance(v, list | tuple) or (whole and not isinstance(v, int)) for v in values):
            return None
        return at, "IN", values

    @staticmethod
    def _column(name: str, select: Select, table: PeerTable) -> int | None:
        qualifier, dot, bare = name.rpartition(".")
        known = {(select.alias or select.table).lower(), select.table.lower()}
        if dot and qualifier.rpartition(".")[2].lower() not in known:
            return None
        wanted = bare.lower()
        return next((n for n, c in enumerate(table.columns) if c.name.lower() == wanted), None)


def _key_name(key: Any) -> str:
    node = getattr(key, "node", None)
    if isinstance(node, predicate.Column):
        return str(node.qualified or node.name)
    return str(key.column or "").replace("[", "").replace("]", "")
