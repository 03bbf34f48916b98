"""Hostile values: what fifteen years of users, imports and bugs leave in columns of text and time.

``hazards`` names what a value is feared for, so that a test can count that each was really drawn.
"""

import re
import unicodedata
from datetime import datetime

from hypothesis import strategies as st

CONTROLS = "".join(chr(n) for n in [*range(1, 32), *range(127, 160)])
LONG_NAME = "n" * 255

# One fear each, or two that meet.
TEXTS = (
    "", " ", "   ", "\t", "\u00a0", "\u3000",  # empty and blank
    "\x00", "a\x00b", "\x00\x00", "\\u0000", r"\x00",  # U+0000, and what only looks like it
    "\ud800", "\udfff", "a\udc00b", "\ud83d\ude00", "\ude00\ud83d", "x\ud83d",  # surrogates
    "\\N", "\\.", "\\", "\\\\", "a\\", "\\n", "\n", "\r", "\r\n", "a\tb", "\\.\n", "end\n\\.\n",
    "\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029", CONTROLS, "\x1b[31mred", "\x7f", "\b",
    "'", '"', "''", '"quoted"', "`", "O'Neill; DROP TABLE users; --", "$$", "%s %(a)s {0} {}",
    "שלום", "\u202eevil\u202c", "مرحبا", "\u200f",  # right to left
    "e\u0301", "é", "\u0301", "Z\u0335\u0321a\u0338\u0322l",  # combining
    "ﬁ", "İ", "ß", "\u017f", "\u212a",  # folding
    "😀", "👩\u200d👩\u200d👧", "🇩🇪", "\ufe0f", "\U0010ffff",
    "\uffff", "\ufffe", "\ufffd", "\ufeff",
    "007", "7", "1e5", "NaN", "Infinity", "-0", "0x10", "1.0", "1_000", "123456789012345678901",
    "true", "True", "false", "null", "NULL", "None", "[]", "{}", '{"a": 1}', "[null]", '"a"',
    "!!!", "???", "---", "___", "@#", "-", "_",  # names only of symbols
)  # fmt: skip
# Names whose slugs, codes or emails collide.
NAMES = (
    "a", "a", "A", "a ", " a", "a-2", "a-2", "a-2-2", "a_2", "a_3", "a b", "a-b", "A B", "ä", "Ä",
    LONG_NAME, LONG_NAME, LONG_NAME[:-2] + "-2", LONG_NAME[:-1] + "N", "n" * 253,
    "ann@example.org", "ANN@example.org", "ann@example.org ",
    "\u017f@x", "s@x", "S@X", "İ@x", "i\u0307@x",
    "V2-aaaaaaaa", "V2-AAAAAAAA", "V2-aaaaaaaa0", "c" * 50, "c" * 51,
)  # fmt: skip
TOO_LONG = "l" * 256
STATUS_NAMES = (
    "Draft", "draft", "DRAFT", "Submitted", "Approved ", "On Hold", "ON HOLD",
    "\u017fubmitted", "",
    "Rejected\x00", "\ud800", "null",
)  # fmt: skip
TYPE_NAMES = (
    "TextBox", "TEXTBOX", "TextArea", "DropDown", "CheckBox", "CheckBox", "checkbox", "CheckBox ",
    "RadioButton", "Tick\x00Box", "", "null",
)  # fmt: skip

ZONES = (
    "UTC", "America/New_York", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Monrovia",
)  # fmt: skip
TIMES = (
    "2024-03-01 10:20:30.123456", "2024-03-01 10:20:30.123456", "2024-03-01 10:20:30.123456",
    "2024-03-01 10:20:30.123457", "2023-01-01 00:00:00.000000",
    "0001-01-01 00:00:00.000000", "0001-01-01 13:59:59.999999", "0001-01-02 00:00:00.000000",
    "9999-12-31 23:59:59.999999", "9999-12-31 10:00:00.000000", "1970-01-01 00:00:00.000000",
    # gaps of New York, London, Sydney and Lord Howe, then overlaps, the last of Monrovia
    "2024-03-10 02:30:00.000000", "2024-03-31 01:30:00.000000", "2024-10-06 02:10:00.000000",
    "2024-11-03 01:30:00.000000", "2023-10-29 01:30:00.000000", "2023-04-02 02:30:00.000000",
    "2024-04-07 01:45:00.000000", "1972-01-07 00:20:00.000000", "2049-07-01 00:00:00.000000",
)  # fmt: skip
# What only SQLite holds: seven digits of fraction, a date alone, and what is no time at all.
LOOSE_TIMES = ("2024-03-01 10:20:30.1234567", "2024-03-01", "2024-02-30 00:00:00", "never", "")

any_text = st.text(st.characters(), max_size=8)
storable_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
any_time = st.datetimes().map(lambda time: time.isoformat(" ", "microseconds"))


def storable(text: str) -> bool:
    """Whether PostgreSQL could hold the text."""
    return re.search("[\x00\ud800-\udfff]", text) is None


_HAZARDS = {
    "empty": "",
    "blank": r"\s+",
    "U+0000": r".*\x00.*",
    "lone surrogate": (
        r".*(?<![\ud800-\udbff])[\udc00-\udfff].*|.*[\ud800-\udbff](?![\udc00-\udfff]).*"
    ),
    "two halves": r".*[\ud800-\udbff][\udc00-\udfff].*",
    "control character": r".*[\x01-\x1f\x7f-\x9f].*",
    "backslash": r".*\\.*",
    "only a backslash": r"\\",
    "\\N": r"\\N",
    "\\.": r"(?:.*\n)?\\\.(?:\n.*)?",
    "tab or line end": r".*[\t\n\r].*",
    "quote": r""".*['"`].*""",
    "right to left": r".*[\u0590-\u08ff\u200f\u202e].*",
    "emoji": r".*[\U0001f000-\U0001ffff].*",
    "number": r"[-+]?\d[\d._]*(?:e\d+)?|NaN|Infinity|0x10",
    "literal": r"(?i:true|false|null|none)",
    "JSON": r"[\[{].*[\]}]|\".*\"",
    "255 characters": r".{255}",
    "too long": r".{256,}",
    "trailing blank": r".*\S ",
}  # fmt: skip
_PATTERNS = {name: re.compile(pattern, re.DOTALL) for name, pattern in _HAZARDS.items()}


def hazards(value: object) -> set[str]:
    """What a value of v2 is feared for."""
    if value is None:
        return {"null"}
    if isinstance(value, bytes):
        return {"bytes"}
    if not isinstance(value, str):
        return set()
    found = {name for name, pattern in _PATTERNS.items() if pattern.fullmatch(value)}
    if any(unicodedata.combining(c) for c in value):
        found.add("combining")
    if value.strip() and not any(c.isalnum() for c in value):
        found.add("only symbols")
    return found


def time_hazards(value: object) -> set[str]:
    """What a time of v2 is feared for, whatever the zone."""
    if not isinstance(value, str):
        return {"no time"}
    try:
        year = datetime.fromisoformat(value).year
    except ValueError:
        return {"unusable time"}
    return {f"year {year}"} & {"year 1", "year 9999"}
