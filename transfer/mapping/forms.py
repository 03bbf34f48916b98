"""M7 to M11: v2's FormType with its fields, settings and choices to v3's forms."""

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

import orjson

from legacy_v2.ids import written
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Finding, Outcome
from transfer.mapping.layout import (
    OTHER_TYPE,
    choice_order,
    choices_by_field,
    field_order,
    field_type,
    form_fields,
)
from transfer.mapping.record import RecordInHand, UnmappableError
from transfer.mapping.text import clean, shorten
from transfer.records import FormRow, V2ChoiceMap, V2Field, V2FieldSetting, V2Form

VERSION = "1.0.0"


class FormParts(NamedTuple):
    """A v2 form with everything its definition is made of; the lists in any order.

    maps and settings are those of the form's fields, maps to missing choices among them.
    """

    form: V2Form
    fields: list[V2Field]
    settings: list[V2FieldSetting]
    maps: list[V2ChoiceMap]


def form_organization(form: V2Form, ctx: MappingContext) -> str | None:
    """The id of the organization a form goes to, in v3 or not; None: nothing names one (M8).

    The form's own comes first, then the mapping file by the form's id, by its name, then the
    default.
    """
    if form.organization_id is not None:
        return form.organization_id
    by_file = ctx.mapping.forms.get(written(form.id or ""))  # a copy may hold none
    if by_file is None and isinstance(form.name, str):
        by_file = ctx.mapping.forms.get(clean(form.name))
    return by_file or ctx.default_organization


def map_form(
    parts: FormParts, slug: str, ctx: MappingContext, *, organizations: Container[str]
) -> Outcome:
    """The v3 form of a v2 one (M7 to M11).

    Args:
        parts: the form with its parts.
        slug: the slug assigned to it.
        ctx: the run's settings.
        organizations: ids of the organizations that are in v3.
    """
    form = parts.form
    record = RecordInHand("FormType", form.id, form)
    try:
        row = _form(record, parts, slug, ctx, organizations)
    except UnmappableError as error:
        return Outcome(record.key, None, [record.failure(error)])
    return Outcome(record.key, row, record.findings)


def _form(
    record: RecordInHand,
    parts: FormParts,
    slug: str,
    ctx: MappingContext,
    organizations: Container[str],
) -> FormRow:
    form = parts.form
    form_id = record.identifier(form.id, "Id")
    organization = form_organization(form, ctx)
    if organization is None:
        raise UnmappableError(
            Code.ORGANIZATION_UNKNOWN, "nothing names its organization", "OrganizationId"
        )
    if record.identifier(organization, "OrganizationId") not in organizations:
        raise UnmappableError(
            Code.ORGANIZATION_UNKNOWN,
            f"organization {shorten(organization)} is not in v3",
            "OrganizationId",
        )
    own_name = record.text(form.name, "Name")
    name = record.optional_text(form.display_name, "DisplayName") or own_name
    created_at = ctx.started_at
    if form.created_on is not None:
        created_at = record.time(form.created_on, "CreatedOn", ctx)
    definition = {
        "title": name,
        "description": record.optional_text(form.short_description, "ShortDescription"),
        "fields": _fields(record, parts, ctx),
        "legacy_id": written(form_id),
    }
    return FormRow(
        id=form_id,
        organization_id=organization,
        name=name,
        slug=slug,
        version=VERSION,
        status=ctx.form_status,
        definition=orjson.dumps(definition),
        metadata=ctx.metadata,
        created_at=created_at,
        updated_at=ctx.started_at,
    )


def _fields(form: RecordInHand, parts: FormParts, ctx: MappingContext) -> list[dict[str, Any]]:
    """The definition's fields, in their order (M9)."""
    _check_ids(form, parts)
    names = {layout.id: layout.name for layout in form_fields(parts.fields, parts.maps, ctx)}
    choices = choices_by_field(parts.maps)
    settings: dict[str, list[V2FieldSetting]] = {}
    for setting in parts.settings:
        settings.setdefault(setting.field_id, []).append(setting)
    fields = []
    for row in sorted(parts.fields, key=field_order):
        record = RecordInHand("Field", row.id, row, form.findings)
        fields.append(
            _field(record, row, names[row.id], ctx)
            | {
                "settings": _settings(form.findings, settings.get(row.id, [])),
                "choices": [_choice(form, row) for row in choices.get(row.id, [])],
            }
        )
    for lost in sorted(parts.maps, key=choice_order):
        if not lost.choice_exists:
            form.findings.append(_map_without_choice(lost))
    return fields


def _check_ids(form: RecordInHand, parts: FormParts) -> None:
    """See that all that is sorted and looked up by is an id.

    Raises:
        UnmappableError: something is not.
    """
    for field in parts.fields:
        form.identifier(field.id, "Field.Id")
        form.identifier(field.form_type_id, "Field.FormTypeId")
    for setting in parts.settings:
        form.identifier(setting.field_id, "FieldSetting.FieldId")
        if setting.id is not None:
            form.identifier(setting.id, "FieldSetting.Id")
    for row in parts.maps:
        form.identifier(row.field_id, "Field_Choice_Map.FieldId")
        form.identifier(row.choice_id, "Field_Choice_Map.ChoiceId")
        if row.id is not None:
            form.identifier(row.id, "Field_Choice_Map.Id")


