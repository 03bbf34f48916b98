"""What people have typed is shown as text, and nothing in it is hidden."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core.exceptions import ValidationError

from pliers.admin import storable_json
from pliers.admin_display import (
    answer,
    editable_json,
    exact_time,
    named,
    pretty_json,
    table,
    text_as_stored,
    visible,
)


def test_markup_is_text():
    shown = visible('<script>alert("x")</script> & =HYPERLINK(1)')
    assert shown == "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; =HYPERLINK(1)"


@pytest.mark.parametrize(
    ("character", "code"),
    [
        ("\x00", "U+0000"),
        ("\x1b", "U+001B"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("\xad", "U+00AD"),
        ("\u200b", "U+200B"),
        ("\u200f", "U+200F"),
        ("\u2028", "U+2028"),
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\ufeff", "U+FEFF"),
        ("\U000e0041", "U+E0041"),
        ("\ud800", "U+D800"),
    ],
)
def test_a_character_nobody_could_see_is_shown_by_its_code(character, code):
    shown = visible(f"a{character}b")
    assert character not in shown
    assert f">{code}</span>" in shown


@pytest.mark.parametrize(
    "text", ["a\nb\tc", "é ü 漢字 שלום", "👩\u200d🚀", "\u0645\u06cc\u200c\u062e", "€\xa01"]
)
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text


def test_json_is_indented_and_escaped():
    assert pretty_json({"a": ["<b>", "\u202e", "\x07", "é"]}) == (
        '<pre class="json">{\n  &quot;a&quot;: [\n    &quot;&lt;b&gt;&quot;,\n'
        '    &quot;<span class="invisible" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>&quot;,\n'
        "    &quot;\\u0007&quot;,\n    &quot;é&quot;\n  ]\n}</pre>"
    )


def test_json_to_be_edited_has_escapes_json_itself_undoes():
    import json  # noqa: PLC0415 - for the one test that proves the way back

    value = {"a": "\u202eexe.png\x07 \U000e0041 \\u202e"}
    text = editable_json(value)
    assert "\u202e" not in text
    assert r"\u202eexe" in text
    assert json.loads(text) == value


def test_an_answer_says_what_it_is():
    assert answer(None) == '<span class="quiet">no answer</span>'
    assert answer("") == '<span class="quiet">empty</span>'
    assert answer([]) == '<span class="quiet">nothing chosen</span>'
    assert answer("<b>") == '<span class="answer" dir="auto">&lt;b&gt;</span>'
    assert answer(["a", None]).count("<li>") == 2
    assert "&quot;k&quot;: 1" in answer({"k": 1})
    assert answer(7) == '<pre class="json">7</pre>'


def test_a_table_escapes_text_and_leaves_what_is_html_already():
    shown = table(("A", "B"), [("<i>", answer("x")), (None, 5)])
    assert "<td>&lt;i&gt;</td>" in shown
    assert '<td><span class="answer" dir="auto">x</span></td>' in shown
    assert "<td></td><td>5</td>" in shown
    assert table(("A",), []) == '<span class="quiet">none</span>'


def test_a_name_of_nothing_but_blanks_can_be_clicked():
    assert named(" \xa0") == '<span class="quiet">no name</span>'
    assert named("Acme") == "Acme"


def test_a_text_column_tells_null_from_empty():
    assert text_as_stored(None) != text_as_stored("")


def test_a_time_is_exact_and_in_utc():
    time = datetime(2024, 3, 1, 12, 20, 30, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert exact_time(time) == "2024-03-01 10:20:30.123456 UTC"
    assert exact_time(datetime(2024, 3, 1, tzinfo=UTC)) == "2024-03-01 00:00:00 UTC"
    assert exact_time(None) == '<span class="quiet">none</span>'


@pytest.mark.parametrize("value", ["\x00", {"a": ["\ud800"]}, {"\x00": 1}, [[{"a": "b\udfff"}]]])
def test_m4_json_postgresql_cannot_store_is_refused_in_the_form(value):
    with pytest.raises(ValidationError, match=r"U\+0000"):
        storable_json(value)


@pytest.mark.parametrize("value", [None, 1, True, "😀", {"a": ["\\u0000", "\x01"]}])
def test_other_json_is_not(value):
    storable_json(value)
