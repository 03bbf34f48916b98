"""The books of verifications in v3: how far one is, what it counted, and what it found.

A page's differences and the place behind it commit together, so a verification that was killed
goes on where it was and finds the same. A difference found again keeps its row; one that is not
found any more is closed.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connections, transaction
from psycopg.types.json import Jsonb

from transfer.exceptions import LockHeldError, RunError
from transfer.proof.compared import V2_TABLES
from transfer.proof.document import Mismatch, cut_place
from transfer.proof.rules import storable_document
from transfer.target import LOCK_GRACE_SECONDS, describe

# Of one table and kind; all are counted.
MAX_STORED = 1000
FRESH = timedelta(hours=1)  # since the last checkpoint: an older verification begins anew
# The first four bytes of sha256("pliers verification"), as a signed 32-bit integer; the second
# number of the lock is the migration's name hashed by the server.
LOCK_SPACE = 71670774

_HOLDER = """
SELECT lock.pid, activity.application_name, host(activity.client_addr),
       to_char(activity.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
  FROM pg_locks AS lock
  LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
 WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 2
   AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND lock.classid = %(space)s::int::oid
   AND lock.objid = hashtext(%(migration)s)::oid
"""
# One that was stopped long ago tells of a v3 and a v2 of long ago.
_OPEN = """
SELECT id, basis, state, heartbeat_at, heartbeat_at > now() - %(fresh)s::interval
  FROM migration_verifications
 WHERE migration_name = %(migration)s AND status = 'in_progress'
"""
# Waits for a rollback that is just marking the books, and lets none do so meanwhile.
_STANDING = """
SELECT status FROM migration_progress WHERE migration_name = %(migration)s FOR SHARE
"""
_KEEP = """
UPDATE migration_verifications
   SET state = %(state)s, heartbeat_at = clock_timestamp()
 WHERE id = %(id)s AND status = 'in_progress'
RETURNING id
"""
_COMPLETE = """
UPDATE migration_verifications
   SET status = 'completed', completed_at = clock_timestamp(), report = %(report)s
 WHERE id = %(id)s AND status = 'in_progress'
RETURNING id
"""
_STORE = """
INSERT INTO migration_differences
       (migration_name, verification_id, table_name, v2_table, record_id, kind, column_name,
        v2_value, v3_value, place)
VALUES (%(migration)s, %(verification)s, %(table)s, %(v2_table)s, %(record)s, %(kind)s, %(column)s,
        %(v2)s, %(v3)s, %(place)s)
    ON CONFLICT (migration_name, table_name, record_id, place) WHERE resolved_at IS NULL
    DO UPDATE SET verification_id = excluded.verification_id, v2_value = excluded.v2_value,
                  v3_value = excluded.v3_value, found_at = now()
"""
# Beyond what is stored nothing new is, but what is there and was found again is not closed.
_FOUND_AGAIN = """
UPDATE migration_differences AS known
   SET verification_id = %(verification)s, found_at = now()
  FROM unnest(%(tables)s::text[], %(records)s::text[], %(places)s::text[])
       AS found (table_name, record_id, place)
 WHERE known.migration_name = %(migration)s
   AND known.table_name = found.table_name
   AND known.record_id = found.record_id
   AND known.place = found.place
   AND known.resolved_at IS NULL
"""
_CLOSE = """
UPDATE migration_differences
   SET resolved_at = now()
 WHERE migration_name = %(migration)s
   AND table_name = %(table)s
   AND record_id = ANY(%(ids)s::text[])
   AND verification_id <> %(verification)s
   AND resolved_at IS NULL
"""
_CLOSE_REST = """
UPDATE migration_differences
   SET resolved_at = now()
 WHERE migration_name = %(migration)s
   AND verification_id <> %(verification)s
   AND resolved_at IS NULL
"""
_SHOWN = """
SELECT table_name, v2_table, record_id, kind, column_name, v2_value, v3_value
  FROM migration_differences
 WHERE verification_id = %(verification)s AND resolved_at IS NULL
 ORDER BY id
 LIMIT %(limit)s
"""


@dataclass
class Verification:
    """A verification's row.

    Args:
        id: its number.
        state: the place it has reached and what it counted, as transfer.proof.service has it.
        resumed_from: when it was stopped (aware); None: it was begun now.
    """

    id: int
    state: dict[str, Any] = field(default_factory=dict)
    resumed_from: datetime | None = None


class Books:
    """The books of one migration's verifications.

    Args:
        alias: v3.
        migration: the migration's name.

    Attributes:
        has_open: differences found before are open; known once a verification is.
    """

    def __init__(self, alias: str, migration: str) -> None:
        self._alias = alias
        self._migration = migration
        self.has_open = True

    def lock(self) -> None:
        """Be the only one that verifies the migration, as long as the connection lasts.

        Raises:
            LockHeldError: another is at it.
        """
        name = f"pliers verify_v2 (process {os.getpid()})"
        self._ask("SELECT set_config('application_name', %(name)s, false)", {"name": name})
        query = "SELECT pg_try_advisory_lock(%(space)s, hashtext(%(migration)s))"
        # The server may not have noticed yet that the last one was killed.
        deadline = time.monotonic() + LOCK_GRACE_SECONDS
        while not (got := self._ask(query, {"space": LOCK_SPACE})[0][0]):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if not got:
            at_work = (
                f"another verify_v2 is at work on {self._migration!r} in {describe(self._alias)}"
            )
            raise LockHeldError(at_work + self._holder())

    def _holder(self) -> str:
        for pid, name, address, since in self._ask(_HOLDER, {"space": LOCK_SPACE}):
            if since is None:  # another role's, and ours may not look into it
                return f", under another role (backend {pid})"
            where = address or "this machine"
            return f": {name or 'unnamed'}, from {where}, since {since} (backend {pid})"
        return ", and just let go; start again"

    def unlock(self) -> None:
        """Let another verify the migration."""
        query = "SELECT pg_advisory_unlock(%(space)s, hashtext(%(migration)s))"
        self._ask(query, {"space": LOCK_SPACE})

    def open(self, basis: dict[str, Any], sample: int | None, *, anew: bool) -> Verification:
        """Go on with the verification in progress, or begin one.

        Args:
            basis: what must be the same for going on.
            sample: records of each table that are looked at; None: all. A sample begins anew.
            anew: begin anew whatever there is.

        Raises:
            RunError: it has been rolled back since the basis was read.
        """
        stored = orjson.loads(orjson.dumps(basis))
        stood = all(status != "rolled_back" for _, status, *_ in stored.get("tables", ()))
        with transaction.atomic(using=self._alias):
            if self._rolled_back() and stood:
                raise self._overtaken()
            for number, before, state, at, is_fresh in self._ask(_OPEN, {"fresh": FRESH}):
                same = _json(before) == stored
                if not anew and sample is None and same and is_fresh:
                    found = Verification(number, _json(state), at)
                    break
                self._ask(
                    "UPDATE migration_verifications SET status = 'abandoned' WHERE id = %(id)s",
                    {"id": number},
                )
            else:
                ((number,),) = self._ask(
                    "INSERT INTO migration_verifications"
                    " (migration_name, status, sample, basis)"
                    " VALUES (%(migration)s, 'in_progress', %(sample)s, %(basis)s) RETURNING id",
                    {"sample": sample, "basis": Jsonb(stored)},
                )
                found = Verification(number)
            ((self.has_open,),) = self._ask(
                "SELECT EXISTS (SELECT FROM migration_differences"
                " WHERE migration_name = %(migration)s AND resolved_at IS NULL)"
            )
        return found

    def keep(
        self,
        verification: Verification,
        looked_at: dict[str, list[str]],
        mismatches: Sequence[Mismatch],
        beyond: Sequence[Mismatch] = (),
    ) -> None:
        """Store what was found since the last time, and the state, in one transaction.

        Args:
            verification: with its state.
            looked_at: table → ids of the records that were compared since.
            mismatches: what differs of them and is to be stored.
            beyond: what differs besides, and is kept only where it is known already.

        Raises:
            RunError: the migration was rolled back meanwhile, or is verified anew.
        """
        with transaction.atomic(using=self._alias):
            # First the verification's row: who abandons it waits, and then closes what is stored.
            document = {"state": Jsonb(verification.state), "id": verification.id}
            if not self._ask(_KEEP, document):
                raise self._overtaken()
            self._store(verification, mismatches)
            if self.has_open:
                if beyond:
                    again = {
                        "verification": verification.id,
                        "tables": [one.table for one in beyond],
                        "records": [one.record_id[:255] for one in beyond],
                        "places": [one.key for one in beyond],
                    }
                    self._ask(_FOUND_AGAIN, again)
                for table, ids in looked_at.items():
                    named = {"verification": verification.id, "table": table, "ids": ids}
                    self._ask(_CLOSE, named)

    def _store(self, verification: Verification, mismatches: Sequence[Mismatch]) -> None:
        if not mismatches:
            return
        with connections[self._alias].cursor() as cursor:
            cursor.executemany(
                _STORE,
                [
                    {
                        "migration": self._migration,
                        "verification": verification.id,
                        "table": one.table,
                        "v2_table": V2_TABLES[one.table],
                        "record": one.record_id[:255],
                        "kind": one.kind,
                        "column": cut_place(one.place),
                        "v2": one.v2,
                        "v3": one.v3,
                        "place": one.key,
                    }
                    for one in mismatches
                ],
            )

    def complete(self, verification: Verification, report: dict[str, Any], *, whole: bool) -> None:
        """Store the report; where all records were looked at, close what was found before only.

        Args:
            verification: it has come to its end.
            report: the report's document.
            whole: every record was looked at.

        Raises:
            RunError: as for keep.
        """
        with transaction.atomic(using=self._alias):
            # Names of v2 may hold what jsonb does not (M4).
            document = {"report": Jsonb(storable_document(report)), "id": verification.id}
            if not self._ask(_COMPLETE, document):
                raise self._overtaken()
            if whole:
                self._ask(_CLOSE_REST, {"verification": verification.id})

    def _rolled_back(self) -> bool:
        return any(status == "rolled_back" for (status,) in self._ask(_STANDING))

    def _overtaken(self) -> RunError:
        """Why the verification in hand is none any more."""
        if self._rolled_back():
            return RunError(
                f"{self._migration!r} was rolled back while it was being verified: nothing is left "
                "to verify, and what was found is closed"
            )
        return RunError(f"another verify_v2 has begun to verify {self._migration!r} anew meanwhile")

    def shown(self, verification: Verification, limit: int) -> list[dict[str, Any]]:
        """The first differences the verification found."""
        names = ("table", "v2_table", "record_id", "kind", "column", "v2_value", "v3_value")
        found = self._ask(_SHOWN, {"verification": verification.id, "limit": limit})
        return [dict(zip(names, row, strict=True)) for row in found]

    def _ask(self, statement: str, more: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with connections[self._alias].cursor() as cursor:
            cursor.execute(statement, {"migration": self._migration, **(more or {})})
            return list(cursor.fetchall()) if cursor.description else []


def _json(value: Any) -> Any:  # noqa: ANN401 - Django's connection gives JSON as text
    return orjson.loads(value) if isinstance(value, str) else value
