"""M4: text is kept character for character, as far as PostgreSQL can store it."""

import re

# What PostgreSQL cannot store in text or jsonb: U+0000, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def is_clean(text: str) -> bool:
    """Whether PostgreSQL can store the text as it is (M4)."""
    if text.isascii():
        return "\x00" not in text
    return _UNSTORABLE.search(text) is None


def clean(text: str) -> str:
    """The text with U+0000 and each lone surrogate as U+FFFD (M4).

    The two halves of one character, side by side, are not lone: they become that character.
    Nothing else is touched: no normalization, no trimming. Cleaning twice changes nothing more.
    """
    if is_clean(text):
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", REPLACEMENT)


def shorten(value: object, limit: int = 40) -> str:
    """A value as a message shows it: its repr, cut in the middle past ``limit`` characters."""
    shown = ascii(value) if isinstance(value, str) and not is_clean(value) else repr(value)
    if len(shown) <= limit:
        return shown
    half = (limit - 1) // 2
    return f"{shown[:half]}…{shown[-half:]}"
