"""What v2 holds of a migration's rows, counted anew: the source side of verify_v2.

The counts come from queries of their own, not from the engine's, so that a mistake in what the
engine reads shows. Each is split at the moment the migration began, for v2 may be live, and
what it gained since is no loss.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from legacy_v2 import models as v2
from transfer.extract import FORM_COLUMNS, SCAN_SIZE, pages, ranges, scan
from transfer.mapping.context import MappingContext
from transfer.mapping.forms import form_organization
from transfer.mapping.record import MAX_KEY
from transfer.mapping.text import clean
from transfer.mapping.times import to_utc
from transfer.records import V2Form, is_id
from transfer.source import Source
from transfer.verify_times import since, teach

# Ids named in one statement; SQL Server takes 2,100 parameters at most.
FORMS_AT_ONCE = 1000
IDS_AT_ONCE = 1000

MODELS: dict[str, type[Model]] = {
    "organizations": v2.Organization,
    "users": v2.User,
    "forms": v2.FormType,
    "submissions": v2.FormSubmission,
}


class Split(NamedTuple):
    """A count in two: rows of before the migration began, and rows made since."""

    before: int = 0
    since: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.before + self.since


@dataclass(frozen=True, slots=True)
class Cut:
    """The moment that splits every count, as each side has it.

    v2's times have no zone, and in an overlap of the zone the mapping takes the first reading
    (M3): so v3's moment is made from v2's by the same rule.
    """

    started_at: datetime
    v2: datetime
    v3: datetime
    zone: ZoneInfo

    @classmethod
    def at(cls, started_at: datetime, zone: ZoneInfo) -> "Cut":
        """The cut at a migration's stored started_at (aware)."""
        local = started_at.astimezone(zone).replace(tzinfo=None, fold=0)
        return cls(started_at.astimezone(UTC), local, to_utc(local, zone)[0], zone)


