"""M1 to M6 a second time: organizations and users."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.text import slugify

from tests.integration.hostile.books import Books, Record, choosing, stored
from tests.integration.hostile.world import World
from tests.v2 import TABLES, Row

V3_STATUSES = ("draft", "submitted", "processing", "approved", "rejected", "completed", "archived")
FIELD_TYPES = {
    "textbox": "text",
    "textarea": "textarea",
    "dropdown": "select",
    "checkbox": "checkbox",
}


class PeopleOracle:
    """Judges the organizations and users of a world.

    Args:
        world: the v2 and its options.
        name: what the migration is called.
        started: when it began.
    """

    def __init__(self, world: World, name: str, started: datetime) -> None:
        self.world, self.started = world, started
        self.zone = ZoneInfo(world.zone)
        self.books = Books()
        self.metadata = {"migration_batch": name}
        self.v2 = {table: self._rows(table) for table in TABLES}
        self.default_organization = self.v2["organizations"][0]["Id"]
        extra = bool(world.mapping)
        self.types = FIELD_TYPES | (
            {"radiobutton": "radio", "tick\ufffdbox": "checkbox"} if extra else {}
        )
        self.status_names = {s: s for s in V3_STATUSES} | (
            {"on hold": "processing"} if extra else {}
        )
        self.choice_names = {row["Id"]: row["DisplayName"] for row in self.v2["choices"]}

    def _rows(self, name: str) -> list[Row]:
        """v2's rows, ids in lower case, what v2 lacks None."""
        table = TABLES[name]
        if table in self.world.omit:
            return []
        rows = []
        for row in self.world.rows[name]:
            lower = {c: v.lower() if c.endswith("Id") and v else v for c, v in row.items()}
            lacks = {c: None for c in row if f"{table}.{c}" in self.world.omit}
            rows.append(lower | lacks)
        return rows

    def _settle(self, v3_table: str, record: Record, row: dict[str, Any], **limits: int) -> None:
        """Into v3, or into the errors; limits are the longest texts that columns of v3 take."""
        if not record.faults and any(len(row[column]) > most for column, most in limits.items()):
            record.faults.add("value_too_long")
        if record.faults:
            self.books.errors[record.table, record.key] = record.faults
        else:
            self.books.rows[v3_table][record.key] = {"id": record.key, "deleted_at": None} | row
            self.books.warnings += record.warnings

    # M5

    def _slugs(self, rows: list[Row], scopes: dict[str, str], singular: str) -> dict[str, str]:
        slugs: dict[str, str] = {}
        used = set()
        for row in sorted(rows, key=choosing):
            name = stored(row["Name"]) if isinstance(row["Name"], str) else ""
            plain = name.lower().replace(" ", "-")
            if not re.fullmatch("[a-z0-9_-]+", plain):
                plain = slugify(name) or f"{singular}-{row['Id'][:8]}"
            plain = slug = plain[:255]
            number = 1
            while (scopes.get(row["Id"]), slug) in used:
                number += 1
                slug = plain[: 255 - len(f"-{number}")] + f"-{number}"
            used.add((scopes.get(row["Id"]), slug))
            slugs[row["Id"]] = slug
        return slugs

    def _organizations(self) -> None:
        slugs = self._slugs(self.v2["organizations"], {}, "organization")
        for row in self.v2["organizations"]:
            record = Record("Organization", row["Id"])
            name = record.text(row["Name"], "Name")
            made = record.time(row["CreatedOn"], "CreatedOn", self.zone)
            settings = {
                "legacy_id": row["Id"],
                "migrated_from": "v2",
                "migration_date": self.started.isoformat(),
            }
            self._settle(
                "organizations",
                record,
                {
                    "slug": slugs[row["Id"]],
                    "name": name,
                    "settings": settings,
                    "metadata": self.metadata,
                    "created_at": made,
                    "updated_at": self.started,
                },
                name=255,
            )

    # M6, M14

    def _later_users(self) -> set[str]:
        """Users whose email an earlier one of their organization has, whatever its case."""
        had: set[tuple[str, str]] = set()
        later = set()
        for row in sorted(self.v2["users"], key=choosing):
            if row["Email"] and isinstance(row["Email"], str):
                key = (row["OrganizationId"], stored(row["Email"]).casefold())
                if key in had:
                    later.add(row["Id"])
                had.add(key)
        return later

    def _users(self) -> None:
        later = self._later_users()
        names = {"user_name": "UserName", "first_name": "FirstName", "last_name": "LastName"}
        for row in self.v2["users"]:
            record = Record("User", row["Id"])
            email = record.text(row["Email"], "Email", optional=True)
            # Of several faults the error is the organization's, the email's, any other.
            first = set(record.faults)
            if row["OrganizationId"] not in self.books.rows["organizations"]:
                unknown = row["OrganizationId"] is not None
                first = {"organization_unknown" if unknown else "value_missing"}
            elif not first and (not email or row["Id"] in later):
                first = {"email_duplicate" if email else "email_missing"}
            auth_data = {
                key: record.text(row[column], column, optional=True)
                for key, column in names.items()
            }
            record.required(row["IsActive"], bool)
            made = changed = record.time(row["CreatedOn"], "CreatedOn", self.zone)
            if row["LastUpdatedOn"] is not None:
                changed = record.time(row["LastUpdatedOn"], "LastUpdatedOn", self.zone)
            record.faults = first or record.faults
            extra = {"legacy_updated_at": changed.isoformat()} if changed > self.started else {}
            self._settle(
                "users",
                record,
                {
                    "organization_id": row["OrganizationId"],
                    "email": email,
                    "status": "active" if row["IsActive"] else "inactive",
                    "auth_data": auth_data | {"legacy_id": row["Id"]},
                    "metadata": self.metadata | extra,
                    "created_at": made,
                    "updated_at": changed,
                },
                email=255,
            )
