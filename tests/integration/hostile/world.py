"""A whole v2 full of hostile values: how it is drawn, what is in it, how it is written.

Rows are dictionaries by v2's column names, the lists named as tests.v2.V2's. References are
drawn from the ids there are and some that are nowhere; each id is spelled in lower, upper or mixed
case where it stands, and where it is referred to.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from django.db import connections
from hypothesis import strategies as st

from legacy_v2.seed import schema
from tests.integration.hostile import values
from tests.v2 import NUMBERS, TABLES, Row, _is_broken, _stored

# Every reference of v2: (list, column) → the list it points into.
REFERENCES = {
    ("users", "OrganizationId"): "organizations",
    ("forms", "OrganizationId"): "organizations",
    ("fields", "FormTypeId"): "forms",
    ("fields", "FieldTypeId"): "field_types",
    ("settings", "FieldId"): "fields",
    ("maps", "FieldId"): "fields",
    ("maps", "ChoiceId"): "choices",
    ("submissions", "FormTypeId"): "forms",
    ("submissions", "FormSubmissionStatusId"): "statuses",
    ("submissions", "OrganizationId"): "organizations",
    ("answers", "FormSubmissionId"): "submissions",
    ("answers", "FieldId"): "fields",
    ("answers", "FieldChoiceMapId"): "maps",  # or choices
}
ASSUMED = (
    "User", "FormType.OrganizationId", "FormType.CreatedOn", "FieldSetting.Id",
    "Field_Choice_Map.Id", "FormSubmission.OrganizationId", "FormSubmissionMetaData.Id",
)  # fmt: skip
NOWHERE = (
    "00000000-0000-4000-8000-0000000000aa",
    "aaaaaaaa-ffff-4fff-8fff-0000000000bb",
    "ffffffff-ffff-4fff-8fff-fffffffffffe",
)
# Ids that begin alike, so that numbers made of their first digits collide (M12).
_HEADS = ("0000000f", "aaaaaaaa", "aaaaaaaa", "aaaaaaab", "fffffffe")
MAPPING = """
[field_types]
RadioButton = "radio"
"Tick\ufffdBox" = "checkbox"
[statuses]
"On Hold" = "processing"
"""


@dataclass
class World:
    """A v2, and the options its import is given.

    Args:
        loose: a copy made by hand, whose columns take null and values of any type.
        nocase: whether SQLite's ids are declared to compare without regard to case.
        omit: what it lacks: ``Table`` or ``Table.Column``.
        zone: V2_TIME_ZONE.
        mapping: what V2_MAPPING's file says.
        batch_size: the import's.
        rows: the rows by the names of tests.v2.V2's lists.
    """

    loose: bool = False
    nocase: bool = True
    omit: frozenset[str] = frozenset()
    zone: str = "UTC"
    mapping: str = ""
    batch_size: int = 1000
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})

    def write(self, path: Path) -> None:
        """Write it as a SQLite file."""
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for statement in schema.create_tables("sqlite", omit=self.omit, nocase=self.nocase):
            connection.execute(self._loosened(statement))
        connection.execute(schema.create_answer_index())
        for table, columns, row in self._present():
            marks = ", ".join("CAST(? AS TEXT)" if _is_broken(row[c]) else "?" for c in columns)
            connection.execute(
                f'INSERT INTO "{table}" ({_names(columns)}) VALUES ({marks})',
                [_stored(row[c]) for c in columns],
            )
        connection.execute("COMMIT")
        connection.close()

    def write_to_postgresql(self, schema_name: str) -> None:
        """Write it as a schema of v3's own server."""
        with connections["default"].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {schema_name} CASCADE")
            cursor.execute(f"CREATE SCHEMA {schema_name}")
            cursor.execute(f"SET search_path TO {schema_name}")
            for statement in schema.create_tables("postgresql", omit=self.omit):
                # A copy made by hand may hold more than SQL Server's nvarchar(255).
                cursor.execute(self._loosened(statement.replace("varchar(255)", "text")))
            for table, columns, row in self._present():
                marks = ", ".join(["%s"] * len(columns))
                cursor.execute(
                    f'INSERT INTO "{table}" ({_names(columns)}) VALUES ({marks})',
                    [row[c] for c in columns],
                )
            cursor.execute("SET search_path TO DEFAULT")

    def _present(self) -> Iterable[tuple[str, list[str], Row]]:
        for name, table in TABLES.items():
            if table in self.omit:
                continue
            columns = [c for c in schema.columns(table) if f"{table}.{c}" not in self.omit]
            for row in self.rows[name]:
                yield table, columns, row

    def _loosened(self, statement: str) -> str:
        if not self.loose:
            return statement
        return statement.replace(" NOT NULL", "").replace(" PRIMARY KEY", "")


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


