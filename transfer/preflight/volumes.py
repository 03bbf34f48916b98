"""How much v2 holds, by organization and form: a grouped query each for submissions and answers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from legacy_v2 import ids
from legacy_v2 import models as v2
from transfer import extract
from transfer.census.dialect import Dialect
from transfer.census.selects import ITS_FORM, ITS_OWNER, NAMED, SUBMISSION
from transfer.mapping.text import clean
from transfer.scope import Scope
from transfer.source import Source


@dataclass(frozen=True, slots=True)
class Volume:
    """What a form of an organization has to be moved.

    Attributes:
        organization_id: whose; None where nobody knows (M8).
        organization: its name.
        form_id: the form's Id; None in a line that sums up an organization.
        form: its name, or how many forms the sum is over.
        submissions: rows of FormSubmission.
        answers: rows of FormSubmissionMetaData.
        bytes: of the answers' text; of SQL Server its characters, in English text the same.
        first: the earliest CreatedOn as text, None where there is none.
        last: the latest.
    """

    organization_id: str | None
    organization: str
    form_id: str | None
    form: str
    submissions: int = 0
    answers: int = 0
    bytes: int = 0
    first: str | None = None
    last: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return asdict(self)

    def plus(self, other: "Volume") -> "Volume":
        """This line with another's figures added."""
        return replace(
            self,
            submissions=self.submissions + other.submissions,
            answers=self.answers + other.answers,
            bytes=self.bytes + other.bytes,
            first=min((x for x in (self.first, other.first) if x), default=None, key=_year_first),
            last=max((x for x in (self.last, other.last) if x), default=None, key=_year_first),
        )


@dataclass(frozen=True, slots=True)
class Volumes:
    """Everything the run is asked to move.

    Attributes:
        lines: one a form and organization, the largest organization and form first.
        answers_of_nobody: answers whose submission does not exist (M17).
        records: organizations, users and forms to move, by v3 table.
        seen: rows of submissions and answers that v2 showed, of the run or not, by v2 table.
    """

    lines: tuple[Volume, ...]
    answers_of_nobody: int
    records: dict[str, int]
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> Volume:
        """All of it in one line."""
        return summed(self.lines, None, "")

    def organizations(self) -> list[tuple[Volume, list[Volume]]]:
        """Each organization's sum with its forms, the largest first."""
        grouped: defaultdict[tuple[str | None, str], list[Volume]] = defaultdict(list)
        for line in self.lines:
            grouped[line.organization_id, line.organization].append(line)
        sums = [(summed(lines, *key), lines) for key, lines in grouped.items()]
        return sorted(sums, key=lambda each: (-each[0].submissions, each[0].organization))

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return {
            "total": self.total.as_json(),
            "records": self.records,
            "answers_of_nobody": self.answers_of_nobody,
            "organizations": [
                {**whole.as_json(), "forms": [line.as_json() for line in lines]}
                for whole, lines in self.organizations()
            ],
        }


def summed(lines: Iterable[Volume], organization_id: str | None, organization: str) -> Volume:
    """The lines in one."""
    found = list(lines)
    count = len({line.form_id for line in found})
    forms = f"{count:,} form{'s' if count != 1 else ''}"
    whole = Volume(organization_id, organization, None, forms)
    for line in found:
        whole = whole.plus(line)
    return whole


