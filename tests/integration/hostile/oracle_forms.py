"""M7 to M11 a second time: forms with their fields, settings and choices."""

from typing import Any

from tests.integration.hostile.books import (
    Record,
    is_storable,
    map_key,
    name_of,
    place,
    setting_key,
    stored,
)
from tests.integration.hostile.oracle_people import PeopleOracle
from tests.v2 import Row


class FormsOracle(PeopleOracle):
    """Judges the forms of a world; what submissions ask of them stays in ``self``."""

    def _field_type(self, row: Row) -> tuple[str | None, str | None]:
        """v2's name of a field's type, and v3's type; None where there is none."""
        types = {t["Id"]: t["Name"] for t in self.v2["field_types"]}
        name = types.get(row["FieldTypeId"])
        return name, None if name is None else self.types.get(stored(name).casefold())

    def _offered(self, field_id: str) -> list[Row]:
        """A field's maps to choices that exist, in their order."""
        maps = [m for m in self.v2["maps"] if m["FieldId"] == field_id]
        maps = [m for m in maps if m["ChoiceId"] in self.choice_names]
        return sorted(maps, key=lambda m: (*place(m["SortOrder"]), m["ChoiceId"], m["Id"] or ""))

    def _names(self, fields: list[Row]) -> dict[str, str]:
        """The names of one form's fields, in their order, by field (M10)."""
        own = [stored(f["Name"]) if isinstance(f["Name"], str) else "" for f in fields]
        names: dict[str, str] = {}
        for row, name in zip(fields, own, strict=True):
            given, number = name, 1
            while given in names.values() or (number > 1 and given in own):
                number += 1
                given = f"{name}_{number}"
            names[row["Id"]] = given
        return names

    def _forms(self) -> None:
        self.owner = {
            f["Id"]: f["OrganizationId"] or self.default_organization for f in self.v2["forms"]
        }
        slugs = self._slugs(self.v2["forms"], self.owner, "form")
        self.field_names: dict[str, str] = {}
        self.form_fields: dict[str, list[Row]] = {}
        for row in self.v2["forms"]:
            fields = [f for f in self.v2["fields"] if f["FormTypeId"] == row["Id"]]
            fields.sort(key=lambda f: (*place(f["SortOrder"]), f["Id"]))
            self.form_fields[row["Id"]] = fields
            self.field_names |= self._names(fields)
            self._form(row, slugs[row["Id"]])

    def _form(self, row: Row, slug: str) -> None:
        record = Record("FormType", row["Id"])
        owner = self.owner[row["Id"]]
        if owner not in self.books.rows["organizations"]:
            record.faults.add("organization_unknown")
        own_name = record.text(row["Name"], "Name")
        name = record.text(row["DisplayName"], "DisplayName", optional=True) or own_name
        made = self.started
        if row["CreatedOn"] is not None:
            made = record.time(row["CreatedOn"], "CreatedOn", self.zone)
        definition = {
            "title": name,
            "description": record.text(row["ShortDescription"], "ShortDescription", optional=True),
            "legacy_id": row["Id"],
            "fields": [self._field(record, field) for field in self.form_fields[row["Id"]]],
        }
        self._settle(
            "forms",
            record,
            {
                "organization_id": owner,
                "name": name,
                "slug": slug,
                "version": "1.0.0",
                "status": "draft",
                "definition": definition,
                "metadata": self.metadata,
                "created_at": made,
                "updated_at": self.started,
            },
            name=255,
        )

    def _field(self, form: Record, row: Row) -> dict[str, Any]:
        """M9 and M10."""
        where = ("Field", row["Id"])
        name = self.field_names[row["Id"]]
        own_name = form.text(row["Name"], "Name", *where)
        type_name, v3_type = self._field_type(row)
        if row["SortOrder"] is not None:
            form.required(row["SortOrder"], int)
        result = {
            "id": row["Id"],
            "name": name,
            "label": form.text(row["DisplayName"], "DisplayName", *where, optional=True),
            "type": v3_type or "text",
            "required": form.required(row["Required"], bool),
            "order": row["SortOrder"],
            "settings": self._settings(form, row["Id"]),
            "choices": self._choices(form, row["Id"]),
        }
        if name != own_name:
            result["legacy_name"] = own_name
            form.warn("field_renamed", "Name", *where)
        if type_name is None:
            form.warn("field_without_type", "FieldTypeId", *where)
        elif v3_type is None:
            result["legacy_type"] = name_of(type_name)
            form.warn("field_type_unknown", "FieldTypeId", *where)
        return result

    def _choices(self, form: Record, field_id: str) -> list[dict[str, Any]]:
        for row in self.v2["maps"]:
            if row["FieldId"] == field_id and row["ChoiceId"] not in self.choice_names:
                if row["ChoiceId"] is None:
                    form.faults.add("value_missing")
                form.warn("map_without_choice", "ChoiceId", "Field_Choice_Map", map_key(row))
        return [
            {"value": row["ChoiceId"], "label": name_of(self.choice_names[row["ChoiceId"]])}
            for row in self._offered(field_id)
        ]

    def _settings(self, form: Record, field_id: str) -> dict[str, Any]:
        """M11."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for s in self.v2["settings"]:
            if s["FieldId"] != field_id:
                continue
            where = ("FieldSetting", setting_key(s))
            name = form.text(s["Name"], "Name", *where, optional=True)
            value = form.text(s["StoredValue"], "StoredValue", *where, optional=True)
            if name:
                rank = (s["Id"] or "", value is not None, value or "")
                found.setdefault(name, []).append((rank, value, where))
            else:
                form.warn("setting_without_name", "Name", *where)
        settings = {}
        for name, all_of_them in found.items():
            *losers, winner = sorted(all_of_them)
            settings[name] = winner[1]
            for _, _, where in losers:
                form.warn("setting_duplicate", "Name", *where)
        return settings

    def _loose_parts(self) -> None:
        """What belongs to nobody (M11), and names that belong to everybody (M4)."""
        loose = Record("", "")
        forms = {f["Id"] for f in self.v2["forms"]}
        for row in self.v2["fields"]:
            if row["FormTypeId"] not in forms:
                loose.warn("field_without_form", "FormTypeId", "Field", row["Id"])
                self.field_names[row["Id"]] = name_of(row["Name"]) or ""
                self._warn_if_cleaned(loose, row["Name"], "Name", "Field", row["Id"])
        fields = {f["Id"] for f in self.v2["fields"]}
        for row in self.v2["settings"]:
            if row["FieldId"] not in fields:
                loose.warn("setting_without_field", "FieldId", "FieldSetting", setting_key(row))
        for row in self.v2["maps"]:
            if row["FieldId"] not in fields:
                loose.warn("map_without_field", "FieldId", "Field_Choice_Map", map_key(row))
        for choice_id, name in self.choice_names.items():
            self._warn_if_cleaned(loose, name, "DisplayName", "Choice", choice_id)
        for row in self.v2["field_types"]:
            if stored(row["Name"]).casefold() not in self.types:
                self._warn_if_cleaned(loose, row["Name"], "Name", "FieldType", row["Id"])
        self.books.warnings += loose.warnings

    def _warn_if_cleaned(self, loose: Record, value: object, column: str, *where: str) -> None:
        if isinstance(value, str) and not is_storable(value):
            loose.warn("text_cleaned", column, *where)
