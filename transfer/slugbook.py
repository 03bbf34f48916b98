"""Which slug each v2 row of a table has, while a run goes on."""

from collections.abc import Iterable

from transfer.mapping.slugs import SlugRequest, assign_slugs


class SlugBook:
    """Slugs for all rows of a v2 table (M5), and for those v2 gains while they are moved.

    A row that is in v3 already keeps the slug it has there, whatever its name has become in v2
    since: a run that is resumed must not give it to another. Where v2 did not change that is
    the very slug the rule gives it.

    Args:
        requests: every v2 row of the table.
        present: v3's rows as (id, scope, slug, whether a migration made it).
    """

    def __init__(
        self,
        requests: Iterable[SlugRequest],
        present: Iterable[tuple[str, str, str, bool]],
    ) -> None:
        wishes = {request.id: request for request in requests}
        self._taken: set[tuple[str, str]] = set()
        self._slugs: dict[str, str] = {}
        for v3_id, scope, slug, migrated in present:
            self._taken.add((scope, slug))
            if migrated and v3_id in wishes:
                self._slugs[v3_id] = slug
                del wishes[v3_id]
        self._assign(wishes.values())

    def slug(self, request: SlugRequest) -> str:
        """The row's slug; a row v2 gained since the book was opened gets one now, a free one."""
        if request.id not in self._slugs:
            self._assign([request])
        return self._slugs[request.id]

    def _assign(self, requests: Iterable[SlugRequest]) -> None:
        requests = list(requests)
        self._slugs |= assign_slugs(requests, self._taken)
        self._taken |= {(request.scope, self._slugs[request.id]) for request in requests}
