"""What v3 has to hold of v2's organizations, users and forms, by M1 to M11.

A document a record: v3's column → its value, JSON columns as what they hold, times as
PostgreSQL writes them. ``slug`` is left to transfer.proof.slugs, for other rows decide it too.
"""

from typing import Any

from legacy_v2.ids import written
from transfer.proof.reference import Choice, FieldV2, Settings, V2Reference, in_order
from transfer.proof.rules import (
    Impossible,
    as_spelled,
    as_stored,
    flag,
    identifier,
    instant,
    integer,
    moment,
    optional_text,
    text,
)

Document = dict[str, Any]
ORGANIZATION_COLUMNS = ("id", "name", "created_on")
USER_COLUMNS = (
    "id", "organization_id", "email", "user_name", "first_name", "last_name", "is_active",
    "created_on", "last_updated_on",
)  # fmt: skip
FORM_COLUMNS = (
    "id", "name", "display_name", "short_description", "organization_id", "created_on",
)  # fmt: skip
# A setting: (FieldId, Id, Name, StoredValue).
Setting = tuple[Any, ...]


def organization(row: tuple[Any, ...], settings: Settings) -> Document:
    """The organization of a v2 row (ORGANIZATION_COLUMNS) (M2, M3, M5).

    Raises:
        Impossible: it can be none.
    """
    own_id, name, created_on = row
    return {
        "id": identifier(own_id, "Id"),
        "name": text(name, "Name"),
        "settings": {
            "legacy_id": written(own_id),
            "migrated_from": "v2",
            "migration_date": settings.started_at.isoformat(),
        },
        "metadata": {"migration_batch": settings.migration},
        "created_at": moment(created_on, "CreatedOn", settings.zone),
        "updated_at": as_stored(settings.started_at),
        "deleted_at": None,
    }


def user(row: tuple[Any, ...], settings: Settings) -> Document:
    """The user of a v2 row (USER_COLUMNS) (M2, M3, M6, M14).

    Raises:
        Impossible: it can be none.
    """
    own_id, owner, email, user_name, first, last, is_active, created_on, changed_on = row
    if not email:
        raise Impossible("the user has no email")
    created = instant(created_on, "CreatedOn", settings.zone)
    updated = created
    if changed_on is not None:
        updated = instant(changed_on, "LastUpdatedOn", settings.zone)
    metadata = {"migration_batch": settings.migration}
    if updated > settings.started_at:
        metadata["legacy_updated_at"] = updated.isoformat()
    return {
        "id": identifier(own_id, "Id"),
        "organization_id": identifier(owner, "OrganizationId"),
        "email": text(email, "Email"),
        "status": "active" if flag(is_active, "IsActive") else "inactive",
        "auth_data": {
            "user_name": optional_text(user_name, "UserName"),
            "first_name": optional_text(first, "FirstName"),
            "last_name": optional_text(last, "LastName"),
            "legacy_id": written(own_id),
        },
        "metadata": metadata,
        "created_at": as_stored(created),
        "updated_at": as_stored(updated),
        "deleted_at": None,
    }


def form(row: tuple[Any, ...], form_settings: list[Setting], ref: V2Reference) -> Document:
    """The form of a v2 row (FORM_COLUMNS) with its definition (M2, M3, M7 to M11).

    The fields are by their id here, beside the definition, and ``field_order`` holds their order: a
    field that is lost then does not make all behind it differ.

    Raises:
        Impossible: it can be none.
    """
    own_id, name, display_name, description, own_organization, created_on = row
    settings = ref.settings
    form_id = identifier(own_id, "Id")
    owner = settings.form_owner(own_id, name, own_organization)
    if owner is None:
        raise Impossible("nothing names its organization")
    own_name = text(name, "Name")
    shown = optional_text(display_name, "DisplayName") or own_name
    created = as_stored(settings.started_at)
    if created_on is not None:
        created = moment(created_on, "CreatedOn", settings.zone)
    fields = sorted(
        ref.of_form.get(own_id, {}).values(), key=lambda one: (*in_order(one.row[6]), one.row[0])
    )
    by_field: dict[str, list[Setting]] = {}
    for setting in form_settings:
        by_field.setdefault(setting[0], []).append(setting)
    made = {one.row[0]: _field(one, by_field.get(one.row[0], []), ref) for one in fields}
    return {
        "id": form_id,
        "organization_id": identifier(owner, "OrganizationId"),
        "name": shown,
        "version": "1.0.0",
        "status": settings.form_status,
        "definition": {
            "title": shown,
            "description": optional_text(description, "ShortDescription"),
            "legacy_id": written(own_id),
        },
        "fields": made,
        "field_order": [one.row[0] for one in fields],
        "metadata": {"migration_batch": settings.migration},
        "created_at": created,
        "updated_at": as_stored(settings.started_at),
        "deleted_at": None,
    }


def _field(found: FieldV2, settings: list[Setting], ref: V2Reference) -> Document:
    own_id, _, type_id, name, label, required, place = found.row
    own_name = text(name, "Field.Name")
    type_name = ref.types.get(type_id)
    known = ref.settings.field_type(type_name)
    document: Document = {
        "id": as_spelled(own_id, "Field.Id"),
        "name": found.name,
        "label": optional_text(label, "Field.DisplayName"),
        "type": known or "text",
        "required": flag(required, "Field.Required"),
        "order": integer(place, "Field.SortOrder"),
        "settings": _settings(settings),
        "choices": [_choice(one) for one in ref.choices.get(own_id, [])],
    }
    if found.name != own_name:
        document["legacy_name"] = own_name
    if known is None and type_name is not None:
        document["legacy_type"] = text(type_name, "FieldType.Name")
    return document


def _choice(one: Choice) -> Document:
    return {"value": one.choice, "label": optional_text(one.label, "Choice.DisplayName")}


def _settings(rows: list[Setting]) -> dict[str, str | None]:
    """Name → value; of two of one name the later Id's, without Ids the greater value's (M11)."""
    kept: dict[str, tuple[tuple[str, bool, str], str | None]] = {}
    for _, own_id, name, value in rows:
        called = optional_text(name, "FieldSetting.Name")
        stored = optional_text(value, "FieldSetting.StoredValue")
        if not called:
            continue
        rank = (own_id or "", stored is not None, stored or "")
        if called not in kept or rank >= kept[called][0]:
            kept[called] = (rank, stored)
    return {called: stored for called, (_, stored) in kept.items()}