class _Maker:
    """Draws one world. ``sqlite``: it may hold what only SQLite can."""

    def __init__(self, draw: Callable[..., Any], *, sqlite: bool) -> None:
        self.draw = draw
        self.sqlite = sqlite
        self.world = World(
            loose=draw(st.booleans()),
            nocase=draw(st.booleans()),
            omit=frozenset(draw(st.one_of(st.just(()), st.lists(st.sampled_from(ASSUMED))))),
            zone=draw(st.sampled_from(values.ZONES)),
            mapping=draw(st.sampled_from(["", MAPPING])),
            batch_size=draw(st.sampled_from([1, 2, 3, 1000])),
        )
        self._case = Random(draw(st.integers(0, 2**16)))  # noqa: S311 - no secret
        keep = (lambda _: True) if sqlite else values.storable
        free = values.any_text if sqlite else values.storable_text
        texts = st.sampled_from([t for t in values.TEXTS if keep(t)])
        names = st.sampled_from(values.NAMES)
        self.text = st.one_of(texts, texts, free)
        self.name = st.one_of(names, names, texts, free)
        self.statuses = st.sampled_from([t for t in values.STATUS_NAMES if keep(t)])
        self.types = st.sampled_from([t for t in values.TYPE_NAMES if keep(t)])

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(1, one_in)) == one_in)

    def amiss(self, value: Any, *, junk: bool = False) -> Any:
        """The value; in a loose copy now and then null, or (junk) of another type."""
        if not self.world.loose or not self.chance(25):
            return value
        return b"\xff\x00" if junk and self.sqlite and self.chance(2) else None

    def names(self) -> Any:
        return values.TOO_LONG if self.chance(25) else self.amiss(self.draw(self.name), junk=True)

    def optional(self, text: Any = None) -> Any:
        return self.draw(st.none() | (text if text is not None else self.text))

    def time(self) -> Any:
        if self.world.loose and self.sqlite and self.chance(25):
            return self.draw(st.sampled_from(values.LOOSE_TIMES))
        return self.amiss(
            self.draw(st.one_of(*[st.sampled_from(values.TIMES)] * 3, values.any_time))
        )

    def optional_time(self) -> Any:
        return self.time() if self.chance(2) else None

    def flag(self) -> Any:
        if self.world.loose and self.sqlite and self.chance(40):
            return "false"  # as a CSV file has it; to Python that is true
        return self.amiss(self.draw(st.booleans()))

    def order(self) -> Any:
        if self.world.loose and self.sqlite and self.chance(40):
            return "first"
        if self.world.loose and self.chance(4):
            return None
        return self.draw(st.sampled_from([0, 1, 1, 1, 2, -(2**31), 2**31 - 1]))

    def spelled(self, v2_id: str) -> str:
        """The id in lower, upper or mixed case."""
        how = self._case.randrange(4)
        if how == 1:
            return v2_id.upper()
        if how == 2:
            return "".join(c.upper() if self._case.randrange(2) else c for c in v2_id)
        return v2_id

    def own_id(self, name: str, number: int) -> str:
        table = NUMBERS[TABLES[name]]
        head = self.draw(st.sampled_from(_HEADS))
        return self.spelled(f"{head}-{number:04x}-4abc-8def-{table:04x}{number:08x}")

    def reference(self, name: str, column: str, *, optional: bool = False) -> str | None:
        """An id of the list the column points into, or one that is nowhere."""
        if optional and self.chance(2):
            return None
        found = list(self.world.rows[REFERENCES[name, column]])
        if column == "FieldChoiceMapId":
            found += self.world.rows["choices"]
        if not optional and column != "FormTypeId" and self.world.loose and self.chance(40):
            return None
        if not found or self.chance(8):
            return self.spelled(self.draw(st.sampled_from(NOWHERE)))
        return self.spelled(self.draw(st.sampled_from(found))["Id"])

    def make(self, name: str, least: int, most: int, **columns: Callable[[], Any]) -> None:
        for number in range(1, self.draw(st.integers(least, most)) + 1):
            row = {"Id": self.own_id(name, number)}
            row |= {column: make() for column, make in columns.items()}
            self.world.rows[name].append(row)

    def references(self, name: str, *optional: str) -> dict[str, Callable[[], Any]]:
        return {
            column: partial(self.reference, name, column, optional=column in optional)
            for own, column in REFERENCES
            if own == name
        }


