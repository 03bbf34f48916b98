"""What the comparison of the values found, as part of verify_v2's report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from pliers.admin_display import spelled
from transfer.accepted import CHANGED_SINCE, Difference
from transfer.models import DifferenceKind
from transfer.proof.compared import V2_TABLES
from transfer.proof.rules import storable
from transfer.proof.tally import Proof, TableProof
from transfer.verify_report import Check, Verdict

SHOWN = 200  # differences in the JSON document and the HTML report
SHOWN_AS_TEXT = 20
GROUPS_AS_TEXT = 20
NAMED = 3  # records in one line


@dataclass(frozen=True, slots=True)
class Group:
    """What one organization, or one form, has on both sides.

    Args:
        level: organization or form.
        id: its v2 id; empty: submissions that name none that v2 has.
        organization_id: its organization's.
        name: what it is called.
        what: submissions or answers.
        source: how many v2 has.
        target: how many v3 has.
        failed: those of v2's that are open errors.
        since: those that v2 has more of because it gained or changed them since.
    """

    level: str
    id: str
    organization_id: str
    name: str
    what: str
    source: int
    target: int
    failed: int
    since: int

    @property
    def difference(self) -> int:
        """Source less target."""
        return self.source - self.target

    @property
    def status(self) -> Verdict:
        """The verdict, as of a check."""
        if self.difference != self.failed + self.since:
            return Verdict.FAILED
        if self.failed:
            return Verdict.OPEN
        return Verdict.WARNING if self.since else Verdict.PASSED

    def as_json(self) -> dict[str, Any]:
        """The group as JSON."""
        return {
            "level": self.level,
            "id": self.id,
            "organization_id": self.organization_id,
            "check_name": self.name,
            "what": self.what,
            "source_count": self.source,
            "target_count": self.target,
            "difference": self.difference,
            "open_errors": self.failed,
            "status": self.status.value,
        }


@dataclass(frozen=True)
class ValuesReport:
    """The comparison of the values of one migration.

    Args:
        tables: what was found, by v3's table.
        groups: by organization, then by form.
        shown: the first differences, as transfer.proof.books gives them.
        verified_at: when it ended (aware).
        seconds: how long it took, this time.
        sample: records of each large table that were looked at; None: all.
        resumed_from: when it had been stopped, if it had (aware).
        compared_before: records that had been compared by then.
    """

    tables: Mapping[str, TableProof]
    groups: Sequence[Group] = ()
    shown: Sequence[Mapping[str, Any]] = ()
    verified_at: datetime | None = None
    seconds: float = 0.0
    sample: int | None = None
    resumed_from: datetime | None = None
    compared_before: int = 0
    skipped: Sequence[str] = field(default_factory=tuple)

    def checks(self) -> list[Check]:
        """A line a table for the report."""
        return [self._check(table, proof) for table, proof in self.tables.items()]

    def _check(self, table: str, proof: TableProof) -> Check:
        name, counts = f"Values of {table}", proof.counts
        faults = []
        if proof.different:
            told = [
                f"{counts[key]:,} {meaning}"
                for key, meaning in (
                    ("differing", "differ"),
                    ("missing", "are missing in v3"),
                    ("strays", "are of no record of v2"),
                )
                if counts[key]
            ]
            ids = list(dict.fromkeys(d["record_id"] for d in self.shown if d["table"] == table))
            named = f": {', '.join(ids[:NAMED])}{', …' if len(ids) > NAMED else ''}" if ids else ""
            faults.append(", ".join(told) + named)
        elif proof.digest_v2 != proof.digest_v3 and not counts["changed_since"]:
            faults.append("no record differs, and the digests do: a defect of this program")
        accepted: tuple[Difference, ...] = ()
        if counts["changed_since"]:
            accepted = (Difference(CHANGED_SINCE, table, counts["changed_since"]),)
        # A table that was not looked at to its end proves nothing.
        if not proof.done:
            faults.append("not looked at to the end")
        return Check(
            name,
            counts["equal"],
            counts["compared"] + counts["missing"],
            tuple(faults),
            accepted=accepted,
        )

    def as_json(self) -> dict[str, Any]:
        """The part of the report's JSON document that is about values."""
        total = sum(sum(proof.places.values()) for proof in self.tables.values())
        return {
            "verified_at": self.verified_at.isoformat() if self.verified_at else None,
            "seconds": round(self.seconds, 1),
            "sample": self.sample,
            "resumed": self.resumed_from is not None,
            "resumed_from": self.resumed_from.isoformat() if self.resumed_from else None,
            "compared_before": self.compared_before,
            "tables": [
                {
                    "table": table,
                    "v2_table": V2_TABLES[table],
                    "compared": proof.counts["compared"],
                    "equal": proof.counts["equal"],
                    "different": proof.counts["differing"],
                    "missing_in_v3": proof.counts["missing"],
                    "missing_in_v2": proof.counts["strays"],
                    "open_errors": proof.counts["failed"],
                    "ready": proof.counts["ready"],
                    "accepted": proof.counts["changed_since"] + proof.counts["made_since"],
                    "digest_v2": f"{proof.digest_v2:064x}",
                    "digest_v3": f"{proof.digest_v3:064x}",
                }
                for table, proof in self.tables.items()
            ],
            "groups": [group.as_json() for group in self.groups],
            "differences": {
                "total": total,
                "stored": sum(sum(proof.stored.values()) for proof in self.tables.values()),
                "by_place": [
                    {"table": table, "kind": kind, "column": place, "count": number}
                    for table, proof in self.tables.items()
                    for (kind, place), number in proof.places.most_common()
                ],
                "shown": [dict(one) for one in self.shown],
            },
        }

    def remarks(self) -> list[str]:
        """What else there is to say, a line each."""
        remarks = [
            f"{proof.counts['ready']:,} of the {table} that are open errors would be migrated by "
            "now: run retry_v2"
            for table, proof in self.tables.items()
            if proof.counts["ready"]
        ]
        if self.resumed_from:
            remarks.append(
                f"Gone on from {self.resumed_from:%Y-%m-%d %H:%M:%S} UTC: {self.compared_before:,} "
                "records were compared up to then, and not again (--restart begins anew)"
            )
        return remarks

    def differences(self) -> list[str]:
        """The first differences, a line each, with the ids and places whole."""
        total = sum(sum(proof.places.values()) for proof in self.tables.values())
        if not total:
            return []
        shown = self.shown[:SHOWN_AS_TEXT]
        more = f", the first {len(shown)}" if len(shown) < total else ""
        return [f"Differences: {total:,}{more}", *map(_difference, shown)]

    def as_tables(self) -> list[Table]:
        """The same for a terminal: digests, organizations, forms that differ."""
        tables = [self._digests()]
        organizations = [group for group in self.groups if group.level == "organization"]
        organizations.sort(key=lambda group: group.status is Verdict.PASSED)
        tables.append(_groups("By organization", organizations))
        forms = [g for g in self.groups if g.level == "form" and g.status is not Verdict.PASSED]
        if forms:
            tables.append(_groups("Forms that differ", forms))
        return tables

    def _digests(self) -> Table:
        what = "all records" if self.sample is None else f"a sample of {self.sample:,} records"
        table = Table(title=f"Values compared, {what}", title_justify="left")
        table.add_column("table")
        for title in ("compared", "equal", "different", "missing"):
            table.add_column(title, justify="right")
        table.add_column("digest of v2")
        table.add_column("digest of v3")
        for name, proof in self.tables.items():
            counts = proof.counts
            numbers = (
                counts["compared"],
                counts["equal"],
                counts["differing"],
                counts["missing"] + counts["strays"],
            )
            digests = (f"{one:064x}"[:16] for one in (proof.digest_v2, proof.digest_v3))
            table.add_row(name, *(f"{number:,}" for number in numbers), *digests)
        return table


