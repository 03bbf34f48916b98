"""Mutations of submissions: columns, numbers, statuses, and what metadata keeps."""

from collections.abc import Iterator

from tests.integration.proof.mutations import (
    DIFFERENT,
    NEW,
    Mutation,
    Place,
    changed,
    copied,
    deleted,
    rows,
    set_,
)
from tests.integration.proof.mutations_answers import answers, lists
from tests.integration.proof.mutations_v2 import (
    ABROAD,
    ACME,
    ALPHA,
    DRAFT,
    FULL,
    FUTURE,
    LEAVE_2,
    LIKE_SIMPLE,
    LOST_FIELD,
    MANY,
    NO_NUMBER,
    OLDEST,
    ON_HOLD,
    ORDER,
    OTHER_TWIN,
    SECOND_A,
    SILENT,
    SIMPLE,
    TAKEN,
    TWIN,
    WHO,
    WHO_OF_ORDER,
)


def submissions() -> Iterator[Mutation]:
    table = "submissions"
    yield from rows(table, SILENT)
    yield changed(
        "moved to another organization",
        table,
        SIMPLE,
        f"organization_id = '{OLDEST}'",
        "organization_id",
    )
    yield changed(
        "of its form's organization",
        table,
        ABROAD,
        f"organization_id = '{ACME}', submission_number = 'A2'",
        "organization_id",
        "submission_number",
    )
    yield changed("of another form", table, SILENT, f"form_id = '{LEAVE_2}'", "form_id")
    yield changed(
        "of another form, with answers",
        table,
        SIMPLE,
        f"form_id = '{ORDER}'",
        "form_id",
        "data[who]",
        more=True,
    )
    yield from _numbers()
    yield from _statuses()
    yield changed(
        "submitted an hour later",
        table,
        SIMPLE,
        "submitted_at = submitted_at + interval '1 hour'",
        "submitted_at",
    )
    yield changed("never submitted", table, SIMPLE, "submitted_at = NULL", "submitted_at")
    yield changed("a draft submitted", table, DRAFT, "submitted_at = updated_at", "submitted_at")
    yield changed(
        "v2's time of change lost",
        table,
        FUTURE,
        "metadata = metadata - 'legacy_updated_at'",
        "metadata[legacy_updated_at]",
    )
    yield changed(
        "v2's time of change moved",
        table,
        FUTURE,
        """metadata = metadata || '{"legacy_updated_at": "2098-01-01T00:00:00+00:00"}'""",
        "metadata[legacy_updated_at]",
    )
    yield changed(
        "an answer more, in one v2 says was changed",
        table,
        FUTURE,
        """data = '{"who": "me"}'""",
        "data",
        "data[who]",
    )
    yield from answers()
    yield from lists()
    yield from _set_aside()
    yield deleted(table, SILENT)
    yield copied(table, SIMPLE, '"submission_number": "B2"')


def _numbers() -> Iterator[Mutation]:
    table, column = "submissions", "submission_number"
    number = f"{column} = '{{}}'".format
    yield changed("number: another case", table, SIMPLE, number("b"), column)
    yield changed("number: a blank more", table, SIMPLE, number("B "), column)
    yield changed("number: of v3's own", table, SIMPLE, number("2024-000001"), column)
    yield changed("number: made where v2 has one", table, SIMPLE, number("V2-000a0002"), column)
    yield changed(
        "number: given up without need",
        table,
        SIMPLE,
        number("V2-000a0002") + """, metadata = metadata || '{"legacy_number": "B"}'""",
        column,
        "metadata[legacy_number]",
    )
    yield changed(
        "number: v2's given up, and kept",
        table,
        SIMPLE,
        """metadata = metadata || '{"legacy_number": "B"}'""",
        "metadata[legacy_number]",
    )
    for digits in (9, 32):
        made = NO_NUMBER.replace("-", "")[:digits]
        yield changed(
            f"number: of {digits} digits where 8 would do",
            table,
            NO_NUMBER,
            number(f"V2-{made}"),
            column,
        )
        made = SECOND_A.replace("-", "")[:digits]
        yield changed(
            f"number: of {digits} digits for one that is taken",
            table,
            SECOND_A,
            number(f"V2-{made}"),
            column,
        )
    yield changed(
        "number: of 10 digits where 9 would do", table, OTHER_TWIN, number("V2-cafecafe20"), column
    )
    # The other twin could have the eight digits then.
    yield changed("number: in upper case", table, TWIN, number("V2-CAFECAFE"), column, more=True)
    yield changed("number: of another's Id", table, TWIN, number("V2-cafecafe3"), column, more=True)
    yield changed(
        "number: v2's code lost", table, SECOND_A, "metadata = metadata - 'legacy_number'", column
    )
    for name, record, code in (
        ("null for empty", TWIN, "null"),
        ("empty for null", NO_NUMBER, '""'),
        ("text for null", NO_NUMBER, '"null"'),
        ("a character less", MANY, f'"{"M" * 50}"'),
    ):
        yield changed(
            f"number: v2's code: {name}",
            table,
            record,
            f"metadata = metadata || '{{\"legacy_number\": {code}}}'",
            "metadata[legacy_number]",
        )
    yield Mutation(
        "submissions: numbers swapped",
        (
            set_(table, SIMPLE, number("x")),
            set_(table, LIKE_SIMPLE, number("B")),
            set_(table, SIMPLE, number("L")),
        ),
        frozenset(Place(table, one, DIFFERENT, column) for one in (SIMPLE, LIKE_SIMPLE)),
    )
    yield Mutation(
        "submissions: the later one has the number",
        (
            set_(table, FULL, number("V2-000a0001")),
            set_(table, SECOND_A, number("A") + ", metadata = metadata - 'legacy_number'"),
            set_(table, FULL, """metadata = metadata || '{"legacy_number": "A"}'"""),
        ),
        frozenset(
            {
                Place(table, FULL, DIFFERENT, column),
                Place(table, FULL, DIFFERENT, "metadata[legacy_number]"),
            }
        ),
        more=True,
    )


