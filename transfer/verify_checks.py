"""The checks of verify_v2: what is compared with what, and what makes it fail."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from transfer.accepted import CHANGED_SINCE, Difference
from transfer.mapping.codes import Code
from transfer.mapping.text import shorten
from transfer.models import MigrationProgress
from transfer.plan import PLAN, Step
from transfer.verify_ledger import (
    Balance,
    counted_answers,
    counted_findings,
    findings_check,
    run_check,
)
from transfer.verify_report import Check, count_check, fault_check
from transfer.verify_source import SourceCounts, Split
from transfer.verify_target import (
    ANSWER_TABLE,
    REFERENCES,
    UNKNOWN_NAMES,
    Rows,
    Submissions,
    TargetCounts,
)

NAMED_KEYS = 3  # in one message
_FORMS = next(step for step in PLAN if step.table == "forms")


class Verification:
    """All checks of one migration.

    Args:
        progress: its rows of migration_progress.
        steps: the tables it fills.
        v2: counts what v2 has.
        v3: counts what it left in v3.
        max_stored_warnings: how many warnings of one code and table the import stored.
    """

    def __init__(
        self,
        progress: list[MigrationProgress],
        steps: dict[str, Step],
        v2: SourceCounts,
        v3: TargetCounts,
        max_stored_warnings: int,
    ) -> None:
        self._progress = progress
        self._steps = steps
        self._v2 = v2
        self._v3 = v3
        self._cap = max_stored_warnings
        self._findings = v3.findings()
        self._errors = [each for each in self._findings if each.severity == "error"]

    @property
    def open_errors(self) -> int:
        """Errors the migration recorded and nobody has resolved."""
        return sum(each.rows.total for each in self._errors)

    def checks(self) -> Iterator[Check]:
        """Every check there is for the tables the migration fills."""
        inside = self._v3.submissions() if "submissions" in self._steps else Submissions()
        in_v3 = {
            table: inside.rows if table == "submissions" else self._v3.rows(step)
            for table, step in self._steps.items()
        }
        in_v2 = {table: self._v2.rows(table) for table in self._steps}
        counts = {
            table: count_check(
                table.capitalize(), in_v2[table], in_v3[table].counted, self._failed(step)
            )
            for table, step in self._steps.items()
        }
        for table, step in self._steps.items():
            counted = Balance(in_v3[table].counted.total, failed=self._failed_by_code(step))
            books = self._books(table)
            yield run_check(f"Run of {table}", books, "records", counted, counts[table])
        if "submissions" in self._steps:
            answers = self._answers(in_v2["submissions"], inside.answers)
            failed = self._failed_answers_by_code()
            counted = counted_answers(inside, failed)
            books = self._books("submissions")
            yield run_check("Run of answers", books, "answers", counted, answers)
        for table in self._steps:
            yield findings_check(table, self._books(table), self._findings, self._cap)
        yield from counts.values()
        if "submissions" in self._steps:
            yield answers
        for table, step in self._steps.items():
            yield self._ids(step, in_v3[table].counted.total)
        yield from self._faults(in_v3, inside)

    def _faults(self, in_v3: dict[str, Rows], inside: Submissions) -> Iterator[Check]:
        """What v3 must hold none of."""
        for table in self._steps:
            yield fault_check(
                f"{table.capitalize()} marked deleted",
                in_v3[table].deleted,
                "were migrated and have deleted_at set, which the mapping never does",
            )
        for step in self._steps.values():
            yield fault_check(
                f"{step.table.capitalize()} both migrated and failed",
                self._v3.migrated_and_failed(step),
                "are in v3 and recorded as errors too",
            )
        for table, parent, key in REFERENCES:
            if table in self._steps:
                yield fault_check(
                    f"{table.capitalize()} without {parent[:-1]}",
                    self._v3.orphans(table, parent, key),
                    f"name one in {key} that is not in v3",
                )
        if "forms" in self._steps:
            yield fault_check(
                "Forms without title and fields",
                self._v3.broken_definitions(),
                "have a definition the application cannot read",
            )
        if "submissions" in self._steps:
            yield fault_check(
                "Submissions with malformed data",
                inside.malformed,
                "have data, metadata.unmapped or metadata.choices of another shape than the "
                "mapping gives",
            )
            yield self._keys(inside)

    def _books(self, table: str) -> list[MigrationProgress]:
        return [row for row in self._progress if row.table_name == table]

    def _failed(self, step: Step) -> Split:
        """The step's records that are open errors."""
        return _total(each.rows for each in self._errors if each.v2_table == step.v2_table)

    def _failed_by_code(self, step: Step) -> Counter[str]:
        failed: Counter[str] = Counter()
        for each in self._errors:
            if each.v2_table == step.v2_table:
                failed[each.code] += each.rows.total
        return failed

    def _failed_answers(self) -> Split:
        """The answers in open errors: those of a submission that failed, and orphaned ones."""
        return _total(
            each.rows if each.v2_table == ANSWER_TABLE else each.answers for each in self._errors
        )

    def _failed_answers_by_code(self) -> Counter[str]:
        failed: Counter[str] = Counter()
        for each in self._errors:
            rows = each.rows if each.v2_table == ANSWER_TABLE else each.answers
            if rows.total:
                failed[each.code] += rows.total
        return failed

    def _ids(self, step: Step, in_v3: int) -> Check:
        """Whether v2's records are the ones in v3: counts cannot tell one row from another."""
        found = lost = 0
        for page in self._v2.ids(step.table):
            present = self._v3.present(step, page)
            found += len(present)
            rest = [key for key, since in page.items() if not since and key not in present]
            lost += len(rest) - len(self._v3.failed(step, rest))
        faults = []
        if lost:
            faults.append(f"{lost:,} ids of v2 are neither in v3 nor recorded as errors")
        if strange := in_v3 - found:
            faults.append(f"{strange:,} ids in v3 are of no record that v2 has")
        name = f"{step.table.capitalize()} under other ids"
        return Check(name, lost + abs(strange), faults=tuple(faults))

    def _answers(self, submissions: Split, in_v3: Split) -> Check:
        in_v2 = self._v2.answers(submissions)
        failed = self._failed_answers()
        check = count_check("Answers", in_v2, in_v3, failed)
        missing = in_v2.before - in_v3.before - failed.before
        if missing <= 0:
            return check
        # v2 has no time for an answer; that its submission was changed is all it tells. So what
        # is missing has to be missing in those that were, and nowhere else.
        edited, migrated = self._changed_since()
        if missing != edited - migrated:
            return check
        more = f"those submissions have {edited:,} answers in v2"
        changed = Difference(CHANGED_SINCE, "answers", missing, more)
        return count_check("Answers", in_v2, in_v3, failed, (changed,))

    def _changed_since(self) -> tuple[int, int]:
        """The answers of older submissions that v2 changed after they were read: v2's, v3's."""
        in_v2 = in_v3 = 0
        for edited in self._v2.edited():
            if changed := self._v3.changed(edited):
                in_v2 += self._v2.answers_of(changed)
                in_v3 += self._v3.answers(changed)
        return in_v2, in_v3

    def _keys(self, inside: Submissions) -> Check:
        """Whether each key that is no field of its form is a warned-of other form's (M17)."""
        name, found = "Answers under names their form lacks", inside.strange_keys
        code = Code.ANSWER_OTHER_FORM.value
        recorded = counted_findings(self._books("submissions"), code)
        faults = []
        if found > recorded:
            faults.append(f"{found:,} keys in data, {recorded:,} explained by warnings")
        if nowhere := self._nowhere(inside.unknown):
            number = f"{len(nowhere):,}"
            if len(nowhere) > UNKNOWN_NAMES:
                number = f"more than {UNKNOWN_NAMES:,}"
            named = ", ".join(map(shorten, nowhere[:NAMED_KEYS]))
            more = ", …" if len(nowhere) > NAMED_KEYS else ""
            faults.append(f"{number} names in data are no field's of any form: {named}{more}")
        if faults or not found:
            return Check(name, found, faults=tuple(faults))
        return Check(name, found, accepted=(Difference(code, "submissions", found),))

    def _nowhere(self, unknown: Mapping[str, str]) -> list[str]:
        """Those names in data that fields of no form have, of those missing in v3 neither.

        A form that failed or does not exist is none of the migration's rows, and answers to its
        fields are under their names all the same (M17).
        """
        if not 0 < len(unknown) <= UNKNOWN_NAMES:
            return list(unknown.values())
        left = dict(unknown)
        for forms in self._v2.field_names():
            present = self._v3.present(_FORMS, forms)
            for form in forms.keys() - present:
                for name in forms[form]:
                    left.pop(hashlib.sha256(name.encode()).hexdigest(), None)
        return list(left.values())


def _total(splits: Iterable[Split]) -> Split:
    total = Split()
    for each in splits:
        total = Split(total.before + each.before, total.since + each.since)
    return total
