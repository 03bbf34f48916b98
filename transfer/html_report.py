"""A verification as one HTML file: opens from disk, asks nobody for anything, runs nothing.

What it shows comes out of two databases, so all of it is text: escaped, with invisible characters
made visible, and cut where it is long. The numbers that bound a page's size are below.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from transfer.exceptions import ConfigurationError
from transfer.html_charts import Group, Line, amounts, shares
from transfer.html_values import Pair, plain, side_by_side
from transfer.html_verdict import counted, number, verdict

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded and nothing runs, whatever a text of the databases would have: styles alone."""

CHECKS_SHOWN = 200
GROUPS_SHOWN = 100
"""Organizations, and forms, that are listed at most; those that did not pass come first."""

DIFFERENCES_SHOWN = 200
PLACES_SHOWN = 50
BARS_SHOWN = 12

TABLES_SHOWN = 50
ACCEPTED_SHOWN = 200

_KINDS = ("missing_in_v3", "missing_in_v2", "different")


class Listed(NamedTuple):
    """The beginning of a list, and what is said of the rest.

    Args:
        rows: what is shown.
        more: how many are not.
        note: what they have in common; may be empty.
    """

    rows: Sequence[Any]
    more: int = 0
    note: str = ""


def render_html(document: dict[str, Any]) -> str:
    """Return the report of a verification as one HTML document.

    Args:
        document: VerifyReport.as_json(); keys may be missing, as in an earlier version's.
    """
    differences = _mapping(document.get("differences"))
    tables = _rows(document, "tables")
    groups = _rows(document, "groups")
    places = sorted(_rows(differences, "by_place"), key=lambda row: -_count(row, "count"))
    found = _rows(differences, "shown")
    total = number(differences.get("total"))
    context = {
        "title": plain(document.get("migration"), 80),
        "policy": CONTENT_SECURITY_POLICY,
        "document": document,
        "verdict": verdict(document),
        "verified_at": _time(document.get("verified_at")),
        "took": _duration(document.get("seconds")),
        "looked_at": _looked_at(document),
        "checks": _first(_rows(document, "checks"), CHECKS_SHOWN),
        "tables": _compared(document, tables),
        "tables_chart": _tables_chart(document, tables[:TABLES_SHOWN]),
        "levels": [
            (title, _worst_first([row for row in groups if row.get("level") == level]))
            for level, title in (("organization", "Organizations"), ("form", "Forms"))
        ],
        "organizations_chart": _organizations_chart(groups),
        "differences_total": len(found) if total is None else total,
        "differences_stored": number(differences.get("stored")),
        "places": _first(places, PLACES_SHOWN),
        "places_chart": _places_chart(places),
        "differences": _differences(found, len(found) if total is None else total),
        "accepted": _first(_rows(document, "accepted_differences"), ACCEPTED_SHOWN),
        "errors": number(document.get("errors")) or 0,
    }
    return render_to_string("transfer/verify_report.html", context)


def check_path(path: Path) -> Path:
    """Return where a report goes that is to be written to a path.

    Raises:
        ConfigurationError: nothing can be written there; one line says why.
    """
    target = path.resolve()
    if target.is_dir():
        raise ConfigurationError(f"{path} is a directory: name a file for the HTML report")
    if target.exists() and not target.is_file():
        raise ConfigurationError(f"{path} is no ordinary file: name another for the HTML report")
    if not target.parent.is_dir():
        raise ConfigurationError(f"{path} cannot be written: there is no folder {target.parent}")
    return target


