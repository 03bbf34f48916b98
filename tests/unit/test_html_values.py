"""Two values side by side: what differs is marked, and nothing of them is HTML."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pliers.admin_display import spelled
from tests.pages import Page
from tests.properties import PROPERTY
from transfer.html_values import (
    CODES_SHOWN,
    EQUAL_SHOWN,
    PART_SHOWN,
    TEXT_SHOWN,
    plain,
    shown,
    side_by_side,
)

HOSTILE = st.sampled_from(
    [
        *("<", ">", "&", '"', "'", "</script>", "<!--", "]]>", "&lt;", "{{ x }}", "{% x %}"),
        *("\x00", "\x1b", "\u202e", "\ud800", "\u0301", "é", "e\u0301", "漢", "=1+1"),
        *("\\", "\\u", "\\u0041"),
    ]
)
TEXT = st.lists(st.one_of(HOSTILE, st.characters(exclude_categories=[])), max_size=12).map("".join)


def taken_apart(html):
    """The text before the mark, the marked part, and the text after it."""
    [value] = Page(html).root.all(of="value")
    [mark] = value.all("mark")
    place = value.inside.index(mark)
    before, after = (
        "".join(part if isinstance(part, str) else part.text() for part in parts)
        for parts in (value.inside[:place], value.inside[place + 1 :])
    )
    return before, mark.text(), after


def codes(html):
    return [element.text() for element in Page(html).root.all(of="codes")]


class TestMarks:
    @pytest.mark.parametrize(
        ("v2", "v3", "before", "part_v2", "part_v3", "after"),
        [
            ('"Ada"', '"Adi"', '"Ad', "a", "i", '"'),
            ('"Ada"', '"Ad"', '"Ad', "a", "", '"'),
            ('["a","b"]', '["b","a"]', '["', 'a","b', 'b","a', '"]'),
            ("1", "2", "", "1", "2", ""),
            ('""', '"a"', '"', "", "a", '"'),
            ("true", "true", "true", "", "", ""),
            ("", "x", "", "", "x", ""),
            ('"aaa"', '"aa"', '"aa', "a", "", '"'),
        ],
    )
    def test_the_part_that_differs_is_marked_in_both(self, v2, v3, before, part_v2, part_v3, after):
        pair = side_by_side(v2, v3)
        assert taken_apart(pair.v2) == (before, part_v2, after)
        assert taken_apart(pair.v3) == (before, part_v3, after)

    @pytest.mark.parametrize(
        ("v2", "v3", "part_v2", "part_v3"),
        [
            (r'"\n"', r'"\t"', r"\n", r"\t"),
            (r'"\u00e9"', r'"\u00a9"', r"\u00e9", r"\u00a9"),
            (r'"\\u00e9"', r'"\\u00a9"', "e", "a"),
            ('"e\u0301"', '"e"', "e\u0301", "e"),
        ],
    )
    def test_an_escape_and_a_character_with_its_accent_are_not_torn_apart(
        self, v2, v3, part_v2, part_v3
    ):
        pair = side_by_side(v2, v3)
        assert (taken_apart(pair.v2)[1], taken_apart(pair.v3)[1]) == (part_v2, part_v3)

    def test_what_looks_the_same_is_spelled_by_its_codes(self):
        text = "Zo\u00e9"
        pair = side_by_side(
            f'"{text}"', json.dumps(unicodedata.normalize("NFD", text), ensure_ascii=False)
        )
        assert codes(pair.v2) == ["U+00E9 latin small letter e with acute"]
        assert codes(pair.v3) == ["U+0065 latin small letter e, U+0301 combining acute accent"]

    @pytest.mark.parametrize(("v2", "v3"), [('"a b"', '"a\xa0b"'), ('"a"', '"a "')])
    def test_blanks_are_spelled_too(self, v2, v3):
        assert any("U+0020 space" in said for said in codes("".join(side_by_side(v2, v3))))

    def test_a_part_that_is_nothing_says_so_beside_one_of_blanks(self):
        assert codes(side_by_side('"a"', '"a "').v2) == ["nothing here"]

    def test_plain_words_are_not_spelled(self):
        assert codes(side_by_side('"Ada"', '"Adi"').v2) == []

    def test_only_the_first_codes_are_spelled(self):
        [said] = codes(side_by_side('"é"', f'"{"ü" * (CODES_SHOWN + 1)}"').v3)
        assert said.count("U+00FC") == CODES_SHOWN
        assert said.endswith("… 1 more character")

    def test_no_value_is_told_apart_from_null_and_from_nothing(self):
        pair = side_by_side(None, "null")
        assert Page(pair.v2).root.text() == "no value"
        assert Page(pair.v2).root.all(of="value") == []
        assert Page(pair.v3).root.text() == "null"
        assert Page(side_by_side(None, "").v3).root.text() == ""


class TestLength:
    @pytest.mark.parametrize("more", [0, 1, 5000])
    def test_what_is_equal_is_cut_and_counted(self, more):
        equal = "x" * (EQUAL_SHOWN + more)
        html = side_by_side(f"{equal}a{equal}", f"{equal}b{equal}").v2
        assert taken_apart(html) == ("x" * EQUAL_SHOWN, "a", "x" * EQUAL_SHOWN)
        for where in ("before", "after"):
            assert (f"{more:,} equal {where}" in html) is (more > 0)

    @pytest.mark.parametrize("more", [0, 1, 5000])
    def test_what_differs_is_cut_and_counted(self, more):
        html = side_by_side('"a"', f'"{"b" * (PART_SHOWN + more)}"').v3
        [mark] = Page(html).root.all("mark")
        assert mark.text() == "b" * PART_SHOWN
        assert (f"… {more:,} more" in html) is (more > 0)

    def test_a_value_alone_is_cut_and_counted(self):
        html = side_by_side(None, "x" * (PART_SHOWN + 1)).v3
        assert Page(html).root.text(without="quiet").strip() == "x" * PART_SHOWN
        assert "… 1 more character<" in html

    @pytest.mark.parametrize("length", [0, 1, TEXT_SHOWN, TEXT_SHOWN + 1, TEXT_SHOWN + 2])
    def test_a_text_is_cut_and_says_so(self, length):
        html = shown("x" * length)
        more = {TEXT_SHOWN + 1: "… 1 more character", TEXT_SHOWN + 2: "… 2 more characters"}
        assert html.count("x") == min(length, TEXT_SHOWN)
        assert Page(html).root.text().strip("x ") == more.get(length, "")

    def test_a_chart_s_text_is_one_line_of_a_length(self):
        assert plain("a\nb\x00\tc", 20) == "a bU+0000 c"
        assert plain("abcdef", 5) == "abcd…"
        assert plain(None, 5) == ""


class TestHostile:
    @PROPERTY
    @given(TEXT)
    def test_a_text_is_the_visible_form_of_itself_and_no_element(self, text):
        page = Page(shown(text))
        assert page.root.text() == spelled(text)
        assert {(each.tag, *each.classes) for each in page.root.all()} <= {("span", "invisible")}

    @PROPERTY
    @given(TEXT, TEXT)
    def test_two_values_are_the_visible_form_of_themselves(self, v2, v3):
        for value, html in zip((v2, v3), side_by_side(v2, v3), strict=True):
            [whole] = Page(html).root.all(of="value")
            assert whole.text() == spelled(value)
            tags = {each.tag for each in Page(html).root.all()}
            assert tags == {"span", "mark"}
            assert html.encode()

    @PROPERTY
    @given(TEXT, TEXT)
    def test_both_have_the_same_before_the_mark_and_after_it(self, v2, v3):
        pair = side_by_side(v2, v3)
        (before, part, after), (other_before, other_part, other_after) = map(taken_apart, pair)
        assert (before, after) == (other_before, other_after)
        assert (part == other_part) is (v2 == v3) or spelled(v2) == spelled(v3)
