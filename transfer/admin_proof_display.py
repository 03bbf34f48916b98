"""How the admin shows verifications and the differences they found."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from pliers.admin_display import link, list_link, quiet, table, visible
from pliers.admin_lists import as_uuid
from transfer.html_charts import PARTS
from transfer.html_values import Pair, shown, side_by_side
from transfer.html_verdict import counted, number, verdict
from transfer.models import MigrationDeferral, MigrationDifference, MigrationVerification

ROWS_SHOWN = 100
"""Checks, places or accepted differences that a page shows at most."""

V3_MODELS: dict[str, type[Model]] = {model._meta.db_table: model for model in apps.get_models()}

_CLASSES = {"good": "resolved", "accepted": "accepted", "open": "open", "bad": "open"}


def verdict_of(
    status: str | None, errors: int | None, differences: int | None, sample: int | None
) -> SafeString:
    """The verdict of a report, by what a list knows of it."""
    if status is None:
        return quiet("none yet")
    words = verdict({"status": status, "errors": errors, "differences": {"total": differences}})
    remark = "" if sample is None or words.kind == "bad" else quiet(" of a sample")
    return format_html(
        '<span class="state {}">{}</span>{}', _CLASSES[words.kind], shown(status, 20), remark
    )


def to_do(report: object) -> SafeString:
    """What a verdict means, and what is to be done."""
    if not isinstance(report, Mapping):
        return quiet("it has not ended: verify_v2 goes on with it")
    words = verdict(report)
    lines = [words.headline + ".", *words.meaning, *words.to_do]
    said = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
    command = format_html('<pre class="command">{}</pre>', visible(words.command))
    return format_html('<ul class="answers">{}</ul>{}', said, command if words.command else "")


def checks(report: object) -> SafeString:
    """The checks of a report, with strategy.md's columns."""
    head = ("check_name", "source_count", "target_count", "difference", "status", "note")
    keys = ("name", *head[1:])
    return _table(head, _rows(report, "checks"), keys)


def tables(report: object) -> SafeString:
    """What comparing each table found, and its digests below each other."""
    counts = ("compared", "equal", "accepted", "different", "missing_in_v3", "missing_in_v2")
    rows = [
        [
            _cell(row.get("table")),
            *(_cell(row.get(key)) for key in counts),
            _digests(row.get("digest_v2"), row.get("digest_v3")),
        ]
        for row in _rows(report, "tables")[:ROWS_SHOWN]
    ]
    return table(("table", *(PARTS.get(key, key) for key in counts), "digests"), rows)


def _digests(v2: object, v3: object) -> SafeString:
    if v2 is None or v3 is None:
        return quiet("none")
    if v2 == v3:
        return format_html("{} {}", quiet("equal:"), shown(v2))
    return format_html("{} {}<br>{} {}", quiet("v2:"), shown(v2), quiet("v3:"), shown(v3))


def places(row: MigrationVerification) -> SafeString:
    """Where a verification found differences; each leads to those that are stored."""
    report = row.report if isinstance(row.report, Mapping) else {}
    found = _rows(report.get("differences"), "by_place")
    lines = [
        (
            list_link(
                MigrationDifference,
                _count(place.get("count")),
                verification=row.pk,
                table_name=place.get("table"),
                kind__exact=place.get("kind"),
                # A report counts by column; a difference inside a document tells the way to it too.
                column_name__regex=rf"^{re.escape(str(place.get('column') or ''))}(\[|$)",
            ),
            _cell(place.get("table")),
            _cell(place.get("column")),
            _cell(PARTS.get(str(place.get("kind")), place.get("kind"))),
        )
        for place in found[:ROWS_SHOWN]
    ]
    return _with_rest(table(("number", "table", "column", "kind"), lines), len(found))


def accepted(report: object) -> SafeString:
    """The accepted differences of a report."""
    head = ("name", "rule", "of", "count", "meaning", "reason")
    return _table(head, _rows(report, "accepted_differences"), head)


def state(difference: MigrationDifference) -> SafeString:
    """Whether a difference is open or resolved, to be seen at a glance."""
    return _state("resolved" if difference.resolved_at else "open")


def deferral_state(deferral: MigrationDeferral) -> SafeString:
    """Whether what was put off is waiting or settled."""
    return _state("resolved", "settled") if deferral.settled_at else _state("open", "waiting")


def _state(name: str, said: str = "") -> SafeString:
    return format_html('<span class="state {}">{}</span>', name, said or name)


def values(difference: MigrationDifference) -> Pair:
    """Both values of a difference, with the part that differs marked."""
    return side_by_side(difference.v2_value, difference.v3_value)


def beside(difference: MigrationDifference) -> SafeString:
    """Both values as a table of two columns."""
    return table(("v2, by the rules", "v3"), [values(difference)])


def v3_record(table_name: str, record_id: str) -> SafeString:
    """A record of v3, linked where it is there."""
    model, key = V3_MODELS.get(table_name), as_uuid(record_id)
    if model is None or key is None:
        return quiet("none of its own")
    found = model._default_manager.filter(pk=key).first()
    return link(found) if found else quiet("not in v3")


def _table(
    head: Sequence[str], rows: Sequence[Mapping[str, Any]], keys: Iterable[str]
) -> SafeString:
    keys = tuple(keys)
    lines = [[_cell(row.get(key)) for key in keys] for row in rows[:ROWS_SHOWN]]
    return _with_rest(table(head, lines), len(rows))


def _with_rest(listed: SafeString, of: int) -> SafeString:
    if of <= ROWS_SHOWN:
        return listed
    rest = quiet(f"and {counted(of - ROWS_SHOWN, 'line')} more; the HTML report holds more of them")
    return format_html("{}<p>{}</p>", listed, rest)


def _cell(value: object) -> SafeString:
    return shown(value if number(value) is None else _count(value))


def _count(value: object) -> str:
    count = number(value)
    return "?" if count is None else f"{count:,}"


def _rows(document: object, key: str) -> list[Mapping[str, Any]]:
    found = document.get(key) if isinstance(document, Mapping) else None
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
