"""The rows on both sides of the mapping: v2 records as read, v3 rows as written.

v2 ids are 36-character lower-case text, v2 timestamps naive datetimes, bits bools, whatever
the source. v3 ids are the same text, v3 timestamps aware datetimes in UTC, JSON columns the
bytes of one UTF-8 JSON document. The order of a v3 row's fields is its COPY column order.
"""

import re
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypeGuard

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(value: object) -> TypeGuard[str]:
    """Whether a value is a v2 id as it should be read; a copy made by hand may hold others."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


class V2Organization(NamedTuple):
    """A row of v2's Organization."""

    id: str
    name: str
    created_on: datetime


class V2User(NamedTuple):
    """A row of v2's User."""

    id: str
    organization_id: str
    email: str | None
    user_name: str | None
    first_name: str | None
    last_name: str | None
    is_active: bool
    created_on: datetime
    last_updated_on: datetime | None


class V2Form(NamedTuple):
    """A row of v2's FormType; the last two are None where v2 lacks the (assumed) columns."""

    id: str
    name: str
    display_name: str | None
    short_description: str | None
    organization_id: str | None
    created_on: datetime | None


class V2Field(NamedTuple):
    """A row of v2's Field with its type's name, None where the type does not exist."""

    id: str
    form_type_id: str
    field_type_id: str
    name: str
    display_name: str | None
    required: bool
    sort_order: int | None
    type_name: str | None


class V2FieldSetting(NamedTuple):
    """A row of v2's FieldSetting; id is None where v2 lacks the (assumed) column."""

    id: str | None
    field_id: str
    name: str | None
    stored_value: str | None


class V2ChoiceMap(NamedTuple):
    """A row of v2's Field_Choice_Map with its choice's name.

    ``choice_exists`` is False for a map whose choice is nowhere. ``id`` is None where v2 lacks
    the (assumed) column.
    """

    id: str | None
    field_id: str
    choice_id: str
    sort_order: int | None
    choice_exists: bool
    display_name: str | None


class V2Submission(NamedTuple):
    """A row of v2's FormSubmission."""

    id: str
    form_type_id: str
    status_id: str
    lookup_code: str | None
    created_on: datetime
    last_updated_on: datetime | None
    organization_id: str | None


# A row of v2's FormSubmissionMetaData: (submission id, field id, text, choice or map id, own id).
# A plain tuple, for there are twenty a submission and a named one costs six times as much. The
# own id is None where v2 lacks the (assumed) column.
V2Answer: TypeAlias = tuple[str, str, str | None, str | None, str | None]


class OrganizationRow(NamedTuple):
    """A row of v3's organizations."""

    id: str
    slug: str
    name: str
    settings: bytes
    metadata: bytes
    created_at: datetime
    updated_at: datetime


class UserRow(NamedTuple):
    """A row of v3's users."""

    id: str
    organization_id: str
    email: str
    status: str
    auth_data: bytes
    metadata: bytes
    created_at: datetime
    updated_at: datetime


class FormRow(NamedTuple):
    """A row of v3's forms."""

    id: str
    organization_id: str
    name: str
    slug: str
    version: str
    status: str
    definition: bytes
    metadata: bytes
    created_at: datetime
    updated_at: datetime


class SubmissionRow(NamedTuple):
    """A row of v3's submissions."""

    id: str
    organization_id: str
    form_id: str
    submission_number: str
    status: str
    data: bytes
    metadata: bytes
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None


V3Row: TypeAlias = OrganizationRow | UserRow | FormRow | SubmissionRow
