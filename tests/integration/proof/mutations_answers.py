"""Mutations of answers: values, lists, names, and whose they are."""

from collections.abc import Iterator

from tests.integration.proof.mutations import (
    DIFFERENT,
    Mutation,
    Place,
    changed,
    set_,
    swapped,
)
from tests.integration.proof.mutations_v2 import (
    ABROAD,
    ALPHA,
    DRAFT,
    FULL,
    LIKE_SIMPLE,
    MANY,
    SECOND_A,
    SIMPLE,
    WHO,
)


def answer(name: str, value: str) -> str:
    """An assignment that puts JSON (a literal of PostgreSQL's, E'') under a name in data."""
    return f"data = data || jsonb_build_object('{name}', ({value})::jsonb)"


def answers() -> Iterator[Mutation]:
    table = "submissions"
    for name, record, field, value in (
        ("another letter", FULL, "who", "'\"ac\"'"),
        ("another case", FULL, "who", "'\"aB\"'"),
        ("composed to NFC", SIMPLE, "who", "to_jsonb(normalize(data->>'who', NFC))"),
        ("an emoji replaced", SIMPLE, "who", "replace(data->>'who', '\U0001f600', '?')::text"),
        ("a line end changed", SIMPLE, "why", "'\"line\\nline\"'"),
        ("trimmed", SIMPLE, "blank", "'\"padded\"'"),
        ("a blank made unbreakable", SECOND_A, "why", "'\"two\\u00a0words\"'"),
        ("two blanks for one", SECOND_A, "why", "'\"two  words\"'"),
        ("an invisible character lost", DRAFT, "who", "'\"ab\"'"),
        ("an invisible character replaced", DRAFT, "who", "'\"a\\u2060b\"'"),
        ("a Latin letter made Cyrillic", FULL, "why", "'\"\u0441\"'"),
        ("a number for a text", FULL, "number", "'5'"),
        ("a number of another spelling", FULL, "number", "'\"5.0\"'"),
        ("null for a text that says so", LIKE_SIMPLE, "number", "'null'"),
        ("true for a text that says so", DRAFT, "why", "'true'"),
        ("a text for null", SIMPLE, "number", "'\"null\"'"),
        ("an empty text for null", SIMPLE, "number", "'\"\"'"),
        ("null for an empty text", FULL, "blank", "'null'"),
        ("a blank for an empty text", FULL, "blank", "'\" \"'"),
        ("a list of one for a value", FULL, "who", "'[\"ab\"]'"),
        ("a value for a list of one", SIMPLE, "boxes", "'\"Alpha\"'"),
        ("an empty list for a text", FULL, "why", "'[]'"),
        ("a choice's id for its name", FULL, "who_2", f"'\"{ALPHA}\"'"),
        ("another choice", FULL, "who_2", "'\"Gamma\"'"),
        ("the choice for the text beside it", FULL, "pick", "'\"Alpha\"'"),
        ("an answer of nobody", FULL, "Boxes", "'[]'"),
    ):
        assignment = answer(field, value)
        if "replace(" in value:
            assignment = f"data = data || jsonb_build_object('{field}', {value})"
        yield changed(f"answer: {name}", table, record, assignment, f"data[{field}]")
    yield changed(
        "answer: an object for a text",
        table,
        FULL,
        answer("who", '\'{"ab": "ab"}\''),
        "data[who]",
        more=True,
    )
    yield changed("answer: lost", table, FULL, "data = data - 'why'", "data[why]")
    yield changed("answer: a null lost", table, SIMPLE, "data = data - 'number'", "data[number]")
    yield changed("answer: one more", table, SIMPLE, answer("pick", "'\"x\"'"), "data[pick]")
    yield changed(
        "answer: under a name of no field", table, SIMPLE, answer("x", "'null'"), "data[*x]"
    )
    yield changed(
        "answer: under its field's id",
        table,
        FULL,
        f"data = data - 'who' || '{{\"{WHO}\": \"ab\"}}'",
        "data[who]",
        f"data[*{WHO}]",
    )
    yield changed(
        "answer: under a name in another case",
        table,
        FULL,
        "data = data - 'who' || '{\"Who\": \"ab\"}'",
        "data[who]",
        "data[*Who]",
    )
    yield changed(
        "answer: of another form's field lost", table, FULL, "data = data - 'extra'", "data[*extra]"
    )
    yield changed(
        "answer: of another form's field changed",
        table,
        FULL,
        answer("extra", "'\"from Afar\"'"),
        "data[*extra]",
    )
    yield changed(
        "answers: swapped between fields",
        table,
        FULL,
        """data = data || '{"who": "c", "why": "ab"}'""",
        "data[who]",
        "data[why]",
    )
    yield changed(
        "answers: cut elsewhere",
        table,
        FULL,
        """data = data || '{"who": "a", "why": "bc"}'""",
        "data[who]",
        "data[why]",
    )
    yield changed(
        "answers: moved to another field",
        table,
        SECOND_A,
        """data = '{"who": "two words"}'""",
        "data[who]",
        "data[why]",
    )
    yield changed("answers: all lost", table, SECOND_A, "data = '{}'", "data[why]", more=True)
    yield changed("answers: a list", table, SECOND_A, "data = '[\"two words\"]'", "data", more=True)
    yield changed("answers: null", table, SECOND_A, "data = 'null'", "data", more=True)
    yield swapped(
        "answers: of two submissions swapped",
        table,
        SECOND_A,
        ABROAD,
        "data",
        "data[who]",
        "data[why]",
    )
    one = set_(table, SIMPLE, answer("who", "'\"Dora\"'"))
    other = set_(table, LIKE_SIMPLE, answer("who", "E'\"Cafe\u0301 \U0001f600\"'"))
    yield Mutation(
        "submissions: one answer of two submissions swapped",
        (one, other),
        frozenset(Place(table, record, DIFFERENT, "data[who]") for record in (SIMPLE, LIKE_SIMPLE)),
    )
    yield Mutation(
        "submissions: an answer moved to another submission",
        (set_(table, FULL, "data = data - 'why'"), set_(table, ABROAD, answer("why", "'\"c\"'"))),
        frozenset(Place(table, record, DIFFERENT, "data[why]") for record in (FULL, ABROAD)),
    )


