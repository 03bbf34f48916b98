"""Whether v2 still explains the open errors: records the rules would bring to v3 by now.

After a repair in v2 that is what retry_v2 is for; without one it is an error that was none.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models.functions import Lower

from legacy_v2 import models as v2
from transfer.mapping.codes import Code
from transfer.proof.expected import Document
from transfer.proof.rules import Impossible, storable
from transfer.proof.stored import Stored
from transfer.source import Source

# What only v3, or PostgreSQL, can say; it is believed.
_SAID_BY_V3 = frozenset(
    {Code.ID_TAKEN, Code.VALUE_TAKEN, Code.VALUE_TOO_LONG, Code.REFUSED_BY_POSTGRESQL}
)
_OWN_EMAILS = """
SELECT organization_id::text, email
  FROM users
 WHERE organization_id = ANY(%(organizations)s::uuid[])
   -- Another migration's, too: it may have been of another v2.
   AND metadata->>'migration_batch' IS DISTINCT FROM %(migration)s
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
EMAILS_AT_ONCE = 500  # SQL Server takes 2,100 parameters a statement


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
            if not isinstance(one, dict) or code in _SAID_BY_V3 or not self._has_home(table, one):
                continue
            if table == "users":
                emails[key] = one["organization_id"], _folded(one["email"])
            else:
                ready.append(key)
        return ready + self._without_rival(emails, rows)

    def _has_home(self, table: str, one: Document) -> bool:
        """Whether v3 has the organization, and the form, that the record needs (M6, M8, M18)."""
        if table == "organizations":
            return True
        has_form = table != "submissions" or one["form_id"] in self._forms
        return has_form and one["organization_id"] in self._organizations

    def _without_rival(
        self, emails: Mapping[str, tuple[str, str]], rows: Mapping[str, Any]
    ) -> list[str]:
        """Those users whose email no earlier one of v2, and none of v3's own, has (M6)."""
        if not emails:
            return []
        organizations = sorted({owner for owner, _ in emails.values()})
        own = self._stored.ask(_OWN_EMAILS, {"organizations": organizations})
        taken = {(owner, _folded(email)) for owner, email in own}
        # By lower() the server finds what folding finds, and what it finds besides is told apart.
        wanted = sorted({email.lower() for _, email in emails.values()})
        rivals: dict[tuple[str, str], list[tuple[bool, str, str]]] = {}
        columns = ("id", "organization_id", "email", "created_on")
        for start in range(0, len(wanted), EMAILS_AT_ONCE):
            query = v2.User._default_manager.annotate(folded=Lower("email")).filter(
                folded__in=wanted[start : start + EMAILS_AT_ONCE]
            )
            for own_id, owner, email, made in self._source.read(query, columns).rows():
                if isinstance(email, str):
                    rank = _rank(made, own_id)
                    rivals.setdefault((owner, _folded(email)), []).append(rank)
        return [
            key
            for key, claim in emails.items()
            if claim not in taken
            and not any(rank < _rank(rows[key][7], key) for rank in rivals.get(claim, ()))
        ]


def _folded(email: str) -> str:
    return storable(email).casefold()


def _rank(made: Any, own_id: str) -> tuple[bool, str, str]:  # noqa: ANN401 - a time, or none
    """By (CreatedOn, Id), what has no time last (M1)."""
    return (made is None or isinstance(made, str), str(made or ""), own_id)