def take_volumes(source: Source, scope: Scope) -> Volumes:
    """Count what v2 has of the run's organizations. Reads each of the two large tables once.

    Raises:
        SourceError: v2 refused a query.
    """
    names = {
        v2_id: _name(row) for v2_id, *row in extract.scan(source, v2.Organization, ("id", "name"))
    }
    forms = {
        v2_id: _name(row)
        for v2_id, *row in extract.scan(source, v2.FormType, ("id", "display_name", "name"))
    }
    answers, outside = _answers(source)
    grouped = source.select(_submissions(source))
    seen = {
        "FormSubmission": sum(row[2] for row in grouped),
        "FormSubmissionMetaData": sum(count for count, _ in answers.values()) + outside,
    }
    found: dict[tuple[str | None, str], Volume] = {}
    for form, own, count, first, last in grouped:
        form_id, own_id = _id(form), _id(own)
        owner = own_id or scope.form_organization.get(form_id or "")
        if not scope.has_organization(owner):
            continue
        figures = answers.get((form_id, own_id), (0, 0))
        line = Volume(
            owner,
            names.get(owner, "unknown organization") if owner else "no organization",
            form_id,
            forms.get(form_id or "", "unknown form"),
            count,
            *figures,
            _moment(first),
            _moment(last),
        )
        key = (owner, form_id or "")
        found[key] = found[key].plus(line) if key in found else line
    filled_in = {form_id for _, form_id in found}
    for form_id, name in forms.items():
        owner = scope.form_organization.get(form_id)
        if scope.has_organization(owner) and form_id not in filled_in:
            organization = names.get(owner, "unknown organization") if owner else "no organization"
            found[owner, form_id] = Volume(owner, organization, form_id, name)
    lines = sorted(found.values(), key=lambda line: (-line.submissions, line.form))
    records = {
        "organizations": source.count(scope.organization_query()),
        "forms": scope.count_forms(),
    }
    records["users"] = source.count(scope.user_query()) if source.has(v2.User) else 0
    return Volumes(tuple(lines), outside if scope.everything else 0, records, seen)


def _answers(source: Source) -> tuple[dict[tuple[str | None, str | None], tuple[int, int]], int]:
    """Answers and bytes by a submission's form and own organization; answers of no submission."""
    say = Dialect(source)
    text = say.size(say.column("a", v2.FormSubmissionMetaData, "free_form_entry"))
    housed = f"CASE WHEN {say.column(*SUBMISSION)} IS NULL THEN 0 ELSE 1 END"
    rows = source.select(
        f"""
        SELECT {_owners(say)}, {say.count}, SUM({text}), MAX({housed})
          FROM {say.table(v2.FormSubmissionMetaData)} a
          LEFT JOIN {say.table(v2.FormSubmission)} s ON {say.same(SUBMISSION, NAMED)}
         GROUP BY {_owners(say, grouped=True)}
        """  # noqa: S608 - quoted names of v2's own
    )
    found: dict[tuple[str | None, str | None], tuple[int, int]] = {}
    outside = 0
    for form, own, count, size, housed in rows:
        if not housed:
            outside += count
            continue
        key = _id(form), _id(own)
        before = found.get(key, (0, 0))
        found[key] = before[0] + count, before[1] + int(size or 0)
    return found, outside


def _submissions(source: Source) -> str:
    say = Dialect(source)
    created = say.column("s", v2.FormSubmission, "created_on")
    return f"""
        SELECT {_owners(say)}, {say.count}, MIN({created}), MAX({created})
          FROM {say.table(v2.FormSubmission)} s
         GROUP BY {_owners(say, grouped=True)}
        """  # noqa: S608 - quoted names of v2's own


def _owners(say: Dialect, *, grouped: bool = False) -> str:
    """The columns by which submissions are grouped: their form, and their own organization."""
    columns = [say.column(*one) for one in (ITS_FORM, ITS_OWNER)]
    return ", ".join(one for one in columns if one != "NULL" or not grouped)


def _id(value: object) -> str | None:
    if isinstance(value, int):
        return ids.uuid_of(value)
    return None if value is None else str(value).lower()


def _name(values: list[object]) -> str:
    return next((clean(value) for value in values if isinstance(value, str) and value), "unnamed")


def _moment(value: object) -> str | None:
    """A time without fractions; PostgreSQL has years of more than four digits."""
    if value is None:
        return None
    text = str(value)
    return text[: max(text.find("-"), 4) + 15]


def _year_first(moment: str) -> tuple[int, str]:
    """In the order of time: as text, the year 12000 comes before 2024."""
    year, _, rest = moment.partition("-")
    return int(year) if year.isdecimal() else 0, rest