def lists() -> Iterator[Mutation]:
    table = "submissions"
    for name, value in (
        ("another order", '["c", "ab", "ab", null]'),
        ("one lost", '["ab", "c", "ab"]'),
        ("one of two alike lost", '["ab", "c", null]'),
        ("one more", '["ab", "c", "ab", null, null]'),
        ("null for a text", '["ab", "c", "ab", "null"]'),
        ("cut elsewhere", '["a", "bc", "ab", null]'),
        ("two made one", '["ab\\", \\"c", "ab", null]'),
        ("joined", '"ab, c, ab"'),
        ("nested", '[["ab", "c", "ab", null]]'),
    ):
        yield changed(f"list: {name}", table, MANY, answer("why", f"'{value}'"), "data[why]")
    for name, value in (
        ("another order", '["Alpha", "Gamma", "and this"]'),
        ("the text first", '["and this", "Gamma", "Alpha"]'),
        ("another choice", '["Gamma", "Beta", "and this"]'),
        ("one twice", '["Gamma", "Gamma", "Alpha", "and this"]'),
        ("a choice lost", '["Gamma", "and this"]'),
    ):
        yield changed(f"boxes: {name}", table, FULL, answer("boxes", f"'{value}'"), "data[boxes]")
    yield changed(
        "boxes: of two fields swapped",
        table,
        MANY,
        "data = data || jsonb_build_object('boxes', data->'Boxes', 'Boxes', data->'boxes')",
        "data[boxes]",
        "data[Boxes]",
    )
