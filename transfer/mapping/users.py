"""M6 and M14: v2's User to v3's users."""

from collections.abc import Container

import orjson

from legacy_v2.ids import written
from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Outcome
from transfer.mapping.record import RecordInHand, UnmappableError
from transfer.mapping.text import clean, shorten
from transfer.records import UserRow, V2User


def email_key(email: str) -> str:
    """What two emails of one organization may not share: the email, cleaned, whatever its case.

    One that is no text (its user fails) has a key too.
    """
    return clean(str(email)).casefold()


def map_user(
    row: V2User, ctx: MappingContext, *, organizations: Container[str], duplicate: bool
) -> Outcome:
    """The v3 user of a v2 one (M6, M14).

    Args:
        row: the v2 user.
        ctx: the run's settings.
        organizations: ids of the organizations that are in v3.
        duplicate: an earlier user of the organization has this email.
    """
    record = RecordInHand("User", row.id, row)
    try:
        user = _user(record, row, ctx, organizations, duplicate=duplicate)
    except UnmappableError as error:
        return Outcome(record.key, None, [record.failure(error)])
    return Outcome(record.key, user, record.findings)


def _user(
    record: RecordInHand,
    row: V2User,
    ctx: MappingContext,
    organizations: Container[str],
    *,
    duplicate: bool,
) -> UserRow:
    organization = record.identifier(row.organization_id, "OrganizationId")
    if organization not in organizations:
        raise UnmappableError(
            Code.ORGANIZATION_UNKNOWN,
            f"organization {shorten(organization)} is not in v3",
            "OrganizationId",
        )
    email = record.optional_text(row.email, "Email")
    if not email:
        raise UnmappableError(Code.EMAIL_MISSING, "the user has no email", "Email")
    if duplicate:
        raise UnmappableError(
            Code.EMAIL_DUPLICATE,
            f"an earlier user of organization {shorten(organization)} has the email "
            f"{shorten(email)}",
            "Email",
        )
    created_at = record.time(row.created_on, "CreatedOn", ctx)
    updated_at = created_at
    if row.last_updated_on is not None:
        updated_at = record.time(row.last_updated_on, "LastUpdatedOn", ctx)
    metadata = ctx.metadata
    if updated_at > ctx.started_at:
        # M14, as for submissions: rollback_v2 has to tell what the application changed since.
        metadata = orjson.dumps(
            {"migration_batch": ctx.migration, "legacy_updated_at": updated_at.isoformat()}
        )
    return UserRow(
        id=record.identifier(row.id, "Id"),
        organization_id=organization,
        email=email,
        status="active" if record.flag(row.is_active, "IsActive") else "inactive",
        auth_data=orjson.dumps(
            {
                "user_name": record.optional_text(row.user_name, "UserName"),
                "first_name": record.optional_text(row.first_name, "FirstName"),
                "last_name": record.optional_text(row.last_name, "LastName"),
                "legacy_id": written(row.id),
            }
        ),
        metadata=metadata,
        created_at=created_at,
        updated_at=updated_at,
    )
