"""One page of v2's submissions with their answers against v3's rows."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from transfer.page_answers import PageAnswers
from transfer.proof import document, numbers, stored
from transfer.proof.compare import Comparer, Keyed
from transfer.proof.compared import GROUP, Compared
from transfer.proof.expected import Document
from transfer.proof.plain import Equal, Plain
from transfer.proof.rules import Impossible
from transfer.proof.stored import Row
from transfer.proof.submissions import submission, usable


class SubmissionsComparer(Comparer):
    """Compares submissions too: those that are plainly equal in one go, the others with care."""

    @cached_property
    def _plain(self) -> Plain:
        return Plain(self.ref, self.stored)

    def submissions(
        self, keyed: Keyed, rows: Sequence[Sequence[Any]], answers: PageAnswers
    ) -> Compared:
        """Compare submissions (SUBMISSION_COLUMNS) with their answers."""
        found = self.stored.fetched("submissions", list(keyed))
        equal: set[str] = set()
        same: list[Equal] = []
        # Where an id is there twice, on either side, nothing is plain.
        there = {row[0]: row for row in found}
        if len(keyed) == len(rows) and len(there) == len(found):
            same = list(self._plain.equal(rows, answers, there))
            equal = {one.id for one in same}
        odd = {key: row for key, row in keyed.items() if key not in equal}
        result = self._with_care(odd, answers, [row for row in found if row[0] not in equal])
        result.ids = list(keyed)
        self._add(result, same)
        return result

    def _add(self, result: Compared, same: Sequence[Equal]) -> None:
        """Count submissions that are equal."""
        digests = sum(document.digest(one.document) for one in same)
        result.digest_v2 += digests
        result.digest_v3 += digests
        result.compared += len(same)
        result.equal += len(same)
        for one in same:
            sums = self._sums(result, one.owner, one.form)
            sums[0] += 1
            sums[1] += one.answers
            sums[2] += 1
            sums[3] += one.answers

    def _with_care(
        self, rows: Mapping[str, Sequence[Any]], answers: PageAnswers, found: Sequence[Row]
    ) -> Compared:
        """Compare submissions of which it is not plain that they are equal."""
        if not rows:
            return Compared()
        raw = stored.documents("submissions", found)
        made = self.made(rows, raw, lambda row, ref: submission(row, answers[row[0]], ref))
        self._number(rows, made, raw)
        there = {
            key: stored.submission(row, self.stored.names(row["form_id"]))
            for key, row in raw.items()
        }
        created = {key: row[4] for key, row in rows.items()}
        changed = {key: row[5] for key, row in rows.items()}
        result = self.settle("submissions", rows, made, there, created, changed)
        self._group(result, rows, answers, raw)
        return result

    def _number(
        self,
        rows: Mapping[str, Sequence[Any]],
        made: Mapping[str, Document | Impossible],
        found: Mapping[str, Document],
    ) -> None:
        """Put the right number into the documents of those that do not have their code (M12)."""
        odd = []
        for key, row in rows.items():
            one, there = made[key], found.get(key)
            if not isinstance(one, dict) or there is None:
                continue
            code = one["submission_number"]
            is_usable = usable(code)
            metadata = there["metadata"]
            given_up = isinstance(metadata, dict) and "legacy_number" in metadata
            if is_usable and not given_up:
                continue
            one["metadata"]["legacy_number"] = code
            odd.append(
                numbers.Made(
                    key,
                    there["organization_id"],
                    code if is_usable else None,
                    row[4],
                    there["created_at"],
                    there["submission_number"],
                )
            )
        if not odd:
            return
        right = numbers.expected(odd, self.stored, self.source, self.ref)
        for one_made in odd:
            document_ = made[one_made.id]
            if isinstance(document_, dict):
                document_["submission_number"] = right[one_made.id]
                if right[one_made.id] == one_made.code:
                    del document_["metadata"]["legacy_number"]

    def _group(
        self,
        result: Compared,
        rows: Mapping[str, Sequence[Any]],
        answers: PageAnswers,
        found: Mapping[str, Document],
    ) -> None:
        """Count submissions and answers by organization and form."""
        absent = [key for key in rows if key not in found]
        failed = self.failed("submissions", absent, rows)
        for record, row in rows.items():
            owner = row[6] if row[6] is not None else self.ref.owner(row[1])
            sums = self._sums(result, owner, row[1])
            start, stop = answers.span(row[0])
            number = stop - start
            sums[0] += 1
            sums[1] += number
            there, kept = found.get(record), 0
            if there is not None:
                kept = stored.answers_in(there)
                sums[2] += 1
                sums[3] += kept
            elif record in failed:
                sums[4] += 1
                sums[5] += number
            if record in result.accepted:
                sums[6] += there is None
                sums[7] += number - kept

    def _sums(self, result: Compared, owner: str | None, form: str) -> list[int]:
        """The numbers of an organization's submissions to a form."""
        ref = self.ref
        key = (
            owner if owner is not None and owner in ref.organizations else "",
            form if form in ref.forms else "",
        )
        return result.groups.setdefault(key, [0] * len(GROUP))