def write_html(path: Path, document: dict[str, Any]) -> None:
    """Write the report of a verification to a file, whole or not at all.

    Raises:
        ConfigurationError: it cannot be written; what was there stays.
    """
    target = check_path(path)
    page = render_html(document)
    beside = target.with_name(f".verify-{os.getpid()}.part")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigurationError(f"{path} cannot be written: {why}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


class _Table(NamedTuple):
    """What a page says of one table's comparison; ``digests_agree``: None where one is missing."""

    row: Mapping[str, Any]
    open_errors: int
    digests_agree: bool | None


class _Difference(NamedTuple):
    """What a page says of one difference."""

    row: Mapping[str, Any]
    values: Pair


def _compared(document: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> Listed:
    rows = []
    for row in tables[:TABLES_SHOWN]:
        digests = row.get("digest_v2"), row.get("digest_v3")
        agree = None if None in digests else digests[0] == digests[1]
        rows.append(_Table(row, _open_errors(document, row), agree))
    return Listed(rows, len(tables) - len(rows))


def _differences(found: Sequence[Mapping[str, Any]], total: int) -> Listed:
    rows = [
        _Difference(
            row,
            side_by_side(_text(row.get("v2_value")), _text(row.get("v3_value"))),
        )
        for row in found[:DIFFERENCES_SHOWN]
    ]
    return Listed(rows, max(total, len(found)) - len(rows))


def _tables_chart(document: Mapping[str, Any], tables: Iterable[Mapping[str, Any]]) -> SafeString:
    kinds = ("equal", "accepted", "open", "different", "missing_in_v3", "missing_in_v2")
    groups = []
    for row in tables:
        counts = {kind: _count(row, kind) for kind in kinds} | {"open": _open_errors(document, row)}
        groups.append(Group(_name(row.get("table")), (Line(tuple(counts.items())),)))
    return shares("tables", "Records of each table, by what the comparison says", groups)


def _open_errors(document: Mapping[str, Any], table: Mapping[str, Any]) -> int:
    """The records of a table that are open errors: the table's own count, else its check's."""
    if (own := number(table.get("open_errors"))) is not None:
        return own
    name = _name(table.get("table")).lower()
    for check in _rows(document, "checks"):
        if _name(check.get("name")).lower() == name:
            return _count(check, "open_errors")
    return 0


def _organizations_chart(groups: Iterable[Mapping[str, Any]]) -> SafeString:
    counted = [
        row
        for row in groups
        if row.get("level") == "organization" and row.get("what") == "submissions"
    ]
    counted.sort(key=lambda row: -max(_count(row, "source_count"), _count(row, "target_count")))
    bars = [
        Group(
            _name(row.get("check_name") or row.get("id")),
            (
                Line((("v2", _count(row, "source_count")),)),
                Line((("v3", _count(row, "target_count")),)),
            ),
        )
        for row in counted[:BARS_SHOWN]
    ]
    return amounts("organizations", "Submissions of the largest organizations in v2 and v3", bars)


def _places_chart(places: Sequence[Mapping[str, Any]]) -> SafeString:
    bars = []
    for row in places[:BARS_SHOWN]:
        kind = str(row.get("kind"))
        column = _name(row.get("column"))
        label = f"{_name(row.get('table'))}{'.' if column else ''}{column}"
        part = kind if kind in _KINDS else "different"
        bars.append(Group(label, (Line(((part, _count(row, "count")),)),)))
    return amounts("places", "Differences by place", bars)


def _worst_first(groups: list[Mapping[str, Any]]) -> Listed:
    def order(row: Mapping[str, Any]) -> tuple[bool, bool, int]:
        passed, answers = row.get("status") == "PASSED", row.get("what") == "answers"
        return passed, answers, -_count(row, "source_count")

    ordered = sorted(groups, key=order)
    listed = _first(ordered, GROUPS_SHOWN)
    rest = Counter(_name(row.get("status")) for row in ordered[GROUPS_SHOWN:])
    return listed._replace(note=", ".join(f"{n:,} {name}" for name, n in sorted(rest.items())))


def _first(rows: Sequence[Any], limit: int) -> Listed:
    return Listed(rows[:limit], max(len(rows) - limit, 0))


def _looked_at(document: Mapping[str, Any]) -> str:
    sample = number(document.get("sample"))
    if sample is None:
        return "everything"
    return f"a sample: the values of {counted(sample, 'record')} of each large table"


def _time(value: object) -> object:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return value
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time.tzinfo else value


def _duration(value: object) -> str:
    """Seconds as a person says them: 3.2 s, 4 min 10 s, 2 h 3 min."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    if value < 60:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _rows(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = document.get(key)
    return list(_mappings(value)) if isinstance(value, list) else []


def _mappings(values: Iterable[object]) -> Iterator[Mapping[str, Any]]:
    return (value for value in values if isinstance(value, Mapping))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(row: Mapping[str, Any], key: str) -> int:
    return max(number(row.get(key)) or 0, 0)


def _name(value: object) -> str:
    return "" if value is None else str(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