def _statuses() -> Iterator[Mutation]:
    table = "submissions"
    yield changed("another status", table, SIMPLE, "status = 'approved'", "status")
    yield changed("no status", table, SIMPLE, "status = NULL", "status")
    yield changed("no draft any more", table, DRAFT, "status = 'submitted'", "status")
    yield changed("archived no more", table, TAKEN, "status = 'submitted'", "status")
    yield changed(
        "a status that v3 does not have lost",
        table,
        ON_HOLD,
        "metadata = metadata - 'legacy_status'",
        "metadata[legacy_status]",
    )
    yield changed(
        "a status that v3 does not have in another case",
        table,
        ON_HOLD,
        """metadata = metadata || '{"legacy_status": "on hold"}'""",
        "metadata[legacy_status]",
    )
    yield changed(
        "a status of v2 invented",
        table,
        SIMPLE,
        """metadata = metadata || '{"legacy_status": "Submitted"}'""",
        "metadata[legacy_status]",
    )


def _set_aside() -> Iterator[Mutation]:
    table = "submissions"

    def metadata(value: str) -> str:
        return f"metadata = metadata || '{value}'"

    def path(place: str, value: str) -> str:
        at = f"{{unmapped,{LOST_FIELD},{place}}}"
        return f"metadata = jsonb_set(metadata, '{at}', '{value}')"

    def remove(place: str) -> str:
        return f"metadata = metadata #- '{{unmapped,{LOST_FIELD}{place}}}'"

    for name, value in (
        ("another", '{"choices": {"pick": ["Beta"]}}'),
        ("one more", '{"choices": {"pick": ["Alpha", "Beta"]}}'),
        ("no list", '{"choices": {"pick": "Alpha"}}'),
    ):
        yield changed(f"choices: {name}", table, FULL, metadata(value), "choices[pick]")
    yield changed(
        "choices: lost", table, FULL, "metadata = metadata - 'choices'", "choices", "choices[pick]"
    )
    yield changed(
        "choices: of another field",
        table,
        FULL,
        metadata('{"choices": {"who": ["Alpha"]}}'),
        "choices[pick]",
        "choices[who]",
    )
    yield changed(
        "choices: another order",
        table,
        MANY,
        metadata('{"choices": {"pick": ["Beta", "Gamma"], "number": ["Alpha"]}}'),
        "choices[pick]",
    )
    yield changed(
        "choices: swapped between fields",
        table,
        MANY,
        metadata('{"choices": {"pick": ["Gamma", "Alpha"], "number": ["Beta"]}}'),
        "choices[pick]",
        "choices[number]",
    )
    yield changed(
        "choices: none, and an object",
        table,
        SIMPLE,
        metadata('{"choices": {}}'),
        "metadata[choices]",
    )
    yield changed(
        "choices: none, and null", table, SIMPLE, metadata('{"choices": null}'), "metadata[choices]"
    )
    lost = f"metadata[unmapped][{LOST_FIELD}]"
    for name, place, value in (
        ("another id", "0,id", f'"{NEW}"'),
        ("another text", "0,text", '"Lost"'),
        ("another choice", "0,choice", f'"{ALPHA}"'),
        ("no choice", "0,choice", "null"),
        ("another label", "0,label", '"Alpha"'),
        ("text for null", "1,text", '""'),
        ("a key more", "1,note", "null"),
    ):
        yield changed(f"unmapped: {name}", table, FULL, path(place, value), lost)
    yield changed("unmapped: a label lost", table, FULL, remove(",0,label"), lost)
    yield changed("unmapped: one lost", table, FULL, remove(",1"), lost)
    yield changed("unmapped: a field's lost", table, FULL, remove(""), lost)
    yield changed(
        "unmapped: another order",
        table,
        FULL,
        f"metadata = jsonb_set(metadata, '{{unmapped,{LOST_FIELD}}}',"
        f" jsonb_build_array(metadata#>'{{unmapped,{LOST_FIELD},1}}',"
        f" metadata#>'{{unmapped,{LOST_FIELD},0}}'))",
        lost,
    )
    yield changed(
        "unmapped: under another field",
        table,
        FULL,
        f"metadata = jsonb_set(metadata #- '{{unmapped,{WHO_OF_ORDER}}}',"
        f" '{{unmapped,{WHO}}}', metadata#>'{{unmapped,{WHO_OF_ORDER}}}')",
        f"metadata[unmapped][{WHO}]",
        f"metadata[unmapped][{WHO_OF_ORDER}]",
    )
    yield changed(
        "unmapped: all lost",
        table,
        FULL,
        "metadata = metadata - 'unmapped'",
        lost,
        f"metadata[unmapped][{WHO_OF_ORDER}]",
    )
    yield changed(
        "unmapped: none, and an object",
        table,
        SIMPLE,
        metadata('{"unmapped": {}}'),
        "metadata[unmapped]",
    )
