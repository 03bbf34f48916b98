"""M5: v2's Organization to v3's organizations."""

import orjson

from legacy_v2.ids import written
from transfer.mapping.context import MappingContext
from transfer.mapping.findings import Outcome
from transfer.mapping.record import RecordInHand, UnmappableError
from transfer.records import OrganizationRow, V2Organization


def map_organization(row: V2Organization, slug: str, ctx: MappingContext) -> Outcome:
    """The v3 organization of a v2 one, under the slug assigned to it (M1 to M5)."""
    record = RecordInHand("Organization", row.id, row)
    try:
        organization = OrganizationRow(
            id=record.identifier(row.id, "Id"),
            slug=slug,
            name=record.text(row.name, "Name"),
            settings=orjson.dumps(
                {
                    "legacy_id": written(row.id),
                    "migrated_from": "v2",
                    "migration_date": ctx.started_at.isoformat(),
                }
            ),
            metadata=ctx.metadata,
            created_at=record.time(row.created_on, "CreatedOn", ctx),
            updated_at=ctx.started_at,
        )
    except UnmappableError as error:
        return Outcome(record.key, None, [record.failure(error)])
    return Outcome(record.key, organization, record.findings)
