"""The .env file: what people write in one, and that a line of it is never repeated (R8)."""

import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from pliers.environment import Environment

SECRET = "s3cret"


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return a function that says what A_TEXT is after a file was read."""
    monkeypatch.delenv("A_TEXT", raising=False)

    def read(content: str | bytes) -> str:
        raw = content.encode() if isinstance(content, str) else content
        (tmp_path / ".env").write_bytes(raw)
        before = dict(os.environ)
        try:
            return Environment(tmp_path / ".env").text("A_TEXT", "nothing")
        finally:
            os.environ.clear()
            os.environ.update(before)

    return read


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A_TEXT=UTC # the zone", "UTC"),
        ("A_TEXT=UTC\t# the zone # of v2", "UTC"),
        ("A_TEXT= # nothing yet", "nothing"),
        ("A_TEXT=a#b", "a#b"),
        ("A_TEXT=#b", "#b"),
        ("A_TEXT='a # b'", "a # b"),
        ('A_TEXT="a # b" # a comment', "a # b"),
        ("A_TEXT='a' # it's a comment", "a"),
    ],
)
def test_a_comment_begins_after_a_blank_and_outside_quotes(read, line, value):
    assert read(f"{line}\n") == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A_TEXT=UTC  \t", "UTC"),
        ('A_TEXT="UTC"  ', "UTC"),
        ("A_TEXT='UTC'\t", "UTC"),
        ("A_TEXT= 'UTC'", "UTC"),
        ("  A_TEXT=UTC", "UTC"),
        ("export A_TEXT=UTC ", "UTC"),
        ("A_TEXT=' UTC '", " UTC "),
        ("A_TEXT=two words", "two words"),
        (r'A_TEXT="a\"b"', 'a"b'),
        ("A_TEXT='it's'", "it's"),
        ("A_TEXT=it's", "it's"),
    ],
)
def test_blanks_around_a_value_go_and_those_within_quotes_stay(read, line, value):
    assert read(f"{line}\n") == value


@pytest.mark.parametrize("before", ["\ufeff", "   \n", "\t\n", "  # a comment\n", "\r\n", ""])
def test_what_is_no_assignment_and_no_mistake_is_passed_over(read, before):
    assert read(f"{before}A_TEXT=UTC\n") == "UTC"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"A_TEXT = {SECRET}", "not NAME=value"),
        (f"A_TEXT=a\0{SECRET}", "not NAME=value"),
        (SECRET, "not NAME=value"),
        (f"A_TEXT='{SECRET}", "the quote that opens the value does not close it"),
        (f'A_TEXT="{SECRET}" {SECRET}', "the quote that opens the value does not close it"),
    ],
)
def test_r8_a_line_that_cannot_be_meant_is_named_by_number(read, caplog, line, said):
    with pytest.raises(ImproperlyConfigured, match=rf"^\.env, line 3: {said}") as caught:
        read(f"# a comment\n\n{line}\n")
    assert SECRET not in str(caught.value) + caplog.text


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_r8_a_file_that_is_not_utf_8_is_said_to_be(read, encoding):
    with pytest.raises(ImproperlyConfigured, match=r"^\.env is not UTF-8 text") as caught:
        read(f"A_TEXT={SECRET}\u00fc\n".encode(encoding))
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_file_that_may_not_be_read_is_said_to_be(read, monkeypatch):
    def refused(path: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    # Root, who runs many a test, may read every file.
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(ImproperlyConfigured, match=r"^\.env cannot be read: Permission denied$"):
        read("A_TEXT=UTC\n")


def test_a_file_that_is_not_there_is_an_empty_one(tmp_path, monkeypatch):
    monkeypatch.delenv("A_TEXT", raising=False)
    assert Environment(tmp_path / "nowhere" / ".env").text("A_TEXT", "nothing") == "nothing"