def _groups(title: str, groups: Sequence[Group]) -> Table:
    left = len(groups) - GROUPS_AS_TEXT
    more = f" (and {left:,} more; --json and --html have them)" if left > 0 else ""
    table = Table(title=f"{title}{more}", title_justify="left")
    table.add_column("check_name")
    for heading in ("source_count", "target_count", "difference"):
        table.add_column(heading, justify="right")
    table.add_column("status")
    for group in groups[:GROUPS_AS_TEXT]:
        numbers = (group.source, group.target, group.difference)
        cells = (f"{spelled(group.name)}: {group.what}", *(f"{number:,}" for number in numbers))
        table.add_row(*map(Text, (*cells, group.status.value)))
    return table


def _difference(one: Mapping[str, Any]) -> str:
    if one["kind"] != DifferenceKind.DIFFERENT:
        told = one["kind"].replace("_", " ")
    else:
        values = f"by v2 {_short(one['v2_value'])}, in v3 {_short(one['v3_value'])}"
        told = f"{one['column'] or 'the record'}: {values}"
    return spelled(f"  {one['table']} {one['record_id']} {told}")


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= 80 else f"{value[:79]}…"


def groups_of(
    proof: Proof, organizations: Mapping[str, object], forms: Mapping[str, object]
) -> list[Group]:
    """The groups of a proof with their names, by organization and then by form.

    Args:
        proof: what was found.
        organizations: v2's organizations: id → name.
        forms: v2's forms: id → name.
    """
    by_organization: dict[str, list[int]] = {}
    for (owner, _), numbers in proof.groups.items():
        sums = by_organization.setdefault(owner, [0] * len(numbers))
        for at, number in enumerate(numbers):
            sums[at] += number
    made: list[Group] = []
    for owner in sorted(by_organization, key=lambda one: str(organizations.get(one))):
        name = _named(organizations.get(owner), owner, "(no organization of v2)")
        made += _two("organization", owner, owner, name, by_organization[owner])
    for owner, form in sorted(proof.groups):
        name = _named(forms.get(form), form, "(no form of v2)")
        made += _two("form", form, owner, name, proof.groups[owner, form])
    return made


def _named(name: object, own_id: str, otherwise: str) -> str:
    return storable(str(name or own_id)) or otherwise


def _two(level: str, own_id: str, owner: str, name: str, numbers: Sequence[int]) -> list[Group]:
    return [
        Group(level, storable(own_id), storable(owner), name, what, *numbers[at::2])
        for at, what in enumerate(("submissions", "answers"))
    ]
