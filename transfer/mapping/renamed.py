"""The mapping file's [tables] and [columns.TABLE]: what the v2 at hand calls what v2's models have.

Names are checked here so that each can be quoted as it is: no server's identifier quoting is to
be escaped from, and no driver is to take a part of a name for a placeholder.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from legacy_v2 import names
from legacy_v2.introspection import ASSUMED, ASSUMED_NAMES
from transfer.exceptions import ConfigurationError
from transfer.mapping.text import shorten

LONGEST = 128  # characters of a name on SQL Server
# Quotes of the three servers, none of which Django doubles in a name; %s and ? are placeholders.
_UNQUOTABLE = frozenset("\"'`[]%?")
# Django gives such aliases to the tables of a subquery (U0 in Exists).
_ALIAS = re.compile(r"[t-z][0-9]+", re.IGNORECASE)


def tables(entries: Mapping[str, Any]) -> dict[str, str]:
    """Canonical table → actual table, of those that are other.

    Raises:
        ConfigurationError: names the key that is wrong, and what is allowed there.
    """
    for key, value in entries.items():
        if isinstance(value, str) and "." in value:
            raise ConfigurationError(
                f"{_place('tables', key)} is {shorten(value)}: a table's name is written without "
                "its schema, which V2_SCHEMA names"
            )
        if isinstance(value, str) and _ALIAS.fullmatch(value):
            raise ConfigurationError(
                f"{_place('tables', key)} is {shorten(value)}, which queries use for something "
                "else (T to Z and a number); let v2 have a view of another name"
            )
    return _renamed("tables", entries, names.canonical(), None)


def columns(entries: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Canonical table → canonical column → actual column, of those that are other.

    Raises:
        ConfigurationError: names the key that is wrong, and what is allowed there.
    """
    known = {table.lower(): table for table in names.canonical()}
    found: dict[str, dict[str, str]] = {}
    for key, own in entries.items():
        place = (
            f"[columns.{key}] in the mapping file" if key.isidentifier() else _place("columns", key)
        )
        table = known.get(key.lower())
        if table is None:
            raise ConfigurationError(
                f"{place}: no table of v2 by its canonical name; allowed are "
                f"{', '.join(known.values())}"
            )
        if not isinstance(own, dict):
            raise ConfigurationError(
                f"{_place('columns', key)} is no table; write [columns.{table}]"
            )
        if table in found:
            raise ConfigurationError(f"{place} is there twice (upper and lower case are the same)")
        section = f"columns.{table}"
        found[table] = _renamed(section, own, names.canonical()[table], table)
    return {table: own for table, own in found.items() if own}


def _renamed(
    section: str, entries: Mapping[str, Any], canonical: Iterable[str], table: str | None
) -> dict[str, str]:
    what = f"column of {table}" if table else "table of v2"
    known = {name.lower(): name for name in canonical}
    actual = {name: name for name in known.values()}
    given: set[str] = set()
    for key, value in entries.items():
        place = _place(section, key)
        name = known.get(key.lower())
        if name is None:
            raise ConfigurationError(
                f"{place}: no {what} by its canonical name; allowed are {', '.join(known.values())}"
            )
        if name in given:
            raise ConfigurationError(f"{place} is there twice (upper and lower case are the same)")
        given.add(name)
        if value is False:
            actual[name] = _lacking(place, *((table, name) if table else (name, None)))
            continue
        actual[name] = _checked(place, value)
    _tell_apart(section, actual)
    return {name: own for name, own in actual.items() if own != name}


def _lacking(place: str, table: str, column: str | None) -> str:
    if (table, column) not in ASSUMED_NAMES:
        assumed = ", ".join(map(str, ASSUMED))
        raise ConfigurationError(
            f"{place} is false, and no v2 can do without it; it can without {assumed}"
        )
    return names.NONE


def _checked(place: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(
            f"{place} is {shorten(value)}; allowed is the name this v2 has for it, as text"
        )
    if len(value) > LONGEST:
        raise ConfigurationError(
            f"{place} is {shorten(value)}, {len(value)} characters; a name has {LONGEST} at most"
        )
    unusable = sorted({one for one in value if one in _UNQUOTABLE or not one.isprintable()})
    if unusable:
        raise ConfigurationError(
            f"{place} is {shorten(value)}; a name may not hold {' '.join(map(ascii, unusable))} "
            "(quotes, brackets, % and ? and what cannot be printed are not allowed); let v2 have "
            "a view of another name"
        )
    return value


def _tell_apart(section: str, actual: Mapping[str, str]) -> None:
    # Whatever their case: SQL Server and SQLite tell no such names apart.
    canonical_of: dict[str, str] = {}
    for name, own in actual.items():
        other = canonical_of.setdefault(own.lower(), name)
        if other != name and own != names.NONE:
            raise ConfigurationError(
                f"[{section}] in the mapping file: {other} and {name} are both {shorten(own)}; "
                "each needs a name of its own (or false, where this v2 lacks it)"
            )


def _place(section: str, key: str) -> str:
    return f"[{section}] {shorten(key)} in the mapping file"
