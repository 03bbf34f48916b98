"""A v2 whose tables and columns have other names, and the mapping file that tells them.

    mapping = rename(v2.execute, every_name())
    settings.V2_MAPPING = write(tmp_path / "mapping.toml", mapping)

Names have blanks, dots (columns), letters beyond ASCII and words of SQL in them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from legacy_v2 import names


@dataclass(frozen=True)
class Names:
    """Canonical table → actual table; canonical table → canonical column → actual column."""

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def as_toml(self) -> str:
        """The names as a mapping file tells them."""
        lines = ["[tables]", *_entries(self.tables)] if self.tables else []
        for table, own in self.columns.items():
            lines += [f"[columns.{table}]", *_entries(own)]
        return "\n".join(lines) + "\n"


def every_name() -> Names:
    """Another name for every table and column."""
    return Names(
        {table: f"tbl {table} größer" for table in names.canonical()},
        {
            table: {column: f"{column}.select from" for column in columns}
            for table, columns in names.canonical().items()
        },
    )


def lower_case() -> Names:
    """Every name in lower case: what programs that copy into PostgreSQL make of them."""
    return Names(
        {table: table.lower() for table in names.canonical()},
        {
            table: {column: column.lower() for column in columns}
            for table, columns in names.canonical().items()
        },
    )


def rename(execute: Callable[[str], object], wanted: Names) -> Names:
    """Rename the tables and columns of a v2 that has v2's own; return the names."""
    for table, own in wanted.columns.items():
        for column, actual in own.items():
            execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "{actual}"')
    # By way of names nobody has: two may be exchanged, and SQLite tells no cases apart.
    for number, table in enumerate(wanted.tables):
        execute(f'ALTER TABLE "{table}" RENAME TO "between {number}"')
    for number, actual in enumerate(wanted.tables.values()):
        execute(f'ALTER TABLE "between {number}" RENAME TO "{actual}"')
    return wanted


def write(path: Path, wanted: Names, more: str = "") -> Path:
    """Write a mapping file of the names and of other lines that come before them."""
    path.write_text(more + wanted.as_toml(), encoding="utf-8")
    return path


def _entries(own: Mapping[str, str]) -> list[str]:
    return [f"{name} = {json.dumps(actual, ensure_ascii=False)}" for name, actual in own.items()]
