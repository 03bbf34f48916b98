"""A census beside the run it foretells: what both say of each code."""

import dataclasses
from collections import Counter
from collections.abc import Collection
from typing import Any

from tests.runs import run
from transfer.census import Hazard, Present, take_census
from transfer.census.advice import NOTES
from transfer.mapping.codes import Code
from transfer.options import ImportOptions
from transfer.report import MigrationReport
from transfer.source import Source

# What is looked for in a sample; everything else is counted in all rows.
IN_TEXTS = {Code.TEXT_CLEANED.value, Code.TIME_GAP_OR_OVERLAP.value}


def census(
    *, full: bool = True, sample: int = 10_000, present: Present | None = None, **options: Any
) -> list[Hazard]:
    """The census of the v2 that the alias points at, for a run with these options."""
    names = ("organizations", "tables", "default_organization")
    built = {name: options.pop(name) for name in names if name in options}
    made = dataclasses.replace(ImportOptions.build(**built), **options)
    return take_census(Source(), made, full=full, sample=sample, present=present)


def foretold(hazards: Collection[Hazard], *, but: Collection[str] = ()) -> Counter[str]:
    """The findings a census counts, by code."""
    counts: Counter[str] = Counter()
    for hazard in hazards:
        if hazard.code not in NOTES and hazard.code not in but:
            counts[hazard.code] += hazard.count
    return +counts


def recorded(report: MigrationReport, *, but: Collection[str] = ()) -> Counter[str]:
    """The findings the run counted in its books, of all tables, by code."""
    assert report.outcome == "finished"
    counts: Counter[str] = Counter()
    for state in report.tables:
        counts.update({code: n for code, n in state.findings.items() if code not in but})
    return +counts


def check(*, sample: int = 3, **options: Any) -> Counter[str]:
    """The census says what the run records: with --full every code, else all but texts'."""
    whole = foretold(census(**options))
    part = foretold(census(full=False, sample=sample, **options), but=IN_TEXTS)
    report = run(name="night", **options)
    assert whole == recorded(report)
    assert part == recorded(report, but=IN_TEXTS)
    return whole


def one(hazards: Collection[Hazard], code: str, v2_table: str = "FormSubmission") -> Hazard:
    """The census' line about a hazard."""
    (found,) = [h for h in hazards if (h.code, h.v2_table) == (code, v2_table)]
    return found
