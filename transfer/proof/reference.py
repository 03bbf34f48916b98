"""What the proof knows of v2's forms: whose they are, their fields, choices, types and statuses.

Read once and held whole: it grows with the design of the forms, not with submissions.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from legacy_v2 import models as v2
from legacy_v2.ids import written
from transfer.extract import ranges, scan
from transfer.mapping.context import MappingFile
from transfer.proof.rules import storable
from transfer.source import Source

OWN_TYPES = {
    "textbox": "text",
    "textarea": "textarea",
    "dropdown": "select",
    "checkbox": "checkbox",
}
STATUSES = ("draft", "submitted", "processing", "approved", "rejected", "completed", "archived")


@dataclass(frozen=True)
class Settings:
    """The settings a migration was made with, as far as they change rows.

    Args:
        migration: its name (M2).
        started_at: when it was begun, aware, UTC: the time no rule gives (M3).
        zone: the zone v2's times are in (M3).
        form_status: every form's (M7).
        file: what V2_MAPPING says (M8, M9, M13).
        default_organization: of forms without one (M8).
    """

    migration: str
    started_at: datetime
    zone: ZoneInfo
    form_status: str = "draft"
    file: MappingFile = field(default_factory=MappingFile)
    default_organization: str | None = None

    def field_type(self, name: object) -> str | None:
        """v3's type for the name of a v2 field type; None where it has none (M9)."""
        if not isinstance(name, str):
            return None
        folded = storable(name).casefold()
        return self.file.field_types.get(folded) or OWN_TYPES.get(folded)

    def status(self, name: str) -> str | None:
        """v3's status for a v2 status; None where it has none (M13)."""
        folded = name.casefold()
        if folded in self.file.statuses:
            return self.file.statuses[folded]
        return folded if folded in STATUSES else None

    def form_owner(self, form_id: str, name: object, own: str | None) -> str | None:
        """The organization a form belongs to, None where nothing says it (M8)."""
        if own is not None:
            return own
        named = storable(name) if isinstance(name, str) else None
        by_name = self.file.forms.get(named) if named is not None else None
        return self.file.forms.get(written(form_id or "")) or by_name or self.default_organization


class FieldV2(NamedTuple):
    """A field of v2 and what the proof derives from it.

    row: (Id, FormTypeId, FieldTypeId, Name, DisplayName, Required, SortOrder).
    name: its final name (M10). positions: Choice.Id → place among the field's choices where
    answers to it are a list (M16), else None.
    """

    row: tuple[Any, ...]
    form: str
    name: str
    positions: Mapping[str, int] | None


class Choice(NamedTuple):
    """A choice that is mapped to a field: the row of the map, and what the choice is called."""

    map_id: str | None
    field: str
    choice: str
    place: object
    label: object


class V2Reference:
    """v2's small tables, for the proof.

    Args:
        source: v2.
        settings: those of the migration.
    """

    def __init__(self, source: Source, settings: Settings) -> None:
        self.settings = settings
        self.types: dict[str, object] = dict(scan(source, v2.FieldType, ("id", "name")))
        self.statuses: dict[str, object] = dict(
            scan(source, v2.FormSubmissionStatus, ("id", "name"))
        )
        names: dict[str, object] = dict(scan(source, v2.Choice, ("id", "display_name")))
        # As answers show them; a name that is no text (a form with it fails) counts as none.
        self.labels: dict[str, str | None] = {
            key: storable(name) if isinstance(name, str) else None for key, name in names.items()
        }
        self.organizations: dict[str, object] = dict(scan(source, v2.Organization, ("id", "name")))
        self.forms: dict[str, tuple[object, str | None]] = {
            form_id: (name, settings.form_owner(form_id, name, own))
            for form_id, name, own in scan(source, v2.FormType, ("id", "name", "organization_id"))
        }
        self.choice_of_map: dict[str, str] = {}
        self.choices: dict[str, list[Choice]] = {}
        self._read_choices(source, names)
        self.fields: dict[str, FieldV2] = {}
        self.of_form: dict[str, dict[str, FieldV2]] = {}
        self._read_fields(source)

    def owner(self, form_id: str) -> str | None:
        """The organization of a form, None where there is neither (M8)."""
        return self.forms[form_id][1] if form_id in self.forms else None

    def _read_choices(self, source: Source, names: Mapping[str, object]) -> None:
        columns = ("id", "field_id", "choice_id", "sort_order")
        # By its field where v2 has no Ids of its own: pages go by the first column.
        if not source.has(v2.FieldChoiceMap, "id"):
            found: Iterable[tuple[Any, ...]] = _by_parent(source, v2.FieldChoiceMap, columns[1:])
            rows: Iterator[tuple[Any, ...]] = ((None, *row) for row in found)
        else:
            rows = scan(source, v2.FieldChoiceMap, columns)
        for map_id, field_id, choice, place in rows:
            if map_id is not None:
                self.choice_of_map[map_id] = choice
            if choice in names:
                made = Choice(map_id, field_id, choice, place, names[choice])
                self.choices.setdefault(field_id, []).append(made)
        for mapped in self.choices.values():
            mapped.sort(key=lambda one: (*in_order(one.place), one.choice, one.map_id or ""))

    def _read_fields(self, source: Source) -> None:
        columns = ("id", "form_type_id", "field_type_id", "name", "display_name", "required",
                   "sort_order")  # fmt: skip
        by_form: dict[str, list[tuple[Any, ...]]] = {}
        for row in scan(source, v2.Field, columns):
            by_form.setdefault(row[1], []).append(row)
        for form_id, rows in by_form.items():
            rows.sort(key=lambda row: (*in_order(row[6]), row[0]))
            own = [storable(row[3]) if isinstance(row[3], str) else "" for row in rows]
            # A field whose form does not exist is in no form, and keeps its own name (M10).
            names = distinct(own) if form_id in self.forms else own
            made = {
                row[0]: FieldV2(row, form_id, name, self._positions(row))
                for row, name in zip(rows, names, strict=True)
            }
            self.of_form[form_id] = made
            self.fields |= made

    def _positions(self, row: tuple[Any, ...]) -> dict[str, int] | None:
        mapped = self.choices.get(row[0])
        if not mapped or self.settings.field_type(self.types.get(row[2])) != "checkbox":
            return None
        positions: dict[str, int] = {}
        for one in mapped:
            positions.setdefault(one.choice, len(positions))
        return positions


def in_order(place: object) -> tuple[bool, int]:
    """A sort key: by SortOrder, what has none last (M9)."""
    return (False, place) if isinstance(place, int) else (True, 0)


def distinct(names: list[str]) -> list[str]:
    """Names of one form's fields in their order, made distinct (M10)."""
    used = set(names)
    seen: set[str] = set()
    last: dict[str, int] = {}
    result = []
    for name in names:
        final = name
        if name in seen:
            number = last.get(name, 1)
            while final in used:
                number += 1
                final = f"{name}_{number}"
            last[name] = number
            used.add(final)
        seen.add(name)
        result.append(final)
    return result


def _by_parent(
    source: Source, model: type[v2.FieldChoiceMap] | type[v2.FieldSetting], columns: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    for page in ranges(source, model._default_manager.all(), columns):
        yield from page.rows()
