"""Which tables refer to what a migration writes, as v3's catalog has it, the application's too.

A row may be removed when nothing refers to it any more; so everything that goes by foreign keys
is read from pg_constraint, and nothing from a list that a new table would not be on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from transfer.plan import TABLES
from transfer.target import Connection

# Every table from which foreign keys lead to the plan's, with its primary key and its size.
_TABLES = """
WITH RECURSIVE reached (oid) AS (
    SELECT to_regclass(name)::oid FROM unnest(%(plan)s::text[]) AS name
    UNION
    SELECT key.conrelid
      FROM reached
      JOIN pg_constraint AS key
        ON key.confrelid = reached.oid AND key.contype = 'f' AND key.conparentid = 0
)
SELECT class.oid::bigint, space.nspname, class.relname,
       space.nspname = current_schema() AS near,
       class.oid IN (SELECT to_regclass(name)::oid FROM unnest(%(plan)s::text[]) AS name),
       (SELECT array_agg(attname::text ORDER BY place)
          FROM pg_index
         CROSS JOIN unnest(indkey) WITH ORDINALITY AS part (number, place)
          JOIN pg_attribute ON attrelid = indrelid AND attnum = number
         WHERE indrelid = class.oid AND indisprimary),
       coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(class.oid)),
                pg_relation_size(class.oid))::bigint
  FROM reached
  JOIN pg_class AS class ON class.oid = reached.oid
  JOIN pg_namespace AS space ON space.oid = class.relnamespace
 ORDER BY space.nspname, class.relname
"""
# The foreign keys between them, and whether an index finds the rows that refer to one.
_REFERENCES = """
SELECT key.conname, key.conrelid::bigint, key.confrelid::bigint,
       (SELECT array_agg(attname::text ORDER BY place)
          FROM unnest(key.conkey) WITH ORDINALITY AS part (number, place)
          JOIN pg_attribute ON attrelid = key.conrelid AND attnum = number),
       (SELECT array_agg(attname::text ORDER BY place)
          FROM unnest(key.confkey) WITH ORDINALITY AS part (number, place)
          JOIN pg_attribute ON attrelid = key.confrelid AND attnum = number),
       EXISTS (SELECT
                 FROM pg_index
                WHERE indrelid = key.conrelid AND indisvalid AND indpred IS NULL
                  AND (indkey::int2[])[0:cardinality(key.conkey) - 1] @> key.conkey
                  AND (indkey::int2[])[0:cardinality(key.conkey) - 1] <@ key.conkey)
  FROM pg_constraint AS key
 WHERE key.contype = 'f' AND key.conparentid = 0
   AND key.conrelid = ANY(%(oids)s::oid[]) AND key.confrelid = ANY(%(oids)s::oid[])
 ORDER BY key.conrelid, key.conname
"""
# Tables without a primary key are few, and their rows are told by the place they lie at.
PLACE = ("tableoid", "ctid")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of v3.

    Args:
        number: its place in the graph, part of the names of its temporary tables.
        oid: PostgreSQL's own number for it.
        schema: the schema it is in.
        name: its name.
        label: what a person calls it: its name, and of the application's own with the schema
            where that is another.
        migrated: migrations write rows of it.
        key: the columns that tell a row.
        size: bytes on disk.
    """

    number: int
    oid: int
    schema: str
    name: str
    label: str
    migrated: bool
    key: tuple[str, ...]
    size: int

    @property
    def identifier(self) -> sql.Identifier:
        """Its name in a statement."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: ``child``'s columns name a row of ``parent``.

    ``indexed`` tells whether an index finds the child rows of a parent row.
    """

    name: str
    child: Table
    parent: Table
    columns: tuple[str, ...]
    parent_columns: tuple[str, ...]
    indexed: bool

    def matches(self, child: str, parent: str) -> sql.Composed:
        """The condition that a row under one alias refers to that under the other."""
        return sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(child, own), sql.Identifier(parent, other))
            for own, other in zip(self.columns, self.parent_columns, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Graph:
    """The tables, children before parents as far as circles allow, and their foreign keys."""

    tables: tuple[Table, ...]
    references: tuple[Reference, ...]

    @property
    def migrated(self) -> list[Table]:
        """The tables that migrations write, children first."""
        return [table for table in self.tables if table.migrated]

    def to(self, table: Table) -> list[Reference]:
        """The foreign keys that name rows of a table."""
        return [one for one in self.references if one.parent == table]

    def of(self, table: Table) -> list[Reference]:
        """The foreign keys that a table has."""
        return [one for one in self.references if one.child == table]

    def circles(self) -> list[Reference]:
        """The foreign keys by which rows can refer to each other in a circle."""
        return [one for one in self.references if one.child in self._above(one.parent)]

    def _above(self, table: Table) -> set[Table]:
        """The table and all that it refers to, directly or through others."""
        reached: set[Table] = set()
        waiting = [table]
        while waiting:
            if (one := waiting.pop()) not in reached:
                reached.add(one)
                waiting += [reference.parent for reference in self.of(one)]
        return reached


def read_graph(connection: Connection) -> Graph:
    """Read the tables and foreign keys from v3's catalog."""
    rows = connection.execute(_TABLES, {"plan": list(TABLES)}).fetchall()
    tables = {row[0]: _table(number, row) for number, row in enumerate(rows)}
    found = connection.execute(_REFERENCES, {"oids": list(tables)}).fetchall()
    references = [
        Reference(name, tables[child], tables[parent], tuple(own), tuple(other), indexed)
        for name, child, parent, own, other, indexed in found
    ]
    return Graph(_children_first(tables.values(), references), tuple(references))


def _table(number: int, row: tuple[Any, ...]) -> Table:
    oid, schema, name, near, migrated, key, size = row
    # The books call a migrated table by its name, wherever it is.
    label = name if near or migrated else f"{schema}.{name}"
    return Table(number, oid, schema, name, label, migrated, tuple(key or PLACE), size)


def _children_first(tables: Iterable[Table], references: list[Reference]) -> tuple[Table, ...]:
    """The tables in an order in which what refers comes before what it refers to."""
    order: list[Table] = []
    begun: set[Table] = set()

    def visit(table: Table) -> None:
        if table in begun:
            return
        begun.add(table)
        for reference in references:
            if reference.parent == table:
                visit(reference.child)
        order.append(table)

    # The plan's own order decides inside a circle, so that it is the same every time.
    rank = {name: place for place, name in enumerate(reversed(TABLES))}
    for table in sorted(tables, key=lambda one: (not one.migrated, rank.get(one.name, 0))):
        visit(table)
    return tuple(order)