@st.composite
def worlds(draw: Callable[..., Any], *, sqlite: bool = True) -> World:
    """A v2, as SQLite or (less) as PostgreSQL can hold it."""
    m = _Maker(draw, sqlite=sqlite)
    rows = m.world.rows
    m.make("organizations", 1, 8, Name=m.names, CreatedOn=m.time)
    m.make(
        "users",
        0,
        12,
        **m.references("users"),
        Email=lambda: m.names() if m.chance(6) else m.optional(m.name),
        UserName=m.optional,
        FirstName=m.optional,
        LastName=lambda: m.amiss(m.optional(), junk=True),
        IsActive=m.flag,
        CreatedOn=m.time,
        LastUpdatedOn=m.optional_time,
    )
    m.make("field_types", 2, 6, Name=lambda: draw(m.types))
    m.make(
        "forms",
        0,
        8,
        **m.references("forms", "OrganizationId"),
        Name=m.names,
        DisplayName=lambda: m.optional(m.name),
        ShortDescription=m.optional,
        CreatedOn=m.optional_time,
    )
    m.make(
        "fields",
        0,
        16,
        **m.references("fields"),
        Name=m.names,
        DisplayName=m.optional,
        Required=m.flag,
        SortOrder=m.order,
    )
    m.make(
        "settings",
        0,
        10,
        **m.references("settings"),
        Name=lambda: m.optional(m.name),
        StoredValue=m.optional,
    )
    m.make("choices", 0, 8, DisplayName=m.optional)
    m.make("maps", 0, 12, **m.references("maps"), SortOrder=m.order)
    if rows["maps"] and rows["choices"] and m.chance(3):
        # The Id of a map and of a choice at once: an answer that names it means the map.
        rows["maps"][0]["Id"] = m.spelled(draw(st.sampled_from(rows["choices"]))["Id"])
    m.make("statuses", 1, 6, Name=lambda: draw(m.statuses))
    m.make(
        "submissions",
        0,
        16,
        **m.references("submissions", "OrganizationId"),
        LookupCode=lambda: m.names() if m.chance(10) else m.optional(m.name),
        CreatedOn=m.time,
        LastUpdatedOn=m.optional_time,
    )
    m.make(
        "answers",
        0,
        50,
        **m.references("answers", "FieldChoiceMapId"),
        FreeFormEntry=lambda: m.amiss(m.optional(), junk=True),
    )
    return m.world


def fears(world: World) -> Counter[str]:
    """What of the list of hazards this world holds, and how often."""
    found = Counter({f"zone {world.zone}": 1, "loose copy": int(world.loose)})
    for name, rows in world.rows.items():
        for column in schema.columns(TABLES[name]):
            place = f"{TABLES[name]}.{column}"
            if not {TABLES[name], place} & world.omit:
                for row in rows:
                    found.update(_fears_of_value(column, row[column]))
                found[f"dangling {place}"] += _dangling(world, name, column)
            elif TABLES[name] not in world.omit:
                found[f"without {place}"] += 1
    for name in ("organizations", "forms"):
        names = [row["Name"] for row in world.rows[name]]
        found["equal names"] += len(names) - len(set(map(repr, names)))
    for parents, children, column, fear in (
        ("forms", "fields", "FormTypeId", "form with no field"),
        ("submissions", "answers", "FormSubmissionId", "submission with no answer"),
    ):
        named = {str(row[column]).lower() for row in world.rows[children]}
        found[fear] += sum(row["Id"].lower() not in named for row in world.rows[parents])
    orders = Counter((str(r["FormTypeId"]).lower(), r["SortOrder"]) for r in world.rows["fields"])
    found["equal sort orders"] += sum(n > 1 for n in orders.values())
    return +found


def _fears_of_value(column: str, value: Any) -> set[str]:
    if column.endswith("Id"):
        if value is None:
            return {"null reference"}
        return set() if value == value.lower() else {"id not in lower case"}
    if column.endswith("On"):
        return values.time_hazards(value)
    if column == "SortOrder":
        return {"null sort order"} if value is None else set()
    return values.hazards(value)


def _dangling(world: World, name: str, column: str) -> int:
    if (name, column) not in REFERENCES:
        return 0
    lists = [REFERENCES[name, column]]
    if column == "FieldChoiceMapId":
        lists.append("choices")
    there = {row["Id"].lower() for into in lists for row in world.rows[into]}
    named = [row[column] for row in world.rows[name] if row[column] is not None]
    return sum(v2_id.lower() not in there for v2_id in named)
