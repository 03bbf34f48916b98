"""Texts of the databases as the HTML report shows them: cut, visible, marked where two differ."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

from pliers.admin_display import quiet, spelled, visible

TEXT_SHOWN = 500
"""Characters of one text (a name, a note) that the report shows at most."""

EQUAL_SHOWN = 60
"""Characters shown of what two values have in common, before and after the part that differs."""

PART_SHOWN = 450
"""Characters shown of the part in which two values differ."""

CODES_SHOWN = 6
"""Characters of a differing part that are spelled by their codes."""

# What must not be torn apart: an escape of JSON, and a character with the marks over it.
_PIECE = re.compile(r"(?:\\u[0-9a-fA-F]{4}|\\.|.)[\u0300-\u036f\ufe0e\ufe0f]*", re.DOTALL)


class Pair(NamedTuple):
    """Two values beside each other, as HTML."""

    v2: SafeString
    v3: SafeString


def shown(text: object, limit: int = TEXT_SHOWN) -> SafeString:
    """Return a text as HTML: escaped, visible, and cut where it is long; nothing for None."""
    whole = "" if text is None else str(text)
    if len(whole) <= limit:
        return visible(whole)
    return format_html("{} {}", visible(whole[:limit]), quiet(_more(len(whole) - limit)))


def plain(text: object, limit: int) -> str:
    """Return a text without markup, for a chart: visible and cut; it is still to be escaped."""
    whole = " ".join(spelled("" if text is None else str(text)).split())
    return whole if len(whole) <= limit else f"{whole[: limit - 1]}…"


def side_by_side(v2: str | None, v3: str | None) -> Pair:
    """Return two values with the part in which they differ marked in each.

    Args:
        v2: JSON text, None where there is no value.
        v3: the same of the other side.
    """
    if v2 is None or v3 is None:
        return Pair(_whole(v2), _whole(v3))
    pieces, others = _PIECE.findall(v2), _PIECE.findall(v3)
    before = _in_common(pieces, others)
    after = _in_common(pieces[before:][::-1], others[before:][::-1])
    parts = [whole[before : len(whole) - after] for whole in (pieces, others)]
    odd = any(_may_deceive("".join(part[:CODES_SHOWN])) for part in parts)
    return Pair(
        *(
            _marked(whole, before, after, codes=odd and parts[0] != parts[1])
            for whole in (pieces, others)
        )
    )


def _whole(value: str | None) -> SafeString:
    if value is None:
        return quiet("no value")
    return format_html('<span class="value" dir="auto">{}</span>', shown(value, PART_SHOWN))


def _in_common(pieces: Sequence[str], others: Sequence[str]) -> int:
    both = zip(pieces, others, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))


def _marked(pieces: Sequence[str], before: int, after: int, *, codes: bool) -> SafeString:
    end = len(pieces) - after
    hidden_before, hidden_after = max(before - EQUAL_SHOWN, 0), max(after - EQUAL_SHOWN, 0)
    part, rest = pieces[before:end], max(end - before - PART_SHOWN, 0)
    return format_html(
        '{}<span class="value" dir="auto">{}<mark>{}</mark>{}{}</span>{}{}',
        _remark(hidden_before, "equal before"),
        visible("".join(pieces[hidden_before:before])),
        visible("".join(part[:PART_SHOWN])),
        _remark(rest, "more"),
        visible("".join(pieces[end : len(pieces) - hidden_after])),
        _remark(hidden_after, "equal after"),
        _codes("".join(part)) if codes else "",
    )


def _remark(number: int, what: str) -> SafeString:
    return quiet(f" … {number:,} {what} … ") if number else SafeString("")


def _may_deceive(part: str) -> bool:
    """Whether two texts may look the same and not be: beyond ASCII, or blanks, or nothing."""
    return not part.strip() or not part.isascii()


def _codes(part: str) -> SafeString:
    codes = [f"U+{ord(character):04X}{_name(character)}" for character in part[:CODES_SHOWN]]
    more = [_more(len(part) - CODES_SHOWN)] if len(part) > CODES_SHOWN else []
    listed = ", ".join([*codes, *more]) or "nothing here"
    return format_html('<span class="codes">{}</span>', listed)


def _name(character: str) -> str:
    name = unicodedata.name(character, "")
    return f" {name.lower()}" if name else ""


def _more(number: int) -> str:
    return f"… {number:,} more character{'' if number == 1 else 's'}"
