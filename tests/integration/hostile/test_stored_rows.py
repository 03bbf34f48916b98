"""Any mapped row through COPY and back: every text column and every JSON document of v3.

Cheaper and wider than the round trip: the mapping is given any text and any time, and only what
lies between it and a SELECT is looked at. Texts are compared with the oracle's ``stored``.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from tests.integration.hostile import values
from tests.integration.hostile.books import stored
from tests.properties import examples
from transfer.copytext import copy_line
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Outcome
from transfer.mapping.forms import FormParts, map_form
from transfer.mapping.layout import Reference, form_fields
from transfer.mapping.numbers import Number, number_fault
from transfer.mapping.organizations import map_organization
from transfer.mapping.submissions import map_submission
from transfer.mapping.users import map_user
from transfer.plan import PLAN
from transfer.records import (
    V2ChoiceMap,
    V2Field,
    V2FieldSetting,
    V2Form,
    V2Organization,
    V2Submission,
    V2User,
    V3Row,
)
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

STARTED = datetime(2025, 1, 22, 20, 0, 0, 123456, tzinfo=UTC)
HOME, FORM, TYPE, STATUS, FIELD, MAP, CHOICE = (
    f"{n:08x}-0000-4000-8000-000000000000" for n in range(1, 8)
)
STEPS = {step.table: step for step in PLAN}
Through = Callable[[list[V3Row]], list[dict[str, Any]]]

text = st.one_of(
    st.text(st.characters(), max_size=30),
    st.text(st.sampled_from("\\\t\n\r\x00\b\x0b\x1f\x7f\x85\ud83d\ude00N.u0\"'{}[]"), max_size=12),
    st.sampled_from(values.TEXTS),
)
texts = st.lists(text, min_size=1, max_size=12)
time = st.datetimes() | st.sampled_from(values.TIMES).map(datetime.fromisoformat)
contexts = st.builds(
    lambda zone, name: MappingContext(name, STARTED, ZoneInfo(zone)),
    st.sampled_from(values.ZONES),
    st.sampled_from(["night", r"a \N name: ü\t\"😀"]),
)


def v2_id(number: int) -> str:
    return f"{number:08x}-aaaa-4000-8000-000000000000"


@pytest.fixture(scope="module")
def through(django_db_setup: None) -> Iterator[Through]:
    """A function that sends rows through COPY into a table like v3's, and reads them back."""
    with closing(Target("test", exclusive=False)) as target:
        writer = target.writer

        def sent(rows: list[V3Row]) -> list[dict[str, Any]]:
            step = next(s for s in PLAN if s.columns == rows[0]._fields)
            copy = sql.Identifier(f"copy_of_{step.table}")
            like = "CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {} INCLUDING ALL)"
            writer.execute(sql.SQL(like).format(copy, sql.Identifier(step.table)))
            writer.execute(sql.SQL("TRUNCATE {}").format(copy))
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                copy, sql.SQL(", ").join(map(sql.Identifier, step.columns))
            )
            with writer.cursor() as cursor, cursor.copy(statement) as into:
                into.write(b"".join(map(copy_line, rows)))
            found = writer.execute(
                sql.SQL("SELECT to_jsonb(c)::text FROM {} AS c ORDER BY id").format(copy)
            )
            return [json.loads(row[0]) for row in found.fetchall()]

        yield sent


def row_of(outcome: Outcome) -> V3Row:
    assert outcome.row is not None, outcome.findings
    return outcome.row


def check(row: V3Row, found: dict[str, Any]) -> None:
    """Every column came back as the mapping gave it."""
    for column, value in row._asdict().items():
        came = found[column]
        if isinstance(value, bytes):
            assert came == json.loads(value)
        elif isinstance(value, datetime):
            assert datetime.fromisoformat(came) == value
        else:
            assert came == value


@examples(100, 5000, slow=True)
@given(texts, time, contexts)
def test_organizations(through: Through, names: list[str], made: datetime, ctx: Any) -> None:
    rows = [
        row_of(map_organization(V2Organization(v2_id(n), name, made), f"slug-{n}", ctx))
        for n, name in enumerate(names)
    ]

    for name, row, found in zip(names, rows, through(rows), strict=True):
        check(row, found)
        assert found["name"] == stored(name)
        assert found["metadata"] == {"migration_batch": ctx.migration}


