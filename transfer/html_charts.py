"""Bar charts as inline SVG: no script, told apart by pattern as well as colour, told in words too.

Colours and patterns are the page's: a part of a bar has its kind as a class (see PARTS).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from transfer.html_values import plain

PARTS = {
    "equal": "equal",
    "accepted": "accepted difference",
    "open": "open error",
    "different": "different",
    "missing_in_v3": "missing in v3",
    "missing_in_v2": "missing in v2",
    "v2": "v2",
    "v3": "v3",
}
"""What a part of a bar can be, and the words for it."""

WIDTH = 1000
"""Of a chart, in its own units; a page scales it."""

LABEL_SHOWN = 60
"""Characters of a label at most."""

_LINE, _BAR, _GAP = 20, 14, 12
_NUMBERS = 110  # room for a figure behind a bar that is drawn to scale
_SEEN = 3.0  # what is there is seen, were it one in thirty million


class Line(NamedTuple):
    """One bar: what it is made of, in this order; a part of 0 is left out."""

    parts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """The sum of its parts."""
        return sum(count for _, count in self.parts)

    @property
    def words(self) -> str:
        """The bar as a sentence: what and how many."""
        said = (f"{PARTS[kind]} {count:,}" for kind, count in self.parts if count)
        return ", ".join(said) or "none"


class Group(NamedTuple):
    """A label and the bars under it."""

    label: str
    lines: tuple[Line, ...]


def shares(name: str, title: str, groups: Sequence[Group]) -> SafeString:
    """Return a chart in which each bar is a whole of its own and is as wide as the chart.

    Args:
        name: unique on the page; letters and hyphens.
        title: what it shows.
        groups: one bar each is usual.
    """
    return _chart(name, title, groups, to_scale=False)


def amounts(name: str, title: str, groups: Sequence[Group]) -> SafeString:
    """Return a chart in which all bars have one scale, with a figure behind each."""
    return _chart(name, title, groups, to_scale=True)


def _chart(name: str, title: str, groups: Sequence[Group], *, to_scale: bool) -> SafeString:
    if not groups:
        return SafeString("")
    longest = max((line.total for group in groups for line in group.lines), default=0)
    drawn, y = [], 0
    for group in groups:
        drawn.append(_label(group, y, with_words=not to_scale))
        y += _LINE
        for line in group.lines:
            drawn.append(_bar(line, y, longest if to_scale else line.total, to_scale=to_scale))
            y += _BAR + 2
        y += _GAP
    return format_html(
        '<figure class="chart"><svg role="img" viewBox="0 0 {} {}" aria-labelledby="{}-t {}-d">'
        '<title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>'
        "<figcaption>{} {}</figcaption></figure>",
        WIDTH,
        y,
        name,
        name,
        name,
        title,
        name,
        "; ".join(_said(group) for group in groups),
        _joined(drawn),
        title,
        _legend(groups),
    )


def _said(group: Group) -> str:
    return f"{plain(group.label, LABEL_SHOWN)}: {', '.join(line.words for line in group.lines)}"


def _label(group: Group, y: int, *, with_words: bool) -> SafeString:
    label = format_html(
        '<text class="label" x="0" y="{}">{}</text>', y + 14, plain(group.label, LABEL_SHOWN)
    )
    if not with_words:
        return label
    words = "; ".join(line.words for line in group.lines)
    return format_html(
        '{}<text class="figure" x="{}" y="{}" text-anchor="end">{}</text>',
        label,
        WIDTH,
        y + 14,
        words,
    )


def _bar(line: Line, y: int, of: int, *, to_scale: bool) -> SafeString:
    room = WIDTH - _NUMBERS if to_scale else WIDTH
    drawn, x = [], 0.0
    for kind, count, width in _widths(line, of, room):
        drawn.append(
            format_html(
                '<rect class="part {}" x="{}" y="{}" width="{}" height="{}">'
                "<title>{} {}</title></rect>",
                kind,
                f"{x:.1f}",
                y,
                f"{width:.1f}",
                _BAR,
                PARTS[kind],
                f"{count:,}",
            )
        )
        x += width
    if to_scale:
        place = f"{x + 6:.1f}"
        drawn.append(
            format_html(
                '<text class="figure" x="{}" y="{}">{}</text>', place, y + 11, f"{line.total:,}"
            )
        )
    return _joined(drawn)


def _widths(line: Line, of: int, room: int) -> list[tuple[str, int, float]]:
    """Kind, count and width of each part; a small one is drawn wider, the widest makes room."""
    parts = [(kind, count, count / of * room) for kind, count in line.parts if count > 0]
    seen = [(kind, count, max(width, _SEEN)) for kind, count, width in parts]
    surplus = sum(width for *_, width in seen) - room
    if surplus > 0:
        widest = max(range(len(seen)), key=lambda n: seen[n][2])
        kind, count, width = seen[widest]
        seen[widest] = kind, count, max(width - surplus, _SEEN)
    return seen


def _legend(groups: Iterable[Group]) -> SafeString:
    there = {kind for group in groups for line in group.lines for kind, n in line.parts if n > 0}
    entries = ((kind, words) for kind, words in PARTS.items() if kind in there)
    return format_html(
        '<span class="legend">{}</span>',
        format_html_join(
            " ",
            '<span class="entry"><svg class="swatch" viewBox="0 0 18 12" aria-hidden="true">'
            '<rect class="part {}" width="18" height="12"/></svg> {}</span>',
            entries,
        ),
    )


def _joined(pieces: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((piece,) for piece in pieces))
