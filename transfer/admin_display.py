"""How the admin shows a migration's books: findings, the v2 records they keep, and the ledger."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from django.db.models.functions import Now
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from pliers.admin_display import exact_time, list_link, pretty_json, quiet, table, visible
from transfer.batch import TableState
from transfer.detail import CUT, decode_detail
from transfer.ledger import Ledger
from transfer.mapping.codes import CODES, CodeInfo, Severity
from transfer.mapping.record_detail import V2_COLUMNS
from transfer.models import MigrationError, MigrationProgress, RunStatus
from transfer.rate import told_running

TEXT_SHOWN = 10_000
"""Characters of one v2 text that a page shows at most; a recorded one may have a million."""

ROWS_SHOWN = 100
"""Answers of one submission that a page shows at most; it may have had any number."""

OPEN, ACCEPTED, RESOLVED = "open", "accepted", "resolved"

_INFO: dict[str, CodeInfo] = {code.value: info for code, info in CODES.items()}
_TO_DO = {
    OPEN: "Repair the record in v2, or put what it lacks into v3. Then try it again",
    ACCEPTED: "Nothing. This is an accepted difference",
    RESOLVED: "Nothing any more",
}


def state_of(error: MigrationError) -> str:
    """Whether a finding is open, an accepted difference (a warning), or resolved."""
    if error.resolved_at is not None:
        return RESOLVED
    return OPEN if error.severity == Severity.ERROR else ACCEPTED


def state(error: MigrationError) -> SafeString:
    """The state of a finding, to be seen at a glance."""
    name = state_of(error)
    return format_html('<span class="state {}">{}</span>', name, name)


def meaning(code: str) -> SafeString:
    """What a code stands for, and its rule."""
    if info := _INFO.get(code):
        return format_html("{}: {}", info.rule, info.meaning)
    return quiet("a code of another version of this program")


def to_do(error: MigrationError) -> SafeString:
    """What is to be done about a finding: how to try it again, or why there is nothing to do."""
    name = state_of(error)
    if name == RESOLVED:
        return format_html("{}: resolved {}.", _TO_DO[name], exact_time(error.resolved_at))
    if name == ACCEPTED:
        info = _INFO.get(error.code)
        why = format_html(" ({}): {}.", info.rule, info.reason) if info else "."
        return format_html("{}{}", _TO_DO[name], why)
    command = retry_command(error)
    if command is None:
        return format_html("{}.", _TO_DO[name])
    return format_html('{}:<pre class="command">{}</pre>', _TO_DO[name], visible(command))


def retry_command(error: MigrationError) -> str | None:
    """The command that tries a finding's record again and nothing else, for a shell.

    None where none can: the command trims what it is given, makes an id lower case and takes only
    what prints. That is no loss with ids of v2; a copy made by hand may hold others.
    """
    key, name = error.record_id or "", error.migration_name
    plain = key.strip().lower() == key and name.strip() == name
    if not (key and name and plain and f"{key}{name}".isprintable()):
        return None
    values = {"--name": name, "--table": error.table_name, "--id": key}
    return f"manage.py retry_v2 {' '.join(_option(*item) for item in values.items())}"


def _option(name: str, value: str) -> str:
    # What begins with a dash would be taken for an option.
    return shlex.quote(f"{name}={value}") if value[:1] == "-" else f"{name} {shlex.quote(value)}"


def v2_record(v2_table: str, detail: object) -> SafeString:
    """The v2 record a finding keeps, as it was read: its columns, and its answers below."""
    record = decode_detail(detail)
    if record is None:
        return quiet("none")
    if not isinstance(record, dict):
        return pretty_json(record)
    lists = {name: value for name, value in record.items() if _elements(value) is not None}
    names = _in_order(v2_table, record.keys() - lists.keys())
    columns = ((name, _value(record[name])) for name in names)
    shown = [table(("column", "value"), columns), *(_list(*item) for item in lists.items())]
    parts = format_html_join("", "{}", ((part,) for part in shown))
    return format_html('<div class="v2-record">{}</div>', parts)


def _in_order(v2_table: str, names: Iterable[str]) -> list[str]:
    """Columns in v2's order, which jsonb does not keep; such as v2 does not have come last."""
    known = V2_COLUMNS.get(v2_table, ())
    return sorted(names, key=lambda name: (known.index(name) if name in known else 99, name))


def _elements(value: object) -> Sequence[object] | None:
    """The elements of a list, cut or not; None for what is no list."""
    if isinstance(value, dict):
        value = value.get(CUT)
    return value if isinstance(value, list) else None


def _list(name: str, value: object) -> SafeString:
    elements = _elements(value) or []
    count = value.get("length") if isinstance(value, dict) else len(elements)
    remark = f"{name}: {_number(count)}"
    if isinstance(value, dict):
        remark += f", of which the first {len(elements):,} are kept; {_digest(value)}"
    if len(elements) > ROWS_SHOWN:
        remark += f"; the first {ROWS_SHOWN:,} are shown"
    rows = [row for row in islice(elements, ROWS_SHOWN) if isinstance(row, dict)]
    names = _in_order("FormSubmissionMetaData", {column for row in rows for column in row})
    names.sort(key="FormSubmissionId".__eq__)  # the last: it is the record's own id, in each row
    cells = ([_value(row.get(column)) for column in names] for row in rows)
    return format_html("<p>{}</p>{}", quiet(remark), table(names, cells))