class SourceCounts:
    """Counts v2's rows that a migration answers for.

    Args:
        source: v2.
        cut: when the migration began.
        organizations: the selected ones; empty: everything.
        ctx: the settings that say which form belongs to which organization (M8); needed where
            organizations were selected.
    """

    def __init__(
        self,
        source: Source,
        cut: Cut,
        organizations: Sequence[str] = (),
        ctx: MappingContext | None = None,
    ) -> None:
        self._source = source
        teach(source.connection)
        self._cut = cut
        self._organizations = organizations
        self._forms = self._own_forms(ctx) if ctx else []

    def rows(self, table: str) -> Split:
        """The v2 rows that the v3 table is made from."""
        model = MODELS[table]
        if not self._source.has(model):
            return Split()
        before, recent = self._times(model)
        parts = self.parts(table)
        return Split(
            sum(self._source.count(part.filter(before)) for part in parts),
            sum(self._source.count(part.filter(recent)) for part in parts),
        )

    def answers(self, submissions: Split) -> Split:
        """The answers; those of submissions that do not exist only where everything is moved.

        Args:
            submissions: what ``rows`` counted; where it has none since, no answer is asked for
                its submission's time, which would take a look-up an answer.
        """
        every = v2.FormSubmissionMetaData._default_manager.all()
        before, recent = self._times(v2.FormSubmission)
        gained = self._answers_of(recent) if submissions.since else 0
        if self._organizations:
            return Split(self._answers_of(before), gained)
        if submissions.since:
            every = every.filter(~_of_submission(self.parts("submissions")[0].filter(recent)))
        return Split(self._source.count(every), gained)

    def ids(self, table: str) -> Iterator[dict[str, bool]]:
        """The ids of the rows ``rows`` counts, a page at a time: id → made since the cut."""
        model = MODELS[table]
        for part in self.parts(table) if self._source.has(model) else []:
            for page in pages(self._source, part, ("id", "created_on"), lambda: SCAN_SIZE, ""):
                keys, times = page.columns
                since = (isinstance(made, datetime) and made > self._cut.v2 for made in times)
                yield dict(zip(map(_as_v3, keys), since, strict=True))

    def edited(self) -> Iterator[dict[str, datetime]]:
        """Older submissions last changed after the cut, a page at a time: id → when (UTC).

        That may have been before they were read, by v2's clock or because it is live.
        """
        if not self._source.has(v2.FormSubmission, "last_updated_on"):
            return
        before, _ = self._times(v2.FormSubmission)
        columns = ("id", "last_updated_on")
        for part in self.parts("submissions"):
            changed_since = since("last_updated_on", self._cut.v2, self._source.connection)
            query = part.filter(before & changed_since)
            for page in pages(self._source, query, columns, lambda: IDS_AT_ONCE, ""):
                yield {
                    _as_v3(key): to_utc(changed, self._cut.zone)[0]
                    for key, changed in page.rows()
                    if isinstance(changed, datetime)
                }

    def answers_of(self, submissions: Sequence[str]) -> int:
        """The answers of some submissions, IDS_AT_ONCE at most."""
        every = v2.FormSubmissionMetaData._default_manager.all()
        return self._source.count(every.filter(form_submission_id__in=submissions))

    def field_names(self) -> Iterator[dict[str, set[str]]]:
        """The names v3 has for the fields of each form (M4, M10), some forms at a time: id → names.

        A form that does not exist is here too; its fields keep their own names (M17).
        """
        own_form = v2.FormType._default_manager.filter(id=OuterRef("form_type_id"))
        columns = ("form_type_id", "name")
        for has_form, naming in ((Exists(own_form), _unique), (~Exists(own_form), set)):
            fields = v2.Field._default_manager.filter(has_form)
            for page in ranges(self._source, fields, columns):
                names: dict[str, Counter[str]] = {}
                for form, name in page.rows():
                    names.setdefault(_as_v3(form), Counter())[_storable(name)] += 1
                yield {form: naming(own) for form, own in names.items()}

    def _answers_of(self, which: Q) -> int:
        every = v2.FormSubmissionMetaData._default_manager.all()
        return sum(
            self._source.count(every.filter(_of_submission(part.filter(which))))
            for part in self.parts("submissions")
        )

    def _times(self, model: type[Model]) -> tuple[Q, Q]:
        """Conditions on a row: made before the cut, made since."""
        if not self._source.has(model, "created_on"):
            return Q(), Q(pk__in=[])
        recent = since("created_on", self._cut.v2, self._source.connection)
        return ~recent | Q(created_on__isnull=True), recent

    def parts(self, table: str) -> list["QuerySet[Any]"]:
        """Disjoint queries that are together the table's rows in the migration's scope."""
        every = MODELS[table]._default_manager.all()
        if not self._organizations:
            return [every]
        named = self._organizations
        if table == "organizations":
            return [every.filter(id__in=named)]
        if table == "users":
            return [every.filter(organization_id__in=named)]
        starts = range(0, len(self._forms), FORMS_AT_ONCE)
        chunks = [self._forms[start : start + FORMS_AT_ONCE] for start in starts]
        if table == "forms":
            return [every.filter(id__in=chunk) for chunk in chunks]
        if not self._source.has(v2.FormSubmission, "organization_id"):
            return [every.filter(form_type_id__in=chunk) for chunk in chunks]
        inherits = every.filter(organization_id__isnull=True)
        return [
            every.filter(organization_id__in=named),
            *(inherits.filter(form_type_id__in=chunk) for chunk in chunks),
        ]

    def _own_forms(self, ctx: MappingContext) -> list[str]:
        """Ids of the forms that go to a selected organization: one entry a form, no more."""
        wanted = frozenset(self._organizations)
        forms = (V2Form(*row) for row in scan(self._source, v2.FormType, FORM_COLUMNS))
        return [form.id for form in forms if form_organization(form, ctx) in wanted]


def _as_v3(key: object) -> str:
    """An id as v3 and its errors spell it; PostgreSQL takes more spellings than v2 gives."""
    if is_id(key):
        return key
    text = clean(str(key))[:MAX_KEY]
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _storable(name: object) -> str:
    """A field's name as v3 can hold it (M4); one that is no text counts as empty."""
    if not isinstance(name, str):
        return ""
    whole = name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "\ufffd")


def _unique(names: Counter[str]) -> set[str]:
    """What the names of a form's fields become, each that is there again with a suffix (M10)."""
    made = set(names)
    for name, times in names.items():
        suffixed = (f"{name}_{number}" for number in count(2))
        made.update(islice((each for each in suffixed if each not in names), times - 1))
    return made


def _of_submission(submissions: "QuerySet[Any]") -> Exists:
    return Exists(submissions.filter(id=OuterRef("form_submission_id")))
