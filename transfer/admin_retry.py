"""Recorded errors tried again from the admin: one call of retry_v2's service a migration."""

import shlex
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from pliers.admin_display import list_link, visible
from transfer.batch import TableState
from transfer.exceptions import TransferError
from transfer.mapping.codes import Severity
from transfer.models import MigrationError
from transfer.open_errors import Wanted
from transfer.report import RetryReport
from transfer.retry import RetryOptions, run_retry
from transfer.target import first_line

if TYPE_CHECKING:  # QuerySet takes its type argument in the stubs only
    _Rows = QuerySet[Any]
else:
    _Rows = QuerySet

AT_MOST = 1000
"""Errors that are tried at once: a browser waits for them, and nobody sees how far they are."""


class Message(NamedTuple):
    """What a person is told: a level of django.contrib.messages, and HTML."""

    level: int
    text: SafeString


class _Remarks:
    """An observer of whom nobody sees anything before the end (transfer.pipeline.Observer)."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def remark(self, text: str) -> None:
        self.heard.append(text)

    def table_started(self, state: TableState) -> None:
        pass

    def batch_loaded(self, state: TableState) -> None:
        pass

    def table_ended(self, state: TableState) -> None:
        pass


def try_again(rows: _Rows) -> list[Message]:
    """Try the open errors among these rows of migration_errors again.

    Returns:
        What became of them, migration by migration; what could not be done is said there too.
    """
    chosen = list(
        rows.order_by().values_list("pk", "migration_name", "severity", "resolved_at")[
            : AT_MOST + 1
        ]
    )
    if len(chosen) > AT_MOST:
        return [_too_many({name for _, name, _, _ in chosen})]
    wanted = defaultdict[str, list[int]](list)
    warnings = resolved = 0
    for pk, name, severity, resolved_at in chosen:
        if severity != Severity.ERROR:
            warnings += 1
        elif resolved_at is not None:
            resolved += 1
        else:
            wanted[name].append(pk)
    told = [
        message for name, errors in sorted(wanted.items()) for message in _try_one(name, errors)
    ]
    if warnings or resolved:
        told.append(_left_alone(warnings, resolved, nothing_else=not wanted))
    return told


def _try_one(migration: str, errors: list[int]) -> list[Message]:
    remarks = _Remarks()
    try:
        report = run_retry(RetryOptions(migration, Wanted(errors=tuple(errors))), remarks)
    except (TransferError, ImproperlyConfigured, DatabaseError, psycopg.Error) as error:
        told = [_could_not(migration, error)]
    else:
        told = [_what_became(report, len(errors))]
    return [*(Message(messages.INFO, visible(text)) for text in remarks.heard), *told]


def _what_became(report: RetryReport, selected: int) -> Message:
    migration, tried = report.migration.migration, report.tried.total()
    closed = _by_code(report.closed, "closed")
    if gone := report.gone.total():
        closed += f", {gone:,} of them because v2 has the record no more"
    said = f"Tried {_number(tried, 'error')} of {migration} again: {closed}; "
    said += f"{_by_code(report.tried - report.closed, 'still open')}."
    if tried > selected:
        said += " All errors of one record are tried together."
    if tried < selected:
        said += " The others were no longer open, or the retry was interrupted."
    level = messages.WARNING if report.still or tried < selected else messages.SUCCESS
    if not report.migration.failed:
        return Message(level, visible(said))
    rest = list_link(
        MigrationError,
        "See the open errors",
        migration_name=migration,
        severity__exact=Severity.ERROR.value,
        resolved="no",
    )
    return Message(level, format_html("{} {}", visible(said), rest))


def _by_code(counts: Counter[str], what: str) -> str:
    reasons = ", ".join(f"{n:,} {code}" for code, n in sorted((+counts).items()))
    return f"{counts.total():,} {what} ({reasons})" if reasons else f"0 {what}"


def _could_not(migration: str, error: Exception) -> Message:
    said = first_line(error).rstrip(".")
    return Message(
        messages.ERROR, visible(f"Could not try the errors of {migration} again: {said}.")
    )


def _left_alone(warnings: int, resolved: int, *, nothing_else: bool) -> Message:
    said = ["Nothing was tried."] if nothing_else else []
    said += ["Only open errors can be tried again."]
    if warnings:
        said += [f"Left alone: {_number(warnings, 'warning')} (accepted, nothing is to be done)."]
    if resolved:
        said += [f"Left alone: {_number(resolved, 'finding')} resolved before."]
    level = messages.WARNING if nothing_else else messages.INFO
    return Message(level, visible(" ".join(said)))


def _too_many(migrations: set[str]) -> Message:
    name = shlex.quote(migrations.pop()) if len(migrations) == 1 else "…"
    said = (
        f"Nothing was tried: at most {AT_MOST:,} errors are tried at once here. "
        f"For more: manage.py retry_v2 --name {name}, with --code or --table for a part of them."
    )
    return Message(messages.ERROR, visible(said))


def _number(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"
