"""A v2 that is not there: it answers what it is told to, and keeps what it is asked."""

from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any

from legacy_v2 import ids, names


class Connection:
    """To a server of a vendor."""

    def __init__(self, vendor: str, schema: str) -> None:
        self.vendor = vendor
        self.ops = SimpleNamespace(quote_name=lambda name: f"[{name}]")
        self.settings_dict: dict[str, Any] = {"SCHEMA": schema, "NAME": "Pliers", "OPTIONS": {}}
        self.isolation = "snapshot"


class Server:
    """As a Source.

    Args:
        vendor: of what database.
        numbers: columns (``Table.Column``) whose ids are whole numbers.
        lacks: columns that are not there.
        schema: where the tables are.
        answer: the rows of a statement; unless given one row of a nought, no groups.
    """

    def __init__(
        self,
        vendor: str,
        *,
        numbers: Collection[str] = (),
        lacks: Collection[str] = (),
        schema: str = "dbo",
        answer: Callable[[str], list[tuple[Any, ...]]] | None = None,
    ) -> None:
        self.connection = Connection(vendor, schema)
        found = frozenset(
            (table, column) for table, _, column in (n.partition(".") for n in numbers)
        )
        ids.remember(self.connection, found)  # type: ignore[arg-type] # what stands for one
        tables = {name: frozenset(columns) for name, columns in names.canonical().items()}
        self.schema = SimpleNamespace(
            tables=tables,
            integer_ids=found,
            answers_indexed=False,
            ignores_case=True,
            has=lambda table, column: column in tables[table],
        )
        self.asked: list[str] = []
        self._lacks = lacks
        self._answer = answer or (lambda sql: [] if "MIN(d.sample)" in sql else [(0,)])

    def has(self, model: Any, attname: str | None = None) -> bool:
        if attname is None:
            return names.table(model) not in self._lacks
        column = names.column(names.field_of(model, attname))
        return f"{names.table(model)}.{column}" not in self._lacks

    def select(self, statement: str, _parameters: Any = ()) -> list[tuple[Any, ...]]:
        self.asked.append(statement)
        return self._answer(statement)
