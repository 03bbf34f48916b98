"""What a run wrote down, against what the databases hold: verify_v2's own count of the ledger.

Nothing here uses the engine's counting: the ledger is read as the JSON it is, and every number
in it is compared with one that came out of a query.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transfer.accepted import LEDGER_MISSING, WARNINGS, Difference
from transfer.mapping.codes import CODES, Severity
from transfer.models import MigrationProgress, RunStatus
from transfer.verify_report import Check, Verdict
from transfer.verify_target import Findings, Submissions

# Where metadata keeps an answer: the ledger's names are its keys.
CHOICES, UNMAPPED = "choices", "unmapped"


@dataclass(frozen=True, slots=True)
class Balance:
    """Where rows went: a ledger as a run wrote it, or the same counted in the databases.

    Args:
        migrated: in v3, and none of the following.
        merged: one of several in a list (M16).
        set_aside: kept in metadata, by the key there (M15, M17).
        failed: by the code of the error.
        read: rows the run read; counted in the databases it is the sum.
    """

    migrated: int = 0
    merged: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    read: int = 0

    @property
    def sum(self) -> int:
        """Every row that is accounted for."""
        return self.migrated + self.merged + self.set_aside.total() + self.failed.total()


def counted_answers(found: Submissions, failed: Mapping[str, int]) -> Balance:
    """Where the answers are, by what is in v3 and in the open errors.

    An answer with text beside a choice counts as set aside, not as what its text is in data.
    """
    merged = found.in_lists - found.choices_of_lists
    return Balance(
        found.in_data - found.choices - merged,
        merged,
        Counter({CHOICES: found.choices, UNMAPPED: found.unmapped}),
        Counter(failed),
    )


def run_check(
    name: str,
    progress: Sequence[MigrationProgress],
    key: str,
    counted: Balance,
    in_v2: Check,
) -> Check:
    """Whether a run is finished, its books balance, and the databases say the same (R1).

    Args:
        name: the check's.
        progress: what migration_progress has of the table, a row a partition.
        key: the ledger looked at: ``records`` or ``answers``.
        counted: the same, counted in v3 and in the open errors.
        in_v2: the check that compared v2's rows with v3's.
    """
    faults = _progress_faults(progress, counted) if key == "records" else []
    accepted: tuple[Difference, ...] = ()
    read = _total(progress) if key == "records" else counted.sum
    # A table that was never begun has nothing written down, and is told to be unfinished.
    begun = [row for row in progress if row.ledger != {} or row.status == RunStatus.COMPLETED]
    try:
        documents = [_document(row.ledger, "it") for row in begun]
        if any("records" not in each for each in documents) and all(map(_is_earlier, begun)):
            # It may have answers, but no reasons.
            of = progress[0].table_name if key == "records" else key
            accepted = (Difference(LEDGER_MISSING, of, counted.sum),) if counted.sum else ()
            if key == "answers":
                faults += _old_faults([each.get(key, {}) for each in documents], counted)
        elif documents:
            ledger = _sum(_parsed(_document(each[key], key)) for each in documents)
            faults += _faults(ledger, counted, in_v2)
            read = ledger.read if key == "answers" else read
    except (TypeError, KeyError, ValueError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        faults.append(f"the ledger cannot be read: {what}")
    return Check(name, counted.sum, read, tuple(faults), accepted=accepted)


def _total(progress: Sequence[MigrationProgress]) -> int:
    # A range that is at its end has a total too, and is part of the table's.
    return sum(row.total_records or 0 for row in progress if row.partition == 0)


def _is_earlier(row: MigrationProgress) -> bool:
    """Whether an earlier build began it: those that kept no ledger had no number of their rules."""
    return not isinstance(row.fingerprint, dict) or "rules" not in row.fingerprint


def findings_check(
    table: str, progress: Sequence[MigrationProgress], stored: Iterable[Findings], cap: int
) -> Check:
    """Whether the findings a run counted are those it stored, and each one is known.

    Warnings are the accepted differences of the mapping. They are all counted, and stored up to
    a bound for each code; errors are all stored.

    Args:
        table: the v3 table.
        progress: what migration_progress has of it.
        stored: the open findings of all tables.
        cap: how many warnings of one code and table an import stores.
    """
    rows: Counter[tuple[str, str]] = Counter()
    for each in stored:
        if each.table == table:
            rows[each.severity, each.code] += each.rows.total
    counts, faults = _counted_findings(progress)
    taken_out, _ = _counted_findings(progress, "unstored")
    accepted = []
    for code in sorted({*counts, *(code for _, code in rows)}):
        count, errors, warnings = counts[code], rows["error", code], rows["warning", code]
        # Rows that a deferred load took out again took their stored warnings along.
        least = min(count, cap) - taken_out[code]
        faults += _finding_faults(code, count, errors, warnings, least)
        if code in WARNINGS and count > 0:
            accepted.append(Difference(code, table, count))
    name = f"Findings of {table}"
    return Check(name, rows.total(), faults=tuple(faults), accepted=tuple(accepted))


def _finding_faults(code: str, count: int, errors: int, warnings: int, least: int) -> list[str]:
    """What is wrong with one code, counted so often and stored as so many errors and warnings."""
    faults = []
    if _is_error(code):
        if count != errors:
            faults.append(f"{code}: {count:,} counted, and {errors:,} open errors stored")
        if warnings:
            faults.append(f"{code}: {warnings:,} stored as warnings, and it is an error")
    elif code in WARNINGS:
        if not least <= warnings <= count:
            faults.append(f"{code}: {count:,} counted, and {warnings:,} warnings stored")
        if errors:
            faults.append(f"{code}: {errors:,} stored as errors, and it is a warning")
    else:
        known = "no error and not on the list of accepted differences"
        faults.append(f"{code}: {max(count, errors + warnings):,} of a code that is {known}")
    return faults


def _counted_findings(
    progress: Iterable[MigrationProgress], key: str = "findings"
) -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    faults: list[str] = []
    for row in progress:
        # Books that are no ledger at all are told of once, by the line about the run.
        found = row.ledger.get(key, {}) if isinstance(row.ledger, dict) else {}
        try:
            counts.update(_counter(found, key))
        except (TypeError, ValueError) as error:
            faults.append(f"the ledger cannot be read: {error}")
    return counts, faults


def counted_findings(progress: Iterable[MigrationProgress], code: str) -> int:
    """How often a run counted a finding; 0 where its books cannot be read."""
    return _counted_findings(progress)[0][code]


def _is_error(code: str) -> bool:
    return any(each == code and info.severity is Severity.ERROR for each, info in CODES.items())


def _progress_faults(progress: Sequence[MigrationProgress], counted: Balance) -> list[str]:
    """What the columns of migration_progress say that is not so."""
    total = _total(progress)
    processed = sum(row.processed_records or 0 for row in progress)
    failed = sum(row.failed_records or 0 for row in progress)
    done = processed + failed
    faults = []
    unfinished = sorted({row.status or "" for row in progress} - {RunStatus.COMPLETED.value})
    go_on = "run import_v2"
    if progress:
        go_on += f" --name {shlex.quote(progress[0].migration_name)}"
    if not progress:
        faults.append(f"not begun; {go_on}")
    elif unfinished:
        reasons = "".join(f": {row.error_message}" for row in progress if row.error_message)
        faults.append(f"is {', '.join(unfinished)}, not completed{reasons}; {go_on}")
    elif done != total:
        faults.append(
            f"{total:,} read, {done:,} migrated or failed; start anew with another --name"
        )
    if processed != counted.migrated:
        faults.append(f"the run migrated {processed:,}, and v3 holds {counted.migrated:,}")
    errors = counted.failed.total()
    if failed != errors:
        faults.append(f"{failed:,} failed in the run, and {errors:,} are recorded as errors")
    return faults


def _faults(ledger: Balance, counted: Balance, in_v2: Check) -> list[str]:
    """Where a ledger does not balance, or says other than the databases."""
    faults = []
    if ledger.read != ledger.sum:
        faults.append(
            f"the ledger does not balance: {ledger.read:,} read, and {ledger.sum:,} migrated, "
            "merged, set aside or failed"
        )
    pairs = [
        ("migrated", ledger.migrated, counted.migrated),
        ("merged into lists", ledger.merged, counted.merged),
    ]
    pairs += [
        (f"set aside in metadata.{key}", ledger.set_aside[key], counted.set_aside[key])
        for key in sorted({*ledger.set_aside, *counted.set_aside})
    ]
    faults += [
        f"{what}: {said:,} in the ledger, {found:,} in v3"
        for what, said, found in pairs
        if said != found
    ]
    for code in sorted({*ledger.failed, *counted.failed}):
        said, found = ledger.failed[code], counted.failed[code]
        if said != found:
            faults.append(f"failed by {code}: {said:,} in the ledger, {found:,} in the open errors")
        elif said and not _is_error(code):
            faults.append(f"failed by {code}: {said:,} by a code that is no error")
    # What the run read is what v2 has, but for what the count of v2 against v3 accepted.
    since = sum(each.count for each in in_v2.accepted)
    unread = (in_v2.source or 0) - ledger.read - since
    if unread and in_v2.status is not Verdict.FAILED:
        faults.append(
            f"read: {ledger.read:,} in the ledger, {in_v2.source or 0:,} in v2"
            + (f", {since:,} of them since" if since else "")
        )
    return faults


def _old_faults(ledgers: Sequence[Any], counted: Balance) -> list[str]:
    """Where an earlier version's answers are not those in the databases.

    It counted an answer with text beside a choice by where its text went; so only the sum of what
    is in data is compared.
    """
    said = Counter[str]()
    for ledger in ledgers:
        said.update(_counter(ledger, "answers"))
    in_data = counted.migrated + counted.merged + counted.set_aside[CHOICES]
    pairs = [
        ("migrated or merged", said["migrated"] + said["merged"], in_data),
        (f"set aside in metadata.{UNMAPPED}", said["set_aside"], counted.set_aside[UNMAPPED]),
        ("failed", said["failed"], counted.failed.total()),
    ]
    return [
        f"{what}: the run wrote {was:,}, and there are {found:,}"
        for what, was, found in pairs
        if was != found
    ]


def _parsed(document: dict[str, Any]) -> Balance:
    """A ledger's JSON.

    Raises:
        TypeError, KeyError, ValueError: it is something else.
    """
    return Balance(
        _number(document["migrated"], "migrated"),
        _number(document["merged"], "merged"),
        _counter(document["set_aside"], "set_aside"),
        _counter(document["failed"], "failed"),
        _number(document["read"], "read"),
    )


def _sum(ledgers: Iterable[Balance]) -> Balance:
    total = Balance()
    for each in ledgers:
        total = Balance(
            total.migrated + each.migrated,
            total.merged + each.merged,
            total.set_aside + each.set_aside,
            total.failed + each.failed,
            total.read + each.read,
        )
    return total


def _number(value: object, name: str) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} is {value!r}")
    return value


def _counter(value: object, name: str) -> Counter[str]:
    counts = _document(value, name)
    return Counter({key: _number(count, f"{name} {key}") for key, count in counts.items()})


def _document(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} is {value!r}")
    return value