@examples(100, 5000, slow=True)
@given(texts, st.none() | text, time, st.none() | time, contexts)
def test_users(
    through: Through, names: list[str], other: str | None, made: datetime, changed: Any, ctx: Any
) -> None:
    rows = [
        row_of(
            map_user(
                V2User(v2_id(n), HOME, f"{n}{name}", name, other, name, bool(n % 2), made, changed),
                ctx,
                organizations={HOME},
                duplicate=False,
            )
        )
        for n, name in enumerate(names)
    ]

    for n, (row, found) in enumerate(zip(rows, through(rows), strict=True)):
        check(row, found)
        kept = None if other is None else stored(other)
        assert found["email"] == stored(f"{n}{names[n]}")
        assert found["auth_data"] == {
            "user_name": stored(names[n]),
            "first_name": kept,
            "last_name": stored(names[n]),
            "legacy_id": v2_id(n),
        }


def a_form(names: list[str], other: str | None) -> FormParts:
    """A form with a field, a setting, a type and a choice for each text."""
    return FormParts(
        V2Form(FORM, names[0], other, other, HOME, None),
        [
            V2Field(v2_id(n), FORM, TYPE, name, other, bool(n % 2), n, name)
            for n, name in enumerate(names)
        ],
        [V2FieldSetting(v2_id(n), v2_id(0), f"{n}{name}", name) for n, name in enumerate(names)],
        [
            V2ChoiceMap(v2_id(n), v2_id(0), v2_id(n), n, choice_exists=True, display_name=name)
            for n, name in enumerate(names)
        ],
    )


@examples(100, 5000, slow=True)
@given(texts, st.none() | text, contexts)
def test_forms(through: Through, names: list[str], other: str | None, ctx: Any) -> None:
    row = row_of(map_form(a_form(names, other), "slug", ctx, organizations={HOME}))

    (found,) = through([row])

    check(row, found)
    definition = found["definition"]
    kept = None if other is None else stored(other)
    assert found["name"] == definition["title"] == (kept or stored(names[0]))
    assert definition["description"] == kept
    fields = definition["fields"]
    assert [f.get("legacy_name", f["name"]) for f in fields] == [stored(name) for name in names]
    assert [f["label"] for f in fields] == [kept] * len(names)
    assert fields[0]["settings"] == {stored(f"{n}{t}"): stored(t) for n, t in enumerate(names)}
    assert [c["label"] for c in fields[0]["choices"]] == [stored(t) for t in names]


@examples(100, 5000, slow=True)
@given(texts, texts, time, st.none() | time, contexts)
def test_submissions(
    through: Through, names: list[str], entries: list[str], made: datetime, changed: Any, ctx: Any
) -> None:
    """Names are those of fields and choices, entries lookup codes, statuses and answers."""
    parts = a_form(names, None)
    ref = Reference(organizations={HOME})
    ref.add_form(FORM, HOME, form_fields(parts.fields, parts.maps, ctx), parts.maps)
    ref.statuses = {v2_id(n): status for n, status in enumerate(entries)}
    rows = []
    for n, code in enumerate(entries):
        own = f"{n}-{code}"[:60]
        fault = number_fault(own)
        answers = [
            *((v2_id(n), v2_id(i), entry, None, v2_id(2 * i)) for i, entry in enumerate(entries)),
            *((v2_id(n), v2_id(i), None, v2_id(i), v2_id(2 * i + 1)) for i in range(len(names))),
        ]
        number = Number(f"V2-{n}", fault) if fault else None
        submission = V2Submission(v2_id(n), FORM, v2_id(n), own, made, changed, None)
        rows.append(row_of(map_submission(submission, answers, ref, ctx, number)))

    for row, found in zip(rows, through(rows), strict=True):
        check(row, found)
    data, metadata = found["data"], found["metadata"]
    in_data = [
        v for value in data.values() for v in (value if isinstance(value, list) else [value])
    ]
    unmapped = [a["text"] for answers in metadata.get("unmapped", {}).values() for a in answers]
    expected = [*map(stored, entries), *map(stored, names)]
    assert sorted(in_data + unmapped) == sorted(expected)
    assert data.keys() <= {field.name for field in ref.fields.values()}