def _value(value: object) -> SafeString:
    """One value of a v2 record, of which the type may be the very fault."""
    match value:
        case None:
            return quiet("null")
        case "":
            return quiet("empty")
        case str():
            return _text(value)
        case bool() | int() | float():
            kind = "true or false" if isinstance(value, bool) else "number"
            return format_html("{} {}", json.dumps(value), quiet(kind))
        case {"cut": str(beginning), **cut}:
            length, digest = _number(cut.get("length")), _digest(cut)
            remark = f"cut: the first {len(beginning):,} of {length} characters; {digest}"
            return format_html("{} {}", _text(beginning), quiet(remark))
    return pretty_json(value)


def _text(text: str) -> SafeString:
    shown = visible(text[:TEXT_SHOWN])
    answer = format_html('<span class="answer" dir="auto">{}</span>', shown)
    if len(text) <= TEXT_SHOWN:
        return answer
    remark = f"the first {TEXT_SHOWN:,} of {len(text):,} characters are shown"
    return format_html("{} {}", answer, quiet(remark))


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"


def _digest(cut: Mapping[Any, Any]) -> str:
    return f"SHA-256 of all: {cut.get('sha256')}"


def moment(row: MigrationProgress) -> SafeString:
    """How far and how fast a table in progress was at its last batch, whoever moves parts of it."""
    if row.status != RunStatus.IN_PROGRESS or row.partition:
        return quiet("it is not in hand")
    whole = TableState(row.table_name, row.status, total=row.total_records)
    # Its own row, and those of the ranges that workers move. By the clock that wrote the
    # heartbeats; this computer's may differ.
    rows = MigrationProgress.objects.filter(
        migration_name=row.migration_name, table_name=row.table_name
    ).annotate(now=Now())
    now = None
    for each in rows:
        now = each.now
        books = each.ledger if isinstance(each.ledger, dict) else {}
        failed = each.failed_records or 0
        records = Ledger(migrated=each.processed_records or 0, failed=Counter(untold=failed))
        part = TableState(row.table_name, row.status, records=records)
        part.copied, part.rate = books.get("copied", 0), books.get("rate")
        part.heartbeat_at = each.heartbeat_at
        whole.absorb(part)
    if now is None or whole.heartbeat_at is None:
        return quiet("no batch yet")
    return format_html("{}", told_running(whole, now))


def ledger(row: MigrationProgress) -> SafeString:
    """Where the records of a table went, and the answers inside them, each reason counted."""
    books = row.ledger if isinstance(row.ledger, dict) else {}
    lines = [
        _ledger_line(row, kind, Ledger.from_json(books[kind]))
        for kind in ("records", "answers")
        if isinstance(books.get(kind), dict)
    ]
    if not lines:
        return quiet("none is kept yet")
    head = ("", "read", "= migrated", "+ merged", "+ set aside", "+ failed")
    return format_html('<div class="ledger">{}</div>', table(head, lines))


def _ledger_line(row: MigrationProgress, kind: str, counts: Ledger) -> Sequence[object]:
    read = f"{counts.read:,}"
    if counts.gone:
        read += f" (and {counts.gone:,} gone from v2 since)"
    if not counts.balanced:
        read += " (this does not add up)"
    failed = ((n, findings_link(row, code, code)) for code, n in sorted((+counts.failed).items()))
    aside = ((n, name) for name, n in sorted((+counts.set_aside).items()))
    return (
        kind,
        read,
        f"{counts.migrated:,}",
        f"{counts.merged:,}",
        _with_reasons(counts.set_aside.total(), aside),
        _with_reasons(counts.failures, failed),
    )


def _with_reasons(total: int, reasons: Iterable[tuple[int, str]]) -> SafeString:
    listed = format_html_join("", "<li>{} {}</li>", ((f"{n:,}", name) for n, name in reasons))
    if not listed:
        return format_html("{}", f"{total:,}")
    return format_html('{}<ul class="answers">{}</ul>', f"{total:,}", listed)


def findings(row: MigrationProgress) -> SafeString:
    """What was found in a table: each code with its number, its meaning, and the way to them."""
    books = row.ledger if isinstance(row.ledger, dict) else {}
    lines = []
    for code, count in sorted(books.get("findings", {}).items()):
        info = _INFO.get(code)
        number = findings_link(row, code, f"{count:,}")
        lines.append((number, code, info.severity if info else "", meaning(code)))
    return table(("number", "code", "severity", "meaning"), lines)


def findings_link(row: MigrationProgress, code: str, text: str) -> SafeString:
    """The way to the findings of one code in one table of a migration."""
    return list_link(
        MigrationError,
        text,
        migration_name=row.migration_name,
        table_name=row.table_name,
        code=code,
    )
