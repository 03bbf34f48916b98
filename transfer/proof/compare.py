"""One page of v2's records against v3's rows: what is equal, what is not, and what may differ.

Submissions, which have answers, are in compare_submissions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeAlias

from transfer.models import DifferenceKind
from transfer.proof import document, expected, stored
from transfer.proof.compared import V2_TABLES, Compared
from transfer.proof.document import Mismatch
from transfer.proof.errors import Errors
from transfer.proof.expected import Document, Setting
from transfer.proof.reference import V2Reference
from transfer.proof.rules import Impossible, as_stored, in_error, instant, recorded
from transfer.proof.slugs import Slugs
from transfer.proof.stored import Stored
from transfer.source import Source

# Rows of v2 by their Ids as v3 has them.
Keyed: TypeAlias = dict[str, Any]
# In metadata of a row that a rollback kept: when the migration that wrote it was begun.
KEPT_MARK = "kept_by_rollback"


@dataclass
class Comparer:
    """Compares records of a migration.

    Args:
        source: v2.
        stored: v3's rows.
        ref: v2's small tables.
        since: v2's time at which the migration began.
        errors: tells which open errors nothing explains.
        slugs: of organizations and of forms, once they are known.
    """

    source: Source
    stored: Stored
    ref: V2Reference
    since: datetime
    errors: Errors
    slugs: dict[str, Slugs] = field(default_factory=dict)
    _earlier: dict[str, V2Reference | None] = field(default_factory=dict)

    @cached_property
    def _second_users(self) -> set[str]:
        return self.errors.second_users()

    def organizations(self, keyed: Keyed) -> Compared:
        """Compare organizations (ORGANIZATION_COLUMNS)."""
        found = self.stored.rows("organizations", list(keyed))
        made = self.made(keyed, found, lambda row, ref: expected.organization(row, ref.settings))
        for key, one in made.items():
            if isinstance(one, dict) and key in found:
                slugs = self.slugs["organizations"]
                one["slug"] = slugs.expected(keyed[key][0], "", found[key]["slug"])
        created = {key: row[2] for key, row in keyed.items()}
        return self.settle("organizations", keyed, made, found, created, {})

    def users(self, keyed: Keyed) -> Compared:
        """Compare users (USER_COLUMNS)."""
        found = self.stored.rows("users", list(keyed))
        made = self.made(keyed, found, lambda row, ref: expected.user(row, ref.settings))
        for key in self._second_users & found.keys():
            made[key] = Impossible("an earlier user of its organization has the email")
        created = {key: row[7] for key, row in keyed.items()}
        changed = {key: row[8] for key, row in keyed.items()}
        return self.settle("users", keyed, made, found, created, changed)

    def forms(self, keyed: Keyed, settings: Iterable[Setting]) -> Compared:
        """Compare forms (FORM_COLUMNS) with the settings of their fields."""
        found = {
            key: stored.form(row) for key, row in self.stored.rows("forms", list(keyed)).items()
        }
        of_form: dict[str, list[Setting]] = {}
        for setting in settings:
            if (own := self.ref.fields.get(setting[0])) is not None:
                of_form.setdefault(own.form, []).append(setting)
        made = self.made(
            keyed, found, lambda row, ref: expected.form(row, of_form.get(row[0], []), ref)
        )
        for key, one in made.items():
            if isinstance(one, dict) and key in found:
                own_id = keyed[key][0]
                owner = self.ref.owner(own_id) or ""
                one["slug"] = self.slugs["forms"].expected(own_id, owner, found[key]["slug"])
        created = {key: row[5] for key, row in keyed.items()}
        return self.settle("forms", keyed, made, found, created, {})

    def made(
        self,
        keyed: Mapping[str, Any],
        found: Mapping[str, Document],
        make: Callable[[Any, V2Reference], Document],
    ) -> dict[str, Document | Impossible]:
        """What v3 has to hold of each row, or why it can hold nothing."""
        made: dict[str, Document | Impossible] = {}
        for key, row in keyed.items():
            mark = _mark(found.get(key))
            earlier = self._as_marked(mark) if mark else None
            try:
                one = make(row, earlier or self.ref)
            except Impossible as why:
                made[key] = why
                continue
            if earlier:
                one["metadata"][KEPT_MARK] = mark
            made[key] = one
        return made

    def _as_marked(self, mark: str) -> V2Reference | None:
        """The same reference for rows of an earlier start, which a rollback kept; None: no mark."""
        if mark not in self._earlier:
            self._earlier[mark] = None
            with suppress(ValueError):
                started_at = datetime.fromisoformat(mark).astimezone(UTC)
                if started_at < self.ref.settings.started_at:
                    self._earlier[mark] = earlier = copy(self.ref)
                    earlier.settings = replace(earlier.settings, started_at=started_at)
        return self._earlier[mark]

    def settle(
        self,
        table: str,
        rows: Mapping[str, Any],
        made: Mapping[str, Document | Impossible],
        found: Mapping[str, Document],
        created: Mapping[str, object],
        changed: Mapping[str, object],
    ) -> Compared:
        """Compare the documents of one page, record by record."""
        result = Compared(ids=list(made))
        absent = [key for key in made if key not in found]
        failed = self.failed(table, absent, rows)
        result.ready = len(self.errors.unexplained(table, failed, made, rows))
        for key, one in made.items():
            there = found.get(key)
            if there is None:
                self._absent(result, table, key, key in failed, created[key], one)
                continue
            result.compared += 1
            theirs = document.encode(there)
            if isinstance(one, Impossible):
                result.digest_v3 += document.digest(theirs)
                result.differing += 1
                reason = document.excerpts(f"no row of v3: {one}", None)[0]
                kind = DifferenceKind.DIFFERENT.value
                result.mismatches.append(Mismatch(table, key, kind, "", reason, "a row"))
                continue
            ours = document.encode(one)
            one_digest = document.digest(ours)
            result.digest_v2 += one_digest
            if ours == theirs:
                result.digest_v3 += one_digest
                result.equal += 1
                continue
            result.digest_v3 += document.digest(theirs)
            if self._changed(changed.get(key), there):
                result.changed_since += 1
                result.accepted.add(key)
                continue
            result.differing += 1
            self._add_places(result, table, key, one, there)
        return result

    def failed(self, table: str, absent: Sequence[str], rows: Mapping[str, Any]) -> dict[str, str]:
        """Those of these records that are open errors, which call them as v2 does: id → code."""
        by_name = {in_error(rows[key][0]): key for key in absent}
        found = self.stored.failed(table, V2_TABLES[table], list(by_name))
        return {by_name[name]: code for name, code in found.items()}

    def _absent(
        self,
        result: Compared,
        table: str,
        key: str,
        failed: bool,  # noqa: FBT001 - one of two private calls
        created: object,
        one: Document | Impossible,
    ) -> None:
        if failed:
            result.failed += 1
        elif isinstance(created, datetime) and created > self.since:
            result.made_since += 1
            result.accepted.add(key)
        else:
            result.missing += 1
            told = str(one) if isinstance(one, Impossible) else document.encode(one).decode()
            kind = DifferenceKind.MISSING_IN_V3.value
            v2_value = document.excerpts(told, None)[0]
            result.mismatches.append(Mismatch(table, key, kind, "", v2_value, None))

    def _changed(self, changed: object, there: Document) -> bool:
        """Whether v2 says that it changed the record after it was read.

        Its time of then is in v3 twice: one of the two may have been tampered with.
        """
        if not isinstance(changed, datetime) or changed <= self.since:
            return False
        metadata = there["metadata"]
        kept = metadata.get("legacy_updated_at") if isinstance(metadata, dict) else None
        now = instant(changed, "LastUpdatedOn", self.ref.settings.zone)
        return bool(kept != now.isoformat() and there["updated_at"] != as_stored(now))

    def _add_places(
        self, result: Compared, table: str, key: str, one: Document, there: Document
    ) -> None:
        kind = DifferenceKind.DIFFERENT.value
        places = document.compare(one, there)
        for place, v2_value, v3_value in places[: document.AT_MOST]:
            shown = self._shown(place)
            result.mismatches.append(Mismatch(table, key, kind, shown, v2_value, v3_value))
        for place, _, _ in places[document.AT_MOST :]:
            result.untold[kind, document.column(self._shown(place))] += 1

    def _shown(self, place: str) -> str:
        """A place as a reader looks for it in v3: answers by the names of their fields."""
        column, bracket, rest = place.partition("[")
        if column in ("fields", "field_order"):
            return f"definition[{column}]{bracket}{rest}"
        field_id, closing, behind = rest.partition("]")
        if bracket and column in ("data", "choices") and field_id in self.ref.fields:
            return f"{column}[{self.ref.fields[field_id].name}{closing}{behind}"
        return place


def keyed_by_id(rows: Sequence[Sequence[Any]]) -> Keyed:
    """The rows of v2 by their Ids as v3 has them."""
    return {recorded(row[0]): row for row in rows}


def _mark(there: Document | None) -> str | None:
    """When the migration was begun that wrote a row a rollback has kept; None for all others."""
    metadata = there["metadata"] if there is not None else None
    mark = metadata.get(KEPT_MARK) if isinstance(metadata, dict) else None
    return mark if isinstance(mark, str) and mark else None