def _field(record: RecordInHand, row: V2Field, name: str, ctx: MappingContext) -> dict[str, Any]:
    own_name = record.text(row.name, "Name")
    result: dict[str, Any] = {
        "id": row.id,
        "name": name,
        "label": record.optional_text(row.display_name, "DisplayName"),
        "type": field_type(row.type_name, ctx) or OTHER_TYPE,
        "required": record.flag(row.required, "Required"),
        "order": record.optional_integer(row.sort_order, "SortOrder"),
    }
    if name != own_name:
        result["legacy_name"] = own_name
        record.warn(
            Code.FIELD_RENAMED,
            f"an earlier field of the form is named {shorten(own_name)} too; "
            f"this one is {shorten(name)} now",
            "Name",
        )
    if row.type_name is None:
        record.warn(
            Code.FIELD_WITHOUT_TYPE,
            f"field type {shorten(row.field_type_id)} does not exist; "
            f"{shorten(name)} is a {OTHER_TYPE} field",
            "FieldTypeId",
        )
    elif field_type(row.type_name, ctx) is None:
        if not isinstance(row.type_name, str):
            raise record.unusable(row.type_name, "FieldType.Name", "text")
        result["legacy_type"] = clean(row.type_name)
        record.warn(
            Code.FIELD_TYPE_UNKNOWN,
            f"v3 has no field type {shorten(row.type_name)}; "
            f"{shorten(name)} is a {OTHER_TYPE} field",
            "FieldTypeId",
        )
    return result


def _settings(findings: list[Finding], rows: list[V2FieldSetting]) -> dict[str, str | None]:
    """A field's settings by name; of two with one name the later Id's (M11)."""
    settings: dict[str, str | None] = {}
    kept: dict[str, RecordInHand] = {}
    read = []
    for row in rows:
        record = RecordInHand("FieldSetting", _setting_key(row), row, findings)
        name = record.optional_text(row.name, "Name")
        value = record.optional_text(row.stored_value, "StoredValue")
        if name:
            read.append((row.id or "", value is not None, value or "", name, value, record))
        else:
            record.warn(
                Code.SETTING_WITHOUT_NAME,
                f"a setting of field {shorten(row.field_id)} has no name; it is left out",
                "Name",
            )
    for *_, name, value, record in sorted(read, key=lambda setting: setting[:3]):
        if name in kept:
            kept[name].warn(
                Code.SETTING_DUPLICATE,
                f"another setting of field {shorten(record.row[1])} is named {shorten(name)} too "
                f"and is used; this one's value was {shorten(settings[name])}",
                "Name",
            )
        settings[name] = value
        kept[name] = record
    return settings


def _choice(form: RecordInHand, row: V2ChoiceMap) -> dict[str, str | None]:
    """A choice of a field; that its name was cleaned ``shared_names_cleaned`` tells."""
    label = row.display_name
    if not isinstance(label, str | None):
        raise form.unusable(label, "Choice.DisplayName", "text")
    return {"value": row.choice_id, "label": None if label is None else clean(label)}


def shared_names_cleaned(
    choices: Mapping[str, object], field_types: Mapping[str, object], ctx: MappingContext
) -> list[Finding]:
    """The warnings about names PostgreSQL cannot store that many forms or answers share (M4).

    Each is told once, as its own row's, however many forms show it and whatever batch they are in.

    Args:
        choices: Choice.Id → DisplayName.
        field_types: FieldType.Id → Name; v3 shows those it has no type for (M9).
        ctx: the run's settings.
    """
    types = {key: name for key, name in field_types.items() if field_type(name, ctx) is None}
    findings: list[Finding] = []
    for table, column, names in (("Choice", "DisplayName", choices), ("FieldType", "Name", types)):
        for key, name in names.items():
            if isinstance(name, str):
                RecordInHand(table, key, (key, name), findings).text(name, column)
    return findings


def setting_without_field(row: V2FieldSetting) -> Finding:
    """The warning about a setting whose field does not exist (M11)."""
    return RecordInHand("FieldSetting", _setting_key(row), row).finding(
        Code.SETTING_WITHOUT_FIELD,
        f"field {shorten(row.field_id)} of setting {shorten(row.name)} does not exist",
        "FieldId",
    )


def field_without_form(row: V2Field) -> list[Finding]:
    """The warnings about a field whose form does not exist: that, and about its name (M11, M4).

    Answers to it are in v3 under the name all the same (M17).
    """
    record = RecordInHand("Field", row.id, row)
    record.warn(
        Code.FIELD_WITHOUT_FORM,
        f"form {shorten(row.form_type_id)} of field {shorten(row.name)} does not exist",
        "FormTypeId",
    )
    if isinstance(row.name, str):
        record.text(row.name, "Name")
    return record.findings


def map_without_field(row: V2ChoiceMap) -> Finding:
    """The warning about a choice map whose field does not exist (M11)."""
    return RecordInHand("Field_Choice_Map", _map_key(row), row).finding(
        Code.MAP_WITHOUT_FIELD,
        f"field {shorten(row.field_id)}, to which choice {shorten(row.choice_id)} is mapped, "
        "does not exist",
        "FieldId",
    )


def _map_without_choice(row: V2ChoiceMap) -> Finding:
    return RecordInHand("Field_Choice_Map", _map_key(row), row).finding(
        Code.MAP_WITHOUT_CHOICE,
        f"choice {shorten(row.choice_id)}, mapped to field {shorten(row.field_id)}, "
        "does not exist; it is left out",
        "ChoiceId",
    )


# What findings call rows of tables whose Id is only assumed, where v2 has none.
def _setting_key(row: V2FieldSetting) -> str:
    return row.id if row.id is not None else f"{row.field_id}/{clean(str(row.name))[:100]}"


def _map_key(row: V2ChoiceMap) -> str:
    return row.id if row.id is not None else f"{row.field_id}/{row.choice_id}"
