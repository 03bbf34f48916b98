"""Rows as COPY text: what PostgreSQL's documentation of the format asks for.

That a server reads the same value back is proved in tests/integration/test_load.py.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from transfer.copytext import copy_line

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def read_back(line: bytes) -> list[str | None]:
    """The values of a line, by the format's documentation."""
    assert line.endswith(b"\n")
    return [
        None
        if field == r"\N"
        else re.sub(r"\\(.)", lambda m: _ESCAPES[m.group(1)], field, flags=re.DOTALL)
        for field in line[:-1].decode().split("\t")
    ]


@PROPERTY
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_any_text_comes_back_from_its_line(values: list[str | None]) -> None:
    line = copy_line(tuple(values))

    assert read_back(line) == values
    assert line.count(b"\n") == 1
    assert b"\r" not in line


def test_text_that_looks_like_the_format_s_own_signs_is_only_text() -> None:
    assert copy_line((r"\N", r"\.", "a\tb", "")) == b"\\\\N\t\\\\.\ta\\tb\t\n"


def test_none_is_the_null_of_the_format() -> None:
    assert copy_line((None, "a")) == b"\\N\ta\n"


def test_json_keeps_its_own_escapes() -> None:
    assert copy_line((rb'{"a":"\n\"\\"}',)) == rb'{"a":"\\n\\"\\\\"}' + b"\n"


def test_a_time_keeps_its_microseconds_and_its_offset() -> None:
    moment = datetime(2024, 3, 1, 10, 20, 30, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert copy_line((moment,)) == b"2024-03-01 10:20:30.123456+02:00\n"
    assert copy_line((datetime.min.replace(tzinfo=UTC),)) == b"0001-01-01 00:00:00+00:00\n"


def test_a_value_of_a_type_no_row_has_is_refused() -> None:
    with pytest.raises(TypeError, match="no COPY text for a float"):
        copy_line(("a", 1.5))
