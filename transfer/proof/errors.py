"""Whether v2 still explains the open errors: records the rules would bring to v3 by now.

After a repair in v2 that is what retry_v2 is for; without one it is an error that was none.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from legacy_v2 import models as v2
from transfer.extract import SCAN_SIZE, scan
from transfer.mapping.codes import Code
from transfer.proof.claims import Claim, Claims, at
from transfer.proof.expected import Document
from transfer.proof.rules import Impossible, storable
from transfer.proof.stored import Stored
from transfer.records import is_id
from transfer.source import Source

# What only v3, or PostgreSQL, can say; it is believed.
_SAID_BY_V3 = frozenset(
    {Code.ID_TAKEN, Code.VALUE_TAKEN, Code.VALUE_TOO_LONG, Code.REFUSED_BY_POSTGRESQL}
)
_OWN_EMAILS = """
SELECT id::text, organization_id::text, email
  FROM users
 -- Another migration's, too: it may have been of another v2.
 WHERE metadata->>'migration_batch' IS DISTINCT FROM %(migration)s
   AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid)
 ORDER BY users.id  -- not its text: all that are left would be sorted for each page
 LIMIT %(size)s
"""
# By lower() the server finds what folding finds, but for rare letters, and more.
_ALIKE = """
SELECT id, organization_id, email
  FROM (SELECT id::text, organization_id::text, email, created_at,
               count(*) OVER (PARTITION BY organization_id, lower(email)) AS alike
          FROM users
         WHERE metadata->>'migration_batch' = %(migration)s) AS own
 WHERE alike > 1
 ORDER BY created_at, id
"""
_ORGANIZATIONS = "SELECT id::text FROM organizations"
_FORMS = "SELECT id::text FROM forms WHERE metadata ? 'migration_batch'"
# What names a row's form and its organization: places in its row.
_REFERENCES: Mapping[str, tuple[int | None, int | None]] = {
    "organizations": (None, None),
    "users": (None, 1),
    "forms": (None, 4),
    "submissions": (1, 6),
}


class Errors:
    """Tells which open errors nothing explains any more.

    Args:
        source: v2.
        stored: v3.
    """

    def __init__(self, source: Source, stored: Stored) -> None:
        self._source = source
        self._stored = stored
        self._organizations = {row[0] for row in stored.ask(_ORGANIZATIONS)}
        self._forms = {row[0] for row in stored.ask(_FORMS)}

    def second_users(self) -> set[str]:
        """The ids of the migration's users whose email an earlier one of them has (M6)."""
        seen: set[tuple[str, str]] = set()
        second: set[str] = set()
        for own_id, owner, email in self._stored.ask(_ALIKE):
            claim = owner, _folded(email)
            if claim in seen:
                second.add(own_id)
            seen.add(claim)
        return second

    def unexplained(
        self,
        table: str,
        codes: Mapping[str, str],
        made: Mapping[str, Document | Impossible],
        rows: Mapping[str, Any],
    ) -> list[str]:
        """The ids of those records that would be migrated by now.

        Args:
            table: v3's table.
            codes: records that are open errors: id → code.
            made: id → what v3 would have to hold of it.
            rows: id → its v2 row.
        """
        ready = []
        emails: dict[str, tuple[str, str]] = {}
        for key, code in codes.items():
            one = made.get(key)
            if not isinstance(one, dict) or code in _SAID_BY_V3:
                continue
            if not self._has_home(table, rows[key], one):
                continue
            if table == "users":
                emails[key] = one["organization_id"], _folded(one["email"])
            else:
                ready.append(key)
        return ready + self._without_rival(emails, rows)

    def _has_home(self, table: str, row: Any, one: Document) -> bool:  # noqa: ANN401 - a row of v2
        """Whether v3 has the organization, and the form, that the record needs (M6, M8, M18).

        By the very names that v2 has for them: under another spelling of an id v3 knows nobody.
        """
        form, organization = _REFERENCES[table]
        if form is not None and row[form] not in self._forms:
            return False
        if organization is not None and row[organization] is not None:
            return row[organization] in self._organizations
        return table == "organizations" or one["organization_id"] in self._organizations

    def _without_rival(
        self, emails: Mapping[str, tuple[str, str]], rows: Mapping[str, Any]
    ) -> list[str]:
        """Those users whose email no earlier one of v2, and none of v3's own, has (M6)."""
        if not emails:
            return []
        ranks = {key: (*at(rows[key][7]), key) for key in emails}
        first = dict(ranks)
        wanted: dict[tuple[str, str], list[str]] = {}
        for key, claim in emails.items():
            wanted.setdefault(claim, []).append(key)
        for rival in self._emails.of(wanted):
            for key in wanted[rival.organization, rival.value]:
                first[key] = min(first[key], rival.rank)
        return [key for key in emails if first[key] == ranks[key]]

    @cached_property
    def _emails(self) -> Claims:
        """Who wants which email: read once, when the first user asks for it."""
        return Claims(self._all_emails())

    def _all_emails(self) -> Iterator[Claim]:
        """v2's users', and v3's own, which come before all."""
        columns = ("id", "organization_id", "email", "created_on")
        for own_id, owner, email, made in scan(self._source, v2.User, columns):
            if is_id(own_id) and is_id(owner) and email and isinstance(email, str):
                yield Claim(owner, _folded(email), own_id, *at(made))
        after = None
        while rows := self._stored.ask(_OWN_EMAILS, {"after": after, "size": SCAN_SIZE}):
            after = rows[-1][0]
            for own_id, owner, email in rows:
                yield Claim(owner, _folded(email), own_id, -1, "")


def _folded(email: str) -> str:
    return storable(email).casefold()
