"""How the admin shows what people have typed: as text, whatever it holds.

Answers are other people's input. Markup is escaped, and characters that show nothing or turn the
text around (control characters, direction overrides, zero-width blanks) are shown by their code.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db.models import Model
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

# Invisible or worse, but for the line feed and tab, which <pre> and pre-wrap show as they are,
# and the joiners, which scripts and emoji need: categories Cc, Cf, Zl and Zp, and lone surrogates.
_KEPT = frozenset("\n\t\u200c\u200d")
_SUSPECT = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
    "]"
)


def _code(character: str) -> str:
    name = unicodedata.name(character, "CONTROL CHARACTER")
    number = f"U+{ord(character):04X}"
    return f'<span class="invisible" title="{name}">{number}</span>'


def visible(text: str) -> SafeString:
    """Return the text as HTML: escaped, with each character nobody could see as its code."""
    return mark_safe(  # noqa: S308 - escaped just here; the codes hold no input
        _SUSPECT.sub(
            lambda found: found.group() if found.group() in _KEPT else _code(found.group()),
            escape(text),
        )
    )


def spelled(text: str) -> str:
    """Return the text with each character nobody could see as its code, not yet escaped."""
    return _SUSPECT.sub(
        lambda found: found.group() if found.group() in _KEPT else f"U+{ord(found.group()):04X}",
        text,
    )


def named(text: str) -> SafeString:
    """Return a name as something that can be seen and clicked, even one of nothing but blanks."""
    return visible(text) if text.strip() else quiet("no name")


def quiet(text: str) -> SafeString:
    """Return a remark of the admin's own, set off from what people have typed."""
    return format_html('<span class="quiet">{}</span>', text)


def text_as_stored(value: str | None) -> SafeString:
    """Return a text column: its lines, its invisible characters, and whether there is a text."""
    if value is None:
        return quiet("none")
    return (
        format_html('<span class="answer">{}</span>', visible(value)) if value else quiet("empty")
    )


def exact_time(value: datetime | None) -> SafeString:
    """Return a time to the microsecond, in UTC, as it has to be compared with v2's."""
    if value is None:
        return quiet("none")
    return visible(f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')} UTC")


def minute(value: datetime | None) -> str:
    """Return a time to the minute, in UTC, for a list."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}" if value else ""


def editable_json(value: object) -> str:
    """Return a JSON value to be edited: indented, with invisible characters as JSON escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _SUSPECT.sub(lambda found: _json_escape(found.group()), text)


def _json_escape(character: str) -> str:
    return character if character in _KEPT else json.dumps(character)[1:-1]


def pretty_json(value: object) -> SafeString:
    """Return a JSON value as an indented block of text."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html('<pre class="json">{}</pre>', visible(text))


def answer(value: object) -> SafeString:
    """Return one answer: text with its lines, a list as a list, and none or empty said so."""
    if value is None:
        return quiet("no answer")
    if value == "":
        return quiet("empty")
    if isinstance(value, str):
        return format_html('<span class="answer" dir="auto">{}</span>', visible(value))
    if isinstance(value, list):
        if not value:
            return quiet("nothing chosen")
        return format_html(
            '<ul class="answers">{}</ul>',
            format_html_join("", "<li>{}</li>", ((answer(item),) for item in value)),
        )
    return pretty_json(value)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> SafeString:
    """Return rows as an HTML table; text in a cell is made visible, HTML is left as it is."""
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((_cell(cell),) for cell in row)),) for row in rows),
    )
    if not body:
        return quiet("none")
    titles = format_html_join("", '<th scope="col">{}</th>', ((visible(title),) for title in head))
    return format_html(
        '<table class="inside"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', titles, body
    )


def _cell(cell: object) -> SafeString:
    if isinstance(cell, SafeString):
        return cell
    return visible("" if cell is None else str(cell))


def link(target: Model | None, text: str | None = None) -> SafeString:
    """Return a link to a record's own page in the admin."""
    if target is None:
        return quiet("none")
    meta = target._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[target.pk])
    return format_html('<a href="{}">{}</a>', url, named(str(target) if text is None else text))


def list_link(model: type[Model], text: str, **filters: object) -> SafeString:
    """Return a link to the admin's list of a model, filtered."""
    meta = model._meta
    url = reverse(
        f"admin:{meta.app_label}_{meta.model_name}_changelist",
        query={name: str(value) for name, value in filters.items()},
    )
    return format_html('<a href="{}">{}</a>', url, text)
