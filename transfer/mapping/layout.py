"""What submissions need to know about forms: final field names, choices, who owns what.

Shared by the mapping of forms and of submissions, so that the names of both agree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

from transfer.mapping.context import MappingContext
from transfer.mapping.text import clean
from transfer.records import V2ChoiceMap, V2Field

# v2's field types that v3 has, by their case-folded names (M9).
FIELD_TYPES: Mapping[str, str] = {
    "textbox": "text",
    "textarea": "textarea",
    "dropdown": "select",
    "checkbox": "checkbox",
}
OTHER_TYPE = "text"


class FieldLayout(NamedTuple):
    """How answers to a field are kept.

    name is the field's final one (M10). is_list: a checkbox field with choices (M16). order:
    Choice.Id → position among the field's choices; None unless is_list, for nothing else asks.
    """

    id: str
    form_id: str
    name: str
    is_list: bool
    order: Mapping[str, int] | None


def field_type(type_name: object, ctx: MappingContext) -> str | None:
    """The v3 type of a v2 field type's name, whatever its case; None where v3 has none (M9)."""
    if not isinstance(type_name, str):
        return None
    name = clean(type_name).casefold()
    return ctx.mapping.field_types.get(name) or FIELD_TYPES.get(name)


def field_order(row: V2Field) -> tuple[bool, int, str]:
    """Sort key of a form's fields: (SortOrder, Id), those without SortOrder last (M9)."""
    return (*_sort_order(row.sort_order), row.id)


def choice_order(row: V2ChoiceMap) -> tuple[bool, int, str, str]:
    """Sort key of a field's choices: (SortOrder, Choice.Id), those without SortOrder last (M9)."""
    return (*_sort_order(row.sort_order), row.choice_id, row.id or "")


def _sort_order(value: object) -> tuple[bool, int]:
    return (False, value) if isinstance(value, int) else (True, 0)


def form_fields(
    fields: Iterable[V2Field],
    maps: Iterable[V2ChoiceMap],
    ctx: MappingContext,
    *,
    dangling: bool = False,
) -> list[FieldLayout]:
    """The layouts of fields, each form's in the order (SortOrder, Id) (M9, M10, M16).

    A name that is no text (its form fails) counts as empty here.

    Args:
        fields: all fields of one form, or of several.
        maps: the choice maps of at least these fields, in any order.
        ctx: the run's settings.
        dangling: the forms of these fields do not exist: each keeps its own name.
    """
    forms: dict[str, list[V2Field]] = {}
    for row in fields:
        forms.setdefault(row.form_type_id, []).append(row)
    choices = choices_by_field(maps)
    layouts: list[FieldLayout] = []
    for form_id, rows in forms.items():
        rows.sort(key=field_order)
        own = [clean(row.name) if isinstance(row.name, str) else "" for row in rows]
        names = own if dangling else unique_names(own)
        for row, name in zip(rows, names, strict=True):
            mapped = choices.get(row.id)
            is_list = mapped is not None and field_type(row.type_name, ctx) == "checkbox"
            layouts.append(
                FieldLayout(
                    id=intern(row.id),
                    form_id=intern(form_id),
                    name=intern(name),
                    is_list=is_list,
                    order=_positions(mapped) if mapped is not None and is_list else None,
                )
            )
    return layouts


def choices_by_field(maps: Iterable[V2ChoiceMap]) -> dict[str, list[V2ChoiceMap]]:
    """Field id → its maps to choices that exist, in their order (M9)."""
    choices: dict[str, list[V2ChoiceMap]] = {}
    for row in maps:
        if row.choice_exists:
            choices.setdefault(row.field_id, []).append(row)
    for rows in choices.values():
        rows.sort(key=choice_order)
    return choices


def unique_names(names: list[str]) -> list[str]:
    """The names of a form's fields, the later of two same ones with a suffix (M10).

    A suffixed name is one that no field has by itself; two suffixed ones are never the same, for
    what comes before the last underscore differs.
    """
    own = set(names)
    next_suffix: dict[str, int] = {}
    result = []
    for name in names:
        if name not in next_suffix:
            next_suffix[name] = 2
            result.append(name)
            continue
        number = next_suffix[name]
        while f"{name}_{number}" in own:
            number += 1
        next_suffix[name] = number + 1
        result.append(f"{name}_{number}")
    return result


def _positions(maps: list[V2ChoiceMap]) -> dict[str, int]:
    """Choice.Id → its first position."""
    positions: dict[str, int] = {}
    for row in maps:
        positions.setdefault(intern(row.choice_id), len(positions))
    return positions


@dataclass(slots=True)
class Reference:
    """All that mapping a submission looks up. Ids are shared, not copied: it is held whole.

    Args:
        fields: field id → layout, also of fields whose form is not in v3 or nowhere.
        choice_of_map: Field_Choice_Map.Id → Choice.Id.
        labels: Choice.Id → DisplayName, cleaned (M4); a choice that does not exist is not here.
        form_organization: form id → organization id, of the forms that are in v3.
        form_names: form id → the names of its fields.
        organizations: ids of the organizations that are in v3.
        statuses: FormSubmissionStatus.Id → Name, as v2 has it.
        plain_names: form id → field id → name, of its fields that are no lists. Made from the
            others by ``add_form``; where it is missing mapping is slower, not different.
    """

    fields: dict[str, FieldLayout] = field(default_factory=dict)
    choice_of_map: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str | None] = field(default_factory=dict)
    form_organization: dict[str, str] = field(default_factory=dict)
    form_names: dict[str, frozenset[str]] = field(default_factory=dict)
    organizations: set[str] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)
    plain_names: dict[str, dict[str, str]] = field(default_factory=dict)

    def add_form(
        self,
        form_id: str,
        organization_id: str | None,
        layouts: Iterable[FieldLayout],
        maps: Iterable[V2ChoiceMap] = (),
    ) -> None:
        """Add one form: its fields' layouts and their choice maps.

        Args:
            form_id: the form's id.
            organization_id: its organization in v3; None where the form is not in v3. Answers
                of other forms' submissions may name its fields all the same (M17).
            layouts: from form_fields.
            maps: the choice maps of its fields.
        """
        form_id = intern(form_id)
        layouts = list(layouts)
        self.add_fields(layouts)
        self.add_maps(maps)
        self.form_names[form_id] = frozenset(layout.name for layout in layouts)
        if organization_id is not None:
            self.form_organization[form_id] = intern(organization_id)
            self.plain_names[form_id] = {
                layout.id: layout.name for layout in layouts if not layout.is_list
            }

    def add_fields(self, layouts: Iterable[FieldLayout]) -> None:
        """Add fields alone: those whose form does not exist (M17)."""
        for layout in layouts:
            self.fields[layout.id] = layout

    def add_maps(self, maps: Iterable[V2ChoiceMap]) -> None:
        """Add choice maps, of any fields, and the names of their choices."""
        for row in maps:
            if row.id is not None:
                self.choice_of_map[intern(row.id)] = intern(row.choice_id)
            if row.choice_exists:
                self.add_choice(row.choice_id, row.display_name)

    def add_choice(self, choice_id: str, display_name: str | None) -> None:
        """Add a choice that exists, mapped to a field or not."""
        label = clean(display_name) if isinstance(display_name, str) else None
        self.labels[intern(choice_id)] = label
