import orjson
import pytest
from hypothesis import given

from tests.properties import PROPERTY
from tests.unit.mapping.build import codes, context, organization, uid
from tests.unit.mapping.strategies import any_text
from transfer.mapping.codes import Code
from transfer.mapping.organizations import map_organization
from transfer.mapping.text import clean, is_clean, shorten


@pytest.mark.parametrize(
    ("v2", "v3"),
    [
        ("", ""),
        (" two  blanks\t\r\n", " two  blanks\t\r\n"),
        ("e\u0301 stays two characters", "e\u0301 stays two characters"),
        ("\u0001\u007f\ufeff\ufffe", "\u0001\u007f\ufeff\ufffe"),
        ("a\x00b", "a\ufffdb"),
        ("\x00\x00", "\ufffd\ufffd"),
        ("\ud800", "\ufffd"),
        ("x\udfffy", "x\ufffdy"),
        ("\ud800\ud800!", "\ufffd\ufffd!"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\\u0000", "\\u0000"),
    ],
)
def test_m04_text_is_kept_as_far_as_postgresql_can(v2, v3):
    assert clean(v2) == v3
    assert is_clean(v2) == (v2 == v3)


@PROPERTY
@given(any_text)
def test_m04_cleaned_text_can_be_stored_and_is_cleaned_once(text):
    cleaned = clean(text)

    assert is_clean(cleaned)
    assert clean(cleaned) == cleaned
    assert b"\x00" not in cleaned.encode()
    assert orjson.loads(orjson.dumps(cleaned)) == cleaned
    if is_clean(text):
        assert cleaned is text


def test_m04_the_warning_names_the_column_and_holds_the_record_as_it_was():
    outcome = map_organization(organization(1, "A\x00cme"), "a-cme", context())

    assert outcome.row is not None
    assert outcome.row.name == "A\ufffdcme"
    (warning,) = outcome.findings
    assert codes(outcome) == [Code.TEXT_CLEANED]
    assert (warning.v2_table, warning.record_id, warning.column) == (
        "Organization",
        uid(1),
        "Name",
    )
    assert warning.detail is not None
    assert warning.detail["Name"] == "A\x00cme"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("short", "'short'"),
        (None, "None"),
        ("\ud800", r"'\ud800'"),
        ("x" * 100, "'" + "x" * 18 + "…" + "x" * 18 + "'"),
    ],
)
def test_a_message_shows_a_value_shortened_and_printable(value, shown):
    assert shorten(value) == shown
