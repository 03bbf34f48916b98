"""M12 to M18 a second time: submissions with their answers. ``Oracle`` is the whole judge.

Nothing of transfer is used here, and nothing is fast: each rule is written out as it is worded.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.integration.hostile.books import (
    Books,
    Record,
    answer_key,
    choosing,
    name_of,
    stored,
)
from tests.integration.hostile.oracle_forms import FormsOracle
from tests.v2 import Row

ANSWER = "FormSubmissionMetaData"


class Answer(NamedTuple):
    """An answer as it is to be placed. by_choice: the choice is its value, for it has no text."""

    id: str | None
    key: str
    field_id: str
    text: str | None
    choice: str | None
    chosen: str | None
    label: str | None

    @property
    def by_choice(self) -> bool:
        return self.chosen is not None and not self.text

    @property
    def value(self) -> str | None:
        return self.label if self.by_choice else self.text

    @property
    def lost_choice(self) -> bool:
        return self.choice is not None and self.chosen is None

    @property
    def order(self) -> tuple[Any, ...]:
        """By Id; without Ids by value, null last (M16)."""
        return self.id or "", self.value is None, self.value or "", self.choice or ""


@dataclass
class Placed:
    """Where the answers of one submission go, and how many went where."""

    data: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, list[Any]] = field(default_factory=dict)
    lost: list[Answer] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def metadata(self) -> dict[str, Any]:
        unmapped: dict[str, list[Any]] = {}
        for answer in sorted(self.lost, key=lambda a: a.order):
            entry = {"id": answer.id, "text": answer.text, "choice": answer.choice}
            label = {} if answer.label is None else {"label": answer.label}
            unmapped.setdefault(answer.field_id, []).append(entry | label)
        found = {"choices": self.beside, "unmapped": unmapped}
        return {key: value for key, value in found.items() if value}


class Oracle(FormsOracle):
    """Judges a world."""

    def judge(self) -> Books:
        """What v3 must hold and what must be recorded."""
        self._organizations()
        self._users()
        self._forms()
        self._loose_parts()
        self._orphans()
        numbers = self._numbers()
        for row in self.v2["submissions"]:
            self._submission(row, numbers)
        return self.books

    def _orphans(self) -> None:
        there = {row["Id"] for row in self.v2["submissions"]}
        for row in self.v2["answers"]:
            if row["FormSubmissionId"] not in there:
                self.books.orphans[stored(answer_key(row))] += 1
                self.books.answers["failed"] += 1

    def _numbers(self) -> dict[str, tuple[str, str]]:
        """Submission → its number, and the code of why it is not the lookup code (M12)."""
        claims = []
        for row in sorted(self.v2["submissions"], key=choosing):
            owner = row["OrganizationId"] or self.owner.get(row["FormTypeId"])
            if owner is not None and not isinstance(row["LookupCode"], bytes):
                claims.append((row["Id"], owner, stored(row["LookupCode"] or "")))
        taken = {(owner, code) for _, owner, code in claims}
        given: set[tuple[str, str]] = set()
        numbers = {}
        for v2_id, owner, lookup_code in claims:
            code, why = lookup_code, ""
            if not code:
                why = "number_missing"
            elif len(code) > 50:
                why = "number_too_long"
            elif (owner, code) in given:
                why = "number_duplicate"
            if why:
                digits = v2_id.replace("-", "")
                tries = (f"V2-{digits[:count]}" for count in range(8, 33))
                code = next(one for one in tries if (owner, one) not in taken | given)
            given.add((owner, code))
            numbers[v2_id] = code, why
        return numbers

    def _submission(self, row: Row, numbers: dict[str, tuple[str, str]]) -> None:
        record = Record("FormSubmission", row["Id"])
        form = row["FormTypeId"]
        organization = row["OrganizationId"] or self.owner.get(form)
        if form not in self.books.rows["forms"]:
            record.faults.add("value_missing" if form is None else "form_unknown")
        elif organization not in self.books.rows["organizations"]:
            record.faults.add("organization_unknown")
        extra: dict[str, Any] = {}
        lookup_code = record.text(row["LookupCode"], "LookupCode", optional=True)
        number, why = numbers.get(row["Id"], (lookup_code, ""))
        if why:
            extra["legacy_number"] = lookup_code
            record.warn(why, "LookupCode")
        status = self._status(record, row["FormSubmissionStatusId"], extra)
        made = changed = record.time(row["CreatedOn"], "CreatedOn", self.zone)
        if row["LastUpdatedOn"] is not None:
            changed = record.time(row["LastUpdatedOn"], "LastUpdatedOn", self.zone)
        if changed > self.started:
            extra["legacy_updated_at"] = changed.isoformat()
        answers = [a for a in self.v2["answers"] if a["FormSubmissionId"] == row["Id"]]
        placed = self._answers(record, form, answers)
        went = Counter(failed=len(answers)) if record.faults else placed.counts
        self.books.answers.update(went)
        self._settle(
            "submissions",
            record,
            {
                "organization_id": organization,
                "form_id": form,
                "submission_number": number,
                "status": status,
                "data": placed.data,
                "metadata": self.metadata | extra | placed.metadata,
                "created_at": made,
                "updated_at": changed,
                "submitted_at": None if status == "draft" else changed,
            },
        )

    def _status(self, record: Record, status_id: str | None, extra: dict[str, Any]) -> str:
        """M13, M18."""
        statuses = {row["Id"]: row["Name"] for row in self.v2["statuses"]}
        if status_id is None:
            record.faults.add("value_missing")
        elif status_id not in statuses:
            record.warn("status_without_row", "FormSubmissionStatusId")
        else:
            name = record.text(statuses[status_id], "FormSubmissionStatus.Name")
            if name.casefold() in self.status_names:
                return self.status_names[name.casefold()]
            extra["legacy_status"] = name
            record.warn("status_unknown", "FormSubmissionStatusId")
        return "submitted"

    # M15 to M17

    def _chosen(self, v2_id: str | None) -> str | None:
        """The choice a FieldChoiceMapId leads to, None where it is nowhere (M15)."""
        maps = {m["Id"]: m["ChoiceId"] for m in self.v2["maps"] if m["Id"] is not None}
        choice = maps.get(v2_id, v2_id)
        return choice if choice in self.choice_names else None

    def _answer(self, record: Record, row: Row) -> Answer:
        key = answer_key(row)
        if row["FieldId"] is None:
            record.faults.add("value_missing")
        text = record.text(row["FreeFormEntry"], "FreeFormEntry", ANSWER, key, optional=True)
        choice = row["FieldChoiceMapId"]
        chosen = self._chosen(choice)
        label = None if chosen is None else name_of(self.choice_names[chosen])
        return Answer(row["Id"], key, row["FieldId"] or "", text, choice, chosen, label)

    def _answers(self, record: Record, form: str | None, rows: list[Row]) -> Placed:
        fields = {f["Id"]: f for f in self.v2["fields"]}
        groups: dict[str, list[Answer]] = {}
        placed = Placed()
        for row in rows:
            answer = self._answer(record, row)
            if answer.field_id not in fields:
                record.warn("answer_field_unknown", "FieldId", ANSWER, answer.key)
                placed.lost.append(answer)
            elif answer.lost_choice and not answer.text:
                record.warn("answer_choice_unknown", "FieldChoiceMapId", ANSWER, answer.key)
                placed.lost.append(answer)
            else:
                groups.setdefault(answer.field_id, []).append(answer)
        taken = {self.field_names[f["Id"]] for f in self.form_fields.get(form or "", [])}
        for field_id in sorted(groups):
            group = sorted(groups[field_id], key=lambda a: a.order)
            name = self.field_names[field_id]
            has_room = True
            if fields[field_id]["FormTypeId"] != form:
                has_room = name not in taken
                taken.add(name)
                for answer in group:
                    record.warn("answer_other_form", "FieldId", ANSWER, answer.key)
            if has_room:
                self._place(record, placed, fields[field_id], group)
            else:
                placed.lost += group
        placed.counts["unmapped"] = len(placed.lost)
        return placed

    def _place(self, record: Record, placed: Placed, own: Row, group: list[Answer]) -> None:
        name = self.field_names[own["Id"]]
        for answer in group:
            if not answer.text or answer.choice is None:
                placed.counts["merged" if len(group) > 1 else "migrated"] += 1
                continue
            placed.counts["choices"] += 1
            placed.beside.setdefault(name, []).append(
                answer.choice if answer.lost_choice else answer.label
            )
            if answer.lost_choice:
                record.warn("answer_choice_unknown", "FieldChoiceMapId", ANSWER, answer.key)
        offered = list(dict.fromkeys(m["ChoiceId"] for m in self._offered(own["Id"])))
        if offered and self._field_type(own)[1] == "checkbox":
            first = [a for a in group if a.by_choice and a.chosen in offered]
            rest = [a for a in group if not (a.by_choice and a.chosen in offered)]
            first.sort(key=lambda a: offered.index(a.chosen))
            placed.data[name] = [a.value for a in first + rest]
        elif len(group) > 1:
            placed.data[name] = [a.value for a in group]
            record.warn("answers_merged", "")
        else:
            placed.data[name] = group[0].value
